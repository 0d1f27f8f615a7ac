// What the controller decides, in the words that Apache Kafka 4.3.1 answered to the same requests.

#include "controller/controller_machine.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/fault_points.h"
#include "base/source_path_test.h"
#include "controller/replica_placer.h"
#include "metadata/features.h"
#include "metadata/log_replay.h"
#include "wire/error_code.h"

namespace partita::controller {
namespace {

using metadata::ConfigResourceType;

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() { reset(); }
  ~ControllerTest() override { faults::set_mutant(""); }

  void reset() {
    ControllerSettings settings;
    settings.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    settings.self = NodeId(1);
    settings.partitions_max = 30'000;
    machine_ = std::make_unique<ControllerMachine>(
        settings, [this] { return Uuid::from_random(42, ++ids_); }, 7);
    end_ = 0;
    for (const Records& batch : machine_->activate(metadata::Image::empty(), false, Uuid(), now_))
      append(batch);
  }

  void append(const Records& records) {
    if (records.empty()) return;
    end_ += static_cast<int64_t>(records.size());
    ASSERT_TRUE(machine_->replay(records, Offset(end_), LeaderEpoch(1), WallTime(1)));
    machine_->check_invariants();
  }
  template <class Response>
  Response apply(Decision<Response> decision) {
    append(decision.records);
    last_records_ = std::move(decision.records);
    return std::move(decision.response);
  }

  wire::BrokerRegistrationRequest registration(int32_t id, int64_t previous_epoch = -1) {
    wire::BrokerRegistrationRequest request;
    request.broker_id = id;
    request.cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    request.incarnation_id = Uuid::from_random(1, ++ids_);
    request.listeners.push_back({"PLAINTEXT", "localhost", 9092, 0});
    for (const auto& [name, range] : metadata::supported_features()) {
      request.features.push_back({name, range.min, range.max});
    }
    request.rack = std::nullopt;
    request.log_dirs = {Uuid::from_random(9, static_cast<uint64_t>(id))};
    request.previous_broker_epoch = previous_epoch;
    return request;
  }
  int16_t join(const wire::BrokerRegistrationRequest& request) {
    const auto response = apply(machine_->register_broker(request, Offset(end_), now_));
    if (response.error_code == wire::kNoError) epochs_[request.broker_id] = response.broker_epoch;
    return response.error_code;
  }
  wire::BrokerHeartbeatResponse beat(int32_t id, bool shut_down = false, bool fence = false) {
    return apply(machine_->heartbeat({.broker_id = id,
                                      .broker_epoch = epochs_[id],
                                      .current_metadata_offset = end_,
                                      .want_fence = fence,
                                      .want_shut_down = shut_down},
                                     Offset(end_), now_));
  }
  void start(int32_t id) {
    ASSERT_EQ(join(registration(id)), wire::kNoError);
    ASSERT_FALSE(beat(id).is_fenced);
  }

  std::string create(const wire::CreateTopicsRequest::CreatableTopic& topic, int16_t expected,
                     bool validate = false) {
    const auto response =
        apply(machine_->create_topics({.topics = {topic}, .validate_only = validate}));
    EXPECT_EQ(response.topics.size(), 1u);
    EXPECT_EQ(response.topics[0].error_code, expected)
        << response.topics[0].error_message.value_or("");
    return response.topics[0].error_message.value_or("");
  }
  std::string create(const std::string& name, int32_t partitions, int16_t factor,
                     int16_t expected) {
    return create({.name = name, .num_partitions = partitions, .replication_factor = factor},
                  expected);
  }
  std::string assigned(std::vector<std::pair<int32_t, std::vector<int32_t>>> assignments,
                       int16_t expected, int32_t partitions = -1, int16_t factor = -1) {
    wire::CreateTopicsRequest::CreatableTopic topic{
        .name = "q", .num_partitions = partitions, .replication_factor = factor};
    for (auto& [index, brokers] : assignments) topic.assignments.push_back({index, brokers});
    return create(topic, expected, true);
  }
  std::string grow(const std::string& name, int32_t count,
                   std::optional<std::vector<std::vector<int32_t>>> assignments, int16_t expected) {
    wire::CreatePartitionsRequest::CreatePartitionsTopic topic{.name = name, .count = count};
    topic.assignments.reset();
    if (assignments) {
      topic.assignments.emplace();
      for (auto& brokers : *assignments) topic.assignments->push_back({brokers});
    }
    const auto response = apply(machine_->create_partitions({.topics = {topic}}));
    EXPECT_EQ(response.results[0].error_code, expected)
        << response.results[0].error_message.value_or("");
    return response.results[0].error_message.value_or("");
  }
  std::string alter(int8_t type, const std::string& name, const std::string& key,
                    std::optional<std::string> value, int8_t operation, int16_t expected) {
    wire::IncrementalAlterConfigsRequest request;
    request.resources.push_back(
        {.resource_type = type, .resource_name = name, .configs = {{key, operation, value}}});
    const auto response = apply(machine_->incremental_alter_configs(request));
    EXPECT_EQ(response.responses[0].error_code, expected)
        << response.responses[0].error_message.value_or("");
    return response.responses[0].error_message.value_or("");
  }
  const metadata::PartitionImage& partition(const std::string& topic, int32_t index) {
    return machine_->image()->topic(topic)->partitions.at(static_cast<size_t>(index));
  }

  std::unique_ptr<ControllerMachine> machine_;
  std::map<int32_t, int64_t> epochs_;
  Records last_records_;
  Instant now_ = Instant(100s);
  int64_t end_ = 0;
  uint64_t ids_ = 0;
};

TEST_F(ControllerTest, ActivationBootstrapsWhatFormatWrites) {
  const auto& image = *machine_->image();
  EXPECT_EQ(image.metadata_version(), 30);
  EXPECT_EQ(image.features().size(), 6u);
  EXPECT_EQ(image.configs({ConfigResourceType::broker, ""}).at("min.insync.replicas"), "1");
  const auto again = machine_->activate(machine_->image(), true, Uuid(), now_);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<wire::AbortTransactionRecord>(again[0][0].value));
  EXPECT_TRUE(std::holds_alternative<wire::RegisterControllerRecord>(again[1][0].value));
}

TEST_F(ControllerTest, CreateTopicsRefusesInKafkasWords) {
  EXPECT_EQ(create("early", 1, 1, 38),
            "Unable to replicate the partition 1 time(s): All brokers are currently fenced.");
  start(1);
  create("plain", 3, 1, 0);
  EXPECT_EQ(create("plain", 3, 1, 36), "Topic 'plain' already exists.");
  EXPECT_EQ(
      create("rf", 3, 3, 38),
      "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be "
      "reached because "
      "only 1 broker(s) are registered or some brokers have all their log directories cordoned.");
  EXPECT_EQ(create("q", 0, 1, 37),
            "Number of partitions was set to an invalid non-positive value.");
  EXPECT_EQ(create("q", -5, 1, 37),
            "Number of partitions was set to an invalid non-positive value.");
  EXPECT_EQ(create("q", 1, 0, 38),
            "Replication factor must be larger than 0, or -1 to use the default value.");
  EXPECT_EQ(create("", 1, 1, 17), "Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(create(".", 1, 1, 17), "Topic name is invalid: '.' is not allowed");
  EXPECT_EQ(create("../x", 1, 1, 17),
            "Topic name is invalid: '../x' contains one or more characters other than ASCII "
            "alphanumerics, '.', '_' and '-'");
  const std::string long_name(250, 'x');
  EXPECT_EQ(create(long_name, 1, 1, 17), "Topic name is invalid: the length of '" + long_name +
                                             "' is longer than the max allowed length 249");
  create("a.b", 1, 1, 0);
  EXPECT_EQ(create("a_b", 1, 1, 17), "Topic 'a_b' collides with existing topic: a.b");
  EXPECT_EQ(create("__cluster_metadata", 1, 1, 42),
            "Creation of internal topic __cluster_metadata is prohibited.");
  EXPECT_EQ(create({.name = "q",
                    .num_partitions = 1,
                    .replication_factor = 1,
                    .configs = {{"foo.bar", "1"}}},
                   40),
            "Unknown topic config name: foo.bar");
  EXPECT_EQ(create({.name = "q",
                    .num_partitions = 1,
                    .replication_factor = 1,
                    .configs = {{"retention.ms", std::nullopt}}},
                   40),
            "Null value not supported for topic configs: retention.ms");
  create("huge", 20'000, 1, 0);
  create("more", 10'000, 1, 37);
  EXPECT_EQ(machine_->image()->partition_count(), 20'004u);
}

TEST_F(ControllerTest, ManualAssignmentsAreCheckedInKafkasWords) {
  start(1);
  EXPECT_EQ(assigned({{0, {1}}, {1, {}}}, 39),
            "The manual partition assignment includes an empty replica list.");
  EXPECT_EQ(assigned({{0, {1}}, {2, {1}}}, 39),
            "partitions should be a consecutive 0-based integer sequence");
  EXPECT_EQ(assigned({{0, {1}}, {1, {1, 2}}}, 39),
            "The manual partition assignment includes broker 2, but no such broker is registered.");
  EXPECT_EQ(assigned({{0, {1, 1}}}, 39),
            "The manual partition assignment includes the broker 1 more than once.");
  EXPECT_EQ(assigned({{0, {1}}, {0, {1}}}, 39),
            "Found multiple manual partition assignments for partition 0");
  EXPECT_EQ(assigned({{0, {1}}}, 42, 1, -1),
            "A manual partition assignment was specified, but numPartitions was not set to -1.");
  EXPECT_EQ(
      assigned({{0, {1}}}, 42, -1, 1),
      "A manual partition assignment was specified, but replication factor was not set to -1.");
  assigned({{0, {1}}, {1, {1}}}, 0);
  EXPECT_EQ(machine_->image()->topic_count(), 0u);
}

TEST_F(ControllerTest, ACreatedTopicIsToldWhole) {
  start(1);
  const auto response = apply(machine_->create_topics(
      {.topics = {{.name = "fin",
                   .num_partitions = 2,
                   .replication_factor = -1,
                   .configs = {{"retention.ms", "99"}}},
                  {.name = "twice", .num_partitions = 1, .replication_factor = 1},
                  {.name = "twice", .num_partitions = 1, .replication_factor = 1}}}));
  ASSERT_EQ(response.topics.size(), 2u);
  const auto& fin = response.topics[0];
  EXPECT_EQ(fin.num_partitions, 2);
  EXPECT_EQ(fin.replication_factor, 1);
  EXPECT_FALSE(fin.topic_id.is_zero());
  ASSERT_TRUE(fin.configs);
  EXPECT_EQ(fin.configs->size(), 33u);
  for (const auto& config : *fin.configs) {
    if (config.name == "retention.ms") {
      EXPECT_EQ(config.value, "99");
      EXPECT_EQ(config.config_source, 1);
    }
    if (config.name == "min.insync.replicas") EXPECT_EQ(config.config_source, 3);
  }
  EXPECT_EQ(response.topics[1].error_code, 42);
  EXPECT_EQ(response.topics[1].error_message, "Duplicate topic name.");
  ASSERT_EQ(last_records_.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<wire::TopicRecord>(last_records_[0].value));
  EXPECT_TRUE(std::holds_alternative<wire::ConfigRecord>(last_records_[1].value));
  const auto& p = partition("fin", 1);
  EXPECT_EQ(p.leader, NodeId(1));
  EXPECT_EQ(p.leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(p.directories, (std::vector{Uuid::from_random(9, 1)}));
}

TEST_F(ControllerTest, GrowsInKafkasWords) {
  start(1);
  create("plain", 5, 1, 0);
  EXPECT_EQ(grow("plain", 5, {}, 37), "Topic already has 5 partition(s).");
  EXPECT_EQ(grow("plain", 4, {}, 37),
            "The topic plain currently has 5 partition(s); 4 would not be an increase.");
  EXPECT_EQ(grow("plain", -1, {}, 37),
            "The topic plain currently has 5 partition(s); -1 would not be an increase.");
  EXPECT_EQ(grow("nope", 4, {}, 3), "This server does not host this topic-partition.");
  EXPECT_EQ(grow("plain", 7, {{{1}}}, 39),
            "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.");
  EXPECT_EQ(grow("plain", 6, {{{}}}, 39),
            "The manual partition assignment includes an empty replica list.");
  EXPECT_EQ(grow("plain", 6, {{{2}}}, 39),
            "The manual partition assignment includes broker 2, but no such broker is registered.");
  grow("plain", 7, {}, 0);
  EXPECT_EQ(machine_->image()->topic("plain")->partitions.size(), 7u);
}

TEST_F(ControllerTest, DeletesByNameAndById) {
  start(1);
  create("a", 1, 1, 0);
  create("b", 1, 1, 0);
  const TopicId b = machine_->image()->topic("b")->id;
  wire::DeleteTopicsRequest request;
  request.topics = {
      {"a", {}},          {std::nullopt, b}, {"nope", {}}, {std::nullopt, Uuid::from_random(5, 5)},
      {std::nullopt, {}}, {"x", b},          {"y", {}},    {"y", {}}};
  const auto response = apply(machine_->delete_topics(request));
  std::vector<std::pair<int16_t, std::string>> told;
  for (const auto& r : response.responses)
    told.emplace_back(r.error_code, r.error_message.value_or(""));
  EXPECT_EQ(told, (std::vector<std::pair<int16_t, std::string>>{
                      {0, ""},
                      {0, ""},
                      {3, "This server does not host this topic-partition."},
                      {100, "This server does not host this topic ID."},
                      {42, "Neither topic name nor id were specified."},
                      {42, "You may not specify both topic name and topic id."},
                      {42, "Duplicate topic name."}}));
  EXPECT_EQ(response.responses[1].name, "b");
  EXPECT_EQ(machine_->image()->topic_count(), 0u);
}

TEST_F(ControllerTest, AltersConfigsInKafkasWords) {
  start(1);
  create("plain", 1, 1, 0);
  constexpr int8_t kTopic = 2, kBroker = 4, kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3;
  EXPECT_EQ(alter(kTopic, "plain", "nope", "1", kSet, 40), "Unknown topic config name: nope");
  EXPECT_EQ(alter(kTopic, "nope", "retention.ms", "1", kSet, 3),
            "The topic 'nope' does not exist.");
  EXPECT_EQ(alter(kTopic, "", "retention.ms", "1", kSet, 42),
            "Default topic resources are not allowed.");
  EXPECT_EQ(alter(kTopic, "plain", "retention.ms", std::nullopt, kSet, 42),
            "Null value not supported for : retention.ms");
  EXPECT_EQ(alter(kTopic, "plain", "retention.ms", "1", kAppend, 40),
            "Can't APPEND to key retention.ms because its type is not LIST.");
  EXPECT_EQ(alter(kTopic, "plain", "nope", "x", kAppend, 40),
            "Can't APPEND to key nope because its type is not LIST.");
  alter(kTopic, "plain", "nope", std::nullopt, kDelete, 0);
  alter(kTopic, "plain", "cleanup.policy", "compact", kAppend, 0);
  EXPECT_EQ(machine_->image()->topic_configs("plain").at("cleanup.policy"), "delete,compact");
  alter(kTopic, "plain", "cleanup.policy", "compact", kAppend, 0);
  EXPECT_TRUE(last_records_.empty());
  alter(kTopic, "plain", "cleanup.policy", "delete", kSubtract, 0);
  alter(kTopic, "plain", "cleanup.policy", "compact", kSubtract, 0);
  EXPECT_EQ(machine_->image()->topic_configs("plain").at("cleanup.policy"), "");
  alter(kTopic, "plain", "cleanup.policy", std::nullopt, kDelete, 0);
  EXPECT_TRUE(machine_->image()->topic_configs("plain").empty());
  EXPECT_EQ(alter(kBroker, "abc", "x", "1", kSet, 42),
            "Unable to parse broker name as a base 10 number.");
  EXPECT_EQ(alter(kBroker, "1", "min.insync.replicas", "1", kSet, 40),
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
  EXPECT_EQ(alter(kBroker, "", "min.insync.replicas", std::nullopt, kDelete, 40),
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
  alter(kBroker, "", "min.insync.replicas", "2", kSet, 0);
  ASSERT_EQ(last_records_.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<wire::ClearElrRecord>(last_records_[1].value));

  wire::IncrementalAlterConfigsRequest twice;
  twice.resources.push_back(
      {kTopic, "plain", {{"retention.ms", kSet, "1"}, {"retention.ms", kSet, "2"}}});
  EXPECT_EQ(apply(machine_->incremental_alter_configs(twice)).responses[0].error_message,
            "Error due to duplicate config keys");

  wire::AlterConfigsRequest whole;
  whole.resources.push_back({kTopic, "plain", {{"retention.ms", "5"}}});
  apply(machine_->alter_configs(whole));
  whole.resources[0].configs = {{"retention.bytes", "7"}};
  EXPECT_EQ(apply(machine_->alter_configs(whole)).responses[0].error_code, 0);
  EXPECT_EQ(machine_->image()->topic_configs("plain"),
            (metadata::Configs{{"retention.bytes", "7"}}));
}

TEST_F(ControllerTest, RegistrationIsChecked) {
  auto request = registration(1);
  request.cluster_id = "other";
  EXPECT_EQ(join(request), wire::error_code(Errc::inconsistent_cluster_id));
  request = registration(1);
  request.log_dirs.clear();
  EXPECT_EQ(join(request), wire::error_code(Errc::invalid_registration));
  request = registration(1);
  request.features.clear();
  EXPECT_EQ(join(request), wire::error_code(Errc::unsupported_version));
  start(1);
  // Another process with other directories may be alive; one with the same directories holds their
  // lock.
  request = registration(1);
  request.log_dirs = {Uuid::from_random(9, 77)};
  EXPECT_EQ(join(request), wire::error_code(Errc::duplicate_broker_registration));
  EXPECT_EQ(join(registration(1)), wire::kNoError);
  request = registration(2);
  request.log_dirs = {Uuid::from_random(9, 1)};
  EXPECT_EQ(join(request), wire::error_code(Errc::invalid_registration));
  EXPECT_EQ(beat(3).error_code, wire::error_code(Errc::stale_broker_epoch));
}

TEST_F(ControllerTest, ABrokerIsUnfencedOnlyWhenItHasSeenItsRegistration) {
  ASSERT_EQ(join(registration(1)), wire::kNoError);
  const auto behind = apply(machine_->heartbeat(
      {.broker_id = 1, .broker_epoch = epochs_[1], .current_metadata_offset = epochs_[1] - 1},
      Offset(end_), now_));
  EXPECT_TRUE(behind.is_fenced);
  EXPECT_FALSE(behind.is_caught_up);
  EXPECT_FALSE(beat(1).is_fenced);
}

TEST_F(ControllerTest, ALoneReplicaRestartsWithoutARecordAPartition) {
  start(1);
  create("big", 1000, 1, 0);
  const auto stopped = beat(1, true);
  EXPECT_TRUE(stopped.should_shut_down);
  EXPECT_EQ(last_records_.size(), 2u);
  const int64_t epoch = epochs_[1];
  ASSERT_EQ(join(registration(1, epoch)), wire::kNoError);
  EXPECT_EQ(last_records_.size(), 1u);
  EXPECT_FALSE(beat(1).is_fenced);
  EXPECT_EQ(last_records_.size(), 1u);
  EXPECT_EQ(partition("big", 7).leader, NodeId(1));
  EXPECT_EQ(partition("big", 7).leader_epoch, LeaderEpoch(0));
  // After a kill the leader epochs move, so that a lost tail can be told.
  ASSERT_EQ(join(registration(1)), wire::kNoError);
  EXPECT_EQ(last_records_.size(), 1001u);
  EXPECT_FALSE(beat(1).is_fenced);
  EXPECT_EQ(partition("big", 7).leader_epoch, LeaderEpoch(1));
}

TEST_F(ControllerTest, LeadersMoveWhenABrokerGoes) {
  for (int32_t id = 1; id <= 3; id++) start(id);
  assigned({}, 0, 1, 1);
  wire::CreateTopicsRequest request;
  request.topics.push_back({.name = "t",
                            .num_partitions = -1,
                            .replication_factor = -1,
                            .assignments = {{0, {1, 2, 3}}, {1, {2, 3, 1}}}});
  apply(machine_->create_topics(request));
  now_ = now_ + 8s;
  beat(2);
  beat(3);
  now_ = now_ + 2s;
  append(machine_->tick(now_));
  EXPECT_TRUE(machine_->image()->broker(NodeId(1))->fenced);
  EXPECT_EQ(partition("t", 0).leader, NodeId(2));
  EXPECT_EQ(partition("t", 0).leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(partition("t", 0).isr, (metadata::NodeList{NodeId(2), NodeId(3)}));
  EXPECT_EQ(partition("t", 1).leader_epoch, LeaderEpoch(0));
  EXPECT_GT(machine_->next_tick(), now_);
  // Controlled shutdown: leaders move first, and the broker stops when the others have heard.
  EXPECT_FALSE(beat(2, true).should_shut_down);
  EXPECT_EQ(partition("t", 0).leader, NodeId(3));
  EXPECT_FALSE(beat(2, true).should_shut_down);
  beat(3);
  EXPECT_TRUE(beat(2, true).should_shut_down);
  EXPECT_TRUE(beat(3, false, true).is_fenced);
  EXPECT_EQ(partition("t", 0).leader, kNoNode);
  EXPECT_EQ(partition("t", 0).elr, (metadata::NodeList{NodeId(3)}));
  EXPECT_EQ(partition("t", 0).last_known_elr, (metadata::NodeList{NodeId(3)}));
  EXPECT_FALSE(beat(1).is_fenced);
  EXPECT_EQ(partition("t", 0).leader, kNoNode);
  EXPECT_FALSE(beat(3).is_fenced);
  EXPECT_EQ(partition("t", 0).leader, NodeId(3));
  EXPECT_EQ(partition("t", 0).isr, (metadata::NodeList{NodeId(3)}));
}

TEST_F(ControllerTest, ProducerIdsComeInBlocksToRegisteredBrokers) {
  start(1);
  const auto ask = [&] {
    return apply(machine_->allocate_producer_ids({.broker_id = 1, .broker_epoch = epochs_[1]}));
  };
  EXPECT_EQ(ask().producer_id_start, 0);
  EXPECT_EQ(ask().producer_id_start, 1000);
  EXPECT_EQ(ask().producer_id_len, 1000);
  EXPECT_EQ(apply(machine_->allocate_producer_ids({.broker_id = 1, .broker_epoch = 99})).error_code,
            wire::error_code(Errc::stale_broker_epoch));
}

TEST_F(ControllerTest, TakesOverWhatKafkaLeft) {
  // Its log ends with a clean stop of its only broker: no partition has a leader, all have an
  // eligible one.
  std::ifstream file(source_path("src/metadata/testdata/kafka_restarts.log"), std::ios::binary);
  const Bytes log = Bytes::copy_of(std::string(std::istreambuf_iterator<char>(file), {}));
  metadata::LogReplay replay(metadata::Image::empty());
  records::BatchIterator batches(log.view());
  while (const auto batch = *batches.next()) ASSERT_TRUE(replay.add(*batch));
  const auto image = replay.take_finished()->back().image;
  const auto started = machine_->activate(image, replay.in_transaction(), Uuid(), now_);
  ASSERT_EQ(started.size(), 1u);  // no second bootstrap
  end_ = replay.next_offset().value();
  auto request = registration(1, image->broker(NodeId(1))->epoch.value());
  request.log_dirs = image->broker(NodeId(1))->log_dirs;
  ASSERT_EQ(join(request), wire::kNoError);
  EXPECT_FALSE(beat(1).is_fenced);
  machine_->image()->for_each_topic([](const auto& topic) {
    for (const metadata::PartitionImage& p : topic->partitions) {
      EXPECT_EQ(p.leader, NodeId(1)) << topic->name;
      EXPECT_EQ(p.isr, metadata::NodeList{NodeId(1)});
      EXPECT_TRUE(p.elr.empty());
      EXPECT_TRUE(p.last_known_elr.empty());
    }
  });
}

TEST_F(ControllerTest, PlacementSpreadsLeadersAndRacks) {
  std::vector<UsableBroker> brokers;
  for (int i = 0; i < 6; i++)
    brokers.push_back({NodeId(i), "rack" + std::to_string(i % 3), i == 5});
  ReplicaPlacer placer(brokers, 3);
  EXPECT_FALSE(placer.check(7));
  std::map<NodeId, int> leaders;
  for (int i = 0; i < 600; i++) {
    const auto replicas = placer.next(3);
    EXPECT_EQ(replicas.size(), 3u);
    EXPECT_NE(replicas[0], NodeId(5));
    std::set<int> racks;
    for (const NodeId node : replicas) racks.insert(node.value() % 3);
    EXPECT_EQ(racks.size(), 3u);
    leaders[replicas[0]]++;
  }
  for (const auto& [node, count] : leaders) EXPECT_GT(count, 50) << node.value();
  EXPECT_EQ(placer.next(6).size(), 6u);
}

TEST_F(ControllerTest, PlantedFaultsAreFound) {
  // Each of these breaks one of the expectations above.
  start(1);
  create("plain", 5, 1, 0);
  faults::set_mutant("controller.shrink_topics");
  wire::CreatePartitionsRequest shrink{.topics = {{.name = "plain", .count = 3}}};
  shrink.topics[0].assignments.reset();
  EXPECT_EQ(machine_->create_partitions(shrink).response.results[0].error_code, 0);
  faults::set_mutant("controller.unfence_early");
  ASSERT_EQ(join(registration(2)), wire::kNoError);
  EXPECT_FALSE(
      machine_
          ->heartbeat({.broker_id = 2, .broker_epoch = epochs_[2], .current_metadata_offset = 0},
                      Offset(end_), now_)
          .response.is_fenced);
  faults::set_mutant("");
  beat(2);
  wire::CreateTopicsRequest request;
  request.topics.push_back(
      {.name = "t", .num_partitions = -1, .replication_factor = -1, .assignments = {{0, {1, 2}}}});
  apply(machine_->create_topics(request));
  faults::set_mutant("controller.fence_keeps_leaders");
  beat(1, false, true);
  EXPECT_EQ(partition("t", 0).leader, NodeId(1));
  EXPECT_TRUE(machine_->image()->broker(NodeId(1))->fenced);
  faults::set_mutant("");
  // Broker 1 comes back out of sync: it may not lead what broker 2 had alone.
  beat(1);
  append({{wire::PartitionChangeRecord{.partition_id = 0,
                                       .topic_id = machine_->image()->topic("t")->id,
                                       .isr = std::vector<int32_t>{2},
                                       .leader = 2},
           2}});
  faults::set_mutant("controller.elect_out_of_sync");
  append(machine_
             ->heartbeat({.broker_id = 2,
                          .broker_epoch = epochs_[2],
                          .current_metadata_offset = end_,
                          .want_fence = true},
                         Offset(end_), now_)
             .records);
  EXPECT_EQ(partition("t", 0).leader, NodeId(1));
}

}  // namespace
}  // namespace partita::controller
