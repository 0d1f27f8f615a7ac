#include "coordinators/coordinator_log.h"

#include "records/batch_builder.h"
#include "records/batch_records.h"
#include "records/control.h"

namespace partita::coordinators {
namespace {

/// Of one read while loading.
constexpr size_t kReadBytes = size_t{1} << 20;

Result<Bytes> build_batch(std::span<const CoordinatorRecord> records,
                          const std::optional<ProducerTag>& transaction, WallTime now) {
  records::BatchOptions options;
  if (transaction) {
    options.producer_id = transaction->id;
    options.producer_epoch = transaction->epoch;
    options.transactional = true;
  }
  records::BatchBuilder builder(options);
  for (const CoordinatorRecord& record : records) {
    builder.append({.key = record.key.view(),
                    .value = record.value ? std::optional(record.value->view()) : std::nullopt,
                    .timestamp = now});
  }
  return builder.build();
}

/// The judgement on a batch that was built here: all its records have one time.
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

Task<Result<>> CoordinatorLog::load(const ReplayTarget& target) {
  CO_CHECKED(co_await partition_->ready());
  storage::PartitionLog& log = partition_->log();
  Offset at = log.log_start_offset();
  const Offset end = log.log_end_offset();
  while (at < end) {
    const auto read = co_await log.read(at, kReadBytes, end, true);
    if (!read) {
      const bool moved = read.error().code == Errc::offset_out_of_range;
      if (!moved || log.log_start_offset() <= at) co_return std::unexpected(read.error());
      at = log.log_start_offset();
      continue;
    }
    if (read->next_offset <= at) break;
    ByteChain bytes = read->bytes;
    replay(join(std::move(bytes)).view(), target);
    at = read->next_offset;
  }
  co_return Result<>();
}

void CoordinatorLog::replay(ByteView batches, const ReplayTarget& target) {
  records::BatchIterator iterator(batches);
  while (true) {
    const auto batch = iterator.next();
    if (!batch || !*batch) {
      if (!batch) log_.error("a batch cannot be read: {}", describe(batch.error()));
      return;
    }
    if (const Result<> replayed = replay(**batch, target); !replayed) {
      log_.error("the batch at {} is left out: {}", (*batch)->base_offset().value(),
                 describe(replayed.error()));
    }
  }
}

Result<> CoordinatorLog::replay(const records::BatchView& batch, const ReplayTarget& target) {
  TRY(const auto records, records::BatchRecords::open(batch, decompressor_));
  auto iterator = records.iterate();
  std::optional<ProducerTag> transaction;
  if (batch.attributes().is_transactional()) {
    transaction = ProducerTag{batch.producer_id(), batch.producer_epoch()};
  }
  records::Record record;
  while (true) {
    TRY(const bool more, iterator.next(record));
    if (!more) return {};
    if (batch.attributes().is_control()) {
      CHECKED(replay_control(batch, record, target));
      continue;
    }
    if (!record.key) continue;  // none of ours
    const Offset offset = batch.offset_at(record.offset_delta);
    const Result<> taken = target.record({.key = *record.key,
                                          .value = record.value,
                                          .offset = offset,
                                          .timestamp = batch.timestamp_at(record.timestamp_delta),
                                          .transaction = transaction});
    if (!taken) {
      log_.warn("the record at {} is left out: {}", offset.value(), describe(taken.error()));
    }
  }
}

Result<> CoordinatorLog::replay_control(const records::BatchView& batch,
                                        const records::Record& record, const ReplayTarget& target) {
  if (!record.key) return {};
  TRY(const auto type, records::decode_control_key(*record.key));
  if (type != records::ControlType::abort && type != records::ControlType::commit) return {};
  target.marker({.producer = {batch.producer_id(), batch.producer_epoch()},
                 .is_commit = type == records::ControlType::commit,
                 .offset = batch.offset_at(record.offset_delta),
                 .timestamp = batch.timestamp_at(record.timestamp_delta)});
  return {};
}

Task<Result<Offset>> CoordinatorLog::append(std::span<const CoordinatorRecord> records,
                                            std::optional<ProducerTag> transaction, WallTime now) {
  CO_TRY(Bytes bytes, build_batch(records, transaction, now));
  CO_TRY(const auto batch, records::BatchView::parse(bytes.view()));
  storage::VerificationGuard guard;
  if (transaction) {
    // Whether the transaction is open was for the sender of the request to ask.
    CO_TRY(guard, co_await partition_->begin_verification(transaction->id, transaction->epoch,
                                                          records::kNoSequence, false));
  }
  replication::PendingAppend append(partition_->executor(),
                                    {.bytes = std::move(bytes),
                                     .checked = judged(batch),
                                     .acks = -1,
                                     .origin = storage::AppendOrigin::coordinator,
                                     .guard = guard});
  partition_->start_append(append);
  auto outcome = co_await append.done;
  if (!outcome) co_return std::unexpected(std::move(outcome).error().error);
  co_return outcome->last_offset.next();
}

Task<Result<>> CoordinatorLog::committed(Offset end, Deadline deadline) {
  if (is_committed(end)) co_return Result<>();
  co_return co_await partition_->acknowledged(end, -1, deadline);
}

}  // namespace partita::coordinators
