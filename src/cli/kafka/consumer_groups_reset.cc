// kafka-consumer-groups --reset-offsets: which groups and partitions, and what is printed of them.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "cli/java_order.h"
#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/reset_plan.h"

namespace partita::cli::kafka {

using client::TopicPartition;

namespace {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

Error usage(std::string words) {
  return {Errc::invalid_argument, std::move(words)};
}

std::string names_of(const std::vector<TopicPartition>& partitions, std::string_view between) {
  std::vector<std::string> names;
  for (const TopicPartition& each : partitions) names.push_back(each.to_string());
  return fmt::format("{}", fmt::join(names, between));
}

/// What is to be reset of one group, in Java's order.
struct ResetGroup {
  std::string id;
  std::vector<std::pair<TopicPartition, Offset>> offsets;
};

void print_table(const std::vector<ResetGroup>& groups) {
  size_t group_width = 15;
  size_t topic_width = 15;
  for (const ResetGroup& group : groups) {
    group_width = std::max(group_width, group.id.size());
    for (const auto& [partition, offset] : group.offsets) {
      topic_width = std::max(topic_width, partition.topic.size());
    }
  }
  const auto line = [&](std::string_view group, std::string_view topic, std::string_view partition,
                        std::string_view offset) {
    print(fmt::format("\n{:<{}} {:<{}} {:<10} {}", group, group_width, topic, topic_width,
                      partition, offset));
  };
  if (!groups.empty()) line("GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
  for (const ResetGroup& group : groups) {
    for (const auto& [partition, offset] : group.offsets) {
      line(group.id, partition.topic, std::to_string(partition.partition.value()),
           std::to_string(offset.value()));
    }
  }
  print("\n");
}

void print_csv(const std::vector<ResetGroup>& groups, bool with_group) {
  for (const ResetGroup& group : groups) {
    for (const auto& [partition, offset] : group.offsets) {
      print(reset_plan_line(
          {.group = with_group ? group.id : "", .partition = partition, .offset = offset.value()}));
    }
  }
  print("\n");
}

}  // namespace

std::vector<std::pair<TopicPartition, Offset>> in_java_order(
    const std::map<TopicPartition, Offset>& offsets) {
  std::vector<std::pair<TopicPartition, Offset>> all(offsets.begin(), offsets.end());
  std::vector<int32_t> hashes;
  for (const auto& [partition, offset] : all) {
    hashes.push_back(java_hash(partition.topic, partition.partition.value()));
  }
  std::vector<std::pair<TopicPartition, Offset>> ordered;
  for (const size_t index : java_hash_order(hashes)) ordered.push_back(all[index]);
  return ordered;
}

Task<Result<>> ConsumerGroupsTool::reset_offsets() {
  CO_TRY(const auto ids, co_await chosen_groups());
  const auto described = co_await groups_.describe(ids, deadline());
  if (!described) co_return std::unexpected(runtime_failure(described.error()));
  std::vector<ResetGroup> groups;
  for (const std::string& id : java_map_order(ids)) {
    const auto at =
        std::ranges::find(*described, id, &client::Outcome<client::GroupDescription>::name);
    if (at == described->end()) continue;
    if (!at->result && at->result.error().code != Errc::group_id_not_found) {
      co_return std::unexpected(runtime_failure(at->result.error()));
    }
    const std::string state = at->result ? at->result->state : "Dead";
    ResetGroup group{.id = id, .offsets = {}};
    if (state == "Empty" || state == "Dead") {
      CO_TRY(const Offsets offsets, co_await reset_of(id));
      group.offsets = in_java_order(offsets);
    } else {
      print_group_error(fmt::format(
          "Assignments can only be reset if the group '{}' is inactive, but the current state is "
          "{}.",
          id, state));
    }
    groups.push_back(std::move(group));
  }
  if (options_.has("export")) {
    print_csv(groups, options_.given.values("group").size() != 1);
  } else {
    print_table(groups);
  }
  co_return Result<>();
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::reset_of(std::string group) {
  CO_TRY(const Partitions partitions, co_await partitions_to_reset(group));
  CO_CHECKED(co_await check_partitions(partitions));
  CO_TRY(const Offsets offsets, co_await target_offsets(group, partitions));
  if (!options_.has("execute")) co_return offsets;
  client::CommittedOffsets commits;
  for (const auto& [partition, offset] : offsets) {
    commits.emplace(partition, client::CommittedOffset{.offset = offset});
  }
  const auto altered = co_await groups_.alter_offsets(group, std::move(commits), deadline());
  if (!altered) co_return fail(altered.error().code, java_message(altered.error()));
  Partitions failed;
  for (const auto& [partition, result] : *altered) {
    if (!result) failed.push_back(partition);
  }
  if (failed.empty()) co_return offsets;
  co_return fail(altered->at(failed.front()).error().code,
                 fmt::format("Failed altering group offsets for the following partitions: [{}]",
                             names_of(failed, ", ")));
}

Task<Result<ConsumerGroupsTool::Partitions>> ConsumerGroupsTool::partitions_to_reset(
    std::string group) {
  if (options_.has("all-topics")) {
    const auto committed = co_await groups_.committed(std::move(group), deadline());
    if (!committed) co_return std::unexpected(runtime_failure(committed.error()));
    Partitions partitions;
    for (const auto& [partition, offset] : *committed) partitions.push_back(partition);
    co_return partitions;
  }
  if (options_.has("topic")) co_return co_await parse_topics(options_.given.values("topic"));
  if (!options_.has("from-file")) {
    co_return std::unexpected(
        usage("One of the reset scopes should be defined: --all-topics, --topic."));
  }
  co_return Partitions();
}

Result<std::vector<TopicPartition>> parse_topic_partitions(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string topic = text.substr(0, colon);
  std::string indexes = text.substr(colon + 1);
  // Java's split leaves out what is empty at the end.
  while (indexes.ends_with(':')) indexes.pop_back();
  if (indexes.empty() || indexes.contains(':')) {
    return std::unexpected(
        usage(fmt::format("Invalid topic arg '{}', expected topic name and partitions", text)));
  }
  std::vector<TopicPartition> partitions;
  std::string_view rest = indexes;
  while (true) {
    const size_t comma = rest.find(',');
    const std::string number(rest.substr(0, comma));
    char* end = nullptr;
    const long index = std::strtol(number.c_str(), &end, 10);
    if (number.empty() || *end != '\0' || number[0] == ' ' || index < INT32_MIN ||
        index > INT32_MAX) {
      return std::unexpected(
          usage(fmt::format("Invalid partition '{}' specified in topic arg '{}''", number, text)));
    }
    partitions.push_back({topic, PartitionIndex(static_cast<int32_t>(index))});
    if (comma == std::string_view::npos) return partitions;
    rest.remove_prefix(comma + 1);
  }
}

Task<Result<ConsumerGroupsTool::Partitions>> ConsumerGroupsTool::parse_topics(
    std::vector<std::string> texts) {
  Partitions partitions;
  std::vector<std::string> whole;
  for (const std::string& text : texts) {
    if (!text.contains(':')) {
      whole.push_back(text);
      continue;
    }
    CO_TRY(const Partitions some, parse_topic_partitions(text));
    partitions.insert(partitions.end(), some.begin(), some.end());
  }
  if (whole.empty()) co_return partitions;
  const auto described = co_await admin_.describe_topics(std::move(whole), deadline());
  if (!described) co_return fail(described.error().code, java_message(described.error()));
  for (const auto& topic : *described) {
    if (!topic.result) {
      co_return fail(topic.result.error().code, java_message(topic.result.error()));
    }
    for (const auto& each : topic.result->partitions) {
      partitions.push_back({topic.name, each.index});
    }
  }
  co_return partitions;
}

Task<Result<>> ConsumerGroupsTool::check_partitions(Partitions partitions) {
  std::set<std::string> topics;
  for (const TopicPartition& each : partitions) topics.insert(each.topic);
  if (topics.empty()) co_return Result<>();
  const auto described =
      co_await admin_.describe_topics({topics.begin(), topics.end()}, deadline());
  if (!described) co_return std::unexpected(runtime_failure(described.error()));
  std::map<TopicPartition, NodeId> leaders;
  for (const auto& topic : *described) {
    if (!topic.result) co_return std::unexpected(runtime_failure(topic.result.error()));
    for (const auto& each : topic.result->partitions) {
      leaders.emplace(TopicPartition{topic.name, each.index}, each.leader);
    }
  }
  Partitions missing;
  Partitions leaderless;
  for (const TopicPartition& each : partitions) {
    const auto at = leaders.find(each);
    if (at == leaders.end()) missing.push_back(each);
    if (at != leaders.end() && at->second == kNoNode) leaderless.push_back(each);
  }
  if (!missing.empty()) {
    co_return fail(Errc::unknown_topic_or_partition,
                   fmt::format("The partitions \"{}\" do not exist", names_of(missing, ",")));
  }
  if (!leaderless.empty()) {
    co_return fail(Errc::leader_not_available,
                   fmt::format("The partitions \"{}\" have no leader", names_of(leaderless, ",")));
  }
  co_return Result<>();
}

}  // namespace partita::cli::kafka
