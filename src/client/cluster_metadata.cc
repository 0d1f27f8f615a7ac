// What Cluster knows of brokers and topics.

#include <algorithm>

#include "base/fault_points.h"
#include "client/cluster.h"
#include "wire/error_code.h"
#include "wire/messages/metadata.h"

namespace partita::client {
namespace {

std::vector<NodeId> nodes_of(const wire::ArrayView<int32_t>& ids) {
  std::vector<NodeId> nodes;
  nodes.reserve(ids.size());
  for (const int32_t id : ids) nodes.emplace_back(id);
  return nodes;
}

TopicView topic_of(const wire::metadata_response::MetadataResponseTopicView& from) {
  TopicView topic{.name = std::string(from.name.value_or("")),
                  .id = from.topic_id,
                  .is_internal = from.is_internal,
                  .partitions = {},
                  .error = wire::errc_of(from.error_code)};
  topic.partitions.reserve(from.partitions.size());
  for (const auto& each : from.partitions) {
    topic.partitions.push_back({.index = PartitionIndex(each.partition_index),
                                .leader = NodeId(each.leader_id),
                                .leader_epoch = LeaderEpoch(each.leader_epoch),
                                .replicas = nodes_of(each.replica_nodes),
                                .isr = nodes_of(each.isr_nodes),
                                .error = wire::errc_of(each.error_code)});
  }
  std::ranges::sort(topic.partitions, {}, &PartitionView::index);
  return topic;
}

}  // namespace

TopicPtr Cluster::known_topic(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second;
}

bool Cluster::is_stale() const {
  return !metadata_time_ || shard_.now() - *metadata_time_ > settings_.metadata_max_age;
}

Task<Result<TopicPtr>> Cluster::topic(Scope& scope, std::string name, Deadline deadline) {
  followed_.insert(name);
  Backoff pauses = backoff();
  while (true) {
    const TopicPtr known = known_topic(name);
    if (known && !known->error && !known->partitions.empty()) co_return known;
    if (known && known->error && !is_transient(*known->error)) {
      co_return fail(*known->error, name);
    }
    Result<> asked = co_await refresh(scope, deadline);
    if (!asked && (!is_transient(asked.error().code) || shard_.now() >= deadline)) {
      co_return std::unexpected(std::move(asked).error());
    }
    const TopicPtr now_known = known_topic(name);
    if (asked && now_known && !(now_known->error && is_transient(*now_known->error))) continue;
    const Duration pause = pauses.next();
    if (shard_.now() + pause >= deadline) {
      if (!asked) co_return std::unexpected(std::move(asked).error());
      co_return fail(
          now_known && now_known->error ? *now_known->error : Errc::unknown_topic_or_partition,
          name);
    }
    CO_CHECKED(co_await sleep_for(scope, pause));
  }
}

Task<Result<>> Cluster::refresh(Scope& scope, Deadline deadline) {
  while (refreshing_) {
    const uint64_t before = refresh_count_;
    CO_CHECKED(co_await refreshed_.wait(scope, deadline));
    // Whoever asked may have been stopped: that says nothing about the cluster.
    const bool stopped = !last_refresh_ && last_refresh_.error().code == Errc::stopped;
    if (refresh_count_ != before && !stopped) co_return last_refresh_;
  }
  refreshing_ = true;
  Result<> result = co_await ask_metadata(scope, deadline);
  refreshing_ = false;
  refresh_count_++;
  last_refresh_ = result;
  refreshed_.wake_all();
  co_return result;
}

Task<Result<>> Cluster::ask_metadata(Scope& scope, Deadline deadline) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = settings_.allow_auto_create_topics;
  for (const std::string& name : followed_)
    request.topics->push_back({.topic_id = {}, .name = name});
  CO_TRY(const Answer answer, co_await ask(scope, kAnyNode, std::move(request), deadline));
  co_return take_metadata(answer, nullptr);
}

Task<Result<std::vector<TopicPtr>>> Cluster::all_topics(Scope& scope, Deadline deadline) {
  wire::MetadataRequest request;
  request.topics = std::nullopt;
  CO_TRY(const Answer answer, co_await ask(scope, kAnyNode, std::move(request), deadline));
  std::vector<TopicPtr> all;
  CO_CHECKED(take_metadata(answer, &all));
  std::ranges::sort(all, {}, [](const TopicPtr& topic) { return topic->name; });
  co_return all;
}

Result<> Cluster::take_metadata(const Answer& answer, std::vector<TopicPtr>* all) {
  TRY(const auto response, wire::MetadataResponseView::decode(answer.body.view(), answer.version));
  if (const auto error = wire::errc_of(response.error_code)) return fail(*error, "Metadata");
  brokers_.clear();
  for (const auto& each : response.brokers) {
    learn_broker(
        {.id = NodeId(each.node_id),
         .address = {.host = std::string(each.host), .port = static_cast<uint16_t>(each.port)},
         .rack = each.rack ? std::optional(std::string(*each.rack)) : std::nullopt});
  }
  for (const auto& each : response.topics) {
    TopicPtr topic = merged(topic_of(each));
    if (all != nullptr) {
      all->push_back(std::move(topic));
    } else {
      topics_.insert_or_assign(topic->name, topic);
    }
  }
  if (all == nullptr) metadata_time_ = shard_.now();
  return {};
}

TopicPtr Cluster::merged(TopicView topic) const {
  const TopicPtr before = known_topic(topic.name);
  if (before && before->id == topic.id && !mutant("client.metadata_goes_back")) {
    for (PartitionView& each : topic.partitions) {
      const PartitionView* old = before->find(each.index);
      // Some broker's view is behind what another one said before.
      if (old != nullptr && old->leader_epoch > each.leader_epoch) {
        COVERED("client.older_metadata");
        each = *old;
      }
    }
  }
  return std::make_shared<const TopicView>(std::move(topic));
}

void Cluster::learn_leader(const TopicPartition& partition, NodeId leader, LeaderEpoch epoch) {
  const auto found = topics_.find(partition.topic);
  if (found == topics_.end() || leader == kNoNode) return;
  TopicView changed = *found->second;
  const auto at =
      std::ranges::lower_bound(changed.partitions, partition.partition, {}, &PartitionView::index);
  if (at == changed.partitions.end() || at->index != partition.partition) return;
  if (at->leader_epoch >= epoch) return;
  at->leader = leader;
  at->leader_epoch = epoch;
  at->error.reset();
  found->second = std::make_shared<const TopicView>(std::move(changed));
}

void Cluster::learn_broker(BrokerView broker) {
  const NodeId id = broker.id;
  brokers_.insert_or_assign(id, std::move(broker));
}

}  // namespace partita::client
