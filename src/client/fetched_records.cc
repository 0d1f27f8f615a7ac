#include "client/fetched_records.h"

#include <algorithm>

#include "base/fault_points.h"
#include "records/control.h"

namespace partita::client {
namespace {

bool is_abort_marker(const records::BatchView& batch) {
  records::RecordIterator records(batch.records(), batch.record_count());
  records::Record record;
  const auto found = records.next(record);
  if (!found || !*found || !record.key) return false;
  const auto type = records::decode_control_key(*record.key);
  return type && *type == records::ControlType::abort;
}

}  // namespace

FetchedRecords::FetchedRecords(Bytes bytes, Offset from, FetchedOptions options)
    : bytes_(std::move(bytes)),
      check_crcs_(options.check_crcs),
      batches_(bytes_.view()),
      position_(from),
      aborted_(std::move(options.aborted)) {
  std::ranges::sort(aborted_, std::ranges::greater(), &AbortedTransaction::first_offset);
}

Error FetchedRecords::corrupt(const Error& cause) const {
  return {Errc::corrupt_message, "the batch at offset " + std::to_string(position_.value()) +
                                     " is invalid: " + describe(cause)};
}

Result<bool> FetchedRecords::next(ConsumedRecord& record, records::Decompressor& decompressor) {
  while (true) {
    if (!records_) {
      TRY(const bool opened, open_batch(decompressor));
      if (!opened) return false;
    }
    records::Record raw;
    const Result<bool> found = records_->next(raw);
    if (!found) return std::unexpected(corrupt(found.error()));
    if (!*found) {
      position_ = std::max(position_, view_->next_offset());
      records_.reset();
      continue;
    }
    const Offset offset = view_->offset_at(raw.offset_delta);
    if (offset < position_ && !mutant("client.record_before_position")) continue;
    record.offset = offset;
    record.timestamp = view_->timestamp_at(raw.timestamp_delta);
    record.timestamp_type = view_->attributes().timestamp_type();
    record.leader_epoch = view_->partition_leader_epoch();
    record.key = raw.key;
    record.value = raw.value;
    record.headers = raw.headers;
    position_ = offset.next();
    return true;
  }
}

Result<bool> FetchedRecords::open_batch(records::Decompressor& decompressor) {
  while (true) {
    const size_t at = batches_.position();
    auto batch = batches_.next();
    if (!batch && batch.error().code == Errc::truncated_data && at > 0) {
      COVERED("client.batch_cut_off");
      return false;
    }
    if (!batch) return std::unexpected(corrupt(batch.error()));
    if (!*batch) return false;
    const records::BatchView& view = **batch;
    if (check_crcs_) {
      if (const Result<> judged = view.verify(); !judged) {
        return std::unexpected(corrupt(judged.error()));
      }
    }
    leader_epoch_ = view.partition_leader_epoch();
    if (view.next_offset() <= position_) continue;
    if (is_left_out(view)) {
      position_ = std::max(position_, view.next_offset());
      continue;
    }
    auto records = records::BatchRecords::open(view, decompressor);
    if (!records) return std::unexpected(corrupt(records.error()));
    batch_ =
        std::make_shared<const FetchedBatch>(bytes_.slice_of(view.bytes()), std::move(*records));
    view_ = view;
    records_ = batch_->records.iterate();
    return true;
  }
}

bool FetchedRecords::is_left_out(const records::BatchView& batch) {
  while (!aborted_.empty() && aborted_.back().first_offset <= batch.last_offset()) {
    aborting_.insert(aborted_.back().producer_id);
    aborted_.pop_back();
  }
  if (batch.attributes().is_control()) {
    if (is_abort_marker(batch)) aborting_.erase(batch.producer_id());
    return true;
  }
  const bool aborted =
      batch.attributes().is_transactional() && aborting_.contains(batch.producer_id());
  if (aborted) COVERED("client.aborted_batch");
  return aborted && !mutant("client.aborted_shown");
}

}  // namespace partita::client
