// kafka-topics: Kafka's TopicCommand.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/java_order.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/kafka/topics_description.h"
#include "cli/kafka/topics_options.h"
#include "cli/properties_file.h"
#include "client/admin.h"

namespace partita::cli::kafka {
namespace {

using client::Admin;
using client::Outcome;
using client::PartitionDescription;
using client::PartitionReassignment;
using client::TopicDescription;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_configs(
    const std::vector<std::string>& pairs) {
  std::vector<std::pair<std::string, std::string>> configs;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    const bool twice = equals != std::string::npos && pair.find('=', equals + 1) != pair.npos;
    if (equals == std::string::npos || equals + 1 == pair.size() || twice) {
      return fail(Errc::invalid_argument,
                  "requirement failed: Invalid topic config: all configs to be added must be in "
                  "the format \"key=val\".");
    }
    const std::string name(trimmed(std::string_view(pair).substr(0, equals)));
    std::erase_if(configs, [&](const auto& each) { return each.first == name; });
    configs.emplace_back(name, trimmed(std::string_view(pair).substr(equals + 1)));
  }
  return configs;
}

/// The first failure.
template <class T>
Result<> all_of(const client::Outcomes<T>& outcomes) {
  for (const Outcome<T>& outcome : outcomes) {
    if (!outcome.result) return std::unexpected(outcome.result.error());
  }
  return {};
}

class TopicsTool {
 public:
  TopicsTool(ClientContext& context, const TopicsOptions& options)
      : options_(options),
        admin_(context.scope, context.cluster),
        deadline_(context.now() + kApiTimeout) {}

  Task<Result<>> run() {
    switch (options_.action) {
      case TopicsAction::create: co_return co_await create();
      case TopicsAction::list: co_return co_await list();
      case TopicsAction::describe: co_return co_await describe();
      case TopicsAction::alter: co_return co_await alter();
      case TopicsAction::remove: co_return co_await remove();
    }
    co_return Result<>();
  }
  /// What the Java client would have been doing when time ran out.
  std::string_view call() const { return call_; }

 private:
  Task<Result<>> create();
  Task<Result<>> list();
  Task<Result<>> describe();
  Task<Result<>> alter();
  Task<Result<>> remove();

  Task<Result<std::vector<std::string>>> matching();
  Task<Result<std::vector<std::string>>> matching_existing();
  Task<Result<std::vector<std::string>>> topics_to_describe();
  Task<Result<TopicSurroundings>> surroundings(std::vector<std::string> names);

  const TopicsOptions& options_;
  Admin admin_;
  const Deadline deadline_;
  std::string_view call_ = "listTopics";
};

void forget_eligible_leaders(client::Outcomes<TopicDescription>& topics) {
  for (auto& each : topics) {
    for (PartitionDescription& partition : each.result->partitions) {
      partition.elr.reset();
      partition.last_known_elr.reset();
    }
  }
}

Task<Result<>> TopicsTool::create() {
  client::NewTopic topic{.name = *options_.topic};
  CO_TRY(topic.configs, parse_configs(options_.given.values("config")));
  if (const auto text = options_.given.value("replica-assignment"); text && !text->empty()) {
    CO_TRY(topic.assignment, parse_replica_assignment(*text));
  }
  if (topic.name.find_first_of("._") != std::string::npos) {
    std::puts(
        "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
        "('_') could collide. To avoid issues it is best to use either, but not both.");
  }
  const int64_t factor = options_.replication_factor.value_or(-1);
  if (options_.replication_factor && (factor > INT16_MAX || factor < 1)) {
    co_return fail(Errc::invalid_argument,
                   "The replication factor must be between 1 and 32767 inclusive");
  }
  if (options_.partitions && *options_.partitions < 1) {
    co_return fail(Errc::invalid_argument, "The partitions must be greater than 0");
  }
  topic.partitions = static_cast<int32_t>(options_.partitions.value_or(-1));
  topic.replication_factor = static_cast<int16_t>(factor);
  call_ = "createTopics";
  CO_TRY(const auto outcomes, co_await admin_.create_topics({std::move(topic)}, false, deadline_));
  const Result<> created = all_of(outcomes);
  const bool exists = !created && created.error().code == Errc::topic_already_exists;
  if (exists && options_.has("if-not-exists")) co_return Result<>();
  CO_CHECKED(created);
  std::puts(fmt::format("Created topic {}.", *options_.topic).c_str());
  co_return Result<>();
}

Task<Result<std::vector<std::string>>> TopicsTool::matching() {
  const bool exclude_internal = options_.has("exclude-internal");
  CO_TRY(const auto topics, co_await admin_.list_topics(deadline_));
  std::optional<TopicFilter> filter;
  if (options_.topic) {
    CO_TRY(TopicFilter parsed, TopicFilter::parse(*options_.topic));
    filter.emplace(std::move(parsed));
  }
  std::vector<std::string> names;
  for (const client::TopicPtr& topic : topics) {
    if (exclude_internal && (topic->is_internal || is_internal_topic(topic->name))) continue;
    if (!filter || filter->matches(topic->name)) names.push_back(topic->name);
  }
  co_return names;
}

Task<Result<std::vector<std::string>>> TopicsTool::matching_existing() {
  CO_TRY(auto names, co_await matching());
  if (names.empty() && options_.topic && !options_.topic->empty() && !options_.has("if-exists")) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("Topic '{}' does not exist as expected", *options_.topic));
  }
  co_return names;
}

Task<Result<>> TopicsTool::list() {
  CO_TRY(const auto names, co_await matching());
  std::puts(fmt::format("{}", fmt::join(names, "\n")).c_str());
  co_return Result<>();
}

Task<Result<>> TopicsTool::alter() {
  std::map<int32_t, std::vector<int32_t>> assignment;
  if (const auto text = options_.given.value("replica-assignment"); text && !text->empty()) {
    CO_TRY(assignment, parse_replica_assignment(*text));
  }
  CO_TRY(const auto names, co_await matching_existing());
  if (names.empty()) co_return Result<>();
  std::vector<client::NewPartitions> wanted;
  for (const std::string& name : names) {
    wanted.push_back({.topic = name, .count = static_cast<int32_t>(*options_.partitions)});
  }
  if (!assignment.empty()) {
    call_ = "describeTopics";
    CO_TRY(const auto topics, co_await admin_.describe_topics(names, deadline_));
    CO_CHECKED(all_of(topics));
    for (size_t i = 0; i < topics.size(); i++) {
      const auto known = static_cast<int32_t>(topics[i].result->partitions.size());
      auto& fresh = wanted[i].assignment.emplace();
      for (auto at = assignment.lower_bound(known); at != assignment.end(); ++at) {
        fresh.push_back(at->second);
      }
    }
  }
  call_ = "createPartitions";
  CO_TRY(const auto outcomes, co_await admin_.create_partitions(std::move(wanted), deadline_));
  co_return all_of(outcomes);
}

Task<Result<>> TopicsTool::remove() {
  CO_TRY(const auto names, co_await matching_existing());
  if (names.empty()) co_return Result<>();
  call_ = "deleteTopics";
  CO_TRY(const auto outcomes, co_await admin_.delete_topics(names, deadline_));
  co_return all_of(outcomes);
}

// --- Describe ---

Task<Result<std::vector<std::string>>> TopicsTool::topics_to_describe() {
  const auto text = options_.given.value("topic-id");
  if (!text) co_return co_await matching_existing();
  const auto id = Uuid::parse(*text);
  if (!id) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("Input string `{}` decoded as {} bytes, which is not equal to the "
                               "expected 16 bytes of a base64-encoded UUID",
                               *text, text->size() * 3 / 4));
  }
  if (id->is_zero()) co_return co_await matching_existing();
  CO_TRY(const auto topics, co_await admin_.list_topics(deadline_));
  for (const client::TopicPtr& topic : topics) {
    if (topic->id == *id) co_return std::vector{topic->name};
  }
  if (options_.has("if-exists")) co_return std::vector<std::string>();
  co_return fail(Errc::invalid_argument,
                 fmt::format("TopicId '{}' does not exist as expected", *text));
}

Task<Result<TopicSurroundings>> TopicsTool::surroundings(std::vector<std::string> names) {
  TopicSurroundings around;
  std::vector<client::ConfigResource> resources;
  for (std::string& name : names) resources.push_back({client::ResourceType::topic, name});
  if (!resources.empty()) {
    call_ = "describeConfigs";
    CO_TRY(auto configs, co_await admin_.describe_configs(std::move(resources), deadline_));
    CO_CHECKED(all_of(configs));
    for (auto& each : configs) around.configs.emplace(each.name, *std::move(each.result));
  }
  call_ = "describeCluster";
  CO_TRY(const auto cluster, co_await admin_.describe_cluster(deadline_));
  for (const client::BrokerView& broker : cluster.brokers) around.live.insert(broker.id);
  call_ = "listPartitionReassignments";
  auto moves = co_await admin_.list_reassignments(deadline_);
  const bool tolerated = !moves && (moves.error().code == Errc::unsupported_version ||
                                    moves.error().code == Errc::cluster_authorization_failed);
  if (!moves && !tolerated) co_return std::unexpected(moves.error());
  if (moves) {
    for (PartitionReassignment& each : *moves) {
      const client::TopicPartition partition = each.partition;
      around.reassignments.emplace(partition, std::move(each));
    }
  }
  co_return around;
}

Task<Result<>> TopicsTool::describe() {
  CO_TRY(const std::vector<std::string> names, co_await topics_to_describe());
  client::Outcomes<TopicDescription> described;
  if (!names.empty()) {
    call_ = "describeTopics";
    CO_TRY(described, co_await admin_.describe_topics(names, deadline_));
    CO_CHECKED(all_of(described));
  }
  CO_TRY(const TopicSurroundings around, co_await surroundings(names));
  // --topic-id is answered from Metadata there, which knows no eligible leaders.
  if (options_.has("topic-id")) forget_eligible_leaders(described);
  // The Java client keeps what it asks about in hash maps, the second of which is a copy.
  const auto asked = java_map_order(names, names.size());
  const auto copied = java_map_order(asked, names.size() * 4 / 3 + 1);
  for (const std::string& name : java_map_order(copied, names.size())) {
    const auto at = std::ranges::find(described, name, &Outcome<TopicDescription>::name);
    if (at != described.end()) print_topic(options_, name, *at->result, around);
  }
  co_return Result<>();
}

Task<int> run_tool(ClientContext& context, const TopicsOptions& options) {
  TopicsTool tool(context, options);
  const Result<> result = co_await tool.run();
  if (result) co_return 0;
  std::string message = java_message(result.error());
  if (client::is_connection_error(result.error().code)) {
    message = fmt::format("Timed out waiting for a node assignment. Call: {}", tool.call());
  }
  std::puts(fmt::format("Error while executing topic command : {}", message).c_str());
  co_return 1;
}

Result<client::ClusterSettings> settings_of(const TopicsOptions& options) {
  TRY(client::ClusterSettings settings, cluster_settings(options.bootstrap, "adminclient-1"));
  if (const auto file = options.given.value("command-config")) {
    TRY(const Properties properties, read_properties_file(*file));
    CHECKED(apply_client_configs(properties, settings));
  }
  return settings;
}

}  // namespace

int run_topics(std::span<const std::string> arguments) {
  auto parsed = parse_topics_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const TopicsOptions& options = std::get<TopicsOptions>(parsed);
  auto settings = settings_of(options);
  if (!settings) {
    std::puts(
        fmt::format("Error while executing topic command : {}", settings.error().detail).c_str());
    return 1;
  }
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, options); });
}

}  // namespace partita::cli::kafka
