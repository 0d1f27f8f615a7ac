#include "records/batch.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fault_points.h"

namespace partita::records {

namespace {

constexpr std::string_view kCodecNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
constexpr int8_t kMagic = 2;

}  // namespace

std::string_view codec_name(Codec codec) {
  return kCodecNames[static_cast<size_t>(codec)];
}

std::optional<Codec> codec_from_name(std::string_view name) {
  if (name == "uncompressed") return Codec::none;
  for (size_t i = 0; i < std::size(kCodecNames); i++) {
    if (name == kCodecNames[i]) return static_cast<Codec>(i);
  }
  return std::nullopt;
}

Result<BatchHeader> BatchHeader::parse(ByteView bytes) {
  // Whatever fields are there are judged before the missing ones, so that a torn tail of garbage is
  // called garbage.
  if (bytes.size() >= kLengthEnd) {
    const int32_t length = load_be<int32_t>(bytes.data() + 8);
    // The smallest batch of the old formats is 14 bytes; what such a batch is, its magic tells.
    if (length < 14) return fail(Errc::corrupt_data, fmt::format("batch length {}", length));
  }
  if (bytes.size() >= kMagicEnd) {
    const auto magic = static_cast<int8_t>(bytes[16]);
    if (magic == 0 || magic == 1) {
      return fail(Errc::unsupported_for_message_format, fmt::format("batch of magic {}", magic));
    }
    if (magic != kMagic) return fail(Errc::corrupt_data, fmt::format("batch of magic {}", magic));
    const int32_t length = load_be<int32_t>(bytes.data() + 8);
    if (length < static_cast<int32_t>(kBatchHeaderBytes - kLengthEnd)) {
      return fail(Errc::corrupt_data, fmt::format("batch length {}", length));
    }
  }
  if (bytes.size() < kBatchHeaderBytes) {
    return fail(Errc::truncated_data, fmt::format("batch header cut at {} bytes", bytes.size()));
  }
  return BatchHeader(bytes.data());
}

int32_t BatchHeader::last_sequence() const {
  if (base_sequence() == kNoSequence) return kNoSequence;
  return add_sequence(base_sequence(), last_offset_delta());
}

std::optional<WallTime> BatchHeader::delete_horizon() const {
  if (!attributes().has_delete_horizon()) return std::nullopt;
  return base_timestamp();
}

WallTime BatchHeader::timestamp_at(int64_t delta) const {
  if (attributes().timestamp_type() == TimestampType::log_append_time) return max_timestamp();
  return WallTime(static_cast<int64_t>(static_cast<uint64_t>(base_timestamp().ms()) +
                                       static_cast<uint64_t>(delta)));
}

Result<BatchView> BatchView::parse(ByteView bytes) {
  TRY(const BatchHeader header, BatchHeader::parse(bytes));
  if (header.total_size() > bytes.size()) {
    return fail(Errc::truncated_data,
                fmt::format("batch of {} bytes cut at {}", header.total_size(), bytes.size()));
  }
  return BatchView(header);
}

uint32_t BatchView::computed_crc() const {
  return crc32c(bytes().subspan(kCrcStart));
}

Result<void> BatchView::verify(uint32_t computed) const {
  if (computed != crc() && !mutant("records.verify_ignores_crc")) {
    return fail(Errc::corrupt_data,
                fmt::format("batch at offset {}: CRC {:08x}, its bytes have {:08x}",
                            base_offset().value(), crc(), computed));
  }
  const int64_t base = base_offset().value();
  const int64_t delta = last_offset_delta();
  if (base < 0 || delta < 0 || base > std::numeric_limits<int64_t>::max() - delta - 1) {
    return fail(Errc::corrupt_data,
                fmt::format("batch with base offset {}, last offset delta {}", base, delta));
  }
  if (record_count() < 0 || record_count() > delta + 1) {
    return fail(Errc::corrupt_data,
                fmt::format("batch at offset {}: {} records, last offset delta {}", base,
                            record_count(), delta));
  }
  if (!attributes().codec()) {
    return fail(Errc::corrupt_data,
                fmt::format("batch at offset {}: codec {}", base, attributes().codec_bits()));
  }
  return {};
}

Result<std::optional<BatchView>> BatchIterator::next() {
  if (position_ == bytes_.size()) return std::nullopt;
  TRY(const BatchView batch, BatchView::parse(bytes_.subspan(position_)));
  position_ += batch.total_size();
  return batch;
}

BatchPrefix::BatchPrefix(const BatchView& batch, size_t size) : size_(static_cast<uint8_t>(size)) {
  std::memcpy(bytes_.data(), batch.header_bytes().data(), size);
}

BatchPrefix BatchPrefix::of(const BatchView& batch) {
  return BatchPrefix(batch, kPrefixBytes);
}

BatchPrefix BatchPrefix::with_timestamps(const BatchView& batch, TimestampType type,
                                         WallTime max_timestamp) {
  BatchPrefix prefix(batch, kBatchHeaderBytes);
  uint8_t* to = prefix.bytes_.data();
  store_be<int16_t>(to + 21, batch.attributes().with(type).bits());
  store_be<int64_t>(to + 35, max_timestamp.ms());
  const uint32_t header_crc = crc32c({to + kCrcStart, kBatchHeaderBytes - kCrcStart});
  store_be<uint32_t>(to + 17, crc32c(batch.records(), header_crc));
  return prefix;
}

void BatchPrefix::stamp(Offset base_offset, LeaderEpoch leader_epoch) {
  CHECK(base_offset.value() >= 0);
  store_be<int64_t>(bytes_.data(), base_offset.value());
  if (mutant("records.stamp_forgets_epoch")) return;
  store_be<int32_t>(bytes_.data() + 12, leader_epoch.value());
}

}  // namespace partita::records
