#pragma once
// ControllerMachine: decides what exists and who should lead. Pure: a request and the time in,
// records and the answer out. It runs where raft leads; one per controller, single-threaded.
//
// The driver (controller.h) appends a decision's records, replays them here at once, and gives the
// answer away when the quorum has committed them.
//
// Invariants:
//  1. Only replay() changes cluster state (the image); what handlers remember (sessions) is soft
//     and starts anew with each activation, with a full session for everyone.
//  2. A decision's records are applied whole or not at all.
//  3. Decisions are made on the newest state, committed or not: they are answered only after it is.
//  4. Refusals have Kafka's error code and words.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "controller/partition_change.h"
#include "metadata/image.h"
#include "metadata/record.h"
#include "metadata/topic_configs.h"
#include "wire/messages/allocate_producer_ids.h"
#include "wire/messages/alter_configs.h"
#include "wire/messages/broker_heartbeat.h"
#include "wire/messages/broker_registration.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/incremental_alter_configs.h"

namespace partita::controller {

class ReplicaPlacer;

struct ControllerSettings {
  std::string cluster_id;
  NodeId self;
  std::vector<metadata::Endpoint> endpoints;  ///< of the controller, for its registration
  int32_t default_partitions = 1;
  int16_t default_replication_factor = 1;
  int64_t partitions_max = 1'000'000;  ///< of the cluster; more are refused
  bool delete_topics = true;
  Duration broker_session_timeout = 9000ms;
  metadata::Configs static_broker_configs;  ///< settings given to this node, by broker name
  std::vector<metadata::Record>
      bootstrap;  ///< what a new cluster begins with; empty: Kafka's features
};

using Records = std::vector<metadata::Record>;

template <class Response>
struct Decision {
  Records records;
  Response response;
};

class ControllerMachine {
 public:
  /// `make_id` makes topic ids.
  ControllerMachine(ControllerSettings settings, std::function<Uuid()> make_id,
                    uint64_t placement_seed);
  ~ControllerMachine();

  // Leading.
  /// This node leads the quorum now, and `committed` holds all that came before. Answers what is to
  /// be appended first, a batch each.
  std::vector<Records> activate(std::shared_ptr<const metadata::Image> committed,
                                bool dangling_transaction, Uuid incarnation, Instant now);
  /// Also forgets what was not committed.
  void deactivate();
  bool active() const { return active_; }

  /// The newest state, committed or not.
  const std::shared_ptr<const metadata::Image>& image() const { return image_; }
  /// REQUIRED: active; the records are the machine's own.
  Result<> replay(std::span<const metadata::Record> records, Offset end_offset, LeaderEpoch epoch,
                  WallTime written);

  // Requests. REQUIRED: active.
  /// `next_offset` is where the decision's first record will stand: it becomes the broker's epoch.
  Decision<wire::BrokerRegistrationResponse> register_broker(
      const wire::BrokerRegistrationRequest& request, Offset next_offset, Instant now);
  /// `log_end` is the end of the metadata log.
  Decision<wire::BrokerHeartbeatResponse> heartbeat(const wire::BrokerHeartbeatRequest& request,
                                                    Offset log_end, Instant now);
  Decision<wire::AllocateProducerIdsResponse> allocate_producer_ids(
      const wire::AllocateProducerIdsRequest& request) const;
  Decision<wire::CreateTopicsResponse> create_topics(const wire::CreateTopicsRequest& request);
  Decision<wire::DeleteTopicsResponse> delete_topics(
      const wire::DeleteTopicsRequest& request) const;
  Decision<wire::CreatePartitionsResponse> create_partitions(
      const wire::CreatePartitionsRequest& request);
  Decision<wire::IncrementalAlterConfigsResponse> incremental_alter_configs(
      const wire::IncrementalAlterConfigsRequest& request) const;
  Decision<wire::AlterConfigsResponse> alter_configs(
      const wire::AlterConfigsRequest& request) const;

  // Time.
  /// Fences at most one broker whose session has ended.
  Records tick(Instant now);
  /// When the next session ends.
  Instant next_tick() const;

  void check_invariants() const;

 private:
  struct Session {
    Instant last_contact;
    int64_t metadata_offset = -1;
    std::optional<int64_t> shutdown_offset;  ///< of the controlled shutdown's last record
  };
  struct TopicPlan;
  struct NewPartition {
    int32_t index = 0;
    metadata::PartitionImage image;
  };
  using CreatableTopic = wire::CreateTopicsRequest::CreatableTopic;
  using TopicResult = wire::CreateTopicsResponse::CreatableTopicResult;

  // Brokers (controller_brokers.cc).
  Result<> check_registration(const wire::BrokerRegistrationRequest& request, Instant now) const;
  Result<> check_directories(const wire::BrokerRegistrationRequest& request) const;
  Result<> check_features(const wire::BrokerRegistrationRequest& request) const;
  bool has_session(NodeId broker, Instant now) const;
  bool proves_the_other_is_gone(const metadata::BrokerImage& before,
                                const wire::BrokerRegistrationRequest& request) const;
  void fence(const metadata::BrokerImage& broker, Records& records) const;
  void unfence(const metadata::BrokerImage& broker, Records& records) const;
  void start_controlled_shutdown(const metadata::BrokerImage& broker, Records& records) const;
  void broker_leaves(NodeId broker, Departure how, Records& records) const;
  bool leads_what_others_could(NodeId broker) const;
  int64_t lowest_active_offset() const;
  ElectionRules rules_for(const std::string& topic) const;
  bool elr_enabled() const;

  // Topics (controller_topics.cc).
  Result<TopicResult> create_topic(const CreatableTopic& topic, int64_t& partitions_left,
                                   Records& records);
  Result<std::vector<NewPartition>> plan_partitions(const CreatableTopic& topic);
  Result<std::vector<NewPartition>> plan_assigned(const CreatableTopic& topic) const;
  Result<std::vector<NewPartition>> place(int32_t first, int32_t count, int32_t replication_factor);
  Result<> check_assignment(const std::vector<int32_t>& brokers,
                            std::optional<size_t> replication_factor) const;
  Result<metadata::PartitionImage> new_partition(const metadata::NodeList& replicas) const;
  Result<> check_new_name(const std::string& name,
                          const std::map<std::string, std::string>& by_collision_key) const;
  std::map<std::string, std::string> names_by_collision_key() const;
  Result<> grow(const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic,
                int64_t& partitions_left, Records& records);
  Result<std::vector<NewPartition>> plan_growth(
      const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic,
      const metadata::TopicImage& image);
  ReplicaPlacer make_placer();
  bool is_active(NodeId broker) const;

  // Configs (controller_configs.cc).
  metadata::ConfigSources config_sources() const;
  Result<> check_resource(const metadata::ConfigResource& resource,
                          const metadata::Configs& after) const;
  void note_min_insync_change(const metadata::ConfigResource& resource, const Records& added,
                              Records& records) const;
  Result<> check_min_insync(const metadata::ConfigResource& resource, const Records& added) const;
  Result<> alter(const metadata::ConfigResource& resource,
                 const wire::IncrementalAlterConfigsRequest::AlterConfigsResource& request,
                 Records& records) const;
  Result<> replace(const metadata::ConfigResource& resource,
                   const wire::AlterConfigsRequest::AlterConfigsResource& request,
                   Records& records) const;

  const ControllerSettings settings_;
  const std::function<Uuid()> make_id_;
  uint64_t placement_seed_;

  // Hard state: what the records say.
  std::shared_ptr<const metadata::Image> image_;
  // Soft state.
  bool active_ = false;
  std::map<NodeId, Session> sessions_;
};

}  // namespace partita::controller
