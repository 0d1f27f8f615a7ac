#include <fmt/format.h>
#include <lz4frame.h>

#include "base/check.h"
#include "records/codecs.h"

namespace partita::records::detail {

namespace {

/// Kafka's default level means the fast compressor; every other is a level of the thorough one,
/// which begins at 3.
constexpr int kFastLevel = 9;
constexpr int kThoroughLevelMin = 3;
constexpr size_t kKeptBlockBytesMax = size_t{256} << 10;

/// The block size that a frame's descriptor announces decides how much memory the context holds
/// afterwards.
bool has_large_blocks(ByteView frame) {
  return frame.size() > 5 && ((frame[5] >> 4) & 7) > 5;
}
static_assert(kKeptBlockBytesMax == size_t{1} << (8 + 2 * 5),
              "block size ids count in steps of four from 64 KiB at 4");

}  // namespace

Lz4::~Lz4() {
  LZ4F_freeDecompressionContext(inflater_);
}

Result<void> Lz4::deflate(int level, ByteView bytes, Buffer& out) {
  LZ4F_preferences_t preferences = {};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Kafka's reader refuses linked blocks
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.compressionLevel = level == kFastLevel ? 0 : std::max(level, kThoroughLevelMin);
  out.reserve(out.size() + LZ4F_compressFrameBound(bytes.size(), &preferences));
  const ByteSpan spare = out.spare();
  const size_t size =
      LZ4F_compressFrame(spare.data(), spare.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size) != 0)
    return fail(Errc::limit_exceeded, fmt::format("lz4: {}", LZ4F_getErrorName(size)));
  out.grow_by(size);
  return {};
}

Result<Buffer> Lz4::inflate(ByteView bytes, size_t bytes_max) {
  if (inflater_ == nullptr) {
    CHECK(LZ4F_isError(LZ4F_createDecompressionContext(&inflater_, LZ4F_VERSION)) == 0);
  }
  LZ4F_resetDecompressionContext(inflater_);
  Result<Buffer> out = inflate_frames(bytes, bytes_max);
  if (has_large_blocks(bytes)) {
    LZ4F_freeDecompressionContext(inflater_);
    inflater_ = nullptr;
  }
  return out;
}

Result<Buffer> Lz4::inflate_frames(ByteView bytes, size_t bytes_max) {
  Buffer out = first_room(bytes.size(), bytes_max);
  if (bytes.empty()) return fail(Errc::corrupt_data, "lz4: no frame");
  for (;;) {
    // At the cap one byte of scratch tells an end from more.
    uint8_t scratch = 0;
    const bool full = !make_room(out, bytes_max);
    const ByteSpan room = full ? ByteSpan(&scratch, 1) : out.spare();
    size_t made = room.size();
    size_t taken = bytes.size();
    const size_t wanted =
        LZ4F_decompress(inflater_, room.data(), &made, bytes.data(), &taken, nullptr);
    if (LZ4F_isError(wanted) != 0)
      return fail(Errc::corrupt_data, fmt::format("lz4: {}", LZ4F_getErrorName(wanted)));
    if (full && made != 0) return inflated_too_large(bytes_max);
    if (!full) out.grow_by(made);
    bytes = bytes.subspan(taken);
    if (wanted == 0 && bytes.empty()) return out;
    if (made == 0 && taken == 0) return fail(Errc::corrupt_data, "lz4: cut");
  }
}

}  // namespace partita::records::detail
