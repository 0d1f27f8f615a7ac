// What producers ask for, and the answers of markers.

#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/txn/transaction_machine.h"
#include "coordinators/txn/transaction_records.h"

namespace partita::coordinators {
namespace {

using enum TransactionState;

constexpr ProducerTag kNobody;

ProducerAnswer refuse(Errc why) {
  return {.error = why};
}
constexpr ProducerAnswer kNeedProducerId = {.need_producer_id = true};

TransactionState completed(bool commit) {
  return commit ? complete_commit : complete_abort;
}
TransactionState prepared(bool commit) {
  return commit ? prepare_commit : prepare_abort;
}

ProducerTag bumped(ProducerTag producer) {
  CHECK(producer.epoch < kLastEpoch);
  if (mutant("txn.no_bump")) return producer;
  return {.id = producer.id,
          .epoch = ProducerEpoch(static_cast<int16_t>(producer.epoch.value() + 1))};
}
ProducerTag first_of(ProducerId fresh) {
  return {.id = fresh, .epoch = ProducerEpoch(0)};
}

/// What the producer goes on with when the markers of a decided end are written.
ProducerTag producer_after(const Transaction& decided) {
  if (decided.next_producer_id == kNoProducerId) return decided.producer;
  return first_of(decided.next_producer_id);
}

/// The next step of `from`: whose producer id it was is kept for those who did not hear of another.
Transaction step_of(const Transaction& from) {
  Transaction next = from;
  next.previous_producer_id = from.producer.id;
  return next;
}

/// The claim is that of the producer which may write now. Nobody was told the last epoch.
bool is_current(const Transaction& transaction, ProducerTag claim) {
  return claim == transaction.producer && claim.epoch < kLastEpoch;
}

/// An end that bumps the epoch, sent again because its answer was lost.
bool is_repeated_end(const Transaction& transaction, ProducerTag claim) {
  const ProducerTag now = transaction.producer;
  if (claim.id == now.id) return claim.epoch < kLastEpoch && bumped(claim).epoch == now.epoch;
  return claim.id == transaction.previous_producer_id && is_epoch_exhausted(claim.epoch) &&
         claim.epoch < kLastEpoch && now.epoch == ProducerEpoch(0);
}

/// Why a claim is not that of the current producer.
Errc mismatch(const Transaction& transaction, ProducerTag claim) {
  return claim.id == transaction.producer.id ? Errc::producer_fenced
                                             : Errc::invalid_producer_id_mapping;
}

/// The claim is one that holds, or will hold when the markers are written.
bool is_of_decided(const Transaction& decided, ProducerTag claim) {
  return claim == decided.producer || claim == producer_after(decided);
}

}  // namespace

Result<TransactionMachine::EntryRef*> TransactionMachine::claimed(const TransactionClaim& claim) {
  if (claim.transactional_id.empty()) return fail(Errc::invalid_request);
  EntryRef* entry = find(claim.transactional_id);
  if (entry == nullptr) return fail(Errc::invalid_producer_id_mapping);
  return entry;
}

ProducerAnswer TransactionMachine::init_producer_id(const InitRequest& request, Now now,
                                                    Effects& out) {
  if (request.transactional_id.empty()) return refuse(Errc::invalid_request);
  if (request.timeout_ms <= 0 || from_ms(request.timeout_ms) > settings_.timeout_max) {
    return refuse(Errc::invalid_transaction_timeout);
  }
  EntryRef* entry = find(request.transactional_id);
  if (entry == nullptr) return init_new(request, now, out);
  const Transaction& transaction = entry->second.transaction;
  if (transaction.is_idle()) return init_idle(*entry, request, now, out);
  if (transaction.state == ongoing) {
    const bool expected = request.expected != kNobody;
    if (expected && !is_current(transaction, request.expected)) {
      return refuse(Errc::producer_fenced);
    }
    fence(*entry, expected, now, out);
  }
  return refuse(Errc::concurrent_transactions);
}

ProducerAnswer TransactionMachine::init_new(const InitRequest& request, Now now, Effects& out) {
  if (request.fresh == kNoProducerId) return kNeedProducerId;
  EntryRef* entry = make(request.transactional_id, out);
  if (entry == nullptr) return refuse(Errc::throttling_quota_exceeded);
  Transaction next;
  next.producer = first_of(request.fresh);
  next.previous_producer_id = request.fresh;
  next.timeout_ms = request.timeout_ms;
  enter(*entry, next, now, out);
  return {.producer = next.producer};
}

ProducerAnswer TransactionMachine::init_idle(EntryRef& entry, const InitRequest& request, Now now,
                                             Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  const bool anybody = request.expected == kNobody;
  const bool repeated = !anybody && request.expected == transaction.last_producer;
  if (!anybody && !repeated && !is_current(transaction, request.expected)) {
    return refuse(Errc::producer_fenced);
  }
  Transaction next = step_of(transaction);
  next.state = empty;
  next.timeout_ms = request.timeout_ms;
  next.start_time = kNoTimestamp;
  if (!repeated) next.last_producer = request.expected;
  // One that asks again is told what it was told, unless that can be told to nobody.
  const bool keep = repeated && transaction.producer.epoch < kLastEpoch;
  if (!keep && is_epoch_exhausted(transaction.producer.epoch)) {
    if (request.fresh == kNoProducerId) return kNeedProducerId;
    next.producer = first_of(request.fresh);
  } else if (!keep) {
    next.producer = bumped(transaction.producer);
  }
  enter(entry, next, now, out);
  return {.producer = next.producer};
}

Result<> TransactionMachine::add_partitions(const AddRequest& request, Now now, Effects& out) {
  TRY(EntryRef * entry, claimed(request.claim));
  const Transaction& transaction = entry->second.transaction;
  const ProducerTag claim = request.claim.producer;
  if (transaction.is_preparing() && is_of_decided(transaction, claim) &&
      !mutant("txn.add_while_ending")) {
    return fail(Errc::concurrent_transactions);
  }
  if (!is_current(transaction, claim)) return fail(mismatch(transaction, claim));
  Transaction next = step_of(transaction);
  bool grown = false;
  for (const auto& [topic, indexes] : request.partitions) {
    if (indexes.empty()) continue;
    std::set<int32_t>& all = next.partitions[topic];
    for (const int32_t index : indexes) grown |= all.insert(index).second;
  }
  if (!grown) return {};
  if (record_size_bound(next.partitions) > settings_.record_bytes_max) {
    return fail(Errc::unknown_server_error, "too many partitions in one transaction");
  }
  if (transaction.state != ongoing) next.start_time = now.wall;
  next.state = ongoing;
  next.last_producer = kNobody;  // it knows what it is by now
  next.client_version = request.bumps_epoch ? 2 : 0;
  enter(*entry, std::move(next), now, out);
  return {};
}

Result<> TransactionMachine::verify_partition(const TransactionClaim& claim, std::string_view topic,
                                              int32_t partition) const {
  if (claim.transactional_id.empty()) return fail(Errc::invalid_request);
  const Transaction* found = transaction(claim.transactional_id);
  if (found == nullptr) return fail(Errc::invalid_producer_id_mapping);
  if (found->is_preparing() && is_of_decided(*found, claim.producer)) {
    return fail(Errc::concurrent_transactions);
  }
  if (!is_current(*found, claim.producer)) return fail(mismatch(*found, claim.producer));
  const auto indexes = found->partitions.find(topic);
  if (indexes == found->partitions.end() || !indexes->second.contains(partition)) {
    return fail(Errc::transaction_abortable);
  }
  return {};
}

ProducerAnswer TransactionMachine::end_txn(const EndRequest& request, Now now, Effects& out) {
  const auto entry = claimed(request.claim);
  if (!entry) return refuse(entry.error().code);
  return request.bumps_epoch ? end_bumping(**entry, request, now, out)
                             : end_plain(**entry, request, now, out);
}

ProducerAnswer TransactionMachine::end_plain(EntryRef& entry, const EndRequest& request, Now now,
                                             Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  const ProducerTag claim = request.claim.producer;
  if (!is_current(transaction, claim)) return refuse(mismatch(transaction, claim));
  if (transaction.state == completed(request.commit)) return {.producer = transaction.producer};
  if (transaction.state == prepared(request.commit)) return refuse(Errc::concurrent_transactions);
  if (transaction.state != ongoing) return refuse(Errc::invalid_txn_state);
  Transaction next = step_of(transaction);
  next.state = prepared(request.commit);
  next.last_producer = kNobody;
  next.client_version = 0;
  enter(entry, std::move(next), now, out);
  return {.producer = claim};
}

ProducerAnswer TransactionMachine::end_bumping(EntryRef& entry, const EndRequest& request, Now now,
                                               Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  const ProducerTag claim = request.claim.producer;
  const bool ended = transaction.state == complete_commit || transaction.state == complete_abort;
  if (transaction.is_preparing()) {
    const bool repeated = is_repeated_end(transaction, claim);
    if (!repeated && !is_of_decided(transaction, claim))
      return refuse(mismatch(transaction, claim));
    const bool same = transaction.state == prepared(request.commit);
    return refuse(repeated && !same ? Errc::invalid_txn_state : Errc::concurrent_transactions);
  }
  if (ended && is_repeated_end(transaction, claim) && !mutant("txn.end_again")) {
    return end_repeated(entry, request, now, out);
  }
  if (!is_current(transaction, claim)) return refuse(mismatch(transaction, claim));
  // Without anything to commit there may have been something that was aborted; an abort of nothing
  // is what a producer sends that does not know whether its partitions were added.
  if (transaction.state != ongoing && request.commit) return refuse(Errc::invalid_txn_state);
  return end_and_bump(entry, request, now, out);
}

ProducerAnswer TransactionMachine::end_repeated(EntryRef& entry, const EndRequest& request, Now now,
                                                Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  if (transaction.state != completed(request.commit)) return refuse(Errc::invalid_txn_state);
  const bool tellable = transaction.producer.epoch < kLastEpoch || mutant("txn.tell_last_epoch");
  if (tellable) return {.producer = transaction.producer};
  // A timeout took the last epoch. The producer asks with the one before it, and may go on with
  // another id.
  if (request.fresh == kNoProducerId) return kNeedProducerId;
  Transaction next = step_of(transaction);
  next.producer = first_of(request.fresh);
  enter(entry, next, now, out);
  return {.producer = next.producer};
}

ProducerAnswer TransactionMachine::end_and_bump(EntryRef& entry, const EndRequest& request, Now now,
                                                Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  Transaction next = step_of(transaction);
  if (is_epoch_exhausted(transaction.producer.epoch) && !mutant("txn.no_rotation")) {
    if (request.fresh == kNoProducerId) return kNeedProducerId;
    next.next_producer_id = request.fresh;
  }
  next.last_producer = transaction.producer;
  next.producer = bumped(transaction.producer);
  next.client_version = 2;
  if (transaction.state != ongoing) next.start_time = now.wall;
  next.state = prepared(request.commit);
  const ProducerTag after = producer_after(next);
  if (next.partitions.empty()) {
    // Nobody waits for a marker.
    next.state = completed(request.commit);
    next.producer = after;
    next.next_producer_id = kNoProducerId;
  }
  enter(entry, std::move(next), now, out);
  return {.producer = after};
}

void TransactionMachine::fence(EntryRef& entry, bool producer_may_return, Now now, Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  CHECK(transaction.state == ongoing);
  Transaction next = step_of(transaction);
  next.state = prepare_abort;
  next.client_version = transaction_version_ >= 2 ? 2 : 0;
  const bool returns = producer_may_return && transaction_version_ >= 2;
  next.last_producer = returns ? transaction.producer : kNobody;
  // A log of Apache Kafka 4.0 may have an open transaction at the last epoch: its end needs no
  // other, as nobody is told this one.
  if (transaction.producer.epoch < kLastEpoch && !mutant("txn.fence_without_bump")) {
    next.producer = bumped(transaction.producer);
  }
  enter(entry, std::move(next), now, out);
}

void TransactionMachine::markers_written(uint64_t order, Now now, Effects& out) {
  const auto found = orders_.find(order);
  if (found == orders_.end()) return;
  EntryRef& entry = *found->second;
  const Transaction& transaction = entry.second.transaction;
  CHECK(transaction.is_preparing());
  orders_.erase(found);
  entry.second.order = 0;
  Transaction next = step_of(transaction);
  next.state = completed(transaction.state == prepare_commit);
  next.producer = producer_after(transaction);
  next.next_producer_id = kNoProducerId;
  next.partitions.clear();
  enter(entry, std::move(next), now, out);
}

}  // namespace partita::coordinators
