#include "metadata/image_records.h"

namespace partita::metadata {

namespace {

class ImageWriter {
 public:
  ImageWriter(const Image& image, const std::function<Result<>(ByteView)>& take)
      : image_(image), take_(take) {}

  Result<> write() {
    CHECKED(features());
    for (const auto& [id, broker] : image_.brokers()) CHECKED(put(register_broker_record(broker)));
    CHECKED(opaque<wire::RegisterControllerRecord>());
    CHECKED(topics());
    CHECKED(configs());
    CHECKED(opaque<wire::ClientQuotaRecord>());
    CHECKED(producer_ids());
    CHECKED(opaque<wire::AccessControlEntryRecord>());
    CHECKED(opaque<wire::UserScramCredentialRecord>());
    CHECKED(opaque<wire::DelegationTokenRecord>());
    return opaque<wire::ZkMigrationStateRecord>();
  }

 private:
  Result<> put(const Record& record) {
    TRY(const Bytes frame, encode_record(record));
    return take_(frame.view());
  }

  Result<> features() {
    const auto& levels = image_.features();
    const std::string first = "metadata.version";
    if (const auto at = levels.find(first); at != levels.end()) {
      CHECKED(put({wire::FeatureLevelRecord{.name = first, .feature_level = at->second}, 0}));
    }
    for (const auto& [name, level] : levels) {
      if (name == first) continue;
      CHECKED(put({wire::FeatureLevelRecord{.name = name, .feature_level = level}, 0}));
    }
    return {};
  }

  Result<> topics() {
    for (const auto& topic : image_.topics_sorted_by_name()) {
      CHECKED(put({wire::TopicRecord{.name = topic->name, .topic_id = topic->id}, 0}));
      int32_t index = 0;
      for (const PartitionImage& partition : topic->partitions) {
        CHECKED(put(partition_record(topic->id, PartitionIndex(index++), partition)));
      }
    }
    return {};
  }

  Result<> configs() {
    Result<> result;
    image_.for_each_config([&](const ConfigResource& resource, const Configs& configs) {
      for (const auto& [name, value] : configs) {
        if (!result) return;
        result = put({wire::ConfigRecord{.resource_type = static_cast<int8_t>(resource.type),
                                         .resource_name = resource.name,
                                         .name = name,
                                         .value = value},
                      0});
      }
    });
    return result;
  }

  Result<> producer_ids() {
    const auto& asked_by = image_.producer_ids_last_asked_by();
    if (!asked_by) return {};
    return put({wire::ProducerIdsRecord{.broker_id = asked_by->first.value(),
                                        .broker_epoch = asked_by->second.value(),
                                        .next_producer_id = image_.next_producer_id().value()},
                0});
  }

  template <class Kind>
  Result<> opaque() {
    const int16_t kind = Kind::descriptor().key;
    const auto& all = image_.opaque();
    for (auto at = all.lower_bound({kind, ""}); at != all.end() && at->first.api_key == kind;
         ++at) {
      CHECKED(take_(at->second.view()));
    }
    return {};
  }

  const Image& image_;
  const std::function<Result<>(ByteView)>& take_;
};

}  // namespace

Result<> write_image(const Image& image, const std::function<Result<>(ByteView frame)>& take) {
  return ImageWriter(image, take).write();
}

Record partition_record(const TopicId& topic, PartitionIndex index,
                        const PartitionImage& partition) {
  wire::PartitionRecord record;
  record.partition_id = index.value();
  record.topic_id = topic;
  record.replicas = partition.replicas.values();
  record.isr = partition.isr.values();
  record.removing_replicas = partition.removing_replicas.values();
  record.adding_replicas = partition.adding_replicas.values();
  record.leader = partition.leader.value();
  record.leader_recovery_state = partition.recovering ? 1 : 0;
  record.leader_epoch = partition.leader_epoch.value();
  record.partition_epoch = partition.partition_epoch.value();
  record.directories = partition.directories;
  if (!partition.elr.empty()) record.eligible_leader_replicas = partition.elr.values();
  if (!partition.last_known_elr.empty()) record.last_known_elr = partition.last_known_elr.values();
  return {std::move(record), kPartitionVersion};
}

Record register_broker_record(const BrokerImage& broker) {
  wire::RegisterBrokerRecord record;
  record.broker_id = broker.id.value();
  record.is_migrating_zk_broker = broker.migrating_zk_broker;
  record.incarnation_id = broker.incarnation;
  record.broker_epoch = broker.epoch.value();
  for (const Endpoint& e : broker.endpoints) {
    record.end_points.push_back({e.listener, e.host, e.port, e.security_protocol});
  }
  for (const auto& [name, range] : broker.features) {
    record.features.push_back({name, range.min, range.max});
  }
  record.rack = broker.rack;
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  record.log_dirs = broker.log_dirs;
  record.cordoned_log_dirs = broker.cordoned_log_dirs;
  return {std::move(record), kRegisterBrokerVersion};
}

}  // namespace partita::metadata
