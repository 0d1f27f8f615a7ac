#include "metadata/delta.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::metadata {

bool Changes::empty() const {
  return topics.empty() && configs.empty() && brokers.empty() && opaque.empty() && !features &&
         !producer_ids && !from_snapshot;
}

namespace {

Error no_such_topic(const TopicId& id) {
  return {Errc::corrupt_data,
          "a metadata record speaks of topic id " + id.to_string() + ", which is not there"};
}

Error no_such_broker(int32_t id) {
  return {Errc::corrupt_data,
          "a metadata record speaks of broker " + std::to_string(id) + ", which is not registered"};
}

NodeList nodes(const std::vector<int32_t>& values) {
  return NodeList(std::span<const int32_t>(values));
}

/// Kafka's rule for both counters of a partition: every change moves the partition epoch, naming a
/// leader (even the same one) moves the leader epoch.
void merge(PartitionImage& partition, const wire::PartitionChangeRecord& change) {
  if (change.replicas) partition.replicas = nodes(*change.replicas);
  if (change.isr) partition.isr = nodes(*change.isr);
  if (change.removing_replicas) partition.removing_replicas = nodes(*change.removing_replicas);
  if (change.adding_replicas) partition.adding_replicas = nodes(*change.adding_replicas);
  if (change.eligible_leader_replicas) partition.elr = nodes(*change.eligible_leader_replicas);
  if (change.last_known_elr) partition.last_known_elr = nodes(*change.last_known_elr);
  if (change.directories) partition.directories = *change.directories;
  if (change.leader_recovery_state >= 0) partition.recovering = change.leader_recovery_state == 1;
  if (change.leader != -2) {
    partition.leader = NodeId(change.leader);
    if (!mutant("metadata.keep_leader_epoch")) {
      partition.leader_epoch = LeaderEpoch(partition.leader_epoch.value() + 1);
    }
  }
  partition.partition_epoch = PartitionEpoch(partition.partition_epoch.value() + 1);
}

PartitionImage partition_of(const wire::PartitionRecord& record) {
  PartitionImage partition;
  partition.exists = true;
  partition.leader = NodeId(record.leader);
  partition.leader_epoch = LeaderEpoch(record.leader_epoch);
  partition.partition_epoch = PartitionEpoch(record.partition_epoch);
  partition.recovering = record.leader_recovery_state == 1;
  partition.replicas = nodes(record.replicas);
  partition.isr = nodes(record.isr);
  partition.removing_replicas = nodes(record.removing_replicas);
  partition.adding_replicas = nodes(record.adding_replicas);
  if (record.eligible_leader_replicas) partition.elr = nodes(*record.eligible_leader_replicas);
  if (record.last_known_elr) partition.last_known_elr = nodes(*record.last_known_elr);
  partition.directories = record.directories;
  return partition;
}

BrokerImage broker_of(const wire::RegisterBrokerRecord& record) {
  BrokerImage broker;
  broker.id = NodeId(record.broker_id);
  broker.epoch = BrokerEpoch(record.broker_epoch);
  broker.incarnation = record.incarnation_id;
  for (const auto& e : record.end_points) {
    broker.endpoints.push_back({e.name, e.host, e.port, e.security_protocol});
  }
  for (const auto& f : record.features) {
    broker.features[f.name] = {f.min_supported_version, f.max_supported_version};
  }
  broker.rack = record.rack;
  broker.fenced = record.fenced;
  broker.in_controlled_shutdown = record.in_controlled_shutdown;
  broker.migrating_zk_broker = record.is_migrating_zk_broker;
  broker.log_dirs = record.log_dirs;
  broker.cordoned_log_dirs = record.cordoned_log_dirs;
  return broker;
}

std::string quota_identity(const wire::ClientQuotaRecord& record) {
  std::vector<std::string> parts;
  for (const auto& entity : record.entity) {
    parts.push_back(entity.entity_type + (entity.entity_name ? "=" + *entity.entity_name : "~"));
  }
  std::ranges::sort(parts);
  std::string identity;
  for (const std::string& part : parts) identity += std::to_string(part.size()) + ":" + part;
  return identity + "/" + record.key;
}

}  // namespace

class Delta::Working {
 public:
  explicit Working(const Image& base) : next(std::make_shared<Image>(base)) {}

  // One overload a kind of record.
  Result<> apply(const wire::RegisterBrokerRecord& r);
  Result<> apply(const wire::UnregisterBrokerRecord& r);
  Result<> apply(const wire::BrokerRegistrationChangeRecord& r);
  Result<> apply(const wire::FenceBrokerRecord& r) { return fence(r.id, r.epoch, true); }
  Result<> apply(const wire::UnfenceBrokerRecord& r) { return fence(r.id, r.epoch, false); }
  Result<> apply(const wire::TopicRecord& r);
  Result<> apply(const wire::PartitionRecord& r);
  Result<> apply(const wire::PartitionChangeRecord& r);
  Result<> apply(const wire::RemoveTopicRecord& r);
  Result<> apply(const wire::ClearElrRecord& r);
  Result<> apply(const wire::ConfigRecord& r);
  Result<> apply(const wire::FeatureLevelRecord& r);
  Result<> apply(const wire::ProducerIdsRecord& r);
  Result<> apply(const wire::NoOpRecord&) { return {}; }
  Result<> apply(const wire::BeginTransactionRecord&) { return transaction(); }
  Result<> apply(const wire::EndTransactionRecord&) { return transaction(); }
  Result<> apply(const wire::AbortTransactionRecord&) { return transaction(); }
  // Kept as they are, by what identifies them; a removal takes away the entry of the kind that it
  // removes.
  Result<> apply(const wire::ClientQuotaRecord& r) {
    return keep(r.descriptor().key, quota_identity(r), !r.remove);
  }
  Result<> apply(const wire::AccessControlEntryRecord& r) {
    return keep(r.descriptor().key, r.id.to_string(), true);
  }
  Result<> apply(const wire::RemoveAccessControlEntryRecord& r) {
    return keep(wire::AccessControlEntryRecord::descriptor().key, r.id.to_string(), false);
  }
  Result<> apply(const wire::UserScramCredentialRecord& r) {
    return keep(r.descriptor().key, std::to_string(r.mechanism) + "/" + r.name, true);
  }
  Result<> apply(const wire::RemoveUserScramCredentialRecord& r) {
    return keep(wire::UserScramCredentialRecord::descriptor().key,
                std::to_string(r.mechanism) + "/" + r.name, false);
  }
  Result<> apply(const wire::DelegationTokenRecord& r) {
    return keep(r.descriptor().key, r.token_id, true);
  }
  Result<> apply(const wire::RemoveDelegationTokenRecord& r) {
    return keep(wire::DelegationTokenRecord::descriptor().key, r.token_id, false);
  }
  Result<> apply(const wire::RegisterControllerRecord& r) {
    return keep(r.descriptor().key, std::to_string(r.controller_id), true);
  }
  Result<> apply(const wire::ZkMigrationStateRecord& r) {
    return keep(r.descriptor().key, "", true);
  }

  std::shared_ptr<Image> next;
  Changes changes;
  // The record that is being replayed; as a frame where it came as one.
  const Record* record = nullptr;
  std::optional<ByteView> frame;
  bool any = false;

  Result<> replay(const Record& from, std::optional<ByteView> from_frame) {
    record = &from;
    frame = from_frame;
    any = true;
    return std::visit([&](const auto& value) { return apply(value); }, from.value);
  }
  Result<> finish_topics(const Image& base);
  void note_snapshot(const Image& base);

 private:
  static Result<> transaction() {
    return fail(Errc::corrupt_data, "a transaction record where none may stand");
  }
  Result<> fence(int32_t id, int64_t epoch, bool fenced);
  Result<BrokerImage*> broker(int32_t id, int64_t epoch);
  Result<TopicImage*> topic(const TopicId& id);
  Result<> keep(int16_t kind, std::string identity, bool present);
  std::map<NodeId, BrokerImage>& brokers();
  void touch(const TopicId& id, int32_t partition);

  std::map<TopicId, std::shared_ptr<TopicImage>> owned_topics_;
  std::shared_ptr<std::map<NodeId, BrokerImage>> owned_brokers_;
  std::shared_ptr<std::map<OpaqueKey, Bytes>> owned_opaque_;
  std::map<ConfigResource, std::shared_ptr<Configs>> owned_configs_;
};

std::map<NodeId, BrokerImage>& Delta::Working::brokers() {
  if (!owned_brokers_) {
    owned_brokers_ = std::make_shared<std::map<NodeId, BrokerImage>>(*next->brokers_);
    next->brokers_ = owned_brokers_;
  }
  return *owned_brokers_;
}

Result<BrokerImage*> Delta::Working::broker(int32_t id, int64_t epoch) {
  const auto at = brokers().find(NodeId(id));
  if (at == brokers().end()) return std::unexpected(no_such_broker(id));
  if (at->second.epoch != BrokerEpoch(epoch)) {
    return fail(Errc::corrupt_data, "a metadata record names epoch " + std::to_string(epoch) +
                                        " of broker " + std::to_string(id) + ", which is at " +
                                        std::to_string(at->second.epoch.value()));
  }
  changes.brokers.insert(NodeId(id));
  return &at->second;
}

Result<> Delta::Working::apply(const wire::RegisterBrokerRecord& r) {
  brokers().insert_or_assign(NodeId(r.broker_id), broker_of(r));
  changes.brokers.insert(NodeId(r.broker_id));
  return {};
}

Result<> Delta::Working::apply(const wire::UnregisterBrokerRecord& r) {
  CHECKED(broker(r.broker_id, r.broker_epoch));
  brokers().erase(NodeId(r.broker_id));
  return {};
}

Result<> Delta::Working::fence(int32_t id, int64_t epoch, bool fenced) {
  TRY(BrokerImage* const image, broker(id, epoch));
  image->fenced = fenced;
  return {};
}

Result<> Delta::Working::apply(const wire::BrokerRegistrationChangeRecord& r) {
  TRY(BrokerImage* const image, broker(r.broker_id, r.broker_epoch));
  if (r.fenced != 0) image->fenced = r.fenced > 0;
  if (r.in_controlled_shutdown != 0) image->in_controlled_shutdown = r.in_controlled_shutdown > 0;
  if (!r.log_dirs.empty()) image->log_dirs = r.log_dirs;
  if (r.cordoned_log_dirs) image->cordoned_log_dirs = r.cordoned_log_dirs;
  return {};
}

Result<TopicImage*> Delta::Working::topic(const TopicId& id) {
  if (const auto at = owned_topics_.find(id); at != owned_topics_.end()) return at->second.get();
  const auto* found = next->topics_by_id_.find(id);
  if (found == nullptr) return std::unexpected(no_such_topic(id));
  auto copy = std::make_shared<TopicImage>(**found);
  next->topics_by_id_.set(id, copy);
  next->topics_by_name_.set(copy->name, copy);
  owned_topics_[id] = copy;
  return copy.get();
}

void Delta::Working::touch(const TopicId& id, int32_t partition) {
  changes.topics[id].partitions.emplace_back(partition);
}

Result<> Delta::Working::apply(const wire::TopicRecord& r) {
  if (next->topics_by_name_.find(r.name) != nullptr ||
      next->topics_by_id_.find(r.topic_id) != nullptr) {
    return fail(Errc::corrupt_data, "a metadata record makes topic " + r.name + " again");
  }
  auto topic = std::make_shared<TopicImage>(TopicImage{r.name, r.topic_id, {}});
  next->topics_by_id_.set(r.topic_id, topic);
  next->topics_by_name_.set(r.name, topic);
  owned_topics_[r.topic_id] = topic;
  changes.topics[r.topic_id];
  return {};
}

Result<> Delta::Working::apply(const wire::PartitionRecord& r) {
  TRY(TopicImage* const image, topic(r.topic_id));
  // Snapshots may list partitions slightly out of order (a hash map's); memory stays bounded by
  // what was read.
  constexpr size_t kGapMax = 64;
  const auto index = static_cast<size_t>(r.partition_id);
  if (r.partition_id < 0 || index > image->partitions.size() + kGapMax) {
    return fail(Errc::corrupt_data,
                "partition " + std::to_string(r.partition_id) + " of topic " + image->name);
  }
  if (index >= image->partitions.size()) image->partitions.resize(index + 1);
  if (!image->partitions[index].exists) next->partition_count_++;
  image->partitions[index] = partition_of(r);
  touch(r.topic_id, r.partition_id);
  return {};
}

Result<> Delta::Working::apply(const wire::PartitionChangeRecord& r) {
  TRY(TopicImage* const image, topic(r.topic_id));
  const auto index = static_cast<size_t>(r.partition_id);
  if (r.partition_id < 0 || index >= image->partitions.size() || !image->partitions[index].exists) {
    return fail(Errc::corrupt_data, "a metadata record changes partition " +
                                        std::to_string(r.partition_id) + " of topic " +
                                        image->name + ", which is not there");
  }
  merge(image->partitions[index], r);
  touch(r.topic_id, r.partition_id);
  return {};
}

Result<> Delta::Working::apply(const wire::RemoveTopicRecord& r) {
  const auto* found = next->topics_by_id_.find(r.topic_id);
  if (found == nullptr) return std::unexpected(no_such_topic(r.topic_id));
  const std::shared_ptr<const TopicImage> removed = *found;
  next->partition_count_ -=
      static_cast<size_t>(std::ranges::count(removed->partitions, true, &PartitionImage::exists));
  next->topics_by_id_.erase(r.topic_id);
  next->topics_by_name_.erase(removed->name);
  owned_topics_.erase(r.topic_id);
  changes.topics[r.topic_id].partitions.clear();
  const ConfigResource resource{ConfigResourceType::topic, removed->name};
  if (!mutant("metadata.keep_configs_of_deleted") && next->configs_.erase(resource)) {
    owned_configs_.erase(resource);
    changes.configs.insert(resource);
  }
  return {};
}

Result<> Delta::Working::apply(const wire::ClearElrRecord& r) {
  std::vector<TopicId> ids;
  if (!r.topic_name.empty()) {
    const auto* found = next->topics_by_name_.find(r.topic_name);
    if (found == nullptr)
      return fail(Errc::corrupt_data,
                  "a metadata record clears topic " + r.topic_name + ", which is not there");
    ids.push_back((*found)->id);
  } else {
    next->topics_by_id_.for_each([&](const TopicId& id, const auto& topic) {
      if (std::ranges::any_of(topic->partitions, [](const PartitionImage& p) {
            return !p.elr.empty() || !p.last_known_elr.empty();
          }))
        ids.push_back(id);
    });
  }
  for (const TopicId& id : ids) {
    TRY(TopicImage* const image, topic(id));
    for (size_t i = 0; i < image->partitions.size(); i++) {
      PartitionImage& partition = image->partitions[i];
      if (partition.elr.empty() && partition.last_known_elr.empty()) continue;
      partition.elr = {};
      partition.last_known_elr = {};
      touch(id, static_cast<int32_t>(i));
    }
  }
  return {};
}

Result<> Delta::Working::apply(const wire::ConfigRecord& r) {
  const ConfigResource resource{static_cast<ConfigResourceType>(r.resource_type), r.resource_name};
  changes.configs.insert(resource);
  auto& own = owned_configs_[resource];
  if (!own) {
    const auto* found = next->configs_.find(resource);
    own = found == nullptr ? std::make_shared<Configs>() : std::make_shared<Configs>(**found);
  }
  if (r.value) {
    (*own)[r.name] = *r.value;
  } else {
    own->erase(r.name);
  }
  if (own->empty()) {
    next->configs_.erase(resource);
  } else {
    next->configs_.set(resource, own);
  }
  return {};
}

Result<> Delta::Working::apply(const wire::FeatureLevelRecord& r) {
  changes.features = true;
  if (r.feature_level == 0) {
    next->features_.erase(r.name);
  } else {
    next->features_[r.name] = r.feature_level;
  }
  return {};
}

Result<> Delta::Working::apply(const wire::ProducerIdsRecord& r) {
  if (ProducerId(r.next_producer_id) < next->next_producer_id_) {
    return fail(Errc::corrupt_data, "a metadata record takes producer ids back");
  }
  next->next_producer_id_ = ProducerId(r.next_producer_id);
  next->producer_ids_last_asked_by_ = {NodeId(r.broker_id), BrokerEpoch(r.broker_epoch)};
  changes.producer_ids = true;
  return {};
}

Result<> Delta::Working::keep(int16_t kind, std::string identity, bool present) {
  if (!owned_opaque_) {
    owned_opaque_ = std::make_shared<std::map<OpaqueKey, Bytes>>(*next->opaque_);
    next->opaque_ = owned_opaque_;
  }
  const OpaqueKey key{kind, std::move(identity)};
  if (present) {
    Bytes kept;
    if (frame) {
      kept = Bytes::copy_of(*frame);
    } else {
      TRY(kept, encode_record(*record));
    }
    owned_opaque_->insert_or_assign(key, std::move(kept));
  } else {
    owned_opaque_->erase(key);
  }
  changes.opaque.insert(kind);
  return {};
}

Result<> Delta::Working::finish_topics(const Image& base) {
  for (auto& [id, change] : changes.topics) {
    change.before = base.topic(id);
    change.after = next->topic(id);
    std::ranges::sort(change.partitions);
    const auto repeated = std::ranges::unique(change.partitions);
    change.partitions.erase(repeated.begin(), repeated.end());
    if (!change.after) continue;
    if (!std::ranges::all_of(change.after->partitions, &PartitionImage::exists)) {
      return fail(Errc::corrupt_data,
                  "the partitions of topic " + change.after->name + " have a gap");
    }
  }
  std::erase_if(changes.topics,
                [](const auto& entry) { return !entry.second.before && !entry.second.after; });
  return {};
}

void Delta::Working::note_snapshot(const Image& base) {
  changes.from_snapshot = changes.features = changes.producer_ids = true;
  base.topics_by_id_.for_each([&](const TopicId& id, const auto&) { changes.topics[id]; });
  base.for_each_config(
      [&](const ConfigResource& resource, const auto&) { changes.configs.insert(resource); });
  for (const auto& [id, broker] : base.brokers()) changes.brokers.insert(id);
  for (const auto& [key, frame] : base.opaque()) changes.opaque.insert(key.api_key);
}

// --- Delta ---

Delta::Delta(std::shared_ptr<const Image> base)
    : base_(std::move(base)), working_(std::make_unique<Working>(*base_)) {}
Delta::~Delta() = default;
Delta::Delta(Delta&&) noexcept = default;
Delta& Delta::operator=(Delta&&) noexcept = default;

void Delta::start_snapshot() {
  CHECK(!working_->any);
  working_ = std::make_unique<Working>(*Image::empty());
  working_->note_snapshot(*base_);
}

Result<> Delta::replay(const Record& record) {
  return working_->replay(record, std::nullopt);
}

Result<> Delta::replay(ByteView frame) {
  TRY(const Record record, decode_record(frame));
  return working_->replay(record, frame);
}

bool Delta::empty() const {
  return working_->changes.empty();
}

Result<Delta::Finished> Delta::finish(Offset end_offset, LeaderEpoch epoch,
                                      int64_t last_timestamp_ms) && {
  CHECKED(working_->finish_topics(*base_));
  working_->next->end_offset_ = end_offset;
  working_->next->epoch_ = epoch;
  working_->next->last_timestamp_ms_ = last_timestamp_ms;
  return Finished{std::move(working_->next), std::move(working_->changes)};
}

}  // namespace partita::metadata
