#pragma once
// Image: what the cluster looks like at one offset of the metadata log. Immutable; made by Delta
// (delta.h), shared by all shards as std::shared_ptr<const Image>. Two images share all topics that
// did not change between them.
//
// Invariants:
//  1. Every topic is found by its name and by its id, and both answer the same TopicImage.
//  2. Partitions of a topic are 0 .. size-1, without gaps.
//  3. An Image holds complete transactions only: its offset lies behind the last record of one.
//  4. What this broker does not interpret (quotas, ACLs, SCRAM, tokens, ...) is kept as the
//     record's own bytes, so that a snapshot of ours loses nothing of a log that Apache Kafka
//     wrote.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/uuid.h"
#include "metadata/node_list.h"
#include "metadata/persistent_map.h"

namespace partita::metadata {

/// One partition as the controller's records tell it (PartitionRecord, PartitionChangeRecord).
struct PartitionImage {
  NodeId leader = kNoNode;  ///< kNoNode: none can lead
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
  bool recovering = false;  ///< the leader was elected uncleanly and has not yet finished recovery
  bool exists = false;      ///< false only inside a Delta that has not seen the PartitionRecord yet
  NodeList replicas;
  NodeList isr;
  NodeList removing_replicas;
  NodeList adding_replicas;
  NodeList elr;  ///< eligible leader replicas (KIP-966)
  NodeList last_known_elr;
  std::vector<DirectoryId> directories;  ///< parallel to replicas

  /// The directory that `node` keeps this partition in; zero (UNASSIGNED) where unknown.
  DirectoryId directory_of(NodeId node) const;
  bool operator==(const PartitionImage&) const = default;
};

struct TopicImage {
  std::string name;
  TopicId id;
  std::vector<PartitionImage> partitions;  ///< by index

  /// nullptr where there is no such partition.
  const PartitionImage* partition(PartitionIndex index) const;
  bool operator==(const TopicImage&) const = default;
};

struct Endpoint {
  std::string listener;
  std::string host;
  uint16_t port = 0;
  int16_t security_protocol = 0;  ///< 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
  bool operator==(const Endpoint&) const = default;
};

struct FeatureRange {
  int16_t min = 0;
  int16_t max = 0;
  bool operator==(const FeatureRange&) const = default;
};

struct BrokerImage {
  NodeId id;
  BrokerEpoch epoch;
  Uuid incarnation;
  std::vector<Endpoint> endpoints;
  std::map<std::string, FeatureRange> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  bool migrating_zk_broker = false;
  std::vector<DirectoryId> log_dirs;
  std::optional<std::vector<DirectoryId>> cordoned_log_dirs;

  /// nullptr where the broker has no such listener.
  const Endpoint* endpoint(std::string_view listener) const;
  /// Alive in Kafka's sense: clients are told of it.
  bool active() const { return !fenced && !in_controlled_shutdown; }
  bool operator==(const BrokerImage&) const = default;
};

/// Kafka's ConfigResource types as records spell them.
enum class ConfigResourceType : int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::unknown;
  std::string name;  ///< "" for the cluster-wide default of brokers
  auto operator<=>(const ConfigResource&) const = default;
};
uint32_t bucket_hash(const ConfigResource& resource);

using Configs = std::map<std::string, std::string>;

/// A record that is kept but not interpreted: the frame as it stood in the log, by what identifies
/// it.
struct OpaqueKey {
  int16_t api_key = 0;
  std::string identity;
  auto operator<=>(const OpaqueKey&) const = default;
};

class Image {
 public:
  static std::shared_ptr<const Image> empty();

  /// Behind the last record that this image holds, and that record's epoch and append time: a
  /// snapshot of the image is named by the first two.
  Offset end_offset() const { return end_offset_; }
  LeaderEpoch epoch() const { return epoch_; }
  int64_t last_timestamp_ms() const { return last_timestamp_ms_; }

  /// nullptr where there is none; the pointer lives as long as some image that holds the topic.
  std::shared_ptr<const TopicImage> topic(std::string_view name) const;
  std::shared_ptr<const TopicImage> topic(const TopicId& id) const;
  /// nullptr where there is none.
  const PartitionImage* partition(const TopicId& id, PartitionIndex index) const;
  size_t topic_count() const { return topics_by_id_.size(); }
  size_t partition_count() const { return partition_count_; }
  /// visit(const std::shared_ptr<const TopicImage>&), in an order that depends on names only.
  template <class F>
  void for_each_topic(F&& visit) const {
    topics_by_name_.for_each([&](const std::string&, const auto& topic) { visit(topic); });
  }
  std::vector<std::shared_ptr<const TopicImage>> topics_sorted_by_name() const;

  /// Every registered broker, fenced or not.
  const std::map<NodeId, BrokerImage>& brokers() const { return *brokers_; }
  const BrokerImage* broker(NodeId id) const;

  /// The configs set on a resource; empty where none are.
  const Configs& configs(const ConfigResource& resource) const;
  const Configs& topic_configs(const std::string& topic) const {
    return configs({ConfigResourceType::topic, topic});
  }
  template <class F>
  void for_each_config(F&& visit) const {
    configs_.for_each(
        [&](const ConfigResource& resource, const auto& set) { visit(resource, *set); });
  }

  /// Finalized levels; metadata.version among them, kraft.version not (that one is raft's).
  const std::map<std::string, int16_t>& features() const { return features_; }
  /// -1 before the first FeatureLevelRecord.
  int16_t metadata_version() const;

  /// The first producer id that no block covers yet.
  ProducerId next_producer_id() const { return next_producer_id_; }
  /// Who was given the last block.
  const std::optional<std::pair<NodeId, BrokerEpoch>>& producer_ids_last_asked_by() const {
    return producer_ids_last_asked_by_;
  }

  const std::map<OpaqueKey, Bytes>& opaque() const { return *opaque_; }

  /// Same cluster state, whatever the two images' offsets.
  bool same_state(const Image& other) const;

 private:
  friend class Delta;

  Offset end_offset_;
  LeaderEpoch epoch_;
  int64_t last_timestamp_ms_ = 0;
  size_t partition_count_ = 0;
  PersistentMap<std::string, std::shared_ptr<const TopicImage>> topics_by_name_;
  PersistentMap<TopicId, std::shared_ptr<const TopicImage>> topics_by_id_;
  PersistentMap<ConfigResource, std::shared_ptr<const Configs>> configs_;
  std::shared_ptr<const std::map<NodeId, BrokerImage>> brokers_;
  std::map<std::string, int16_t> features_;
  ProducerId next_producer_id_{0};
  std::optional<std::pair<NodeId, BrokerEpoch>> producer_ids_last_asked_by_;
  std::shared_ptr<const std::map<OpaqueKey, Bytes>> opaque_;
};

}  // namespace partita::metadata
