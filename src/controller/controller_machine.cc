#include "controller/controller_machine.h"

#include "base/check.h"
#include "controller/replica_placer.h"
#include "metadata/delta.h"
#include "metadata/features.h"
#include "wire/error_code.h"

namespace partita::controller {

namespace {

constexpr int32_t kProducerIdBlock = 1000;

Records bootstrap_records(const Records& given, const metadata::Configs& static_configs) {
  Records records{{wire::BeginTransactionRecord{.name = "Bootstrap records"}, 0}};
  records.insert(records.end(), given.begin(), given.end());
  if (given.empty()) {
    for (const auto& [name, level] : metadata::bootstrap_features()) {
      records.push_back({wire::FeatureLevelRecord{.name = name, .feature_level = level}, 0});
    }
  }
  // With eligible leader replicas the minimum must be the same on every broker: it moves into the
  // log.
  const auto at = static_configs.find("min.insync.replicas");
  records.push_back({wire::ConfigRecord{
                         .resource_type = static_cast<int8_t>(metadata::ConfigResourceType::broker),
                         .name = "min.insync.replicas",
                         .value = at == static_configs.end() ? "1" : at->second},
                     0});
  records.push_back({wire::EndTransactionRecord{}, 0});
  return records;
}

}  // namespace

ControllerMachine::ControllerMachine(ControllerSettings settings, std::function<Uuid()> make_id,
                                     uint64_t placement_seed)
    : settings_(std::move(settings)),
      make_id_(std::move(make_id)),
      placement_seed_(placement_seed),
      image_(metadata::Image::empty()) {}

ControllerMachine::~ControllerMachine() = default;

std::vector<Records> ControllerMachine::activate(std::shared_ptr<const metadata::Image> committed,
                                                 bool dangling_transaction, Uuid incarnation,
                                                 Instant now) {
  image_ = std::move(committed);
  active_ = true;
  sessions_.clear();
  for (const auto& [id, broker] : image_->brokers()) {
    if (!broker.fenced) sessions_[id].last_contact = now;
  }
  std::vector<Records> batches;
  if (dangling_transaction) {
    batches.push_back({{wire::AbortTransactionRecord{.reason = "its controller is gone"}, 0}});
  }
  if (image_->metadata_version() < 0)
    batches.push_back(bootstrap_records(settings_.bootstrap, settings_.static_broker_configs));
  wire::RegisterControllerRecord registration;
  registration.controller_id = settings_.self.value();
  registration.incarnation_id = incarnation;
  for (const metadata::Endpoint& e : settings_.endpoints) {
    registration.end_points.push_back({e.listener, e.host, e.port, e.security_protocol});
  }
  for (const auto& [name, range] : metadata::supported_features()) {
    registration.features.push_back({name, range.min, range.max});
  }
  batches.push_back({{std::move(registration), 0}});
  return batches;
}

void ControllerMachine::deactivate() {
  active_ = false;
  sessions_.clear();
  image_ = metadata::Image::empty();
}

Result<> ControllerMachine::replay(std::span<const metadata::Record> records, Offset end_offset,
                                   LeaderEpoch epoch, WallTime written) {
  CHECK(active_);
  metadata::Delta delta(image_);
  for (const metadata::Record& record : records) {
    // The decision is applied whole in any case.
    if (std::holds_alternative<wire::BeginTransactionRecord>(record.value)) continue;
    if (std::holds_alternative<wire::EndTransactionRecord>(record.value)) continue;
    if (std::holds_alternative<wire::AbortTransactionRecord>(record.value)) continue;
    CHECKED(delta.replay(record));
  }
  TRY(auto finished, std::move(delta).finish(end_offset, epoch, written.ms()));
  image_ = std::move(finished.image);
  return {};
}

Decision<wire::AllocateProducerIdsResponse> ControllerMachine::allocate_producer_ids(
    const wire::AllocateProducerIdsRequest& request) const {
  Decision<wire::AllocateProducerIdsResponse> decision;
  const metadata::BrokerImage* broker = image_->broker(NodeId(request.broker_id));
  if (broker == nullptr || broker->epoch != BrokerEpoch(request.broker_epoch)) {
    decision.response.error_code = wire::error_code(Errc::stale_broker_epoch);
    return decision;
  }
  const int64_t first = image_->next_producer_id().value();
  if (first > std::numeric_limits<int64_t>::max() - kProducerIdBlock) {
    decision.response.error_code = wire::error_code(Errc::unknown_server_error);
    return decision;
  }
  decision.records.push_back({wire::ProducerIdsRecord{.broker_id = request.broker_id,
                                                      .broker_epoch = request.broker_epoch,
                                                      .next_producer_id = first + kProducerIdBlock},
                              0});
  decision.response.producer_id_start = first;
  decision.response.producer_id_len = kProducerIdBlock;
  return decision;
}

bool ControllerMachine::is_active(NodeId broker) const {
  const metadata::BrokerImage* image = image_->broker(broker);
  return image != nullptr && image->active();
}

bool ControllerMachine::elr_enabled() const {
  const auto at = image_->features().find("eligible.leader.replicas.version");
  return at != image_->features().end() && at->second >= 1;
}

void ControllerMachine::check_invariants() const {
  if (!active_) {
    CHECK(sessions_.empty());
    return;
  }
  image_->for_each_topic([this](const auto& topic) {
    CHECK(image_->topic(topic->id) == topic);
    for (const metadata::PartitionImage& partition : topic->partitions) {
      CHECK(!partition.replicas.empty());
      if (partition.leader != kNoNode) CHECK(partition.isr.contains(partition.leader));
      for (const NodeId node : partition.isr) {
        CHECK(partition.replicas.contains(node));
        CHECK(!partition.elr.contains(node));
      }
    }
  });
}

}  // namespace partita::controller
