#pragma once
// Admin: what operators ask of a cluster: topics, partitions, configs, offsets. Every call tries
// again on connection errors until its deadline, and answers item by item what the cluster said, in
// its words. Belongs to the shard of its Cluster, which outlives it.
//
// Invariants:
//  1. An outer Error says that nothing is known of any item; an inner one is the cluster's answer
//     on that item: its code is Kafka's, its detail the broker's message (empty where it sent
//     none).
//  2. A call that is tried again after a lost connection may find its own work done: create_topics
//     may then answer TOPIC_ALREADY_EXISTS, as with Kafka's own client.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cluster.h"

namespace partita::client {

/// What became of one named thing.
template <class T = void>
struct Outcome {
  std::string name;
  Result<T> result;
};
template <class T = void>
using Outcomes = std::vector<Outcome<T>>;

struct NewTopic {
  std::string name;
  int32_t partitions = -1;          ///< -1: the broker's default
  int16_t replication_factor = -1;  ///< -1: the broker's default
  /// Replicas by partition; where given, both counts are -1.
  std::map<int32_t, std::vector<int32_t>> assignment = {};
  std::vector<std::pair<std::string, std::string>> configs = {};
};
struct CreatedTopic {
  TopicId id;
  int32_t partitions = -1;
  int16_t replication_factor = -1;
};

struct NewPartitions {
  std::string topic;
  int32_t count = 0;                                                 ///< afterwards
  std::optional<std::vector<std::vector<int32_t>>> assignment = {};  ///< of the new ones
};

struct PartitionDescription {
  PartitionIndex index;
  NodeId leader = kNoNode;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  std::optional<std::vector<NodeId>> elr;  ///< nothing where the broker cannot tell
  std::optional<std::vector<NodeId>> last_known_elr;
};
struct TopicDescription {
  TopicId id;
  bool is_internal = false;
  std::vector<PartitionDescription> partitions;  ///< by rising index
};

/// Kafka's numbers.
enum class ResourceType : int8_t {
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};
enum class ConfigSource : int8_t {
  unknown = -1,
  dynamic_topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  defaults = 5,
  dynamic_broker_logger = 6,
  dynamic_client_metrics = 7,
  dynamic_group = 8,
};

struct ConfigResource {
  ResourceType type = ResourceType::topic;
  std::string name;
};
struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::unknown;
};
struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::unknown;
  bool is_read_only = false;
  bool is_sensitive = false;
  std::vector<ConfigSynonym> synonyms = {};  ///< where they were asked for
};
struct ConfigQuestion {
  std::optional<std::vector<std::string>> names = {};
  bool with_synonyms = false;
};
/// Kafka's numbers.
enum class ConfigOperation : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
struct ConfigChange {
  std::string name;
  ConfigOperation operation = ConfigOperation::set;
  std::optional<std::string> value;
};

struct ClusterDescription {
  std::string cluster_id;
  NodeId controller = kNoNode;
  std::vector<BrokerView> brokers;
};

struct PartitionReassignment {
  TopicPartition partition;
  std::vector<NodeId> replicas;
  std::vector<NodeId> adding;
  std::vector<NodeId> removing;
};

// What ListOffsets understands beside times.
inline constexpr int64_t kLatestTimestamp = -1;
inline constexpr int64_t kEarliestTimestamp = -2;
inline constexpr int64_t kMaxTimestamp = -3;

struct ListedOffset {
  Offset offset = kNoOffset;  ///< -1: no record is that young
  WallTime timestamp = kNoTimestamp;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};
struct OffsetQuestion {
  TopicPartition partition;
  int64_t timestamp = kLatestTimestamp;
};

struct RecordsToDelete {
  TopicPartition partition;
  Offset offset;  ///< the first that stays; -1: all that is committed goes
};

class Admin {
 public:
  /// Waits end with `scope`.
  Admin(Scope& scope, Cluster& cluster) : scope_(scope), cluster_(cluster) {}

  Task<Result<Outcomes<CreatedTopic>>> create_topics(std::vector<NewTopic> topics,
                                                     bool validate_only, Deadline deadline);
  Task<Result<Outcomes<>>> delete_topics(std::vector<std::string> names, Deadline deadline);
  Task<Result<Outcomes<>>> create_partitions(std::vector<NewPartitions> topics, Deadline deadline);
  /// Every topic by name.
  Task<Result<std::vector<TopicPtr>>> list_topics(Deadline deadline);
  /// By DescribeTopicPartitions, page by page; by Metadata where the broker has no such thing.
  Task<Result<Outcomes<TopicDescription>>> describe_topics(std::vector<std::string> names,
                                                           Deadline deadline);
  /// All configs, or those that are named.
  Task<Result<Outcomes<std::vector<ConfigEntry>>>> describe_configs(
      std::vector<ConfigResource> resources, Deadline deadline, ConfigQuestion question = {});
  /// A broker's own configs are changed at that broker.
  Task<Result<>> alter_configs(ConfigResource resource, std::vector<ConfigChange> changes,
                               Deadline deadline);
  Task<Result<ClusterDescription>> describe_cluster(Deadline deadline);
  Task<Result<std::vector<PartitionReassignment>>> list_reassignments(Deadline deadline);
  /// Asks each partition's leader. `name` of an outcome is "topic-partition".
  Task<Result<std::map<TopicPartition, Result<ListedOffset>>>> list_offsets(
      std::vector<OffsetQuestion> questions, bool read_committed, Deadline deadline);
  /// Answers where each log begins afterwards.
  Task<Result<std::map<TopicPartition, Result<Offset>>>> delete_records(
      std::vector<RecordsToDelete> before, Deadline deadline);
  Task<Result<std::vector<ConfigResource>>> list_config_resources(std::vector<ResourceType> types,
                                                                  Deadline deadline);

 private:
  template <class Request>
  Task<Result<Answer>> call(Request request, Deadline deadline);
  template <class Request>
  Task<Result<Answer>> call_node(NodeId node, Request request, Deadline deadline);
  Task<Result<Outcomes<TopicDescription>>> describe_by_metadata(std::vector<std::string> names,
                                                                Deadline deadline);

  Scope& scope_;
  Cluster& cluster_;
};

}  // namespace partita::client
