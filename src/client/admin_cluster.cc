// Admin's calls about configs, the cluster and offsets.

#include <charconv>

#include "client/admin_call.h"
#include "client/leader_call.h"
#include "wire/messages/delete_records.h"
#include "wire/messages/describe_cluster.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/incremental_alter_configs.h"
#include "wire/messages/list_config_resources.h"
#include "wire/messages/list_offsets.h"

namespace partita::client {
namespace {

constexpr int32_t kRequestTimeoutMs = 60'000;  // how long the broker may wait for replicas

std::vector<ConfigSynonym> synonyms_of(
    const wire::describe_configs_response::DescribeConfigsResourceResultView& from) {
  std::vector<ConfigSynonym> synonyms;
  for (const auto& each : from.synonyms) {
    synonyms.push_back(
        {.name = std::string(each.name),
         .value = each.value ? std::optional(std::string(*each.value)) : std::nullopt,
         .source = static_cast<ConfigSource>(each.source)});
  }
  return synonyms;
}

/// A broker's own configs are known, and changed, by itself: the others only forward or refuse.
NodeId node_for(const ConfigResource& resource) {
  const bool own =
      resource.type == ResourceType::broker || resource.type == ResourceType::broker_logger;
  int32_t id = -1;
  const char* const end = resource.name.data() + resource.name.size();
  const auto [stop, error] = std::from_chars(resource.name.data(), end, id);
  return own && error == std::errc() && stop == end ? NodeId(id) : kAnyNode;
}

ConfigEntry entry_of(
    const wire::describe_configs_response::DescribeConfigsResourceResultView& from) {
  return {.name = std::string(from.name),
          .value = from.value ? std::optional(std::string(*from.value)) : std::nullopt,
          .source = static_cast<ConfigSource>(from.config_source),
          .is_read_only = from.read_only,
          .is_sensitive = from.is_sensitive,
          .synonyms = synonyms_of(from)};
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

template <bool read_committed>
wire::ListOffsetsRequest request_of(const std::vector<OffsetQuestion>& questions) {
  wire::ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = read_committed ? 1 : 0;
  for (const OffsetQuestion& question : questions) {
    auto& partition = topic_in(request.topics, question.partition.topic).partitions.emplace_back();
    partition.partition_index = question.partition.partition.value();
    partition.timestamp = question.timestamp;
  }
  return request;
}

wire::DeleteRecordsRequest deletion_of(const std::vector<RecordsToDelete>& before) {
  wire::DeleteRecordsRequest request;
  request.timeout_ms = kRequestTimeoutMs;
  for (const RecordsToDelete& each : before) {
    auto& partition = topic_in(request.topics, each.partition.topic).partitions.emplace_back();
    partition.partition_index = each.partition.partition.value();
    partition.offset = each.offset.value();
  }
  return request;
}

Result<> take_deleted(const Answer& answer, std::map<TopicPartition, Result<Offset>>& deleted) {
  TRY(const auto response,
      wire::DeleteRecordsResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      const TopicPartition partition{std::string(topic.name), PartitionIndex(each.partition_index)};
      if (const auto error = wire::errc_of(each.error_code)) {
        deleted.insert_or_assign(partition, fail(*error));
      } else {
        deleted.insert_or_assign(partition, Offset(each.low_watermark));
      }
    }
  }
  return {};
}

}  // namespace

Task<Result<Outcomes<std::vector<ConfigEntry>>>> Admin::describe_configs(
    std::vector<ConfigResource> resources, Deadline deadline, ConfigQuestion question) {
  std::map<NodeId, wire::DescribeConfigsRequest> requests;
  for (ConfigResource& resource : resources) {
    auto& request = requests[node_for(resource)];
    request.include_synonyms = question.with_synonyms;
    auto& out = request.resources.emplace_back();
    out.resource_type = static_cast<int8_t>(resource.type);
    out.resource_name = std::move(resource.name);
    out.configuration_keys = question.names;
  }
  Outcomes<std::vector<ConfigEntry>> outcomes;
  for (auto& [node, request] : requests) {
    CO_TRY(const Answer answer, co_await call_node(node, std::move(request), deadline));
    CO_TRY(const auto response,
           wire::DescribeConfigsResponseView::decode(answer.body.view(), answer.version));
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
  }
  co_return outcomes;
}

Task<Result<>> Admin::alter_configs(ConfigResource resource, std::vector<ConfigChange> changes,
                                    Deadline deadline) {
  const NodeId node = node_for(resource);
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
  CO_TRY(const Answer answer, co_await call_node(node, std::move(request), deadline));
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
  using Question = LeaderQuestion<OffsetQuestion, ListedOffset, wire::ListOffsetsRequest>;
  const Question question{.request = read_committed ? request_of<true> : request_of<false>,
                          .take = take_listed};
  co_return co_await ask_leaders(scope_, cluster_, question, std::move(questions), deadline);
}

Task<Result<std::map<TopicPartition, Result<Offset>>>> Admin::delete_records(
    std::vector<RecordsToDelete> before, Deadline deadline) {
  using Question = LeaderQuestion<RecordsToDelete, Offset, wire::DeleteRecordsRequest>;
  co_return co_await ask_leaders(scope_, cluster_,
                                 Question{.request = deletion_of, .take = take_deleted},
                                 std::move(before), deadline);
}

Task<Result<std::vector<ConfigResource>>> Admin::list_config_resources(
    std::vector<ResourceType> types, Deadline deadline) {
  wire::ListConfigResourcesRequest request;
  for (const ResourceType type : types) {
    request.resource_types.push_back(static_cast<int8_t>(type));
  }
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::ListConfigResourcesResponseView::decode(answer.body.view(), answer.version));
  CO_CHECKED(result_of(response.error_code, std::nullopt));
  std::vector<ConfigResource> all;
  for (const auto& each : response.config_resources) {
    all.push_back({static_cast<ResourceType>(each.resource_type), std::string(each.resource_name)});
  }
  co_return all;
}

}  // namespace partita::client
