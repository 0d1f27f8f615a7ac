// GroupMachine: consumer groups, the requests of their protocol, and the change from one kind of
// group to the other.
#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/group/offset_store.h"
#include "wire/coordinator/consumer_group_metadata.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

using Request = wire::ConsumerGroupHeartbeatRequestView;

std::unexpected<Error> invalid(std::string_view why) {
  return fail(Errc::invalid_request, std::string(why));
}

Result<> check_join(const Request& request) {
  if (request.rebalance_timeout_ms == -1) {
    return invalid("RebalanceTimeoutMs must be provided in first request.");
  }
  if (!request.topic_partitions || request.topic_partitions->size() != 0) {
    return invalid("TopicPartitions must be empty when (re-)joining.");
  }
  if (!request.subscribed_topic_names && !request.subscribed_topic_regex) {
    return invalid(
        "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
  }
  return {};
}

Result<> check_request(const Request& request, const GroupSettings& settings) {
  constexpr int16_t kFirstWithOwnId = 1;
  if (request.group_id.empty()) return invalid("GroupId can't be empty.");
  if (request.instance_id && request.instance_id->empty()) {
    return invalid("InstanceId can't be empty.");
  }
  if (request.rack_id && request.rack_id->empty()) return invalid("RackId can't be empty.");
  if (request.member_epoch < kLeaveStaticEpoch) return invalid("MemberEpoch is invalid.");
  if (request.rebalance_timeout_ms < -1) return invalid("RebalanceTimeoutMs is invalid.");
  if (request.member_id.empty() &&
      (request.version >= kFirstWithOwnId || request.member_epoch != kJoinEpoch)) {
    return invalid("MemberId can't be empty.");
  }
  if (request.member_epoch == kLeaveStaticEpoch && !request.instance_id) {
    return invalid("InstanceId can't be null.");
  }
  if (request.member_epoch == kJoinEpoch) CHECKED(check_join(request));
  if (request.server_assignor &&
      std::ranges::find(settings.consumer_assignors, *request.server_assignor) ==
          settings.consumer_assignors.end()) {
    return fail(Errc::unsupported_assignor,
                "ServerAssignor " + std::string(*request.server_assignor) + " is not supported.");
  }
  return {};
}

/// What every key of a consumer group's records begins with.
Result<std::string_view> group_of(const Numbered& key) {
  TRY(const auto group, decode_key<wire::ConsumerGroupMetadataKeyView>(key));
  return group.group_id;
}

}  // namespace

ConsumerGroup* GroupMachine::consumer_group(std::string_view id) {
  Group* group = find(id);
  const bool fits = group != nullptr && group->type() == GroupType::consumer;
  return fits ? static_cast<ConsumerGroup*>(group) : nullptr;
}

ConsumerGroup* GroupMachine::consumer_group_to_join(std::string_view id, Effects& out) {
  ConsumerGroup* group = consumer_group(id);
  if (group == nullptr || group->has_members()) return group;
  group->write_tombstones(out.records);
  erase(std::string(id));
  return nullptr;
}

/// The group that who joins would make, of nothing or of a classic group, with the records for
/// that; it takes its place only when the member was let in.
Result<std::unique_ptr<ConsumerGroup>> GroupMachine::make_consumer_group(std::string_view id,
                                                                         Now now, Effects& out) {
  using enum GroupSettings::Migration;
  const Group* known = find(id);
  if (known != nullptr) known->write_tombstones(out.records);
  if (known == nullptr || !known->has_members()) {
    return std::make_unique<ConsumerGroup>(std::string(id), settings_, image_);
  }
  const HandedGroup handed = static_cast<const ClassicGroup*>(known)->hand_over();
  const bool allowed =
      settings_.consumer_migration == upgrade || settings_.consumer_migration == bidirectional;
  if (!allowed || known->protocol_type() != "consumer" ||
      std::cmp_greater(handed.members.size(), settings_.consumer_size_max)) {
    return fail(Errc::group_id_not_found, "Group " + std::string(id) + " is not a consumer group.");
  }
  COVERED("group_machine.upgrade");
  return ConsumerGroup::from_classic(std::string(id), settings_, image_, handed, now, out);
}

void GroupMachine::settle(ConsumerGroup& group, Now now, Effects& out) {
  if (!group.wants_classic()) return schedule(group);
  COVERED("group_machine.downgrade");
  HandedGroup handed = group.hand_over();
  group.write_tombstones(out.records);
  auto made = ClassicGroup::from_handed(group.id(), settings_, ids_, std::move(handed), now);
  auto& classic = static_cast<ClassicGroup&>(install(std::move(made)));
  classic.write_record(out);
  classic.rebalance({.kind = RebalanceCause::Kind::protocol_changed}, now, out);
  settle(classic);
}

wire::ConsumerGroupHeartbeatResponse GroupMachine::consumer_heartbeat(const Caller& caller,
                                                                      const Request& request,
                                                                      Now now, Effects& out) {
  auto answer = decide_heartbeat(caller, request, now, out);
  if (answer) return *std::move(answer);
  wire::ConsumerGroupHeartbeatResponse refusal;
  refusal.error_code = wire::error_code(answer.error().code);
  if (!answer.error().detail.empty()) refusal.error_message = std::move(answer.error().detail);
  return refusal;
}

Result<wire::ConsumerGroupHeartbeatResponse> GroupMachine::decide_heartbeat(const Caller& caller,
                                                                            const Request& request,
                                                                            Now now, Effects& out) {
  CHECKED(check_request(request, settings_));
  Effects changes;
  ConsumerGroup* group = consumer_group(request.group_id);
  std::unique_ptr<ConsumerGroup> made;
  if (group == nullptr) {
    if (request.member_epoch != kJoinEpoch) {
      return fail(Errc::group_id_not_found,
                  "Group " + std::string(request.group_id) + " is not a consumer group.");
    }
    TRY(made, make_consumer_group(request.group_id, now, changes));
    group = made.get();
  }
  const std::string member_id =
      request.member_id.empty() ? ids_.next().to_string() : std::string(request.member_id);
  TRY(auto answer, request.member_epoch < kJoinEpoch
                       ? group->leave(request, now, changes)
                       : group->heartbeat(caller, request, member_id, now, changes));
  if (made) {
    // Who waits in a classic group comes back to the one that stands here next.
    if (ClassicGroup* before = classic_group(request.group_id, false)) {
      before->refuse_waiting(Errc::rebalance_in_progress, out);
    }
    install(std::move(made));
  }
  std::ranges::move(changes.records, std::back_inserter(out.records));
  settle(*group, now, out);
  return answer;
}

GroupMachine::DescribedConsumerGroup GroupMachine::describe_consumer_group(
    std::string_view group_id) const {
  const Group* known = group(group_id);
  if (known != nullptr && known->type() == GroupType::consumer) {
    return static_cast<const ConsumerGroup*>(known)->describe();
  }
  DescribedConsumerGroup unknown;
  unknown.group_id = group_id;
  unknown.error_code = wire::error_code(Errc::group_id_not_found);
  unknown.error_message = known == nullptr
                              ? "Group " + unknown.group_id + " not found."
                              : "Group " + unknown.group_id + " is not a consumer group.";
  return unknown;
}

void GroupMachine::join_consumer_group(ConsumerGroup& group, const Caller& caller,
                                       const wire::JoinGroupRequestView& request, Ticket ticket,
                                       Now now, Effects& out) {
  const std::string new_id = request.member_id.empty() ? ids_.next().to_string() : std::string();
  auto joined = group.join(caller, request, new_id, now, out);
  JoinAnswer answer{.ticket = ticket, .response = {}};
  if (joined) {
    answer.response = *std::move(joined);
  } else {
    answer.response.error_code = wire::error_code(joined.error().code);
    answer.response.member_id = request.member_id;
  }
  out.releases.emplace_back(std::move(answer));
  settle(group, now, out);
}

void GroupMachine::sync_consumer_group(ConsumerGroup& group,
                                       const wire::SyncGroupRequestView& request, Ticket ticket,
                                       Now now, Effects& out) {
  auto synced = group.sync(request, now);
  SyncAnswer answer{.ticket = ticket, .response = {}};
  if (synced) {
    answer.response = *std::move(synced);
  } else {
    answer.response.error_code = wire::error_code(synced.error().code);
  }
  out.releases.emplace_back(std::move(answer));
  schedule(group);
}

wire::HeartbeatResponse GroupMachine::heartbeat_consumer_group(
    ConsumerGroup& group, const wire::HeartbeatRequestView& request, Now now) {
  wire::HeartbeatResponse response;
  response.error_code = wire::error_code(group.classic_heartbeat(request, now));
  schedule(group);
  return response;
}

wire::LeaveGroupResponse GroupMachine::leave_consumer_group(
    ConsumerGroup& group, const wire::LeaveGroupRequestView& request, Now now, Effects& out) {
  constexpr int16_t kFirstWithMembers = 3;
  wire::LeaveGroupResponse response;
  std::vector<ConsumerGroup::LeavingMember> leaving;
  if (request.version < kFirstWithMembers) {
    leaving.emplace_back().member_id = request.member_id;
  } else {
    for (const auto& member : request.members) leaving.push_back(member);
  }
  auto answers = group.classic_leave(leaving, now, out);
  if (request.version < kFirstWithMembers) {
    response.error_code = answers.front().error_code;
  } else {
    response.members = std::move(answers);
  }
  settle(group, now, out);
  return response;
}

Result<> GroupMachine::replay_consumer_record(const Numbered& key, const ReplayedRecord& record) {
  TRY(const std::string_view id, group_of(key));
  ConsumerGroup* group = consumer_group(id);
  if (group == nullptr) {
    if (!record.value) return {};
    auto made = std::make_unique<ConsumerGroup>(std::string(id), settings_, image_);
    group = &static_cast<ConsumerGroup&>(install(std::move(made)));
  }
  const auto there = group->replay(key, record);
  if (!there) return std::unexpected(there.error());
  if (*there) return {};
  const std::string gone(id);
  erase(gone);
  // Offsets outlive what is recorded of the group.
  if (offsets_->knows(gone)) classic_group(gone, true);
  return {};
}

void GroupMachine::consumer_groups_loaded(Now now, Effects& out) {
  std::vector<ConsumerGroup*> all;
  for (auto& [id, group] : groups_) {
    if (group->type() == GroupType::consumer) all.push_back(&static_cast<ConsumerGroup&>(*group));
  }
  for (ConsumerGroup* group : all) {
    group->loaded(now, out);
    settle(*group, now, out);
  }
}

void GroupMachine::consumer_groups_see_image(const metadata::Image*, Now now, Effects& out) {
  for (auto& [id, group] : groups_) {
    if (group->type() != GroupType::consumer) continue;
    auto& consumers = static_cast<ConsumerGroup&>(*group);
    consumers.image_changed(image_, now, out);
    schedule(consumers);
  }
}

}  // namespace partita::coordinators
