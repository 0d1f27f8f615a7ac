// Admin's calls about topics.

#include <algorithm>

#include "client/admin_call.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/describe_topic_partitions.h"
#include "wire/messages/list_partition_reassignments.h"

namespace partita::client {
namespace {

constexpr int32_t kRequestTimeoutMs = 60'000;  // how long the broker may wait for the controller

std::vector<NodeId> nodes_of(const wire::ArrayView<int32_t>& ids) {
  std::vector<NodeId> nodes;
  nodes.reserve(ids.size());
  for (const int32_t id : ids) nodes.emplace_back(id);
  return nodes;
}

wire::create_topics_request::CreatableTopic creatable(NewTopic topic) {
  wire::create_topics_request::CreatableTopic out;
  out.name = std::move(topic.name);
  out.num_partitions = topic.partitions;
  out.replication_factor = topic.replication_factor;
  for (auto& [index, replicas] : topic.assignment) {
    auto& assignment = out.assignments.emplace_back();
    assignment.partition_index = index;
    assignment.broker_ids = std::move(replicas);
  }
  for (auto& [name, value] : topic.configs) {
    auto& config = out.configs.emplace_back();
    config.name = std::move(name);
    config.value = std::move(value);
  }
  return out;
}

PartitionDescription describe_partition(
    const wire::describe_topic_partitions_response::DescribeTopicPartitionsResponsePartitionView&
        from) {
  PartitionDescription partition{.index = PartitionIndex(from.partition_index),
                                 .leader = NodeId(from.leader_id),
                                 .leader_epoch = LeaderEpoch(from.leader_epoch),
                                 .replicas = nodes_of(from.replica_nodes),
                                 .isr = nodes_of(from.isr_nodes),
                                 .elr = std::nullopt,
                                 .last_known_elr = std::nullopt};
  if (from.eligible_leader_replicas) partition.elr = nodes_of(*from.eligible_leader_replicas);
  if (from.last_known_elr) partition.last_known_elr = nodes_of(*from.last_known_elr);
  return partition;
}

}  // namespace

Task<Result<Outcomes<CreatedTopic>>> Admin::create_topics(std::vector<NewTopic> topics,
                                                          bool validate_only, Deadline deadline) {
  wire::CreateTopicsRequest request;
  for (NewTopic& topic : topics) request.topics.push_back(creatable(std::move(topic)));
  request.timeout_ms = kRequestTimeoutMs;
  request.validate_only = validate_only;
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::CreateTopicsResponseView::decode(answer.body.view(), answer.version));
  Outcomes<CreatedTopic> outcomes;
  for (const auto& each : response.topics) {
    Outcome<CreatedTopic> outcome{.name = std::string(each.name), .result = CreatedTopic{}};
    if (auto failed = result_of(each.error_code, each.error_message); !failed) {
      outcome.result = std::unexpected(std::move(failed).error());
    } else {
      outcome.result = CreatedTopic{.id = each.topic_id,
                                    .partitions = each.num_partitions,
                                    .replication_factor = each.replication_factor};
    }
    outcomes.push_back(std::move(outcome));
  }
  co_return outcomes;
}

Task<Result<Outcomes<>>> Admin::delete_topics(std::vector<std::string> names, Deadline deadline) {
  wire::DeleteTopicsRequest request;
  // Version 6 names topics in structs, the older ones in a plain list.
  for (const std::string& name : names) request.topics.push_back({.name = name, .topic_id = {}});
  request.timeout_ms = kRequestTimeoutMs;
  Result<Answer> answer = co_await call(request, deadline);
  if (!answer && answer.error().code == Errc::unsupported_version) {
    request.topics.clear();
    request.topic_names = std::move(names);
    answer = co_await call(std::move(request), deadline);
  }
  if (!answer) co_return std::unexpected(std::move(answer).error());
  CO_TRY(const auto response,
         wire::DeleteTopicsResponseView::decode(answer->body.view(), answer->version));
  Outcomes<> outcomes;
  for (const auto& each : response.responses) {
    outcomes.push_back({.name = std::string(each.name.value_or("")),
                        .result = result_of(each.error_code, each.error_message)});
  }
  co_return outcomes;
}

Task<Result<Outcomes<>>> Admin::create_partitions(std::vector<NewPartitions> topics,
                                                  Deadline deadline) {
  wire::CreatePartitionsRequest request;
  for (NewPartitions& topic : topics) {
    auto& out = request.topics.emplace_back();
    out.name = std::move(topic.topic);
    out.count = topic.count;
    out.assignments = std::nullopt;
    if (!topic.assignment) continue;
    out.assignments.emplace();
    for (auto& replicas : *topic.assignment) {
      out.assignments->push_back({.broker_ids = std::move(replicas)});
    }
  }
  request.timeout_ms = kRequestTimeoutMs;
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::CreatePartitionsResponseView::decode(answer.body.view(), answer.version));
  Outcomes<> outcomes;
  for (const auto& each : response.results) {
    outcomes.push_back(
        {.name = std::string(each.name), .result = result_of(each.error_code, each.error_message)});
  }
  co_return outcomes;
}

Task<Result<std::vector<TopicPtr>>> Admin::list_topics(Deadline deadline) {
  Backoff pauses = cluster_.backoff();
  while (true) {
    auto topics = co_await cluster_.all_topics(scope_, deadline);
    if (topics || !is_connection_error(topics.error().code)) co_return topics;
    const Duration pause = pauses.next();
    if (cluster_.shard().now() + pause >= deadline) co_return topics;
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

Task<Result<Outcomes<TopicDescription>>> Admin::describe_topics(std::vector<std::string> names,
                                                                Deadline deadline) {
  std::ranges::sort(names);
  wire::DescribeTopicPartitionsRequest request;
  for (const std::string& name : names) request.topics.push_back({.name = name});
  Outcomes<TopicDescription> outcomes;
  while (true) {
    const Result<Answer> answer = co_await call(request, deadline);
    if (!answer && answer.error().code == Errc::unsupported_version && outcomes.empty()) {
      co_return co_await describe_by_metadata(std::move(names), deadline);
    }
    if (!answer) co_return std::unexpected(answer.error());
    CO_TRY(const auto page,
           wire::DescribeTopicPartitionsResponseView::decode(answer->body.view(), answer->version));
    for (const auto& each : page.topics) {
      const std::string name(each.name.value_or(""));
      // A topic that did not fit goes on with the next page.
      if (outcomes.empty() || outcomes.back().name != name) {
        outcomes.push_back(
            {.name = name,
             .result = TopicDescription{
                 .id = each.topic_id, .is_internal = each.is_internal, .partitions = {}}});
      }
      auto& outcome = outcomes.back();
      if (auto failed = result_of(each.error_code, std::nullopt); !failed) {
        outcome.result = std::unexpected(std::move(failed).error());
        continue;
      }
      for (const auto& from : each.partitions) {
        outcome.result->partitions.push_back(describe_partition(from));
      }
    }
    if (!page.next_cursor) break;
    request.cursor.emplace();
    request.cursor->topic_name = std::string(page.next_cursor->topic_name);
    request.cursor->partition_index = page.next_cursor->partition_index;
    std::erase_if(request.topics,
                  [&](const auto& topic) { return topic.name < request.cursor->topic_name; });
  }
  co_return outcomes;
}

Task<Result<Outcomes<TopicDescription>>> Admin::describe_by_metadata(std::vector<std::string> names,
                                                                     Deadline deadline) {
  CO_TRY(const std::vector<TopicPtr> all, co_await list_topics(deadline));
  Outcomes<TopicDescription> outcomes;
  for (std::string& name : names) {
    const auto at = std::ranges::find(all, name, [](const TopicPtr& topic) { return topic->name; });
    if (at == all.end()) {
      outcomes.push_back(
          {.name = std::move(name), .result = fail(Errc::unknown_topic_or_partition)});
      continue;
    }
    TopicDescription topic{.id = (*at)->id, .is_internal = (*at)->is_internal, .partitions = {}};
    for (const PartitionView& from : (*at)->partitions) {
      topic.partitions.push_back({.index = from.index,
                                  .leader = from.leader,
                                  .leader_epoch = from.leader_epoch,
                                  .replicas = from.replicas,
                                  .isr = from.isr,
                                  .elr = std::nullopt,
                                  .last_known_elr = std::nullopt});
    }
    outcomes.push_back({.name = std::move(name), .result = std::move(topic)});
  }
  co_return outcomes;
}

Task<Result<std::vector<PartitionReassignment>>> Admin::list_reassignments(Deadline deadline) {
  wire::ListPartitionReassignmentsRequest request;
  CO_TRY(const Answer answer, co_await call(std::move(request), deadline));
  CO_TRY(const auto response,
         wire::ListPartitionReassignmentsResponseView::decode(answer.body.view(), answer.version));
  CO_CHECKED(result_of(response.error_code, response.error_message));
  std::vector<PartitionReassignment> all;
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      all.push_back({.partition = {std::string(topic.name), PartitionIndex(each.partition_index)},
                     .replicas = nodes_of(each.replicas),
                     .adding = nodes_of(each.adding_replicas),
                     .removing = nodes_of(each.removing_replicas)});
    }
  }
  co_return all;
}

}  // namespace partita::client
