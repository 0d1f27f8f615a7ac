// Admin's calls about configs, the cluster and offsets.

#include <algorithm>

#include "client/admin_call.h"
#include "wire/messages/describe_cluster.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/list_offsets.h"

namespace partita::client {
namespace {

ConfigEntry entry_of(
    const wire::describe_configs_response::DescribeConfigsResourceResultView& from) {
  return {.name = std::string(from.name),
          .value = from.value ? std::optional(std::string(*from.value)) : std::nullopt,
          .source = static_cast<ConfigSource>(from.config_source),
          .is_read_only = from.read_only,
          .is_sensitive = from.is_sensitive};
}

using Listed = std::map<TopicPartition, Result<ListedOffset>>;

Result<> take_listed(const Answer& answer, Listed& listed) {
  TRY(const auto response,
      wire::ListOffsetsResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      const TopicPartition partition{std::string(topic.name), PartitionIndex(each.partition_index)};
      if (const auto error = wire::errc_of(each.error_code)) {
        listed.insert_or_assign(partition, fail(*error));
        continue;
      }
      listed.insert_or_assign(partition,
                              ListedOffset{.offset = Offset(each.offset),
                                           .timestamp = WallTime(each.timestamp),
                                           .leader_epoch = LeaderEpoch(each.leader_epoch)});
    }
  }
  return {};
}

wire::ListOffsetsRequest request_of(const std::vector<OffsetQuestion>& questions,
                                    bool read_committed) {
  wire::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = read_committed ? 1 : 0;
  for (const OffsetQuestion& question : questions) {
    auto at = std::ranges::find(request.topics, question.partition.topic,
                                [](const auto& topic) { return topic.name; });
    if (at == request.topics.end()) {
      request.topics.emplace_back().name = question.partition.topic;
      at = std::prev(request.topics.end());
    }
    auto& partition = at->partitions.emplace_back();
    partition.partition_index = question.partition.partition.value();
    partition.timestamp = question.timestamp;
  }
  return request;
}

}  // namespace

Task<Result<Outcomes<std::vector<ConfigEntry>>>> Admin::describe_configs(
    std::vector<ConfigResource> resources, Deadline deadline) {
  wire::DescribeConfigsRequest request;
  for (ConfigResource& resource : resources) {
    auto& out = request.resources.emplace_back();
    out.resource_type = static_cast<int8_t>(resource.type);
    out.resource_name = std::move(resource.name);
    out.configuration_keys = std::nullopt;
  }
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::DescribeConfigsResponseView::decode(answer.body.view(), answer.version));
  Outcomes<std::vector<ConfigEntry>> outcomes;
  for (const auto& each : response.results) {
    Outcome<std::vector<ConfigEntry>> outcome{.name = std::string(each.resource_name),
                                              .result = std::vector<ConfigEntry>()};
    if (auto failed = result_of(each.error_code, each.error_message); !failed) {
      outcome.result = std::unexpected(std::move(failed).error());
    } else {
      for (const auto& config : each.configs) outcome.result->push_back(entry_of(config));
    }
    outcomes.push_back(std::move(outcome));
  }
  co_return outcomes;
}

Task<Result<>> Admin::alter_configs(ConfigResource resource, std::vector<ConfigChange> changes,
                                    Deadline deadline) {
  wire::IncrementalAlterConfigsRequest request;
  auto& out = request.resources.emplace_back();
  out.resource_type = static_cast<int8_t>(resource.type);
  out.resource_name = std::move(resource.name);
  for (ConfigChange& change : changes) {
    auto& config = out.configs.emplace_back();
    config.name = std::move(change.name);
    config.config_operation = static_cast<int8_t>(change.operation);
    config.value = std::move(change.value);
  }
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::IncrementalAlterConfigsResponseView::decode(answer.body.view(), answer.version));
  for (const auto& each : response.responses) {
    CO_CHECKED(result_of(each.error_code, each.error_message));
  }
  co_return Result<>();
}

Task<Result<ClusterDescription>> Admin::describe_cluster(Deadline deadline) {
  wire::DescribeClusterRequest request;
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::DescribeClusterResponseView::decode(answer.body.view(), answer.version));
  CO_CHECKED(result_of(response.error_code, response.error_message));
  ClusterDescription cluster{.cluster_id = std::string(response.cluster_id),
                             .controller = NodeId(response.controller_id),
                             .brokers = {}};
  for (const auto& each : response.brokers) {
    cluster.brokers.push_back(
        {.id = NodeId(each.broker_id),
         .address = {.host = std::string(each.host), .port = static_cast<uint16_t>(each.port)},
         .rack = each.rack ? std::optional(std::string(*each.rack)) : std::nullopt});
  }
  co_return cluster;
}

Task<Result<Listed>> Admin::list_offsets(std::vector<OffsetQuestion> questions, bool read_committed,
                                         Deadline deadline) {
  Listed listed;
  Backoff pauses = cluster_.backoff();
  while (true) {
    std::map<NodeId, std::vector<OffsetQuestion>> by_leader;
    for (const OffsetQuestion& question : questions) {
      CO_TRY(const TopicPtr topic,
             co_await cluster_.topic(scope_, question.partition.topic, deadline));
      const PartitionView* partition = topic->find(question.partition.partition);
      if (partition == nullptr) {
        listed.insert_or_assign(question.partition, fail(Errc::unknown_topic_or_partition));
      } else if (partition->leader == kNoNode) {
        listed.insert_or_assign(question.partition, fail(Errc::leader_not_available));
      } else {
        by_leader[partition->leader].push_back(question);
      }
    }
    for (auto& [leader, theirs] : by_leader) {
      const Result<Answer> answer =
          co_await cluster_.ask(scope_, leader, request_of(theirs, read_committed), deadline);
      if (answer) {
        CO_CHECKED(take_listed(*answer, listed));
      } else if (is_transient(answer.error().code)) {
        for (const auto& each : theirs) {
          listed.insert_or_assign(each.partition, std::unexpected(answer.error()));
        }
      } else {
        co_return std::unexpected(answer.error());
      }
    }
    // What may come right is asked again.
    std::erase_if(questions, [&](const OffsetQuestion& question) {
      const auto found = listed.find(question.partition);
      return found != listed.end() && (found->second || !is_transient(found->second.error().code));
    });
    const Duration pause = pauses.next();
    if (questions.empty() || cluster_.shard().now() + pause >= deadline) co_return listed;
    CO_CHECKED(co_await sleep_for(scope_, pause));
    const Result<> refreshed = co_await cluster_.refresh(scope_, deadline);
    if (!refreshed && !is_transient(refreshed.error().code)) {
      co_return std::unexpected(refreshed.error());
    }
  }
}

}  // namespace partita::client
