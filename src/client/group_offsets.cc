// GroupAdmin: offsets of a group, read, changed and deleted from outside.

#include "client/admin_call.h"
#include "client/group_admin.h"
#include "client/leader_call.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"

namespace partita::client {
namespace {

constexpr int16_t kLastCommitWithNames = 9;
constexpr int16_t kLastFetchOfOneGroup = 7;

using PartitionResults = std::map<TopicPartition, Result<>>;

Result<CommittedOffsets> read_committed_offsets(const Answer& answer) {
  TRY(const auto response,
      wire::OffsetFetchResponseView::decode(answer.body.view(), answer.version));
  if (const auto error = wire::errc_of(response.error_code)) return fail(*error);
  CommittedOffsets offsets;
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      if (wire::errc_of(each.error_code) || each.committed_offset < 0) continue;
      offsets.emplace(TopicPartition{std::string(topic.name), PartitionIndex(each.partition_index)},
                      CommittedOffset{.offset = Offset(each.committed_offset),
                                      .leader_epoch = LeaderEpoch(each.committed_leader_epoch),
                                      .metadata = std::string(each.metadata.value_or(""))});
    }
  }
  return offsets;
}

/// An error that the coordinator gives to every partition is one of the request.
Result<PartitionResults> whole_or_each(PartitionResults results) {
  for (const auto& [partition, result] : results) {
    if (result) continue;
    const Errc code = result.error().code;
    if (is_coordinator_moved(code) || code == Errc::coordinator_load_in_progress) {
      return std::unexpected(result.error());
    }
  }
  return results;
}

Result<PartitionResults> read_commit(const Answer& answer) {
  TRY(const auto response,
      wire::OffsetCommitResponseView::decode(answer.body.view(), answer.version));
  PartitionResults results;
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      results.insert_or_assign(
          TopicPartition{std::string(topic.name), PartitionIndex(each.partition_index)},
          result_of(each.error_code, std::nullopt));
    }
  }
  return whole_or_each(std::move(results));
}

Result<PartitionResults> read_deletion(const Answer& answer) {
  TRY(const auto response,
      wire::OffsetDeleteResponseView::decode(answer.body.view(), answer.version));
  if (const auto error = wire::errc_of(response.error_code)) return fail(*error);
  PartitionResults results;
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      results.insert_or_assign(
          TopicPartition{std::string(topic.name), PartitionIndex(each.partition_index)},
          result_of(each.error_code, std::nullopt));
    }
  }
  return whole_or_each(std::move(results));
}

}  // namespace

Task<Result<CommittedOffsets>> GroupAdmin::committed(std::string group, Deadline deadline) {
  wire::OffsetFetchRequest request;
  request.group_id = group;
  request.topics = std::nullopt;
  Coordinator coordinator(cluster_, CoordinatorType::group, std::move(group));
  co_return co_await coordinator.ask<CommittedOffsets>(
      scope_, std::move(request), read_committed_offsets, deadline, kLastFetchOfOneGroup);
}

Task<Result<PartitionResults>> GroupAdmin::alter_offsets(std::string group,
                                                         CommittedOffsets offsets,
                                                         Deadline deadline) {
  wire::OffsetCommitRequest request;
  request.group_id = group;
  for (auto& [name, committed] : offsets) {
    auto& partition = topic_in(request.topics, name.topic).partitions.emplace_back();
    partition.partition_index = name.partition.value();
    partition.committed_offset = committed.offset.value();
    partition.committed_leader_epoch = committed.leader_epoch.value();
    partition.committed_metadata = std::move(committed.metadata);
  }
  Coordinator coordinator(cluster_, CoordinatorType::group, std::move(group));
  co_return co_await coordinator.ask<PartitionResults>(scope_, std::move(request), read_commit,
                                                       deadline, kLastCommitWithNames);
}

Task<Result<PartitionResults>> GroupAdmin::delete_offsets(std::string group,
                                                          std::vector<TopicPartition> partitions,
                                                          Deadline deadline) {
  wire::OffsetDeleteRequest request;
  request.group_id = group;
  for (const TopicPartition& each : partitions) {
    topic_in(request.topics, each.topic).partitions.emplace_back().partition_index =
        each.partition.value();
  }
  Coordinator coordinator(cluster_, CoordinatorType::group, std::move(group));
  co_return co_await coordinator.ask<PartitionResults>(scope_, std::move(request), read_deletion,
                                                       deadline);
}

}  // namespace partita::client
