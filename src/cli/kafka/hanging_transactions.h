#pragma once
// Transactions that are open on a partition although no coordinator means to end them: they hold
// the last stable offset for ever (KIP-664).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_process.h"
#include "client/transaction_admin.h"

namespace partita::cli::kafka {

struct HangingSearch {
  std::optional<NodeId> broker = {};  ///< only what has a replica there
  std::optional<std::string> topic = {};
  std::optional<PartitionIndex> partition = {};
  Duration older_than = std::chrono::minutes(15);
};

struct HangingTransaction {
  client::TopicPartition partition;
  client::PartitionProducer producer;
};

Task<Result<std::vector<HangingTransaction>>> find_hanging_transactions(ClientContext& context,
                                                                        HangingSearch search,
                                                                        Deadline deadline);

}  // namespace partita::cli::kafka
