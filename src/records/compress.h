#pragma once
// The five codecs of record batches. What deflate writes, Kafka's Java client and librdkafka read,
// and the other way: gzip members; snappy in the framing of xerial's Java library (written), and
// raw (read as well); LZ4 frames of independent 64 KiB blocks; zstd frames.
//
// Invariants:
//  1. inflate never makes more than its cap, and holds memory in proportion to what was really
//     inflated: sizes that the bytes announce are hints at most.
//  2. Garbage is Errc::corrupt_data, too much is Errc::limit_exceeded.
// A Compressor or Decompressor keeps working memory between calls (one each per shard or client).
// Not thread-safe.

#include <algorithm>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "records/batch.h"

namespace partita::records {

inline constexpr size_t kInflatedBytesMax = size_t{64} << 20;
/// The most that one batch of a topic may inflate to inside a broker: 32 times its
/// max.message.bytes, 64 MiB at most.
constexpr size_t inflated_bytes_cap(int32_t max_message_bytes) {
  return std::min(kInflatedBytesMax,
                  size_t{32} * static_cast<size_t>(std::max(max_message_bytes, 0)));
}

/// Levels as in compression.gzip.level and its sisters: gzip -1 or 1 to 9, lz4 1 to 17, zstd
/// -131072 to 22; none and snappy have none. Errc::invalid_argument otherwise.
Result<void> check_level(Codec codec, int level);

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  /// Codec::none copies.
  Result<Buffer> inflate(Codec codec, ByteView bytes, size_t inflated_bytes_max);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  /// Appends to `out`. Without a level: Kafka's defaults (gzip -1, lz4 9, zstd 3). Codec::none
  /// copies.
  Result<void> deflate(Codec codec, std::optional<int> level, ByteView bytes, Buffer& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace partita::records
