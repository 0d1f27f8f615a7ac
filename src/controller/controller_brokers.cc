// Registration, heartbeats, fencing and controlled shutdown of brokers.

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/check.h"
#include "base/fault_points.h"
#include "controller/controller_machine.h"
#include "metadata/features.h"
#include "metadata/image_records.h"
#include "wire/error_code.h"

namespace partita::controller {

using metadata::BrokerImage;

namespace {

/// Ids that name no directory: UNASSIGNED, LOST, MIGRATING and what Kafka keeps for later.
bool is_reserved(const DirectoryId& id) {
  const auto& bytes = id.bytes();
  return std::all_of(bytes.begin(), bytes.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
         bytes[15] < 100;
}

metadata::Record registration_change(const BrokerImage& broker,
                                     wire::BrokerRegistrationChangeRecord change) {
  change.broker_id = broker.id.value();
  change.broker_epoch = broker.epoch.value();
  const int16_t version = metadata::broker_registration_change_version(change);
  return {std::move(change), version};
}

BrokerImage image_of(const wire::BrokerRegistrationRequest& request) {
  BrokerImage broker;
  broker.id = NodeId(request.broker_id);
  broker.incarnation = request.incarnation_id;
  for (const auto& l : request.listeners)
    broker.endpoints.push_back({l.name, l.host, l.port, l.security_protocol});
  for (const auto& f : request.features)
    broker.features[f.name] = {f.min_supported_version, f.max_supported_version};
  broker.rack = request.rack;
  broker.log_dirs = request.log_dirs;
  return broker;
}

}  // namespace

// --- registration ---

bool ControllerMachine::has_session(NodeId broker, Instant now) const {
  const auto at = sessions_.find(broker);
  return at != sessions_.end() && now - at->second.last_contact < settings_.broker_session_timeout;
}

bool ControllerMachine::proves_the_other_is_gone(
    const BrokerImage& before, const wire::BrokerRegistrationRequest& request) const {
  // A directory is locked by one process at a time: who holds all that the other had has outlived
  // it.
  return !before.log_dirs.empty() &&
         std::ranges::all_of(before.log_dirs, [&](const DirectoryId& id) {
           return std::ranges::find(request.log_dirs, id) != request.log_dirs.end();
         });
}

Result<> ControllerMachine::check_registration(const wire::BrokerRegistrationRequest& request,
                                               Instant now) const {
  if (request.cluster_id != settings_.cluster_id) {
    return fail(Errc::inconsistent_cluster_id,
                fmt::format("Expected cluster ID {}, but got cluster ID {}", settings_.cluster_id,
                            request.cluster_id));
  }
  const BrokerImage* before = image_->broker(NodeId(request.broker_id));
  if (before != nullptr && before->incarnation != request.incarnation_id &&
      has_session(before->id, now) && !proves_the_other_is_gone(*before, request)) {
    return fail(Errc::duplicate_broker_registration,
                "Another broker is registered with that broker id. If the broker was recently "
                "restarted this should "
                "self-resolve once the heartbeat manager expires the broker's session.");
  }
  if (request.is_migrating_zk_broker) {
    return fail(Errc::broker_id_not_registered,
                "Controller does not support registering ZK brokers.");
  }
  CHECKED(check_directories(request));
  return check_features(request);
}

Result<> ControllerMachine::check_directories(
    const wire::BrokerRegistrationRequest& request) const {
  if (request.log_dirs.empty())
    return fail(Errc::invalid_registration, "No directories specified in request");
  std::set<DirectoryId> seen;
  for (const DirectoryId& id : request.log_dirs) {
    if (is_reserved(id))
      return fail(Errc::invalid_registration, "Reserved directory ID in request");
    if (!seen.insert(id).second)
      return fail(Errc::invalid_registration, "Duplicate directory ID in request");
  }
  for (const auto& [id, broker] : image_->brokers()) {
    if (id == NodeId(request.broker_id)) continue;
    for (const DirectoryId& owned : broker.log_dirs) {
      if (!seen.contains(owned)) continue;
      return fail(Errc::invalid_registration,
                  fmt::format("Broker {} is already registered with directory {}", id.value(),
                              owned.to_string()));
    }
  }
  return {};
}

Result<> ControllerMachine::check_features(const wire::BrokerRegistrationRequest& request) const {
  for (const auto& [name, level] : image_->features()) {
    const auto at =
        std::ranges::find(request.features, name, [](const auto& feature) { return feature.name; });
    if (at == request.features.end() || level < at->min_supported_version ||
        level > at->max_supported_version) {
      return fail(
          Errc::unsupported_version,
          fmt::format(
              "Unable to register because the broker does not support finalized version {} of {}.",
              level, name));
    }
  }
  return {};
}

Decision<wire::BrokerRegistrationResponse> ControllerMachine::register_broker(
    const wire::BrokerRegistrationRequest& request, Offset next_offset, Instant now) {
  CHECK(active_);
  Decision<wire::BrokerRegistrationResponse> decision;
  const auto checked = check_registration(request, now);
  if (!checked) {
    decision.response.error_code = wire::error_code(checked.error().code);
    return decision;
  }
  BrokerImage broker = image_of(request);
  broker.epoch = BrokerEpoch(next_offset.value());
  if (const BrokerImage* before = image_->broker(broker.id); before != nullptr) {
    if (before->incarnation == broker.incarnation) {
      // The same process asks again: an answer was lost.
      broker.epoch = before->epoch;
      broker.fenced = before->fenced;
      broker.in_controlled_shutdown = before->in_controlled_shutdown;
    } else {
      const bool clean = request.previous_broker_epoch == before->epoch.value();
      broker_leaves(broker.id, clean ? Departure::fenced : Departure::unclean_shutdown,
                    decision.records);
    }
  }
  decision.records.push_back(metadata::register_broker_record(broker));
  sessions_[broker.id] = {now};
  decision.response.broker_epoch = broker.epoch.value();
  return decision;
}

// --- heartbeats ---

Decision<wire::BrokerHeartbeatResponse> ControllerMachine::heartbeat(
    const wire::BrokerHeartbeatRequest& request, Offset log_end, Instant now) {
  CHECK(active_);
  Decision<wire::BrokerHeartbeatResponse> decision;
  const BrokerImage* broker = image_->broker(NodeId(request.broker_id));
  if (broker == nullptr || broker->epoch != BrokerEpoch(request.broker_epoch)) {
    decision.response.error_code = wire::error_code(Errc::stale_broker_epoch);
    return decision;
  }
  Session& session = sessions_[broker->id];
  session.last_contact = now;
  session.metadata_offset = request.current_metadata_offset;
  auto& response = decision.response;
  response.is_caught_up = request.current_metadata_offset >= broker->epoch.value();
  response.is_fenced = broker->fenced;
  if (broker->fenced) {
    if (request.want_shut_down) {
      response.should_shut_down = true;
    } else if (!request.want_fence &&
               (response.is_caught_up || mutant("controller.unfence_early"))) {
      unfence(*broker, decision.records);
      response.is_fenced = false;
    }
  } else if (request.want_fence) {
    fence(*broker, decision.records);
    response.is_fenced = true;
    response.should_shut_down = request.want_shut_down;
  } else if (request.want_shut_down) {
    if (!broker->in_controlled_shutdown) start_controlled_shutdown(*broker, decision.records);
    if (!session.shutdown_offset) {
      session.shutdown_offset = log_end.value() + static_cast<int64_t>(decision.records.size()) - 1;
    }
    // The others must have heard of their new leaders first.
    if (decision.records.size() <= 1 && !leads_what_others_could(broker->id) &&
        (broker->in_controlled_shutdown || image_->brokers().size() == 1) &&
        *session.shutdown_offset <= lowest_active_offset()) {
      fence(*broker, decision.records);
      response.is_fenced = true;
      response.should_shut_down = true;
    }
  }
  return decision;
}

int64_t ControllerMachine::lowest_active_offset() const {
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const auto& [id, session] : sessions_) {
    if (is_active(id)) lowest = std::min(lowest, session.metadata_offset);
  }
  return lowest;
}

bool ControllerMachine::leads_what_others_could(NodeId broker) const {
  bool leads = false;
  image_->for_each_topic([&](const auto& topic) {
    for (const metadata::PartitionImage& partition : topic->partitions) {
      if (partition.leader == broker && partition.replicas.size() > 1) leads = true;
    }
  });
  return leads;
}

// --- what follows ---

ElectionRules ControllerMachine::rules_for(const std::string& topic) const {
  ElectionRules rules;
  rules.active = [this](NodeId node) { return is_active(node); };
  rules.elr = elr_enabled();
  const auto& configs = image_->topic_configs(topic);
  const auto value = [&](const char* name) {
    return metadata::effective_topic_config(*metadata::find_topic_config(name), configs,
                                            config_sources())
        .value;
  };
  rules.min_insync_replicas = std::atoi(value("min.insync.replicas").c_str());
  rules.unclean = value("unclean.leader.election.enable") == "true";
  return rules;
}

void ControllerMachine::broker_leaves(NodeId broker, Departure how, Records& records) const {
  image_->for_each_topic([&](const auto& topic) {
    std::optional<ElectionRules> rules;
    for (size_t i = 0; i < topic->partitions.size(); i++) {
      const metadata::PartitionImage& partition = topic->partitions[i];
      if (!partition.replicas.contains(broker)) continue;
      // A lone replica's change needs no election: most topics of a single node cost nothing here.
      if (!rules) rules = partition.replicas.size() > 1 ? rules_for(topic->name) : ElectionRules{};
      auto change = broker_left(topic->id, PartitionIndex(static_cast<int32_t>(i)), partition,
                                broker, how, *rules);
      if (change) records.push_back({*std::move(change), metadata::kPartitionChangeVersion});
    }
  });
}

void ControllerMachine::fence(const BrokerImage& broker, Records& records) const {
  if (!mutant("controller.fence_keeps_leaders"))
    broker_leaves(broker.id, Departure::fenced, records);
  records.push_back(registration_change(broker, {.fenced = 1}));
}

void ControllerMachine::unfence(const BrokerImage& broker, Records& records) const {
  records.push_back(registration_change(broker, {.fenced = -1}));
  image_->for_each_topic([&](const auto& topic) {
    std::optional<ElectionRules> rules;
    for (size_t i = 0; i < topic->partitions.size(); i++) {
      const metadata::PartitionImage& partition = topic->partitions[i];
      if (partition.leader != kNoNode) continue;
      if (!rules) rules = rules_for(topic->name);
      auto change = broker_returned(topic->id, PartitionIndex(static_cast<int32_t>(i)), partition,
                                    broker.id, *rules);
      if (change) records.push_back({*std::move(change), metadata::kPartitionChangeVersion});
    }
  });
}

void ControllerMachine::start_controlled_shutdown(const BrokerImage& broker,
                                                  Records& records) const {
  records.push_back(registration_change(broker, {.in_controlled_shutdown = 1}));
  broker_leaves(broker.id, Departure::fenced, records);
}

// --- time ---

Records ControllerMachine::tick(Instant now) {
  Records records;
  if (!active_) return records;
  for (const auto& [id, session] : sessions_) {
    const BrokerImage* broker = image_->broker(id);
    if (broker == nullptr || broker->fenced) continue;
    if (now - session.last_contact < settings_.broker_session_timeout) continue;
    COVERED("controller.session_ended");
    fence(*broker, records);
    break;
  }
  return records;
}

Instant ControllerMachine::next_tick() const {
  Instant next = kNoDeadline;
  for (const auto& [id, session] : sessions_) {
    const BrokerImage* broker = image_->broker(id);
    if (broker == nullptr || broker->fenced) continue;
    next = std::min(next, session.last_contact + settings_.broker_session_timeout);
  }
  return next;
}

}  // namespace partita::controller
