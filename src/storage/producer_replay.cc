#include "storage/producer_replay.h"

#include "base/check.h"
#include "records/control.h"
#include "records/record.h"

namespace partita::storage {

Result<std::optional<EndTxnMarker>> read_end_txn_marker(const records::BatchView& batch) {
  CHECK(batch.attributes().is_control());
  if (batch.attributes().is_compressed()) {
    return fail(Errc::corrupt_data, "a compressed control batch");
  }
  records::RecordIterator records(batch.records(), batch.record_count());
  records::Record record;
  TRY(const bool found, records.next(record));
  // Compaction may have left the batch empty.
  if (!found) return std::nullopt;
  if (!record.key || !record.value) return fail(Errc::corrupt_data, "a control record without key");
  TRY(const auto type, records::decode_control_key(*record.key));
  if (type != records::ControlType::abort && type != records::ControlType::commit) {
    return std::nullopt;
  }
  TRY(const int32_t coordinator_epoch, records::decode_end_txn_marker(*record.value));
  return EndTxnMarker{.producer_id = batch.producer_id(),
                      .producer_epoch = batch.producer_epoch(),
                      .coordinator_epoch = coordinator_epoch,
                      .is_commit = type == records::ControlType::commit,
                      .offset = batch.base_offset(),
                      .timestamp = batch.max_timestamp()};
}

AbortedTxn aborted_txn_of(const CompletedTxn& ended) {
  CHECK(ended.is_aborted);
  return {.producer_id = ended.producer_id,
          .first_offset = ended.first_offset,
          .last_offset = ended.last_offset,
          .last_stable_offset = ended.last_stable_offset};
}

}  // namespace partita::storage
