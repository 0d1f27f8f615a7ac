#pragma once
// What brokers do before they append to a transaction (KIP-890): make sure that its coordinator
// knows that the partition is part of it, so that a marker will end it there.
//
// Clients that add partitions themselves (TV1: Produce below 12, TxnOffsetCommit below 5) are
// verified; those that leave it to the broker (TV2) have theirs added.

#include <string_view>

#include "broker/handler_table.h"
#include "coordinators/txn/transaction_machine.h"

namespace partita::broker {

struct TransactionMembership {
  std::string_view transactional_id;
  coordinators::ProducerTag producer;
  /// The client leaves it to the broker to add its partitions, and bumps its epoch with every end.
  bool bumps_epoch = false;
};

/// Whether each of the partitions is in the open transaction now, in their order. Errors, as the
/// coordinator says them: invalid_producer_id_mapping, producer_fenced, transaction_abortable (not
/// part of it), concurrent_transactions (the one before is still ending: tried for a while for
/// those that bump their epoch), and those of finding the coordinator. REQUIRED: `membership` and
/// `partitions` outlive the call.
using TransactionPartition = std::pair<std::string_view, int32_t>;
Task<std::vector<Result<>>> ensure_in_transaction(HandlerContext& context,
                                                  const TransactionMembership& membership,
                                                  std::vector<TransactionPartition> partitions);

/// How a producer hears of such an error: one that makes it do the right thing (semantics 3.9).
/// `knows_abortable`: Produce 11 and later.
Error produce_error(const Error& error, bool bumps_epoch, bool knows_abortable);

}  // namespace partita::broker
