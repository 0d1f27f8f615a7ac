#include <fmt/format.h>
#include <snappy-c.h>

#include <cstring>

#include "base/check.h"
#include "base/fault_points.h"
#include "records/codecs.h"

namespace partita::records::detail {

namespace {

// The framing of xerial's snappy-java: a header of magic, version and least compatible version,
// then blocks, each after its compressed size as a big-endian int32. Headers may occur again where
// streams were joined.
constexpr uint8_t kMagic[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t kHeaderBytes = 16;
constexpr int32_t kVersion = 1;
constexpr size_t kBlockBytes = 32768;
// A copy of three bytes makes 64: nothing in the format makes more of less.
constexpr size_t kExpansionMax = 22;

bool begins_with_header(ByteView bytes) {
  return bytes.size() >= kHeaderBytes && std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) == 0;
}

Result<void> inflate_block(ByteView block, Buffer& out, size_t bytes_max) {
  const char* const from = reinterpret_cast<const char*>(block.data());
  size_t size = 0;
  if (snappy_uncompressed_length(from, block.size(), &size) != SNAPPY_OK) {
    return fail(Errc::corrupt_data, "snappy: a block without its size");
  }
  if (size > bytes_max - out.size()) return inflated_too_large(bytes_max);
  if (size > block.size() * kExpansionMax)
    return fail(Errc::corrupt_data, "snappy: a block announces too much");
  if (out.capacity() - out.size() < size) {
    out.reserve(std::min(bytes_max, std::max(out.size() + size, 2 * out.capacity())));
  }
  size_t room = size;
  if (snappy_uncompress(from, block.size(), reinterpret_cast<char*>(out.spare().data()), &room) !=
      SNAPPY_OK) {
    return fail(Errc::corrupt_data, "snappy: a block makes no sense");
  }
  out.grow_by(size);
  return {};
}

Result<Buffer> inflate_framed(ByteView bytes, size_t bytes_max) {
  Buffer out = first_room(bytes.size(), bytes_max);
  while (!bytes.empty()) {
    if (begins_with_header(bytes)) {
      const auto compatible = load_be<int32_t>(bytes.data() + 12);
      if (compatible > kVersion)
        return fail(Errc::corrupt_data, fmt::format("snappy: framing version {}", compatible));
      bytes = bytes.subspan(kHeaderBytes);
      continue;
    }
    if (bytes.size() < 4) return fail(Errc::corrupt_data, "snappy: a block's size is cut");
    const auto size = load_be<int32_t>(bytes.data());
    bytes = bytes.subspan(4);
    if (size < 0 || static_cast<size_t>(size) > bytes.size()) {
      return fail(Errc::corrupt_data,
                  fmt::format("snappy: block of {} bytes, {} left", size, bytes.size()));
    }
    CHECKED(inflate_block(bytes.first(static_cast<size_t>(size)), out, bytes_max));
    bytes = bytes.subspan(static_cast<size_t>(size));
  }
  return out;
}

}  // namespace

void snappy_deflate(ByteView bytes, Buffer& out) {
  uint8_t header[kHeaderBytes];
  std::memcpy(header, kMagic, sizeof(kMagic));
  store_be<int32_t>(header + 8, kVersion);
  store_be<int32_t>(header + 12, kVersion);
  out.append(header);
  while (!bytes.empty()) {
    const ByteView block = bytes.first(std::min(bytes.size(), kBlockBytes));
    bytes = bytes.subspan(block.size());
    size_t size = snappy_max_compressed_length(block.size());
    if (out.capacity() - out.size() < 4 + size) {
      out.reserve(std::max(out.size() + 4 + size, 2 * out.capacity()));
    }
    uint8_t* const to = out.spare().data();
    const snappy_status answer =
        snappy_compress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(to + 4), &size);
    CHECK(answer == SNAPPY_OK);
    store_be<int32_t>(to, static_cast<int32_t>(size));
    out.grow_by(4 + size);
  }
}

Result<Buffer> snappy_inflate(ByteView bytes, size_t bytes_max) {
  if (begins_with_header(bytes)) return inflate_framed(bytes, bytes_max);
  COVERED("records.snappy_raw");
  Buffer out;
  CHECKED(inflate_block(bytes, out, bytes_max));
  return out;
}

}  // namespace partita::records::detail
