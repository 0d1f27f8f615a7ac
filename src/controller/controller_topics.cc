// CreateTopics, DeleteTopics and CreatePartitions.

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/check.h"
#include "base/fault_points.h"
#include "controller/controller_machine.h"
#include "controller/replica_placer.h"
#include "metadata/image_records.h"
#include "metadata/topic_name.h"
#include "wire/error_code.h"

namespace partita::controller {

using metadata::NodeList;
using metadata::PartitionImage;

namespace {

constexpr const char* kMetadataTopic = "__cluster_metadata";
constexpr const char* kNoSuchTopic = "This server does not host this topic-partition.";
constexpr const char* kNoSuchTopicId = "This server does not host this topic ID.";

/// Names that a request gives more than once.
template <class Items>
std::set<std::string> repeated_names(const Items& items) {
  std::set<std::string> seen;
  std::set<std::string> repeated;
  for (const auto& item : items) {
    if (!seen.insert(item.name).second) repeated.insert(item.name);
  }
  return repeated;
}

std::unexpected<Error> too_many(int64_t wanted, int64_t left) {
  return fail(
      Errc::invalid_partitions,
      fmt::format("{} new partition(s) are more than the {} that the cluster's limit leaves.",
                  wanted, std::max<int64_t>(left, 0)));
}

}  // namespace

// --- placing ---

ReplicaPlacer ControllerMachine::make_placer() {
  std::vector<UsableBroker> usable;
  for (const auto& [id, broker] : image_->brokers()) {
    if (broker.in_controlled_shutdown) continue;
    usable.push_back({id, broker.rack, broker.fenced});
  }
  placement_seed_ = placement_seed_ * 6364136223846793005u + 1442695040888963407u;
  return ReplicaPlacer(std::move(usable), placement_seed_);
}

Result<PartitionImage> ControllerMachine::new_partition(const NodeList& replicas) const {
  PartitionImage partition;
  partition.exists = true;
  partition.replicas = replicas;
  std::vector<NodeId> isr;
  for (const NodeId node : replicas) {
    if (is_active(node)) isr.push_back(node);
    const metadata::BrokerImage* broker = image_->broker(node);
    // With several directories the broker chooses, and tells.
    partition.directories.push_back(broker != nullptr && broker->log_dirs.size() == 1
                                        ? broker->log_dirs.front()
                                        : DirectoryId());
  }
  if (isr.empty()) return fail(Errc::broker_not_available);
  partition.isr = NodeList(std::span<const NodeId>(isr));
  partition.leader = isr.front();
  return partition;
}

Result<std::vector<ControllerMachine::NewPartition>> ControllerMachine::place(
    int32_t first, int32_t count, int32_t replication_factor) {
  const std::string words =
      fmt::format("Unable to replicate the partition {} time(s): ", replication_factor);
  ReplicaPlacer placer = make_placer();
  if (const auto checked = placer.check(replication_factor); !checked) {
    // As in Kafka, growing a topic tells the reason alone.
    const bool growing = first > 0;
    return fail(checked.error().code, (growing ? "" : words) + checked.error().detail);
  }
  std::vector<NewPartition> partitions;
  for (int32_t i = 0; i < count; i++) {
    auto partition = new_partition(placer.next(replication_factor));
    if (!partition) {
      return fail(Errc::invalid_replication_factor,
                  words + "All brokers are currently fenced or in controlled shutdown.");
    }
    partitions.push_back({first + i, *std::move(partition)});
  }
  return partitions;
}

Result<> ControllerMachine::check_assignment(const std::vector<int32_t>& brokers,
                                             std::optional<size_t> replication_factor) const {
  const std::string words = "The manual partition assignment includes ";
  if (brokers.empty())
    return fail(Errc::invalid_replica_assignment, words + "an empty replica list.");
  std::vector<int32_t> sorted = brokers;
  std::ranges::sort(sorted);
  for (size_t i = 0; i < sorted.size(); i++) {
    if (image_->broker(NodeId(sorted[i])) == nullptr) {
      return fail(Errc::invalid_replica_assignment,
                  words + fmt::format("broker {}, but no such broker is registered.", sorted[i]));
    }
    if (i > 0 && sorted[i] == sorted[i - 1]) {
      return fail(Errc::invalid_replica_assignment,
                  words + fmt::format("the broker {} more than once.", sorted[i]));
    }
  }
  if (replication_factor && *replication_factor != sorted.size()) {
    return fail(
        Errc::invalid_replica_assignment,
        words +
            fmt::format("a partition with {} replica(s), but this is not consistent with previous "
                        "partitions, which have {} replica(s).",
                        sorted.size(), *replication_factor));
  }
  return {};
}

// --- creating ---

std::map<std::string, std::string> ControllerMachine::names_by_collision_key() const {
  std::map<std::string, std::string> names;
  image_->for_each_topic([&](const auto& topic) {
    if (topic->name.find_first_of("._") == std::string::npos) return;
    names.emplace(metadata::collision_key(topic->name), topic->name);
  });
  return names;
}

Result<> ControllerMachine::check_new_name(
    const std::string& name, const std::map<std::string, std::string>& by_collision_key) const {
  if (name == kMetadataTopic) {
    return fail(Errc::invalid_request,
                fmt::format("Creation of internal topic {} is prohibited.", name));
  }
  CHECKED(metadata::check_topic_name(name));
  if (image_->topic(name) != nullptr) {
    return fail(Errc::topic_already_exists, fmt::format("Topic '{}' already exists.", name));
  }
  if (name.find_first_of("._") == std::string::npos) return {};
  if (const auto at = by_collision_key.find(metadata::collision_key(name));
      at != by_collision_key.end()) {
    return fail(Errc::invalid_topic_exception,
                fmt::format("Topic '{}' collides with existing topic: {}", name, at->second));
  }
  return {};
}

Result<std::vector<ControllerMachine::NewPartition>> ControllerMachine::plan_assigned(
    const CreatableTopic& topic) const {
  if (topic.replication_factor != -1) {
    return fail(
        Errc::invalid_request,
        "A manual partition assignment was specified, but replication factor was not set to -1.");
  }
  if (topic.num_partitions != -1) {
    return fail(
        Errc::invalid_request,
        "A manual partition assignment was specified, but numPartitions was not set to -1.");
  }
  std::map<int32_t, PartitionImage> by_index;
  std::optional<size_t> replication_factor;
  for (const auto& assignment : topic.assignments) {
    if (by_index.contains(assignment.partition_index)) {
      return fail(Errc::invalid_replica_assignment,
                  fmt::format("Found multiple manual partition assignments for partition {}",
                              assignment.partition_index));
    }
    CHECKED(check_assignment(assignment.broker_ids, replication_factor));
    replication_factor = assignment.broker_ids.size();
    auto partition = new_partition(NodeList(std::span<const int32_t>(assignment.broker_ids)));
    if (!partition) {
      return fail(Errc::invalid_replica_assignment,
                  fmt::format("All brokers specified in the manual partition assignment for "
                              "partition {} are fenced "
                              "or in controlled shutdown.",
                              assignment.partition_index));
    }
    by_index.emplace(assignment.partition_index, *std::move(partition));
  }
  std::vector<NewPartition> partitions;
  for (auto& [index, partition] : by_index) {
    if (index != static_cast<int32_t>(partitions.size())) {
      return fail(Errc::invalid_replica_assignment,
                  "partitions should be a consecutive 0-based integer sequence");
    }
    partitions.push_back({index, std::move(partition)});
  }
  return partitions;
}

Result<std::vector<ControllerMachine::NewPartition>> ControllerMachine::plan_partitions(
    const CreatableTopic& topic) {
  if (!topic.assignments.empty()) return plan_assigned(topic);
  if (topic.replication_factor < -1 || topic.replication_factor == 0) {
    return fail(Errc::invalid_replication_factor,
                "Replication factor must be larger than 0, or -1 to use the default value.");
  }
  if (topic.num_partitions < -1 || topic.num_partitions == 0) {
    return fail(Errc::invalid_partitions,
                "Number of partitions was set to an invalid non-positive value.");
  }
  const int32_t count =
      topic.num_partitions == -1 ? settings_.default_partitions : topic.num_partitions;
  const int32_t factor = topic.replication_factor == -1 ? settings_.default_replication_factor
                                                        : topic.replication_factor;
  // Refused before anything of that size is made.
  const int64_t left = settings_.partitions_max - static_cast<int64_t>(image_->partition_count());
  if (count > left) return too_many(count, left);
  return place(0, count, factor);
}

Result<ControllerMachine::TopicResult> ControllerMachine::create_topic(const CreatableTopic& topic,
                                                                       int64_t& partitions_left,
                                                                       Records& records) {
  metadata::Configs configs;
  std::string nulls;
  for (const auto& config : topic.configs) {
    if (config.value) {
      configs[config.name] = *config.value;
    } else {
      nulls += (nulls.empty() ? "" : ",") + config.name;
    }
  }
  if (!nulls.empty())
    return fail(Errc::invalid_config, "Null value not supported for topic configs: " + nulls);
  CHECKED(metadata::check_topic_configs(configs));
  TRY(const auto partitions, plan_partitions(topic));
  const auto count = static_cast<int64_t>(partitions.size());
  if (count > partitions_left) return too_many(count, partitions_left);
  partitions_left -= count;

  TopicResult result;
  result.name = topic.name;
  result.topic_id = make_id_();
  result.error_message = std::nullopt;
  result.num_partitions = static_cast<int32_t>(partitions.size());
  result.replication_factor = partitions.empty()
                                  ? int16_t{-1}
                                  : static_cast<int16_t>(partitions.front().image.replicas.size());
  result.configs.emplace();
  for (const metadata::TopicConfigRow& row : metadata::topic_config_rows()) {
    if (row.hidden) continue;
    const auto effective = metadata::effective_topic_config(row, configs, config_sources());
    result.configs->push_back({.name = std::string(row.name),
                               .value = effective.value,
                               .config_source = static_cast<int8_t>(effective.source)});
  }
  records.push_back({wire::TopicRecord{.name = topic.name, .topic_id = result.topic_id}, 0});
  for (const auto& [name, value] : configs) {
    records.push_back({wire::ConfigRecord{.resource_type = static_cast<int8_t>(
                                              metadata::ConfigResourceType::topic),
                                          .resource_name = topic.name,
                                          .name = name,
                                          .value = value},
                       0});
  }
  for (const NewPartition& partition : partitions) {
    records.push_back(metadata::partition_record(result.topic_id, PartitionIndex(partition.index),
                                                 partition.image));
  }
  return result;
}

Decision<wire::CreateTopicsResponse> ControllerMachine::create_topics(
    const wire::CreateTopicsRequest& request) {
  CHECK(active_);
  Decision<wire::CreateTopicsResponse> decision;
  const std::set<std::string> repeated = repeated_names(request.topics);
  std::set<std::string> told;
  auto collisions = names_by_collision_key();
  int64_t left = settings_.partitions_max - static_cast<int64_t>(image_->partition_count());
  for (const CreatableTopic& topic : request.topics) {
    if (!told.insert(topic.name).second) continue;
    Result<TopicResult> result = fail(Errc::invalid_request, "Duplicate topic name.");
    if (!repeated.contains(topic.name)) {
      const auto name_checked = check_new_name(topic.name, collisions);
      result = name_checked ? create_topic(topic, left, decision.records)
                            : std::unexpected(name_checked.error());
    }
    if (result) {
      collisions.emplace(metadata::collision_key(topic.name), topic.name);
      decision.response.topics.push_back(*std::move(result));
      continue;
    }
    TopicResult refused;
    refused.name = topic.name;
    refused.error_code = wire::error_code(result.error().code);
    refused.error_message = result.error().detail;
    decision.response.topics.push_back(std::move(refused));
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

// --- deleting ---

Decision<wire::DeleteTopicsResponse> ControllerMachine::delete_topics(
    const wire::DeleteTopicsRequest& request) const {
  CHECK(active_);
  Decision<wire::DeleteTopicsResponse> decision;
  std::vector<std::pair<std::optional<std::string>, TopicId>> wanted;
  for (const std::string& name : request.topic_names) wanted.emplace_back(name, TopicId());
  for (const auto& topic : request.topics) wanted.emplace_back(topic.name, topic.topic_id);
  std::map<std::pair<std::optional<std::string>, TopicId>, int> times;
  for (const auto& each : wanted) times[each]++;
  std::set<TopicId> deleted;
  const auto answer = [&](const std::optional<std::string>& name, const TopicId& id,
                          std::optional<Error> error) {
    wire::DeleteTopicsResponse::DeletableTopicResult result;
    result.name = name;
    result.topic_id = id;
    if (error) {
      result.error_code = wire::error_code(error->code);
      result.error_message = error->detail;
    }
    decision.response.responses.push_back(std::move(result));
  };
  const auto judge = [&](const std::optional<std::string>& name, const TopicId& id) {
    if (!settings_.delete_topics)
      return answer(name, id, Error{Errc::topic_deletion_disabled, "Topic deletion is disabled."});
    if (!name && id.is_zero())
      return answer(name, id,
                    Error{Errc::invalid_request, "Neither topic name nor id were specified."});
    if (name && !id.is_zero())
      return answer(
          name, id,
          Error{Errc::invalid_request, "You may not specify both topic name and topic id."});
    if (int& count = times[{name, id}]; count != 1) {
      if (count > 1)
        answer(
            name, id,
            Error{Errc::invalid_request, name ? "Duplicate topic name." : "Duplicate topic id."});
      count = 0;
      return;
    }
    const auto topic = name ? image_->topic(*name) : image_->topic(id);
    if (topic == nullptr) {
      return answer(name, id,
                    name ? Error{Errc::unknown_topic_or_partition, kNoSuchTopic}
                         : Error{Errc::unknown_topic_id, kNoSuchTopicId});
    }
    if (!deleted.insert(topic->id).second) {
      return answer(topic->name, topic->id,
                    Error{Errc::invalid_request,
                          "The provided topic name maps to an ID that was already supplied."});
    }
    decision.records.push_back({wire::RemoveTopicRecord{.topic_id = topic->id}, 0});
    answer(topic->name, topic->id, std::nullopt);
  };
  for (const auto& [name, id] : wanted) judge(name, id);
  return decision;
}

// --- growing ---

Result<std::vector<ControllerMachine::NewPartition>> ControllerMachine::plan_growth(
    const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic,
    const metadata::TopicImage& image) {
  const auto before = static_cast<int32_t>(image.partitions.size());
  const size_t factor = image.partitions.front().replicas.size();
  if (!topic.assignments) return place(before, topic.count - before, static_cast<int32_t>(factor));
  std::vector<NewPartition> partitions;
  for (const auto& assignment : *topic.assignments) {
    CHECKED(check_assignment(assignment.broker_ids, factor));
    const int32_t index = before + static_cast<int32_t>(partitions.size());
    auto partition = new_partition(NodeList(std::span<const int32_t>(assignment.broker_ids)));
    if (!partition) {
      return fail(Errc::invalid_replica_assignment,
                  fmt::format("All brokers specified in the manual partition assignment for "
                              "partition {} are fenced "
                              "or in controlled shutdown.",
                              index));
    }
    partitions.push_back({index, *std::move(partition)});
  }
  return partitions;
}

Result<> ControllerMachine::grow(const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic,
                                 int64_t& partitions_left, Records& records) {
  const auto image = image_->topic(topic.name);
  if (image == nullptr || image->partitions.empty())
    return fail(Errc::unknown_topic_or_partition, kNoSuchTopic);
  const auto before = static_cast<int32_t>(image->partitions.size());
  if (topic.count == before) {
    return fail(Errc::invalid_partitions,
                fmt::format("Topic already has {} partition(s).", before));
  }
  if (topic.count < before && !mutant("controller.shrink_topics")) {
    return fail(
        Errc::invalid_partitions,
        fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.",
                    topic.name, before, topic.count));
  }
  const int32_t additional = topic.count - before;
  if (topic.assignments && topic.assignments->size() != static_cast<size_t>(additional)) {
    return fail(Errc::invalid_replica_assignment,
                fmt::format("Attempted to add {} additional partition(s), but only {} "
                            "assignment(s) were specified.",
                            additional, topic.assignments->size()));
  }
  if (additional > partitions_left) return too_many(additional, partitions_left);
  TRY(const auto partitions, plan_growth(topic, *image));
  partitions_left -= additional;
  for (const NewPartition& partition : partitions) {
    records.push_back(
        metadata::partition_record(image->id, PartitionIndex(partition.index), partition.image));
  }
  return {};
}

Decision<wire::CreatePartitionsResponse> ControllerMachine::create_partitions(
    const wire::CreatePartitionsRequest& request) {
  CHECK(active_);
  Decision<wire::CreatePartitionsResponse> decision;
  const std::set<std::string> repeated = repeated_names(request.topics);
  std::set<std::string> told;
  int64_t left = settings_.partitions_max - static_cast<int64_t>(image_->partition_count());
  for (const auto& topic : request.topics) {
    if (!told.insert(topic.name).second) continue;
    Result<> result = fail(Errc::invalid_request, "Duplicate topic name.");
    if (!repeated.contains(topic.name)) result = grow(topic, left, decision.records);
    auto& answer = decision.response.results.emplace_back();
    answer.name = topic.name;
    answer.error_code = wire::error_code(result);
    if (!result) answer.error_message = result.error().detail;
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace partita::controller
