#include "broker/transaction_partitions.h"

#include <algorithm>

#include "broker/coordination.h"
#include "wire/error_code.h"

namespace partita::broker {
namespace {

using coordinators::TransactionClaim;
using coordinators::TransactionPartitions;

Task<std::vector<Result<>>> verify(HandlerContext& context, TransactionClaim claim,
                                   const std::vector<TransactionPartition>& partitions) {
  const auto decide = [&](TransactionMachine& machine, Now, TransactionMachine::Effects&) {
    std::vector<Result<>> each;
    for (const auto& [topic, index] : partitions) {
      each.push_back(machine.verify_partition(claim, topic, index));
    }
    return each;
  };
  auto verified = co_await on_transaction(context, claim.transactional_id, decide);
  if (verified) co_return std::move(*verified);
  co_return std::vector<Result<>>(partitions.size(), std::unexpected(verified.error()));
}

Task<Result<>> add_once(HandlerContext& context, TransactionClaim claim,
                        const TransactionPartitions& partitions) {
  const auto decide = [&](TransactionMachine& machine, Now now, TransactionMachine::Effects& out) {
    return machine.add_partitions({.claim = claim, .partitions = partitions, .bumps_epoch = true},
                                  now, out);
  };
  CO_TRY(const Result<> added, co_await on_transaction(context, claim.transactional_id, decide));
  co_return added;
}

/// The markers of the transaction before are usually on their way: to wait for them here is cheaper
/// than to have the client send its records again.
Task<Result<>> add(HandlerContext& context, TransactionClaim claim,
                   const TransactionPartitions& partitions) {
  const Settings& settings = context.services.settings;
  Scope waits(context.here.shard());
  const Deadline last = context.here.shard().now() + settings.add_partitions_retry_max;
  while (true) {
    Result<> added = co_await add_once(context, claim, partitions);
    const bool ending = !added && added.error().code == Errc::concurrent_transactions;
    if (!ending || context.here.shard().now() >= last) co_return added;
    static_cast<void>(co_await sleep_for(waits, settings.add_partitions_retry_backoff));
  }
}

}  // namespace

Task<std::vector<Result<>>> ensure_in_transaction(HandlerContext& context,
                                                  const TransactionMembership& membership,
                                                  std::vector<TransactionPartition> partitions) {
  const TransactionClaim claim{.transactional_id = membership.transactional_id,
                               .producer = membership.producer};
  if (!membership.bumps_epoch) co_return co_await verify(context, claim, partitions);
  TransactionPartitions all;
  for (const auto& [topic, index] : partitions) all[std::string(topic)].insert(index);
  const Result<> added = co_await add(context, claim, all);
  co_return std::vector<Result<>>(partitions.size(), added);
}

Error produce_error(const Error& error, bool bumps_epoch, bool knows_abortable) {
  const auto try_again = [&] {
    return Error{Errc::not_enough_replicas,
                 "Unable to verify the partition has been added to the transaction. Underlying "
                 "error: " +
                     std::string(wire::error_name(wire::error_code(error.code)))};
  };
  switch (error.code) {
    case Errc::network_exception:
    case Errc::coordinator_load_in_progress:
    case Errc::coordinator_not_available:
    case Errc::not_coordinator: return try_again();
    case Errc::concurrent_transactions: return bumps_epoch ? error : try_again();
    case Errc::producer_fenced: return {Errc::invalid_producer_epoch, error.detail};
    case Errc::transaction_abortable:
      if (knows_abortable) return error;
      return {Errc::invalid_txn_state, "Partition was not added to the transaction"};
    default: return error;
  }
}

}  // namespace partita::broker
