#include "broker/handlers/produce_append.h"

#include <algorithm>
#include <list>

#include "broker/append_turns.h"

namespace partita::broker {
namespace {

/// One entry's append on the owning shard.
struct Placed {
  Placed(Executor& executor, ProduceEntry& what, replication::Partition& where)
      : entry(what), use(where), append(executor, *std::exchange(what.append, std::nullopt)) {}

  ProduceEntry& entry;
  replication::Partition::Use use;
  replication::PendingAppend append;
  std::optional<AppendTurns::Turn> turn;  ///< until it is started

  void reject(Error why) {
    entry.rejection.emplace(std::move(why));
    turn.reset();
  }
  bool waits() const { return turn.has_value(); }
  bool is_verified() const { return !append.request.guard.needed(); }
};
using AllPlaced = std::list<Placed>;

Task<void> finish(Placed& placed, int16_t acks, Deadline deadline) {
  replication::AppendOutcome outcome = co_await placed.append.done;
  if (!outcome) {
    placed.entry.rejection.emplace(std::move(outcome).error());
    co_return;
  }
  placed.entry.answer = *outcome;
  const Offset end = outcome->last_offset.next();
  if (acks == 0 || placed.use->is_acknowledged(end, acks)) co_return;
  const Result<> waited = co_await placed.use->acknowledged(end, acks, deadline);
  if (!waited) placed.entry.rejection.emplace(waited.error());
}

/// Starts what may start at once; what belongs to a transaction, or comes behind such a one of the
/// same connection, takes its turn.
void place(BrokerShard& owner, ProducePlan& plan, uint64_t connection, AllPlaced& placed) {
  const size_t shard = owner.shard().id().value();
  AppendTurns& turns = owner.append_turns();
  for (ProduceEntry& entry : plan.entries) {
    if (!entry.append || entry.shard != shard) continue;
    const auto partition = owner.partition(*entry.topic, PartitionIndex(entry.partition));
    if (!partition) {
      entry.append.reset();
      entry.rejection.emplace(partition.error());
      continue;
    }
    Placed& one = placed.emplace_back(owner.shard().executor(), entry, **partition);
    if (entry.transactional || turns.busy(connection, *partition)) {
      one.turn.emplace(turns, connection, *partition);
    } else {
      (*partition)->start_append(one.append);
    }
  }
}

/// Takes the guards, before anybody is asked about the transaction.
Task<void> begin_verifications(AllPlaced& placed, const TransactionMembership& transaction) {
  for (Placed& one : placed) {
    if (!one.waits() || !one.entry.transactional) continue;
    const auto guard = co_await one.use->begin_verification(
        transaction.producer.id, transaction.producer.epoch,
        one.append.request.checked.batch.base_sequence(), transaction.bumps_epoch);
    if (guard) {
      one.append.request.guard = *guard;
    } else {
      one.reject(guard.error());
    }
  }
}

Task<void> verify(HandlerContext& here, AllPlaced& placed, const ProducePlan& plan) {
  const TransactionMembership& transaction = *plan.transaction;
  co_await begin_verifications(placed, transaction);
  const bool enabled = here.services.settings.transaction_partition_verification;
  if (!enabled && !transaction.bumps_epoch) co_return;
  std::vector<Placed*> asked;
  std::vector<TransactionPartition> partitions;
  for (Placed& one : placed) {
    if (!one.waits() || one.is_verified()) continue;
    asked.push_back(&one);
    partitions.emplace_back(one.entry.topic->name, one.entry.partition);
  }
  if (asked.empty()) co_return;
  const auto each = co_await ensure_in_transaction(here, transaction, std::move(partitions));
  for (size_t i = 0; i < asked.size(); i++) {
    if (each[i]) continue;
    asked[i]->reject(produce_error(each[i].error(), transaction.bumps_epoch, plan.knows_abortable));
  }
}

Task<void> start_in_turn(BrokerShard& owner, AllPlaced& placed) {
  for (Placed& one : placed) {
    if (!one.waits()) continue;
    if (!one.turn->is_first() && !co_await one.turn->come(owner.scope())) {
      one.reject(Error{Errc::not_leader_or_follower});
      continue;
    }
    one.use->start_append(one.append);
    one.turn.reset();
  }
}

}  // namespace

Task<bool> append_on(Services& services, BrokerShard& owner, ProducePlan& plan, ProduceWait wait) {
  AllPlaced placed;
  place(owner, plan, wait.connection, placed);
  if (std::ranges::any_of(placed, &Placed::waits)) {
    HandlerContext here{owner, services, owner.log()};
    if (plan.transaction) co_await verify(here, placed, plan);
    co_await start_in_turn(owner, placed);
  }
  for (Placed& one : placed) {
    if (!one.entry.rejection) co_await finish(one, wait.acks, wait.deadline);
  }
  co_return true;
}

}  // namespace partita::broker
