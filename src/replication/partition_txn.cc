// A Partition's part in transactions, and DeleteRecords: what moves the last stable offset and the
// log's start.

#include "base/check.h"
#include "base/fault_points.h"
#include "replication/marker_batch.h"
#include "replication/partition.h"
#include "runtime/shard.h"
#include "storage/log_config.h"

namespace partita::replication {
namespace {

/// The judgement on a batch of one record that was made here.
records::ProducedBatch judged(const records::BatchView& batch) {
  return {.batch = batch,
          .codec = records::Codec::none,
          .record_count = batch.record_count(),
          .records_read = true,
          .min_timestamp = batch.max_timestamp(),
          .max_timestamp = batch.max_timestamp(),
          .offset_of_max_timestamp = OffsetDelta(0),
          .first_null_key = std::nullopt,
          .inflated_bytes = batch.records().size()};
}

}  // namespace

Task<Result<storage::VerificationGuard>> Partition::begin_verification(ProducerId id,
                                                                       ProducerEpoch epoch,
                                                                       int32_t first_sequence,
                                                                       bool bumps_epoch) {
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  const storage::ProducerBatch batch{
      .producer_id = id, .producer_epoch = epoch, .first_sequence = first_sequence};
  co_return log_.producers().begin_verification(batch, bumps_epoch, shard_.now());
}

Task<Result<Offset>> Partition::append_marker(storage::EndTxnMarker marker) {
  const Use use(*this);
  CO_TRY(Bytes bytes, build_marker(marker, shard_.clock().wall()));
  CO_TRY(const auto batch, records::BatchView::parse(bytes.view()));
  PendingAppend append(shard_.executor(), {.bytes = std::move(bytes),
                                           .checked = judged(batch),
                                           .acks = -1,
                                           .origin = storage::AppendOrigin::coordinator,
                                           .marker_version = marker.transaction_version});
  start_append(append);
  auto outcome = co_await append.done;
  if (!outcome) co_return std::unexpected(std::move(outcome).error().error);
  co_return outcome->last_offset.next();
}

Task<Result<Offset>> Partition::delete_records(Offset offset) {
  constexpr Offset kToHighWatermark(-1);
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  if (!log_.config().cleanup_delete) {
    co_return fail(Errc::policy_violation, "records of a topic that is compacted only stay");
  }
  if (offset == kToHighWatermark) offset = high_watermark();
  if (offset < Offset(0) || offset > high_watermark()) {
    co_return fail(Errc::offset_out_of_range, "records above the high watermark stay");
  }
  CO_CHECKED(co_await log_.delete_records(offset));
  CO_CHECKED(serving());
  // A transaction that began below is stable as far as the log goes.
  stable_waiters_.wake_reached(last_stable_offset());
  co_return log_.log_start_offset();
}

Task<Result<std::vector<storage::ProducerSnapshotEntry>>> Partition::describe_producers() {
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  co_return log_.producers().snapshot();
}

}  // namespace partita::replication
