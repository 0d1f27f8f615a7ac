#pragma once
// Record batches, version 2, as they stand on the wire, on disk and between peers
// (docs/formats/record-batch.md). BatchHeader reads the fixed 61 bytes, BatchView a whole batch,
// BatchIterator batches one behind the other; BatchPrefix is the part that the owner of a log
// writes in place of the received one. All but BatchPrefix borrow.
//
// Invariants:
//  1. A BatchHeader has magic 2 and a length of at least 49, a BatchView besides that all its
//     bytes; nothing else about the fields holds before verify() or check_produced() (check.h).
//  2. Bytes that end before a batch does are Errc::truncated_data, bytes that can be no batch
//     Errc::corrupt_data, magic 0 and 1 Errc::unsupported_for_message_format.
//  3. Accessors never fail: arithmetic on fields wraps, as it does in Kafka.
// Sizes are bytes, timestamps milliseconds. Not thread-safe beyond what reading allows.

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace partita::records {

inline constexpr size_t kLengthEnd =
    12;  ///< base offset and length; the length counts what follows
inline constexpr size_t kPrefixBytes = 16;  ///< base offset, length, partition leader epoch
inline constexpr size_t kMagicEnd = 17;
inline constexpr size_t kCrcStart = 21;  ///< the first byte that the CRC covers
inline constexpr size_t kBatchHeaderBytes = 61;
inline constexpr int32_t kNoSequence = -1;

enum class Codec : uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class TimestampType : uint8_t { create_time = 0, log_append_time = 1 };

/// Kafka's words: none, gzip, snappy, lz4, zstd.
std::string_view codec_name(Codec codec);
/// Also "uncompressed", which is none. Nothing for other words ("producer" is no codec).
std::optional<Codec> codec_from_name(std::string_view name);

class BatchAttributes {
 public:
  constexpr BatchAttributes() = default;
  constexpr explicit BatchAttributes(int16_t bits) : bits_(bits) {}

  constexpr int16_t bits() const { return bits_; }
  constexpr int codec_bits() const { return bits_ & 0x07; }
  /// Nothing for the bits 5 to 7, which name no codec.
  constexpr std::optional<Codec> codec() const {
    return codec_bits() <= 4 ? std::optional(static_cast<Codec>(codec_bits())) : std::nullopt;
  }
  constexpr bool is_compressed() const { return codec_bits() != 0; }
  constexpr TimestampType timestamp_type() const {
    return (bits_ & 0x08) != 0 ? TimestampType::log_append_time : TimestampType::create_time;
  }
  constexpr bool is_transactional() const { return (bits_ & 0x10) != 0; }
  constexpr bool is_control() const { return (bits_ & 0x20) != 0; }
  constexpr bool has_delete_horizon() const { return (bits_ & 0x40) != 0; }

  constexpr BatchAttributes with(Codec codec) const { return set(0x07, static_cast<int>(codec)); }
  constexpr BatchAttributes with(TimestampType type) const {
    return set(0x08, static_cast<int>(type) << 3);
  }
  constexpr BatchAttributes with_transactional(bool on) const { return set(0x10, on ? 0x10 : 0); }
  constexpr BatchAttributes with_control(bool on) const { return set(0x20, on ? 0x20 : 0); }
  constexpr BatchAttributes with_delete_horizon(bool on) const { return set(0x40, on ? 0x40 : 0); }

 private:
  constexpr BatchAttributes set(int mask, int value) const {
    return BatchAttributes(static_cast<int16_t>((bits_ & ~mask) | value));
  }

  int16_t bits_ = 0;
};

/// The first 61 bytes of a batch, borrowed.
class BatchHeader {
 public:
  /// Only the header must be there, not the records behind it.
  static Result<BatchHeader> parse(ByteView bytes);

  Offset base_offset() const { return Offset(load_be<int64_t>(at_)); }
  /// The length field: what follows it.
  int32_t length() const { return load_be<int32_t>(at_ + 8); }
  size_t total_size() const { return kLengthEnd + static_cast<size_t>(length()); }
  LeaderEpoch partition_leader_epoch() const { return LeaderEpoch(load_be<int32_t>(at_ + 12)); }
  int8_t magic() const { return static_cast<int8_t>(at_[16]); }
  uint32_t crc() const { return load_be<uint32_t>(at_ + 17); }
  BatchAttributes attributes() const { return BatchAttributes(load_be<int16_t>(at_ + 21)); }
  int32_t last_offset_delta() const { return load_be<int32_t>(at_ + 23); }
  /// What timestamp deltas count from; the delete horizon where attributes().has_delete_horizon().
  WallTime base_timestamp() const { return WallTime(load_be<int64_t>(at_ + 27)); }
  WallTime max_timestamp() const { return WallTime(load_be<int64_t>(at_ + 35)); }
  ProducerId producer_id() const { return ProducerId(load_be<int64_t>(at_ + 43)); }
  ProducerEpoch producer_epoch() const { return ProducerEpoch(load_be<int16_t>(at_ + 51)); }
  int32_t base_sequence() const { return load_be<int32_t>(at_ + 53); }
  int32_t record_count() const { return load_be<int32_t>(at_ + 57); }

  bool has_producer_id() const { return producer_id().value() > kNoProducerId.value(); }
  /// Offset of the last record that the batch ever had; compaction may have removed it.
  Offset last_offset() const { return offset_at(last_offset_delta()); }
  Offset next_offset() const { return offset_at(int64_t{last_offset_delta()} + 1); }
  /// -1 without a base sequence; INT32_MAX is followed by 0.
  int32_t last_sequence() const;
  std::optional<WallTime> delete_horizon() const;
  /// The absolute offset of a record's delta.
  Offset offset_at(int64_t delta) const {
    return Offset(static_cast<int64_t>(load_be<uint64_t>(at_) + static_cast<uint64_t>(delta)));
  }
  /// A record's timestamp from its delta: the append time where the batch has that type.
  WallTime timestamp_at(int64_t delta) const;

  ByteView header_bytes() const { return {at_, kBatchHeaderBytes}; }

 protected:
  explicit BatchHeader(const uint8_t* at) : at_(at) {}

  const uint8_t* at_;
};

/// One whole batch, borrowed.
class BatchView : public BatchHeader {
 public:
  /// The batch that `bytes` begin with; more may follow it.
  static Result<BatchView> parse(ByteView bytes);

  ByteView bytes() const { return {at_, total_size()}; }
  /// What follows the header: records, or what compression made of them.
  ByteView records() const { return bytes().subspan(kBatchHeaderBytes); }
  uint32_t computed_crc() const;
  /// What must hold of any stored or fetched batch, whoever wrote it: the CRC, offsets and counts
  /// that are possible (compaction leaves fewer records than offsets). Errc::corrupt_data
  /// otherwise. The records are not looked at.
  Result<void> verify() const { return verify(computed_crc()); }
  /// The same where the CRC of what follows the header's CRC field was counted while reading.
  Result<void> verify(uint32_t computed) const;

 private:
  explicit BatchView(const BatchHeader& header) : BatchHeader(header) {}
};

/// Batches that follow each other, as in a segment or a fetch response.
class BatchIterator {
 public:
  explicit BatchIterator(ByteView bytes) : bytes_(bytes) {}

  /// The next batch, or nothing at the end. After an error the position stays, and so does the
  /// error.
  Result<std::optional<BatchView>> next();
  /// Where the next batch begins.
  size_t position() const { return position_; }

 private:
  ByteView bytes_;
  size_t position_ = 0;
};

/// The front of a batch in the owner's own memory, for writing before bytes().subspan(size()) of
/// the received batch, which stays as it came: 16 bytes outside of the CRC, or all 61 of the header
/// where timestamps had to change.
class BatchPrefix {
 public:
  /// The received front.
  static BatchPrefix of(const BatchView& batch);
  /// A whole header with this timestamp type and maximum, and the CRC that this makes.
  static BatchPrefix with_timestamps(const BatchView& batch, TimestampType type,
                                     WallTime max_timestamp);

  /// May be called until the bytes are written, as often as wanted.
  void stamp(Offset base_offset, LeaderEpoch leader_epoch);
  ByteView bytes() const { return {bytes_.data(), size_}; }
  size_t size() const { return size_; }

 private:
  BatchPrefix(const BatchView& batch, size_t size);

  std::array<uint8_t, kBatchHeaderBytes> bytes_;
  uint8_t size_;
};

/// Sequences are counted modulo 2^31. REQUIRED: both are at least 0.
constexpr int32_t add_sequence(int32_t sequence, int32_t count) {
  return static_cast<int32_t>((static_cast<uint32_t>(sequence) + static_cast<uint32_t>(count)) &
                              0x7fffffffu);
}

}  // namespace partita::records
