#pragma once
// From a request to the coordinator that it is for: finds the partition of the internal topic that
// keeps the group or transactional id, hops to its shard, lets the machine decide there, and
// answers when what it decided is committed.
//
// Errors that every call may answer: not_coordinator (another broker, or nobody any more),
// coordinator_load_in_progress, coordinator_not_available (the topic is not there, or its log
// failed). They are what Kafka's own responses carry.

#include <memory>
#include <utility>
#include <vector>

#include "broker/coordinators.h"
#include "broker/handler_table.h"
#include "broker/internal_topics.h"
#include "runtime/cross_shard.h"

namespace partita::broker {

using coordinators::GroupMachine;
using coordinators::Now;
using coordinators::Ticket;
using coordinators::TransactionMachine;

/// Where a key of an internal topic is coordinated.
struct CoordinatorPlace {
  Coordinators* on = nullptr;
  PartitionIndex partition;
};
Result<CoordinatorPlace> coordinator_place(const HandlerContext& context, std::string_view topic,
                                           std::string_view key);

namespace detail {

/// A group's answer on its way from the coordinator's shard to the request's. Touched on the
/// request's shard only.
class OwedAnswer {
 public:
  explicit OwedAnswer(Shard& home) : home_(home) {}

  Shard& home() { return home_; }
  void arrive(Result<coordinators::GroupRelease> answer);
  /// not_coordinator when `patience` ends first.
  Task<Result<coordinators::GroupRelease>> wait(Scope& patience);

 private:
  Shard& home_;
  std::optional<Result<coordinators::GroupRelease>> answer_;
  WaitQueue arrived_;
};

template <class Machine, class Sink, class T, class Decide>
Task<Result<T>> decide_at(CoordinatorSet<Machine, Sink>& set, PartitionIndex partition,
                          Decide& decide) {
  CO_TRY(auto* const hosted, set.find(partition));
  co_return co_await hosted->coordinator->template decide<Decide&, T>(decide);
}

template <class T, class Decide>
Task<Result<T>> decide_with_ticket(Coordinators& on, PartitionIndex partition,
                                   std::shared_ptr<OwedAnswer> owed, Decide& decide) {
  CO_TRY(auto* const hosted, on.groups().find(partition));
  GroupAnswers& answers = *hosted->sink;
  const Ticket ticket = on.next_ticket();
  answers.expect(ticket, [owed](Result<coordinators::GroupRelease> answer) {
    owed->home().executor().post(
        [owed, answer = std::move(answer)]() mutable { owed->arrive(std::move(answer)); });
  });
  const auto with_ticket = [&decide, ticket](GroupMachine& machine, Now now,
                                             GroupMachine::Effects& out) {
    decide(machine, ticket, now, out);
    return true;
  };
  // An error of the decision reaches the ticket too, except where the machine never saw it.
  auto decided = co_await hosted->coordinator->decide(with_ticket);
  if (!decided) answers.withdraw(ticket);
  co_return decided;
}

template <class Set, class Look, class T>
Task<bool> look_at_all(Set& set, Look& look, std::vector<Result<T>>& all) {
  for (const auto& [index, hosted] : set.all()) {
    if (const auto* machine = hosted.coordinator->machine()) {
      all.push_back(look(*machine));
    } else {
      all.push_back(std::unexpected(hosted.coordinator->absence()));
    }
  }
  co_return true;
}

}  // namespace detail

/// Runs decide(machine, now, effects) where `group_id` is coordinated and answers its value. The
/// callable may borrow the caller's frame; it runs on another shard, once.
template <class Decide,
          class T = std::invoke_result_t<Decide&, GroupMachine&, Now, GroupMachine::Effects&>>
Task<Result<T>> on_group(HandlerContext& context, std::string_view group_id, Decide decide) {
  CO_TRY(const CoordinatorPlace place, coordinator_place(context, kOffsetsTopic, group_id));
  co_return co_await call_on(context.here.shard(), place.on->scope(), [&place, &decide] {
    return detail::decide_at<GroupMachine, GroupAnswers, T>(place.on->groups(), place.partition,
                                                            decide);
  });
}

/// The same with a ticket, for requests that are answered by a release of type `Answer`
/// (JoinAnswer, SyncAnswer) that bears it: decide(machine, ticket, now, effects). Answers the
/// response in it. not_coordinator when the request's patience ends (the broker stops, the client
/// is gone).
template <class Answer, class Decide>
Task<Result<decltype(Answer::response)>> await_group(HandlerContext& context,
                                                     const rpc::Request& request,
                                                     std::string_view group_id, Decide decide) {
  CO_TRY(const CoordinatorPlace place, coordinator_place(context, kOffsetsTopic, group_id));
  auto owed = std::make_shared<detail::OwedAnswer>(context.here.shard());
  CO_CHECKED(co_await call_on(context.here.shard(), place.on->scope(), [&place, &owed, &decide] {
    return detail::decide_with_ticket<bool>(*place.on, place.partition, owed, decide);
  }));
  CO_TRY(auto release, co_await owed->wait(*request.patience));
  co_return std::get<Answer>(std::move(release)).response;
}

/// look(machine) on every coordinator of groups that this broker leads; where one is loading, what
/// keeps it from answering. For listings.
template <class Look, class T = std::invoke_result_t<Look&, const GroupMachine&>>
Task<std::vector<Result<T>>> on_every_group_coordinator(HandlerContext& context, Look look) {
  std::vector<Result<T>> all;
  for (Coordinators* on : context.services.coordinators) {
    co_await call_on(context.here.shard(), on->scope(),
                     [on, &look, &all] { return detail::look_at_all(on->groups(), look, all); });
  }
  co_return all;
}

/// on_group for a transactional id.
template <class Decide, class T = std::invoke_result_t<Decide&, TransactionMachine&, Now,
                                                       TransactionMachine::Effects&>>
Task<Result<T>> on_transaction(HandlerContext& context, std::string_view transactional_id,
                               Decide decide) {
  CO_TRY(const CoordinatorPlace place,
         coordinator_place(context, kTransactionsTopic, transactional_id));
  co_return co_await call_on(context.here.shard(), place.on->scope(), [&place, &decide] {
    return detail::decide_at<TransactionMachine, TransactionMarkers, T>(place.on->transactions(),
                                                                        place.partition, decide);
  });
}

/// on_every_group_coordinator for transactions.
template <class Look, class T = std::invoke_result_t<Look&, const TransactionMachine&>>
Task<std::vector<Result<T>>> on_every_transaction_coordinator(HandlerContext& context, Look look) {
  std::vector<Result<T>> all;
  for (Coordinators* on : context.services.coordinators) {
    co_await call_on(context.here.shard(), on->scope(), [on, &look, &all] {
      return detail::look_at_all(on->transactions(), look, all);
    });
  }
  co_return all;
}

}  // namespace partita::broker
