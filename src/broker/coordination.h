#pragma once
// From a request to the coordinator that it is for: finds the partition of the internal topic that
// keeps the group or transactional id, hops to its shard, lets the machine decide there, and
// answers when what it decided is committed.
//
// Errors that every call may answer: not_coordinator (another broker, or nobody any more),
// coordinator_load_in_progress, coordinator_not_available (the topic is not there, or its log
// failed). They are what Kafka's own responses carry.

#include <functional>
#include <utility>
#include <vector>

#include "broker/handler_table.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/txn/transaction_machine.h"

namespace partita::broker {

using coordinators::GroupEffects;
using coordinators::GroupMachine;
using coordinators::Now;
using coordinators::Ticket;
using coordinators::TransactionMachine;

/// Runs decide(machine, now, effects) where `group_id` is coordinated and answers its value. The
/// callable may borrow the caller's frame; it runs on another shard, once.
template <class Decide,
          class T = std::invoke_result_t<Decide&, GroupMachine&, Now, GroupMachine::Effects&>>
Task<Result<T>> on_group(HandlerContext& context, std::string_view group_id, Decide decide);

/// The same with a ticket, for requests that are answered by a release of type `Answer`
/// (JoinAnswer, SyncAnswer) that bears it: decide(machine, ticket, now, effects). Answers the
/// response in it. not_coordinator when the request's patience ends (the broker stops, the client
/// is gone).
template <class Answer, class Decide>
Task<Result<decltype(Answer::response)>> await_group(HandlerContext& context,
                                                     const rpc::Request& request,
                                                     std::string_view group_id, Decide decide);

/// on_group for a transactional id.
template <class Decide, class T = std::invoke_result_t<Decide&, TransactionMachine&, Now,
                                                       TransactionMachine::Effects&>>
Task<Result<T>> on_transaction(HandlerContext& context, std::string_view transactional_id,
                               Decide decide);

/// look(machine) on every coordinator that this broker leads, one after the other; those that are
/// loading answer coordinator_load_in_progress. For listings.
template <class Look, class T = std::invoke_result_t<Look&, const GroupMachine&>>
Task<std::vector<Result<T>>> on_every_group_coordinator(HandlerContext& context, Look look);
template <class Look, class T = std::invoke_result_t<Look&, const TransactionMachine&>>
Task<std::vector<Result<T>>> on_every_transaction_coordinator(HandlerContext& context, Look look);

}  // namespace partita::broker
