#include "metadata/log_replay.h"

#include <utility>

#include "base/fault_points.h"
#include "records/batch_records.h"

namespace partita::metadata {

Result<> for_each_value(const records::BatchView& batch,
                        const std::function<Result<>(ByteView value, Offset offset)>& visit) {
  records::Decompressor decompressor;
  TRY(const auto opened, records::BatchRecords::open(batch, decompressor));
  auto records = opened.iterate();
  records::Record record;
  while (true) {
    TRY(const bool more, records.next(record));
    if (!more) return {};
    if (!record.value) return fail(Errc::corrupt_data, "a metadata record without a value");
    CHECKED(visit(*record.value, batch.offset_at(record.offset_delta)));
  }
}

LogReplay::LogReplay(std::shared_ptr<const Image> from)
    : delta_(from),
      next_offset_(from->end_offset()),
      epoch_(from->epoch()),
      last_timestamp_ms_(from->last_timestamp_ms()) {}

Result<> LogReplay::add(const records::BatchView& batch) {
  CHECKED(batch.verify());
  if (batch.base_offset() != next_offset_) {
    return fail(Errc::corrupt_data, "the metadata log goes from offset " +
                                        std::to_string(next_offset_.value()) + " to " +
                                        std::to_string(batch.base_offset().value()));
  }
  next_offset_ = batch.next_offset();
  epoch_ = batch.partition_leader_epoch();
  last_timestamp_ms_ = batch.max_timestamp().ms();
  if (batch.attributes().is_control()) return {};
  return for_each_value(batch,
                        [this](ByteView value, Offset offset) { return add_frame(value, offset); });
}

Result<> LogReplay::add_frame(ByteView frame, Offset offset) {
  TRY(const wire::MetadataFrame parsed, wire::parse_metadata_frame(frame));
  const int16_t kind = parsed.key;
  if (kind == wire::BeginTransactionRecord::descriptor().key) {
    CHECKED(decode_record(frame));
    if (in_transaction_) return fail(Errc::corrupt_data, "a metadata transaction within another");
    CHECKED(finish_delta(offset));
    in_transaction_ = true;
    return {};
  }
  if (kind == wire::EndTransactionRecord::descriptor().key)
    return end_transaction(true, offset.next());
  if (kind == wire::AbortTransactionRecord::descriptor().key)
    return end_transaction(false, offset.next());
  return delta_.replay(frame);
}

Result<> LogReplay::end_transaction(bool commit, Offset end_offset) {
  if (!in_transaction_)
    return fail(Errc::corrupt_data, "the end of a metadata transaction that never began");
  in_transaction_ = false;
  if (commit || mutant("metadata.apply_aborted")) return finish_delta(end_offset);
  COVERED("metadata.transaction_aborted");
  delta_ = Delta(finished_.empty() ? delta_.base_image() : finished_.back().image);
  return {};
}

Result<> LogReplay::finish_delta(Offset end_offset) {
  if (delta_.empty()) return {};
  TRY(Delta::Finished finished, std::move(delta_).finish(end_offset, epoch_, last_timestamp_ms_));
  delta_ = Delta(finished.image);
  finished_.push_back(std::move(finished));
  return {};
}

Result<> LogReplay::load_snapshot(ByteView file, Offset end_offset, LeaderEpoch epoch) {
  if (in_transaction_ || !finished_.empty() || !delta_.empty()) {
    return fail(Errc::invalid_argument, "a snapshot in the middle of a replay");
  }
  delta_.start_snapshot();
  records::BatchIterator batches(file);
  while (true) {
    TRY(const auto batch, batches.next());
    if (!batch) break;
    CHECKED(batch->verify());
    last_timestamp_ms_ = batch->max_timestamp().ms();
    if (batch->attributes().is_control()) continue;
    CHECKED(
        for_each_value(*batch, [this](ByteView value, Offset) { return delta_.replay(value); }));
  }
  next_offset_ = end_offset;
  epoch_ = epoch;
  return finish_delta(end_offset);
}

Result<std::vector<Delta::Finished>> LogReplay::take_finished() {
  if (!in_transaction_) CHECKED(finish_delta(next_offset_));
  return std::exchange(finished_, {});
}

}  // namespace partita::metadata
