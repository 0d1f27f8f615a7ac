#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/check.h"
#include "records/codecs.h"

namespace partita::records::detail {

namespace {

constexpr size_t kKeptContextBytesMax = size_t{8} << 20;
constexpr size_t kTrustedExpansion =
    16;  ///< an announced size up to this multiple of the frame is taken at its word
constexpr uint32_t kSkippableMask = 0xfffffff0;

std::unexpected<Error> wrong(size_t answer) {
  return fail(Errc::corrupt_data, fmt::format("zstd: {}", ZSTD_getErrorName(answer)));
}

uint32_t frame_magic(ByteView bytes) {
  uint32_t magic = 0;
  for (size_t i = 0; i < 4; i++) magic |= uint32_t{bytes[i]} << (8 * i);
  return magic;
}

/// How much to offer for a frame at first.
size_t first_guess(ByteView frame, size_t room) {
  const unsigned long long announced = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (announced <= frame.size() * kTrustedExpansion) return std::min<size_t>(room, announced);
  return std::min(room, std::max<size_t>(4096, 8 * frame.size()));
}

}  // namespace

Zstd::~Zstd() {
  ZSTD_freeCCtx(deflater_);
  ZSTD_freeDCtx(inflater_);
}

Result<void> Zstd::deflate(int level, ByteView bytes, Buffer& out) {
  if (deflater_ == nullptr) deflater_ = ZSTD_createCCtx();
  CHECK(deflater_ != nullptr);
  out.reserve(out.size() + ZSTD_compressBound(bytes.size()));
  const ByteSpan spare = out.spare();
  const size_t size =
      ZSTD_compressCCtx(deflater_, spare.data(), spare.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_sizeof_CCtx(deflater_) > kKeptContextBytesMax) {
    ZSTD_freeCCtx(deflater_);
    deflater_ = nullptr;
  }
  if (ZSTD_isError(size) != 0)
    return fail(Errc::limit_exceeded, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  out.grow_by(size);
  return {};
}

// A frame is inflated in one call into its place, again with four times the room where that was too
// little. The streaming calls would take a window of the announced size, up to 128 MiB, for a frame
// of a few bytes.
Result<void> Zstd::inflate_frame(ByteView frame, Buffer& out, size_t bytes_max) {
  for (size_t room = first_guess(frame, bytes_max - out.size());;) {
    if (out.capacity() - out.size() < room) {
      out.reserve(std::min(bytes_max, std::max(out.size() + room, 2 * out.capacity())));
    }
    const size_t answer =
        ZSTD_decompressDCtx(inflater_, out.spare().data(), room, frame.data(), frame.size());
    if (ZSTD_isError(answer) == 0) {
      out.grow_by(answer);
      return {};
    }
    if (ZSTD_getErrorCode(answer) != ZSTD_error_dstSize_tooSmall) return wrong(answer);
    if (room == bytes_max - out.size()) return inflated_too_large(bytes_max);
    room = std::min(bytes_max - out.size(), std::max<size_t>(4096, 4 * room));
  }
}

Result<Buffer> Zstd::inflate(ByteView bytes, size_t bytes_max) {
  if (inflater_ == nullptr) inflater_ = ZSTD_createDCtx();
  CHECK(inflater_ != nullptr);
  Buffer out;
  if (bytes.empty()) return fail(Errc::corrupt_data, "zstd: no frame");
  while (!bytes.empty()) {
    if (bytes.size() < 4) return fail(Errc::corrupt_data, "zstd: bytes follow the last frame");
    const uint32_t magic = frame_magic(bytes);
    // The library may also know the formats of its first years, which no client of Kafka writes.
    const bool skippable = (magic & kSkippableMask) == ZSTD_MAGIC_SKIPPABLE_START;
    if (magic != ZSTD_MAGICNUMBER && !skippable) return fail(Errc::corrupt_data, "zstd: no frame");
    const size_t size = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
    if (ZSTD_isError(size) != 0) return wrong(size);
    if (!skippable) CHECKED(inflate_frame(bytes.first(size), out, bytes_max));
    bytes = bytes.subspan(size);
  }
  return out;
}

}  // namespace partita::records::detail
