#pragma once
// A produce request taken apart: one entry a partition, in the request's order, with what is wrong
// with it already known or with the batch that goes to the partition's shard.

#include <optional>
#include <string_view>
#include <vector>

#include "broker/handler_table.h"
#include "broker/transaction_partitions.h"
#include "replication/append.h"
#include "wire/messages/produce.h"

namespace partita::broker {

struct ProduceEntry {
  std::shared_ptr<const metadata::TopicImage> topic;  ///< null where the request's is unknown
  int32_t partition = 0;
  size_t shard = 0;
  std::optional<records::Rejection> rejection;
  std::optional<replication::AppendRequest> append;  ///< until it is handed over
  replication::AppendAnswer answer;                  ///< where there is no rejection
  bool transactional = false;
};

struct ProducePlan {
  std::vector<ProduceEntry> entries;
  /// Whose transaction the transactional entries belong to, where there are
  /// any. Borrows the request.
  std::optional<TransactionMembership> transaction;
  bool knows_abortable = false;  ///< the client knows transaction_abortable
  bool has_rejection() const;
};

/// Judges everything that needs no log: names, leaders, batches (CRC and structure).
ProducePlan plan_produce(const HandlerContext& context, const rpc::Request& request,
                         const wire::ProduceRequestView& body);

}  // namespace partita::broker
