#include "records/compress.h"

#include <fmt/format.h>

#include "base/fault_points.h"
#include "records/codecs.h"

namespace partita::records {

namespace {

constexpr int kGzipLevel = -1;
constexpr int kLz4Level = 9;
constexpr int kZstdLevel = 3;

struct LevelRange {
  int least;
  int most;
};

LevelRange levels_of(Codec codec) {
  switch (codec) {
    case Codec::gzip: return {1, 9};
    case Codec::lz4: return {1, 17};
    case Codec::zstd: return {-131072, 22};
    case Codec::none:
    case Codec::snappy: break;
  }
  return {0, -1};
}

}  // namespace

namespace detail {

bool make_room(Buffer& out, size_t bytes_max) {
  if (out.capacity() > out.size()) return true;
  if (out.capacity() >= bytes_max) return false;
  out.reserve(std::min(bytes_max, std::max<size_t>(4096, 2 * out.capacity())));
  return true;
}

Buffer first_room(size_t compressed_bytes, size_t bytes_max) {
  return Buffer(std::min(bytes_max, std::max<size_t>(512, 4 * compressed_bytes)));
}

std::unexpected<Error> inflated_too_large(size_t bytes_max) {
  COVERED("records.inflated_too_large");
  return fail(Errc::limit_exceeded,
              fmt::format("compressed records inflate to more than {} bytes", bytes_max));
}

}  // namespace detail

Result<void> check_level(Codec codec, int level) {
  const LevelRange range = levels_of(codec);
  if (level >= range.least && level <= range.most) return {};
  if (codec == Codec::gzip && level == kGzipLevel) return {};
  return fail(Errc::invalid_argument,
              fmt::format("{} has no compression level {}", codec_name(codec), level));
}

struct Decompressor::State {
  detail::Gzip gzip;
  detail::Lz4 lz4;
  detail::Zstd zstd;
};

Decompressor::Decompressor() = default;
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<Buffer> Decompressor::inflate(Codec codec, ByteView bytes, size_t inflated_bytes_max) {
  if (!state_) state_ = std::make_unique<State>();
  switch (codec) {
    case Codec::gzip: return state_->gzip.inflate(bytes, inflated_bytes_max);
    case Codec::snappy: return detail::snappy_inflate(bytes, inflated_bytes_max);
    case Codec::lz4: return state_->lz4.inflate(bytes, inflated_bytes_max);
    case Codec::zstd: return state_->zstd.inflate(bytes, inflated_bytes_max);
    case Codec::none: break;
  }
  if (bytes.size() > inflated_bytes_max) return detail::inflated_too_large(inflated_bytes_max);
  Buffer copy(bytes.size());
  copy.append(bytes);
  return copy;
}

struct Compressor::State {
  detail::Gzip gzip;
  detail::Zstd zstd;
};

Compressor::Compressor() = default;
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

Result<void> Compressor::deflate(Codec codec, std::optional<int> level, ByteView bytes,
                                 Buffer& out) {
  if (level) CHECKED(check_level(codec, *level));
  if (!state_) state_ = std::make_unique<State>();
  switch (codec) {
    case Codec::gzip: return state_->gzip.deflate(level.value_or(kGzipLevel), bytes, out);
    case Codec::snappy: detail::snappy_deflate(bytes, out); return {};
    case Codec::lz4: return detail::Lz4::deflate(level.value_or(kLz4Level), bytes, out);
    case Codec::zstd: return state_->zstd.deflate(level.value_or(kZstdLevel), bytes, out);
    case Codec::none: break;
  }
  out.append(bytes);
  return {};
}

}  // namespace partita::records
