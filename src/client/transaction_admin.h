#pragma once
// TransactionAdmin: what operators ask of transactions: which there are, who holds a partition's
// last stable offset, and the end of one that hangs. Belongs to the shard of its Cluster, which
// outlives it.

#include <optional>
#include <string>
#include <vector>

#include "client/admin.h"
#include "client/coordinator.h"
#include "client/leader_call.h"

namespace partita::client {

struct TransactionListing {
  std::string transactional_id;
  ProducerId producer_id;
  std::string state;  ///< Kafka's words: Ongoing, CompleteCommit, ...
  NodeId coordinator;
};
struct TransactionFilter {
  std::vector<std::string> states = {};
  std::vector<ProducerId> producer_ids = {};
  std::optional<Duration> longer_than = {};
  std::optional<std::string> id_pattern = {};
};

struct TransactionDescription {
  NodeId coordinator;
  std::string state;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  Duration timeout;
  std::optional<WallTime> start;  ///< nothing while none is open
  std::vector<TopicPartition> partitions;
};

/// What a partition knows of one producer.
struct PartitionProducer {
  ProducerId id;
  int32_t epoch = -1;
  int32_t last_sequence = -1;
  WallTime last_timestamp;
  std::optional<int32_t> coordinator_epoch;  ///< nothing before its first marker
  std::optional<Offset> transaction_start;   ///< of an open transaction
};
using PartitionProducers = std::vector<PartitionProducer>;

/// One producer's open transaction on one partition.
struct TransactionToAbort {
  TopicPartition partition;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  int32_t coordinator_epoch = 0;
};

class TransactionAdmin {
 public:
  /// Waits end with `scope`.
  TransactionAdmin(Scope& scope, Cluster& cluster) : scope_(scope), cluster_(cluster) {}

  /// Of every broker, by broker.
  Task<Result<std::vector<TransactionListing>>> list(TransactionFilter filter, Deadline deadline);
  Task<Result<Outcomes<TransactionDescription>>> describe(std::vector<std::string> ids,
                                                          Deadline deadline);
  /// Asks leaders, or one broker that has replicas of them.
  Task<Result<PartitionAnswers<PartitionProducers>>> describe_producers(
      std::vector<TopicPartition> partitions, std::optional<NodeId> broker, Deadline deadline);
  /// Writes an abort marker where the coordinator has forgotten to (KIP-664).
  Task<Result<>> abort(TransactionToAbort transaction, Deadline deadline);
  /// Fences the id's producer, by which its coordinator aborts what is open.
  Task<Result<>> force_terminate(std::string transactional_id, Deadline deadline);

 private:
  Scope& scope_;
  Cluster& cluster_;
};

}  // namespace partita::client
