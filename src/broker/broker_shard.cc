#include "broker/broker_shard.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "broker/shard_of.h"

namespace partita::broker {
namespace {

storage::ShardLogsOptions logs_options(const Settings& settings) {
  return {.tail_ring_bytes = static_cast<size_t>(settings.tail_ring_bytes)};
}

FetchSessionLimits session_limits(const Settings& settings, size_t shard_count) {
  const auto slots = static_cast<size_t>(settings.fetch_session_slots);
  return {.slots = (slots + shard_count - 1) / shard_count};
}

std::vector<NodeId> node_vector(const metadata::NodeList& nodes) {
  return {nodes.begin(), nodes.end()};
}

replication::LeaderView view_of(const metadata::PartitionImage& image) {
  return {.leader_epoch = image.leader_epoch,
          .partition_epoch = image.partition_epoch,
          .replicas = node_vector(image.replicas),
          .isr = node_vector(image.isr)};
}

}  // namespace

BrokerShard::BrokerShard(Scope& scope, const Settings& settings, NodeId self,
                         storage::LogDirectory& directory, size_t shard_count, Log log)
    : scope_(scope),
      settings_(settings),
      self_(self),
      shard_count_(shard_count),
      log_(log),
      logs_(scope, directory, logs_options(settings), log.in("storage")),
      fetch_sessions_(session_limits(settings, shard_count), scope.shard().random()) {}

BrokerShard::~BrokerShard() = default;

Task<void> BrokerShard::publish(std::shared_ptr<const metadata::Image> image,
                                const metadata::Changes& changes) {
  image_ = std::move(image);
  if (!found_.empty()) open_found();
  for (const auto& [id, change] : changes.topics) apply_topic(id, change);
  apply_configs(changes);
  for (const auto& [id, change] : changes.topics) {
    if (change.before == nullptr && change.after != nullptr) co_await gone(change.after->name);
  }
}

Task<void> BrokerShard::gone(std::string topic) {
  const auto leaving = [this, &topic] {
    const auto first = leaving_.lower_bound({topic, PartitionIndex(0)});
    return first != leaving_.end() && first->first.topic == topic;
  };
  while (leaving()) {
    if (!co_await left_.wait(scope_)) co_return;  // the shard is stopping
  }
}

void BrokerShard::open_found() {
  for (storage::FoundPartition& found : std::exchange(found_, {})) {
    const auto topic = image_->topic(found.name.topic);
    const metadata::PartitionImage* partition =
        topic == nullptr ? nullptr : topic->partition(found.name.partition);
    const bool same_topic =
        topic != nullptr && (found.topic_id.is_zero() || found.topic_id == topic->id);
    if (partition == nullptr || !same_topic || !partition->replicas.contains(self_)) {
      log_.warn("{} belongs to no partition of this broker and is set aside",
                found.name.to_string());
      scope_.spawn(set_aside(std::move(found)));
      continue;
    }
    logs_.open(found, topic->id, local_topic(*topic).settings.log);
  }
}

void BrokerShard::apply_topic(const TopicId& id, const metadata::TopicChange& change) {
  const auto known = topics_.find(id);
  if (change.after == nullptr) {
    if (known == topics_.end()) return;
    for (auto& [index, local] : known->second.partitions) {
      scope_.spawn(let_go(std::move(local.partition), {known->second.name, index}, Files::remove));
    }
    topics_.erase(known);
    // Logs that were found at start and never asked for.
    std::vector<storage::TopicPartition> rest;
    for (const auto& [partition, log] : logs_.logs()) {
      if (log->topic_id() == id && !leaving_.contains(partition)) rest.push_back(partition);
    }
    for (storage::TopicPartition& partition : rest) {
      scope_.spawn(let_go(nullptr, std::move(partition), Files::remove));
    }
    return;
  }
  if (known == topics_.end()) return;
  for (const PartitionIndex index : change.partitions) {
    const auto local = known->second.partitions.find(index);
    const metadata::PartitionImage* image = change.after->partition(index);
    if (local == known->second.partitions.end() || image == nullptr) continue;
    if (image->partition_epoch <= local->second.epoch) continue;
    local->second.epoch = image->partition_epoch;
    if (image->leader == self_) {
      local->second.partition->lead(view_of(*image));
      continue;
    }
    scope_.spawn(
        let_go(std::move(local->second.partition), {known->second.name, index}, Files::keep));
    known->second.partitions.erase(local);
  }
}

void BrokerShard::apply_configs(const metadata::Changes& changes) {
  const bool broker_changed = std::ranges::any_of(changes.configs, [](const auto& resource) {
    return resource.type == metadata::ConfigResourceType::broker;
  });
  for (auto& [id, topic] : topics_) {
    const metadata::ConfigResource resource{metadata::ConfigResourceType::topic, topic.name};
    if (!broker_changed && !changes.configs.contains(resource)) continue;
    topic.settings = topic_settings(*image_, topic.name, settings_);
    for (auto& [index, local] : topic.partitions) {
      local.partition->update_config(topic.settings.log, topic.settings.min_insync_replicas);
    }
    for (const auto& [name, log] : logs_.logs()) {
      if (log->topic_id() == id) log->update_config(topic.settings.log);
    }
  }
}

BrokerShard::LocalTopic& BrokerShard::local_topic(const metadata::TopicImage& topic) {
  const auto [at, added] = topics_.try_emplace(topic.id);
  if (added) {
    at->second.name = topic.name;
    at->second.settings = topic_settings(*image_, topic.name, settings_);
  }
  return at->second;
}

Result<replication::Partition*> BrokerShard::partition(const metadata::TopicImage& topic,
                                                       PartitionIndex index) {
  if (retired_) return fail(Errc::not_leader_or_follower, "the broker stops");
  if (const auto local = topics_.find(topic.id); local != topics_.end()) {
    const auto found = local->second.partitions.find(index);
    if (found != local->second.partitions.end()) return found->second.partition.get();
  }
  const metadata::PartitionImage* image = image_->partition(topic.id, index);
  if (image == nullptr) return fail(Errc::unknown_topic_or_partition);
  if (image->leader != self_) return fail(Errc::not_leader_or_follower);
  if (leaving_.contains({topic.name, index})) return fail(Errc::leader_not_available);
  return &make_partition(local_topic(topic), topic, index);
}

replication::Partition& BrokerShard::make_partition(LocalTopic& topic,
                                                    const metadata::TopicImage& image,
                                                    PartitionIndex index) {
  CHECK(shard_of(image.id, index, shard_count_) == shard().id().value());
  const storage::TopicPartition name{topic.name, index};
  storage::PartitionLog* log = logs_.find(name);
  if (log == nullptr) log = &logs_.create(name, image.id, topic.settings.log);
  CHECK(log->topic_id() == image.id);
  LocalPartition& local = topic.partitions[index];
  local.partition = std::make_unique<replication::Partition>(
      scope_, *log, codecs_,
      replication::PartitionSettings{.self = self_,
                                     .min_insync_replicas = topic.settings.min_insync_replicas,
                                     .replica_lag_time_max = settings_.replica_lag_time_max});
  const metadata::PartitionImage* now = image_->partition(image.id, index);
  local.epoch = now->partition_epoch;
  local.partition->lead(view_of(*now));
  scope_.spawn(local.partition->start());
  return *local.partition;
}

Task<void> BrokerShard::let_go(std::unique_ptr<replication::Partition> partition,
                               storage::TopicPartition name, Files files) {
  leaving_[name]++;
  if (partition != nullptr) {
    partition->retire();
    co_await partition->released();
    partition.reset();
  }
  if (files == Files::remove && logs_.find(name) != nullptr) {
    if (const Result<> removed = co_await logs_.remove(name); !removed) {
      log_.error("cannot remove {}: {}", name.to_string(), describe(removed.error()));
    }
  }
  if (--leaving_[name] == 0) {
    leaving_.erase(name);
    left_.wake_all();
  }
}

Task<void> BrokerShard::set_aside(storage::FoundPartition found) {
  const std::string name = found.name.to_string();
  if (const Result<> moved = co_await logs_.set_aside(std::move(found)); !moved) {
    log_.error("cannot set {} aside: {}", name, describe(moved.error()));
  }
}

Task<void> BrokerShard::retire_all() {
  retired_ = true;
  // Images may still come in meanwhile: they find nothing to change.
  std::map<TopicId, LocalTopic> leaving = std::exchange(topics_, {});
  for (auto& [id, topic] : leaving) {
    for (auto& [index, local] : topic.partitions) local.partition->retire();
  }
  for (auto& [id, topic] : leaving) {
    for (auto& [index, local] : topic.partitions) co_await local.partition->released();
  }
}

size_t BrokerShard::partition_count() const {
  size_t count = 0;
  for (const auto& [id, topic] : topics_) count += topic.partitions.size();
  return count;
}

void BrokerShard::check_invariants() const {
  for (const auto& [id, topic] : topics_) {
    for (const auto& [index, local] : topic.partitions) {
      CHECK(shard_of(id, index, shard_count_) == scope_.shard().id().value());
      local.partition->check_invariants();
    }
  }
}

}  // namespace partita::broker
