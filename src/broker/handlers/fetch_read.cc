#include "broker/handlers/fetch_read.h"

#include <algorithm>

#include "runtime/cross_shard.h"

namespace partita::broker {
namespace {

replication::FetchRead read_of(const FetchPartition& asked, const FetchBudget& budget,
                               size_t bytes_read) {
  const size_t left = budget.bytes_max - std::min(budget.bytes_max, bytes_read);
  const auto own_max = static_cast<size_t>(std::max(asked.max_bytes, 0));
  return {.from = asked.fetch_offset,
          .bytes_max = std::min(left, own_max),
          .current_leader_epoch = asked.current_leader_epoch,
          .last_fetched_epoch = asked.last_fetched_epoch,
          .isolation = budget.isolation,
          .at_least_one_batch = bytes_read == 0};
}

Task<void> read_slot(BrokerShard& owner, FetchSlot& slot, const FetchBudget& budget,
                     FetchPass& pass) {
  const auto partition = owner.partition(*slot.topic, PartitionIndex(slot.asked->partition));
  if (!partition) {
    slot.error = partition.error();
    pass.must_answer = true;
    co_return;
  }
  auto answer = co_await (*partition)->fetch(read_of(*slot.asked, budget, pass.bytes));
  if (!answer) {
    slot.error = std::move(answer).error();
    pass.must_answer = true;
    co_return;
  }
  slot.answer = std::move(*answer);
  pass.bytes += slot.answer.size;
  if (slot.answer.diverging) pass.must_answer = true;
}

/// On the shard of `owner`: its slots, in order.
Task<FetchPass> read_on(BrokerShard& owner, std::vector<FetchSlot>& slots, FetchBudget budget,
                        FetchPass pass) {
  const size_t shard = owner.shard().id().value();
  for (FetchSlot& slot : slots) {
    if (slot.error || slot.shard != shard) continue;
    co_await read_slot(owner, slot, budget, pass);
  }
  co_return pass;
}

bool any_on(const std::vector<FetchSlot>& slots, size_t shard) {
  return std::ranges::any_of(
      slots, [shard](const FetchSlot& slot) { return !slot.error && slot.shard == shard; });
}

/// A slot's place in its partition's list of waiting readers.
struct Parked {
  Parked(replication::Partition& partition, Offset mark, Wait& wait)
      : use(partition), waiter(mark, wait) {}

  replication::Partition::Use use;
  replication::OffsetWaiter waiter;
};

/// On the shard of `owner`. Answers false where there is something to read already.
bool park(BrokerShard& owner, std::vector<FetchSlot>& slots, replication::Isolation isolation,
          Wait& wait, std::list<Parked>& parked) {
  const size_t shard = owner.shard().id().value();
  for (FetchSlot& slot : slots) {
    if (slot.error || slot.shard != shard) continue;
    const auto partition = owner.partition(*slot.topic, PartitionIndex(slot.asked->partition));
    if (!partition) return false;
    const Offset mark = slot.answer.readable_end.next();
    if ((*partition)->readable_end(isolation) >= mark) return false;
    Parked& one = parked.emplace_back(**partition, mark, wait);
    (*partition)->wait_readable(one.waiter, isolation);
  }
  return true;
}

/// Waits on another shard until a reader parked there may go on or `ticket` is withdrawn.
Task<bool> wait_on(BrokerShard& owner, std::vector<FetchSlot>& slots,
                   replication::Isolation isolation, Deadline deadline, uint64_t ticket) {
  Wait wait(owner.scope(), deadline);
  std::list<Parked> parked;
  if (!park(owner, slots, isolation, wait, parked)) co_return true;
  owner.parked_readers()[ticket] = &wait;
  const Result<> woken = co_await wait;
  owner.parked_readers().erase(ticket);
  co_return woken.has_value();
}

Task<void> wait_from(Shard& home, BrokerShard& owner, std::vector<FetchSlot>& slots,
                     replication::Isolation isolation, Deadline deadline, uint64_t ticket,
                     Wait& home_wait) {
  const bool woken = co_await call_on(home, owner.scope(), [&, isolation, deadline, ticket] {
    return wait_on(owner, slots, isolation, deadline, ticket);
  });
  if (woken) home_wait.wake();
}

/// Answers whether somebody was waiting.
Task<bool> wake_parked(BrokerShard& owner, uint64_t ticket) {
  const auto parked = owner.parked_readers().find(ticket);
  if (parked == owner.parked_readers().end()) co_return false;
  parked->second->wake();
  co_return true;
}

/// Awaited: the shard must not go before it was told.
Task<bool> withdraw(Shard& home, BrokerShard& owner, uint64_t ticket) {
  return call_on(home, owner.scope(), [&owner, ticket] { return wake_parked(owner, ticket); });
}

Task<Result<>> wait_on_shards(HandlerContext& context, Scope& scope, std::vector<FetchSlot>& slots,
                              replication::Isolation isolation, Deadline deadline) {
  Shard& home = context.here.shard();
  const uint64_t ticket = home.random().next();
  Wait wait(scope, deadline);
  Scope waits(home);
  std::vector<BrokerShard*> asked;
  for (BrokerShard* owner : context.services.shards) {
    if (!any_on(slots, owner->shard().id().value())) continue;
    asked.push_back(owner);
    waits.spawn(wait_from(home, *owner, slots, isolation, deadline, ticket, wait));
  }
  const Result<> woken = co_await wait;
  for (BrokerShard* owner : asked) co_await withdraw(home, *owner, ticket);
  co_await waits.join();
  co_return woken;
}

}  // namespace

Task<FetchPass> read_slots(HandlerContext& context, std::vector<FetchSlot>& slots,
                           FetchBudget budget) {
  FetchPass pass;
  for (const FetchSlot& slot : slots) pass.must_answer |= slot.error.has_value();
  for (BrokerShard* owner : context.services.shards) {
    if (!any_on(slots, owner->shard().id().value())) continue;
    pass = co_await call_on(context.here.shard(), owner->scope(),
                            [&, budget, pass] { return read_on(*owner, slots, budget, pass); });
  }
  co_return pass;
}

Task<Result<>> wait_for_more(HandlerContext& context, Scope& scope, std::vector<FetchSlot>& slots,
                             replication::Isolation isolation, Deadline deadline) {
  const bool here_only = std::ranges::all_of(slots, [&](const FetchSlot& slot) {
    return slot.error || slot.shard == context.here.shard().id().value();
  });
  if (!here_only) {
    co_return co_await wait_on_shards(context, scope, slots, isolation, deadline);
  }
  Wait wait(scope, deadline);
  std::list<Parked> parked;
  if (!park(context.here, slots, isolation, wait, parked)) co_return Result<>();
  co_return co_await wait;
}

}  // namespace partita::broker
