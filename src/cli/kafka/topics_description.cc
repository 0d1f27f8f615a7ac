#include "cli/kafka/topics_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/java_order.h"

namespace partita::cli::kafka {
namespace {

using client::PartitionDescription;
using client::PartitionReassignment;
using client::TopicDescription;

std::string ids(const std::vector<NodeId>& nodes) {
  std::vector<int32_t> numbers;
  for (const NodeId node : nodes) numbers.push_back(node.value());
  return fmt::format("{}", fmt::join(numbers, ","));
}

size_t factor_of(const PartitionDescription& partition, const PartitionReassignment* reassignment) {
  if (reassignment == nullptr) return partition.replicas.size();
  const bool moving = std::ranges::any_of(partition.replicas, [&](NodeId node) {
    return std::ranges::find(reassignment->adding, node) != reassignment->adding.end() ||
           std::ranges::find(reassignment->removing, node) != reassignment->removing.end();
  });
  return moving ? reassignment->replicas.size() - reassignment->adding.size()
                : partition.replicas.size();
}

bool is_wanted(const TopicsOptions& options, const PartitionDescription& partition,
               const PartitionReassignment* reassignment, size_t min_isr,
               const std::set<NodeId>& live) {
  const bool has_leader = partition.leader != kNoNode;
  const bool filtered =
      options.has("under-replicated-partitions") || options.has("unavailable-partitions") ||
      options.has("under-min-isr-partitions") || options.has("at-min-isr-partitions");
  if (!filtered) return true;
  if (options.has("under-replicated-partitions") &&
      factor_of(partition, reassignment) > partition.isr.size()) {
    return true;
  }
  if (options.has("unavailable-partitions") && (!has_leader || !live.contains(partition.leader))) {
    return true;
  }
  if (options.has("under-min-isr-partitions") && (!has_leader || partition.isr.size() < min_isr)) {
    return true;
  }
  return options.has("at-min-isr-partitions") && partition.isr.size() == min_isr;
}

void print_partition(const std::string& name, const PartitionDescription& partition,
                     const PartitionReassignment* reassignment) {
  std::string line =
      fmt::format("\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}", name,
                  partition.index.value(),
                  partition.leader == kNoNode ? "none" : std::to_string(partition.leader.value()),
                  ids(partition.replicas), ids(partition.isr));
  if (reassignment != nullptr) {
    line += fmt::format("\tAdding Replicas: {}\tRemoving Replicas: {}", ids(reassignment->adding),
                        ids(reassignment->removing));
  }
  line += "\tElr: " + (partition.elr ? ids(*partition.elr) : "N/A");
  line += "\tLastKnownElr: " + (partition.last_known_elr ? ids(*partition.last_known_elr) : "N/A");
  std::puts(line.c_str());
}

struct TopicConfigs {
  std::vector<std::string> overrides;  ///< name=value, in Java's order
  size_t min_isr = 1;
};

TopicConfigs read_configs(const std::vector<client::ConfigEntry>& configs) {
  std::map<std::string, const client::ConfigEntry*> by_name;
  std::vector<std::string> names;
  for (const client::ConfigEntry& each : configs) {
    by_name.emplace(each.name, &each);
    names.push_back(each.name);
  }
  TopicConfigs found;
  for (const std::string& each : java_map_order(names)) {
    const client::ConfigEntry& entry = *by_name.at(each);
    const std::string value = entry.value.value_or("null");
    if (entry.source != client::ConfigSource::defaults)
      found.overrides.push_back(each + "=" + value);
    if (each == "min.insync.replicas") found.min_isr = std::strtoull(value.c_str(), nullptr, 10);
  }
  return found;
}

}  // namespace

void print_topic(const TopicsOptions& options, const std::string& name,
                 const TopicDescription& topic, const TopicSurroundings& around) {
  const auto reassignment_of = [&](const PartitionDescription& partition) {
    const auto at = around.reassignments.find({name, partition.index});
    return at == around.reassignments.end() ? nullptr : &at->second;
  };
  const auto [overrides, min_isr] = read_configs(around.configs.at(name));
  const bool headers =
      !options.has("under-replicated-partitions") && !options.has("unavailable-partitions") &&
      !options.has("under-min-isr-partitions") && !options.has("at-min-isr-partitions");
  const bool only_overridden = options.has("topics-with-overrides");
  if (headers && !topic.partitions.empty() && (!only_overridden || !overrides.empty())) {
    const PartitionDescription& first = topic.partitions.front();
    std::puts(fmt::format("Topic: {}{}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}",
                          name, topic.id.is_zero() ? "" : "\tTopicId: " + topic.id.to_string(),
                          topic.partitions.size(), factor_of(first, reassignment_of(first)),
                          fmt::join(overrides, ","))
                  .c_str());
  }
  if (only_overridden) return;
  for (const PartitionDescription& partition : topic.partitions) {
    const PartitionReassignment* reassignment = reassignment_of(partition);
    if (!is_wanted(options, partition, reassignment, min_isr, around.live)) continue;
    print_partition(name, partition, reassignment);
  }
}

}  // namespace partita::cli::kafka
