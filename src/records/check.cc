#include "records/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "records/record_parse.h"

namespace partita::records {

namespace {

// Length, attributes, two deltas, key and value lengths, header count: one byte each.
constexpr size_t kRecordBytesMin = 7;
constexpr int64_t kNoTime = kNoTimestamp.ms();

std::unexpected<Rejection> reject(Errc code, std::string why) {
  return std::unexpected(Rejection(Error{code, std::move(why)}));
}

/// What one pass over a batch's records finds out.
struct RecordsSeen {
  int64_t min_timestamp = std::numeric_limits<int64_t>::max();  ///< of those that have one
  int64_t max_timestamp = std::numeric_limits<int64_t>::min();
  int32_t index_of_max = 0;
  int32_t first_null_key = -1;
};

std::unexpected<Rejection> reject_record(int32_t index, const char* why) {
  return reject(Errc::invalid_record,
                fmt::format("Record {} of the batch is malformed: {}.", index, why));
}

/// Reads one record into `summary`, ordinary or not; answers what is wrong, or null.
[[gnu::always_inline]] inline const char* take_summary(const uint8_t*& at, const uint8_t* end,
                                                       detail::RecordSummary& summary) {
  if (detail::take_plain_record(at, end, summary)) [[likely]]
    return nullptr;
  Record record;
  if (const char* wrong = detail::take_record(at, end, record)) return wrong;
  summary = {record.timestamp_delta, record.offset_delta, record.key.has_value()};
  return nullptr;
}

// Each record costs some nanoseconds here, and all produced records that are not compressed come
// through.
Judged<RecordsSeen> walk_records(ByteView bytes, int32_t count, int64_t base_timestamp) {
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  const bool trust_offsets = mutant("records.check_trusts_offset_deltas");
  RecordsSeen seen;
  detail::RecordSummary record;
  for (int32_t i = 0; i < count; i++) {
    if (const char* wrong = take_summary(at, end, record)) return reject_record(i, wrong);
    if (record.offset_delta != i && !trust_offsets) {
      return reject_record(i, "its offset delta is not its place in the batch");
    }
    const auto timestamp = static_cast<int64_t>(static_cast<uint64_t>(base_timestamp) +
                                                static_cast<uint64_t>(record.timestamp_delta));
    if (timestamp > seen.max_timestamp) {
      seen.max_timestamp = timestamp;
      seen.index_of_max = i;
    }
    if (timestamp != kNoTime) seen.min_timestamp = std::min(seen.min_timestamp, timestamp);
    if (!record.has_key && seen.first_null_key < 0) seen.first_null_key = i;
  }
  if (at != end) {
    return reject(Errc::invalid_record,
                  fmt::format("{} bytes follow the batch's last record.", end - at));
  }
  // Only the absence of all timestamps leaves no minimum.
  if (seen.min_timestamp == std::numeric_limits<int64_t>::max() && seen.max_timestamp == kNoTime) {
    seen.min_timestamp = kNoTime;
  }
  return seen;
}

void take_over(ProducedBatch& produced, const RecordsSeen& seen, size_t bytes) {
  produced.records_read = true;
  produced.inflated_bytes = bytes;
  produced.min_timestamp = WallTime(seen.min_timestamp);
  produced.max_timestamp = WallTime(seen.max_timestamp);
  produced.offset_of_max_timestamp = OffsetDelta(seen.index_of_max);
  if (seen.first_null_key >= 0) produced.first_null_key = seen.first_null_key;
}

/// The one batch that `data` are.
Judged<BatchView> cut_batch(ByteView data) {
  if (data.size() < kLengthEnd)
    return reject(Errc::invalid_record, "The produce data hold no record batch.");
  Result<BatchView> batch = BatchView::parse(data);
  if (!batch) {
    const bool old_format = batch.error().code == Errc::unsupported_for_message_format;
    return reject(old_format ? Errc::invalid_record : Errc::corrupt_message,
                  std::move(batch).error().detail);
  }
  if (batch->total_size() != data.size()) {
    return reject(Errc::invalid_record, "The produce data hold more than one record batch.");
  }
  return *std::move(batch);
}

Judged<void> check_offsets_and_count(const BatchView& batch) {
  if (batch.base_offset().value() != 0) {
    return reject(Errc::invalid_record,
                  fmt::format("The base offset of the record batch is {} and not 0.",
                              batch.base_offset().value()));
  }
  const int64_t count = batch.record_count();
  const int64_t delta = batch.last_offset_delta();
  if (count <= 0)
    return reject(Errc::invalid_record, fmt::format("The record batch counts {} records.", count));
  if (delta != count - 1) {
    return reject(
        Errc::invalid_record,
        fmt::format("The record batch counts {} records, and its last offset delta is {}.", count,
                    delta));
  }
  // More records than any reader would inflate; uncompressed, the walk finds the end of the bytes
  // soon enough.
  if (static_cast<size_t>(count) > kInflatedBytesMax / kRecordBytesMin &&
      batch.attributes().is_compressed()) {
    return reject(Errc::invalid_record,
                  fmt::format("The compressed record batch counts {} records.", count));
  }
  return {};
}

Judged<Codec> check_attributes(const BatchView& batch, ProduceVersion version) {
  const BatchAttributes attributes = batch.attributes();
  const std::optional<Codec> codec = attributes.codec();
  if (!codec) {
    return reject(Errc::invalid_record,
                  fmt::format("Codec {} is unknown.", attributes.codec_bits()));
  }
  if (*codec == Codec::zstd && !version.zstd_allowed) {
    return reject(Errc::unsupported_compression_type,
                  "Produce requests before version 7 may not use zstd.");
  }
  if (attributes.is_control())
    return reject(Errc::invalid_record, "Clients may not write control records.");
  if (batch.has_producer_id() && batch.base_sequence() < 0) {
    return reject(Errc::invalid_record,
                  fmt::format("Producer id {} comes with base sequence {}.",
                              batch.producer_id().value(), batch.base_sequence()));
  }
  if (attributes.timestamp_type() != TimestampType::create_time) {
    return reject(Errc::invalid_timestamp,
                  "Producers may not set the timestamp type LogAppendTime.");
  }
  return *codec;
}

}  // namespace

Judged<ProducedBatch> check_produced(ByteView data, ProduceVersion version) {
  TRY(const BatchView batch, cut_batch(data));
  if (batch.computed_crc() != batch.crc() && !mutant("records.check_ignores_crc")) {
    return reject(Errc::corrupt_message, "The record batch does not match its CRC.");
  }
  CHECKED(check_offsets_and_count(batch));
  TRY(const Codec codec, check_attributes(batch, version));
  ProducedBatch produced{.batch = batch,
                         .codec = codec,
                         .record_count = batch.record_count(),
                         .min_timestamp = std::min(batch.base_timestamp(), batch.max_timestamp()),
                         .max_timestamp = batch.max_timestamp()};
  if (codec == Codec::none) {
    TRY(const RecordsSeen seen,
        walk_records(batch.records(), produced.record_count, batch.base_timestamp().ms()));
    take_over(produced, seen, batch.records().size());
  }
  return produced;
}

Judged<void> check_inside(ProducedBatch& produced, Decompressor& decompressor,
                          size_t inflated_bytes_max, Buffer* keep) {
  if (produced.records_read) return {};
  const BatchView& batch = produced.batch;
  Result<Buffer> inflated =
      decompressor.inflate(produced.codec, batch.records(), inflated_bytes_max);
  // Never CORRUPT_MESSAGE: clients would send the same bytes for ever.
  if (!inflated) return reject(Errc::invalid_record, std::move(inflated).error().detail);
  TRY(const RecordsSeen seen,
      walk_records(inflated->view(), produced.record_count, batch.base_timestamp().ms()));
  take_over(produced, seen, inflated->size());
  if (keep != nullptr) *keep = *std::move(inflated);
  return {};
}

namespace {

bool timestamp_allowed(int64_t timestamp, const TopicRules& rules, int64_t now) {
  if (timestamp == kNoTime) return true;
  if (timestamp < 0) return false;
  CHECK(now >= 0);  // so that no difference below can overflow
  return now - timestamp <= rules.timestamp_before_max_ms &&
         timestamp - now <= rules.timestamp_after_max_ms;
}

bool timestamps_allowed(const ProducedBatch& produced, const TopicRules& rules, int64_t now) {
  if (rules.timestamp_type != TimestampType::create_time) return true;
  return timestamp_allowed(produced.min_timestamp.ms(), rules, now) &&
         timestamp_allowed(produced.max_timestamp.ms(), rules, now);
}

/// What is wrong with one record, if anything.
std::optional<std::string> record_fault(const BatchView& batch, const Record& record,
                                        const TopicRules& rules, int64_t now) {
  if (rules.keys_required && !record.key)
    return "Compacted topic cannot accept message without key.";
  if (rules.timestamp_type != TimestampType::create_time) return std::nullopt;
  const int64_t timestamp = batch.timestamp_at(record.timestamp_delta).ms();
  if (timestamp_allowed(timestamp, rules, now)) return std::nullopt;
  return fmt::format(
      "Timestamp {} is out of range: at most {} ms before and {} ms after {} are allowed.",
      timestamp, rules.timestamp_before_max_ms, rules.timestamp_after_max_ms, now);
}

/// Which records are at fault, for a batch that is refused already.
std::vector<RecordFault> find_faults(const ProducedBatch& produced, const TopicRules& rules,
                                     int64_t now, ByteView inflated) {
  std::vector<RecordFault> faults;
  const ByteView bytes = produced.codec == Codec::none ? produced.batch.records() : inflated;
  if (!produced.records_read || bytes.empty()) return faults;
  RecordIterator records(bytes, produced.record_count);
  Record record;
  while (faults.size() < kRecordFaultsMax) {
    const int32_t index = records.index();
    const Result<bool> more = records.next(record);
    if (!more || !*more) break;
    if (auto fault = record_fault(produced.batch, record, rules, now)) {
      faults.push_back({index, *std::move(fault)});
    }
  }
  return faults;
}

}  // namespace

Judged<void> check_rules(const ProducedBatch& produced, const TopicRules& rules, WallTime now,
                         ByteView inflated) {
  const size_t size = produced.batch.total_size();
  if (size > static_cast<size_t>(std::max(rules.max_message_bytes, 0))) {
    return reject(
        Errc::message_too_large,
        fmt::format("The record batch has {} bytes, more than the {} of max.message.bytes.", size,
                    rules.max_message_bytes));
  }
  if (size > static_cast<size_t>(std::max(rules.segment_bytes, 0))) {
    return reject(Errc::record_list_too_large,
                  fmt::format("The record batch has {} bytes, more than the {} of segment.bytes.",
                              size, rules.segment_bytes));
  }
  const bool time_right = timestamps_allowed(produced, rules, now.ms());
  const bool keys_right = !rules.keys_required || !produced.first_null_key;
  if (time_right && keys_right) return {};
  Error error = time_right
                    ? Error{Errc::invalid_record,
                            "One or more records have been rejected because they have no key."}
                    : Error{Errc::invalid_timestamp,
                            "One or more records have been rejected due to invalid timestamp"};
  return std::unexpected(
      Rejection(std::move(error), find_faults(produced, rules, now.ms(), inflated)));
}

BatchPrefix make_prefix(const ProducedBatch& produced, TimestampType type, WallTime now) {
  const BatchView& batch = produced.batch;
  if (type == TimestampType::log_append_time) return BatchPrefix::with_timestamps(batch, type, now);
  const bool header_right =
      produced.max_timestamp == batch.max_timestamp() || mutant("records.max_timestamp_believed");
  return header_right ? BatchPrefix::of(batch)
                      : BatchPrefix::with_timestamps(batch, type, produced.max_timestamp);
}

}  // namespace partita::records
