// ProducerState::check: duplicates, epochs, sequences, open transactions.

#include <fmt/format.h>

#include "storage/producer_table.h"

namespace partita::storage {
namespace {

bool follows(int32_t last_sequence, int32_t next) {
  if (last_sequence == std::numeric_limits<int32_t>::max()) {
    return next == 0 && !mutant("storage.sequence_wrap");
  }
  if (mutant("storage.sequence_gap_accepted") && next > last_sequence) return true;
  return next == last_sequence + 1;
}

/// What the judgement on a batch rests on.
struct Known {
  bool any = false;
  ProducerEpoch epoch = kNoProducerEpoch;
  int32_t last_sequence = records::kNoSequence;
  bool in_transaction = false;
};

Result<> judge(const Known& known, const ProducerBatch& batch, SequenceCheck how) {
  if (batch.producer_epoch < known.epoch && !mutant("storage.zombie_producer_accepted")) {
    return fail(Errc::invalid_producer_epoch,
                fmt::format("epoch {} of producer {} is below {}", batch.producer_epoch.value(),
                            batch.producer_id.value(), known.epoch.value()));
  }
  const bool judge_sequence =
      how == SequenceCheck::full && known.any && known.epoch != kNoProducerEpoch;
  if (judge_sequence) {
    const bool same_epoch = batch.producer_epoch == known.epoch;
    const bool in_order =
        same_epoch ? follows(known.last_sequence, batch.first_sequence)
                   : batch.first_sequence == 0 || mutant("storage.new_epoch_any_sequence");
    if (!in_order) {
      return fail(
          Errc::out_of_order_sequence_number,
          fmt::format("sequence {} of producer {} at epoch {} comes after {} at epoch {}",
                      batch.first_sequence, batch.producer_id.value(), batch.producer_epoch.value(),
                      known.last_sequence, known.epoch.value()));
    }
  }
  if (known.in_transaction && !batch.is_transactional) {
    return fail(Errc::invalid_txn_state,
                fmt::format("a non-transactional batch of producer {} in an open transaction",
                            batch.producer_id.value()));
  }
  return {};
}

std::optional<DuplicateBatch> find_duplicate(const Producer& producer, const ProducerBatch& batch) {
  if (producer.epoch != batch.producer_epoch) return std::nullopt;
  const size_t oldest = mutant("storage.producer_window_short") && producer.batch_count > 0
                            ? producer.batch_count - 1
                            : 0;
  for (size_t i = oldest; i < producer.batch_count; i++) {
    const RetainedBatch& old = producer.batches[i];
    if (old.last_sequence < 0 || old.last_sequence != batch.last_sequence) continue;
    if (old.first_sequence() != batch.first_sequence) continue;
    return DuplicateBatch{.first_offset = old.first_offset(),
                          .last_offset = old.last_offset,
                          .timestamp = old.timestamp};
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<DuplicateBatch>> ProducerState::check(const ProducerBatch& batch,
                                                           SequenceCheck how) const {
  return check(std::span(&batch, 1), how);
}

Result<std::optional<DuplicateBatch>> ProducerState::check(std::span<const ProducerBatch> batches,
                                                           SequenceCheck how) const {
  for (size_t i = 0; i < batches.size(); i++) {
    const ProducerBatch& batch = batches[i];
    if (batch.producer_id.value() < 0) continue;
    const Producer* producer = producers_ ? producers_->find(batch.producer_id) : nullptr;
    Known known;
    if (producer != nullptr) {
      if (how == SequenceCheck::full) {
        std::optional<DuplicateBatch> duplicate = find_duplicate(*producer, batch);
        if (duplicate && mutant("storage.duplicate_answers_new_offset")) {
          duplicate->last_offset = end_offset_ + (duplicate->last_offset - duplicate->first_offset);
          duplicate->first_offset = end_offset_;
        }
        if (duplicate) {
          COVERED("storage.duplicate_batch");
          return duplicate;
        }
      }
      known = {.any = true,
               .epoch = producer->epoch,
               .last_sequence = producer->last_sequence(),
               .in_transaction = producer->in_transaction()};
    }
    for (const ProducerBatch& earlier : batches.first(i)) {
      if (earlier.producer_id != batch.producer_id) continue;
      known = {.any = true,
               .epoch = earlier.producer_epoch,
               .last_sequence = earlier.last_sequence,
               .in_transaction = known.in_transaction || earlier.is_transactional};
    }
    const bool goes_on = known.in_transaction && known.epoch == batch.producer_epoch;
    if (batch.is_transactional && !goes_on) CHECKED(check_guard(batch));
    CHECKED(judge(known, batch, how));
    if (how == SequenceCheck::full) CHECKED(check_verified_sequence(batch));
  }
  return std::nullopt;
}

Result<> ProducerState::check_guard(const ProducerBatch& batch) const {
  if (!options_->verify_transactions || mutant("storage.guard_ignored")) return {};
  const Producer* producer = producers_ ? producers_->find(batch.producer_id) : nullptr;
  // A zombie is told so: asking its coordinator again would not help it.
  if (producer != nullptr && batch.producer_epoch < producer->epoch) return {};
  const Verification* known = verifications_ ? verifications_->find(batch.producer_id) : nullptr;
  if (batch.guard.needed() && known != nullptr && known->guard == batch.guard) return {};
  COVERED("storage.guard_missing");
  return fail(Errc::invalid_txn_state,
              fmt::format("a batch of producer {} is not part of a transaction that is known here",
                          batch.producer_id.value()));
}

Result<> ProducerState::check_verified_sequence(const ProducerBatch& batch) const {
  const Verification* known = verifications_ ? verifications_->find(batch.producer_id) : nullptr;
  if (known == nullptr) return {};
  const bool has_history = producers_ && producers_->find(batch.producer_id) != nullptr;
  const bool begins = !known->bumps_epoch || has_history || batch.first_sequence == 0;
  if (begins && batch.first_sequence <= known->lowest_sequence) return {};
  return fail(Errc::out_of_order_sequence_number,
              fmt::format("sequence {} of producer {} comes before {}, which is on its way",
                          batch.first_sequence, batch.producer_id.value(),
                          begins ? known->lowest_sequence : 0));
}

Result<> ProducerState::check(const EndTxnMarker& marker) const {
  const Producer* producer = producers_ ? producers_->find(marker.producer_id) : nullptr;
  if (producer == nullptr) return {};
  // With the data's own epoch it would be that of an earlier transaction, come late.
  const bool late = marker.transaction_version >= 2 && producer->in_transaction() &&
                    marker.producer_epoch == producer->epoch &&
                    !mutant("storage.late_marker_accepted");
  if (marker.producer_epoch < producer->epoch || late) {
    return fail(Errc::invalid_producer_epoch,
                fmt::format("epoch {} of a marker of producer {} is below {}",
                            marker.producer_epoch.value(), marker.producer_id.value(),
                            producer->epoch.value()));
  }
  if (marker.coordinator_epoch < producer->coordinator_epoch &&
      !mutant("storage.marker_of_old_coordinator")) {
    return fail(Errc::transaction_coordinator_fenced,
                fmt::format("coordinator epoch {} of a marker of producer {} is below {}",
                            marker.coordinator_epoch, marker.producer_id.value(),
                            producer->coordinator_epoch));
  }
  return {};
}

}  // namespace partita::storage
