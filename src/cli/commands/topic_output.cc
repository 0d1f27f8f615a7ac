#include "cli/commands/topic_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace partita::cli {
namespace {

using Json = nlohmann::ordered_json;

std::vector<int32_t> numbers(const std::vector<NodeId>& nodes) {
  std::vector<int32_t> all;
  for (const NodeId node : nodes) all.push_back(node.value());
  return all;
}

std::string list_of(const std::vector<NodeId>& nodes) {
  return nodes.empty() ? "-" : fmt::format("{}", fmt::join(numbers(nodes), ","));
}

size_t factor_of(const client::TopicView& topic) {
  return topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
}

std::string leader_text(NodeId leader) {
  return leader == kNoNode ? "none" : std::to_string(leader.value());
}

Json nodes_json(const std::optional<std::vector<NodeId>>& nodes) {
  return nodes ? Json(numbers(*nodes)) : Json(nullptr);
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); i++) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string topics_table(const std::vector<client::TopicPtr>& topics) {
  std::vector<std::vector<std::string>> rows = {{"NAME", "PARTITIONS", "REPLICAS"}};
  for (const client::TopicPtr& topic : topics) {
    rows.push_back(
        {topic->name, std::to_string(topic->partitions.size()), std::to_string(factor_of(*topic))});
  }
  return table(rows);
}

std::string topics_json(const std::vector<client::TopicPtr>& topics) {
  Json all = Json::array();
  for (const client::TopicPtr& topic : topics) {
    all.push_back({{"name", topic->name},
                   {"id", topic->id.to_string()},
                   {"partitions", topic->partitions.size()},
                   {"replicas", factor_of(*topic)},
                   {"internal", topic->is_internal}});
  }
  return all.dump(2) + "\n";
}

std::string described_text(const std::vector<ShownTopic>& topics) {
  std::string text;
  for (const ShownTopic& shown : topics) {
    if (!text.empty()) text += "\n";
    std::vector<std::vector<std::string>> head = {{"name", shown.name},
                                                  {"id", shown.topic.id.to_string()}};
    for (const client::ConfigEntry& config : shown.configs) {
      head.push_back({config.name, config.value.value_or("null")});
    }
    std::vector<std::vector<std::string>> rows = {
        {"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC"}};
    for (const client::PartitionDescription& each : shown.topic.partitions) {
      rows.push_back({std::to_string(each.index.value()), leader_text(each.leader),
                      std::to_string(each.leader_epoch.value()), list_of(each.replicas),
                      list_of(each.isr)});
    }
    text += table(head) + "\n" + table(rows);
  }
  return text;
}

std::string described_json(const std::vector<ShownTopic>& topics) {
  Json all = Json::array();
  for (const ShownTopic& shown : topics) {
    Json configs = Json::object();
    for (const client::ConfigEntry& config : shown.configs) {
      configs[config.name] = config.value ? Json(*config.value) : Json(nullptr);
    }
    Json partitions = Json::array();
    for (const client::PartitionDescription& each : shown.topic.partitions) {
      partitions.push_back(
          {{"partition", each.index.value()},
           {"leader", each.leader == kNoNode ? Json(nullptr) : Json(each.leader.value())},
           {"leader_epoch", each.leader_epoch.value()},
           {"replicas", numbers(each.replicas)},
           {"isr", numbers(each.isr)},
           {"elr", nodes_json(each.elr)},
           {"last_known_elr", nodes_json(each.last_known_elr)}});
    }
    all.push_back({{"name", shown.name},
                   {"id", shown.topic.id.to_string()},
                   {"internal", shown.topic.is_internal},
                   {"configs", std::move(configs)},
                   {"partitions", std::move(partitions)}});
  }
  return all.dump(2) + "\n";
}

}  // namespace partita::cli
