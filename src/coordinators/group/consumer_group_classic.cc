// Members of the classic protocol in a consumer group, while it is under way from one protocol to
// the other; and what the group takes from a classic one and hands back.
#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/consumer_protocol.h"
#include "wire/coordinator/consumer_group_target_assignment_metadata.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

using Kind = RebalanceCause::Kind;

constexpr std::string_view kProtocolType = "consumer";

std::unexpected<Error> unknown_member(std::string_view member_id) {
  return fail(Errc::unknown_member_id, "Member " + std::string(member_id) + " is unknown.");
}

std::unexpected<Error> inconsistent(std::string_view what) {
  return fail(Errc::inconsistent_group_protocol, std::string(what));
}

MemberAsk classic_ask(const MemberAsk& before, const Caller& caller,
                      const wire::JoinGroupRequestView& request,
                      const wire::ConsumerProtocolSubscriptionView& subscription) {
  MemberAsk ask = before;
  if (request.group_instance_id) ask.instance_id = *request.group_instance_id;
  if (!subscription.rack_id.value_or("").empty()) ask.rack_id = *subscription.rack_id;
  ask.rebalance_timeout_ms =
      request.rebalance_timeout_ms > 0 ? request.rebalance_timeout_ms : request.session_timeout_ms;
  ask.topics.clear();
  for (const std::string_view topic : subscription.topics) ask.topics.emplace(topic);
  ask.pattern.clear();
  ask.client_id = caller.client_id;
  ask.client_host = caller.host;
  ClassicSide& classic = ask.classic.emplace();
  classic.session_timeout_ms = request.session_timeout_ms;
  for (const auto& protocol : request.protocols) {
    classic.protocols.emplace_back(protocol.name, Bytes::copy_of(protocol.metadata));
  }
  return ask;
}

}  // namespace

template <class Topics>
PartitionSet ConsumerGroup::by_id(const Topics& topics) const {
  PartitionSet partitions;
  for (const auto& named : topics) {
    const auto topic = image_->topic(named.topic);
    if (!topic) continue;
    for (const int32_t partition : named.partitions) partitions[topic->id].insert(partition);
  }
  return partitions;
}

/// Some protocol of the joining member must be one that all classic members have.
Result<> ConsumerGroup::check_classic_protocols(const wire::JoinGroupRequestView& request) const {
  if (settings_.consumer_migration == GroupSettings::Migration::disabled) {
    return inconsistent("Cannot join the consumer group " + id() +
                        " with the classic protocol because the group migration is disabled.");
  }
  if (request.protocol_type != kProtocolType || request.protocols.size() == 0) {
    return inconsistent("the member's protocol type is not that of consumers");
  }
  for (const auto& wanted : request.protocols) {
    const bool common = std::ranges::all_of(members_, [&](const auto& entry) {
      const auto& classic = entry.second.ask.classic;
      return !classic || std::ranges::any_of(classic->protocols, [&](const auto& protocol) {
        return protocol.first == wanted.name;
      });
    });
    if (common) return {};
  }
  return inconsistent("the member's protocols are not those of the group");
}

/// As for members of the new protocol: whose place the sender takes.
Result<std::string> ConsumerGroup::check_joining(const wire::JoinGroupRequestView& request) const {
  if (!request.group_instance_id) return "";
  const auto known = static_members_.find(*request.group_instance_id);
  if (request.member_id.empty()) return known == static_members_.end() ? "" : known->second;
  if (known == static_members_.end()) return unknown_member(request.member_id);
  if (known->second == request.member_id) return "";
  return fail(Errc::fenced_instance_id, "the instance id belongs to " + known->second);
}

Result<wire::JoinGroupResponse> ConsumerGroup::join(const Caller& caller,
                                                    const wire::JoinGroupRequestView& request,
                                                    const std::string& new_id, Now now,
                                                    GroupEffects& out) {
  CHECKED(check_room(request.member_id, request.group_instance_id));
  CHECKED(check_classic_protocols(request));
  const auto first = *request.protocols.begin();
  const auto subscription = parse_subscription(first.metadata);
  if (!subscription) return inconsistent("the member's subscription makes no sense");
  wire::JoinGroupResponse response;
  response.member_id = request.member_id.empty() ? new_id : std::string(request.member_id);
  constexpr int16_t kFirstWithRequiredId = 4;
  if (request.member_id.empty() && !request.group_instance_id &&
      request.version >= kFirstWithRequiredId) {
    response.error_code = wire::error_code(Errc::member_id_required);
    return response;
  }
  TRY(const std::string replaced, check_joining(request));
  // From here on nothing fails.
  const std::string& member_id = response.member_id;
  const bool is_new = replaced.empty() && !members_.contains(member_id);
  ConsumerMember& member =
      replaced.empty() ? members_[member_id] : take_place(replaced, member_id, out);
  const Kind kind = is_new             ? Kind::member_joined
                    : replaced.empty() ? Kind::subscription_changed
                                       : Kind::static_member_replaced;
  subscribe(member_id, member, classic_ask(member.ask, caller, request, *subscription), kind, now,
            out);
  reconcile(member_id, member, by_id(subscription->owned_partitions), now, out);
  member.join = member.revoke = kNoDeadline;
  member.session = now.instant + session_timeout(member);
  member.sync = now.instant + member.rebalance_timeout();
  note_deadline(member.next_deadline());
  response.generation_id = member.has.epoch;
  response.protocol_type = kProtocolType;
  response.protocol_name = first.name;
  return response;
}

Result<std::string> ConsumerGroup::find_classic(
    std::string_view member_id, const std::optional<std::string_view>& instance_id) const {
  TRY(const std::string found, find_leaving(member_id, instance_id));
  if (!members_.at(found).uses_classic()) return unknown_member(member_id);
  return found;
}

Result<wire::SyncGroupResponse> ConsumerGroup::sync(const wire::SyncGroupRequestView& request,
                                                    Now now) {
  TRY(const std::string member_id, find_classic(request.member_id, request.group_instance_id));
  ConsumerMember& member = members_.at(member_id);
  if (request.generation_id != member.has.epoch) return fail(Errc::illegal_generation);
  const auto& [protocol, metadata] = member.ask.classic->protocols.front();
  if (request.protocol_type.value_or(kProtocolType) != kProtocolType ||
      request.protocol_name.value_or(protocol) != protocol) {
    return inconsistent("the member syncs for another protocol than it joined with");
  }
  member.session = now.instant + session_timeout(member);
  if (epoch_ > member.has.epoch && member.has.state != MemberState::unrevoked) {
    member.join = std::min(member.join, now.instant + member.rebalance_timeout());
    note_deadline(member.next_deadline());
    return fail(Errc::rebalance_in_progress);
  }
  member.sync = kNoDeadline;
  note_deadline(member.session);
  wire::SyncGroupResponse response;
  response.protocol_type = kProtocolType;
  response.protocol_name = protocol;
  response.assignment =
      encode_assignment(member.has.assigned, *image_, protocol_version_of(metadata.view()));
  return response;
}

bool ConsumerGroup::waits_for_others(const std::string& member_id,
                                     const ConsumerMember& member) const {
  bool waits = false;
  for_each_partition(target_of(member_id), [&](const TopicId& topic, int32_t partition) {
    if (waits || holds(member.has.assigned, topic, partition)) return;
    const auto found = held_by_.find(topic);
    waits = found != held_by_.end() && found->second.contains(partition);
  });
  return waits;
}

Result<> ConsumerGroup::classic_heartbeat(const wire::HeartbeatRequestView& request, Now now) {
  TRY(const std::string member_id, find_classic(request.member_id, request.group_instance_id));
  ConsumerMember& member = members_.at(member_id);
  if (request.generation_id != member.has.epoch) return fail(Errc::illegal_generation);
  member.session = now.instant + session_timeout(member);
  note_deadline(member.session);
  const bool can_take =
      member.has.state == MemberState::unreleased && !waits_for_others(member_id, member);
  if (member.has.epoch == epoch_ && member.has.state != MemberState::unrevoked && !can_take) {
    return {};
  }
  member.join = std::min(member.join, now.instant + member.rebalance_timeout());
  note_deadline(member.join);
  return fail(Errc::rebalance_in_progress);
}

std::vector<wire::LeaveGroupResponse::MemberResponse> ConsumerGroup::classic_leave(
    const std::vector<LeavingMember>& leaving, Now now, GroupEffects& out) {
  std::vector<wire::LeaveGroupResponse::MemberResponse> answers;
  std::vector<std::string> gone;
  for (const LeavingMember& who : leaving) {
    auto& answer = answers.emplace_back();
    answer.member_id = who.member_id;
    answer.group_instance_id.reset();
    if (who.group_instance_id) answer.group_instance_id = std::string(*who.group_instance_id);
    // An administrator removes by instance id alone.
    const auto known = static_members_.find(who.group_instance_id.value_or(""));
    const bool by_instance =
        who.group_instance_id && who.member_id.empty() && known != static_members_.end();
    const auto found = find_classic(by_instance ? std::string_view(known->second) : who.member_id,
                                    who.group_instance_id);
    if (!found) {
      answer.error_code = wire::error_code(found.error().code);
      continue;
    }
    answer.member_id = *found;
    if (std::ranges::find(gone, *found) != gone.end()) continue;
    RebalanceCause why = cause(Kind::member_left, *found, members_.at(*found));
    why.reason = who.reason.value_or("");
    history().begin(std::move(why), now);
    gone.push_back(*found);
  }
  if (!gone.empty()) remove_members(gone, now, out);
  return answers;
}

bool ConsumerGroup::wants_classic() const {
  using enum GroupSettings::Migration;
  const bool allowed =
      settings_.consumer_migration == downgrade || settings_.consumer_migration == bidirectional;
  return allowed && !members_.empty() && std::cmp_less_equal(members_.size(), settings_.size_max) &&
         std::ranges::all_of(members_,
                             [](const auto& entry) { return entry.second.uses_classic(); });
}

HandedGroup ConsumerGroup::hand_over() const {
  HandedGroup handed{.generation = epoch_, .protocol_name = {}, .members = {}};
  for (const auto& [member_id, member] : members_) {
    CHECK(member.uses_classic());
    const ClassicSide& classic = *member.ask.classic;
    const int16_t version = protocol_version_of(classic.protocols.front().second.view());
    handed.members.push_back(
        {.id = member_id,
         .instance_id = member.ask.instance_id,
         .client_id = member.ask.client_id,
         .client_host = member.ask.client_host,
         .rebalance_timeout = member.rebalance_timeout(),
         .session_timeout = from_ms(classic.session_timeout_ms),
         .protocols = classic.protocols,
         .assignment = encode_assignment(member.has.assigned, *image_, version)});
  }
  return handed;
}

/// A classic member with what the last generation gave it.
Result<> ConsumerGroup::adopt(const HandedMember& handed, int32_t generation, Now now) {
  const auto refuse = [&](std::string_view why) {
    return fail(Errc::group_id_not_found, "Cannot upgrade classic group " + id() +
                                              " to consumer group because " + std::string(why) +
                                              ".");
  };
  if (handed.protocols.empty()) return refuse("a member has no protocol");
  const auto subscription = parse_subscription(handed.protocols.front().second.view());
  if (!subscription) return refuse("the embedded consumer protocol is malformed");
  ConsumerMember member;
  MemberAsk& ask = member.ask;
  ask = {.instance_id = handed.instance_id,
         .rack_id = {},
         .client_id = handed.client_id,
         .client_host = handed.client_host,
         .topics = {},
         .pattern = {},
         .rebalance_timeout_ms = static_cast<int32_t>(to_ms(handed.rebalance_timeout)),
         .assignor = {},
         .classic =
             ClassicSide{.session_timeout_ms = static_cast<int32_t>(to_ms(handed.session_timeout)),
                         .protocols = handed.protocols}};
  if (!subscription->rack_id.value_or("").empty()) ask.rack_id = *subscription->rack_id;
  for (const std::string_view topic : subscription->topics) ask.topics.emplace(topic);
  member.has.epoch = member.has.previous_epoch = generation;
  PartitionSet& target = target_[handed.id];
  if (!handed.assignment.empty()) {
    const auto assignment = parse_assignment(handed.assignment.view());
    if (!assignment) return refuse("the embedded consumer protocol is malformed");
    if (!assignment->user_data.value_or(ByteView()).empty()) {
      return refuse("an unsupported custom assignor is in use");
    }
    for_each_partition(by_id(assignment->assigned_partitions),
                       [&](const TopicId& topic, int32_t partition) {
                         // A leader may have given a partition out twice; one member keeps it.
                         if (held_by_[topic].contains(partition)) return;
                         target[topic].insert(partition);
                         member.has.assigned[topic][partition] = generation;
                         held_by_[topic][partition] = handed.id;
                       });
  }
  member.session = now.instant + session_timeout(member);
  note_deadline(member.session);
  if (ask.instance_id) static_members_[*ask.instance_id] = handed.id;
  members_[handed.id] = std::move(member);
  return {};
}

Result<std::unique_ptr<ConsumerGroup>> ConsumerGroup::from_classic(
    std::string id, const GroupSettings& settings, std::shared_ptr<const metadata::Image> image,
    const HandedGroup& handed, Now now, GroupEffects& out) {
  auto group = std::make_unique<ConsumerGroup>(std::move(id), settings, std::move(image));
  group->epoch_ = group->target_epoch_ = std::max(handed.generation, 0);
  for (const HandedMember& member : handed.members) {
    CHECKED(group->adopt(member, group->epoch_, now));
  }
  for (const auto& [member_id, member] : group->members_) {
    out.records.push_back(ask_record(group->id(), member_id, member.ask));
  }
  group->write_epoch(out);
  for (const auto& [member_id, target] : group->target_) group->write_target(member_id, out);
  out.records.push_back(record_of(
      wire::ConsumerGroupTargetAssignmentMetadataKey{.group_id = group->id()},
      wire::ConsumerGroupTargetAssignmentMetadataValue{.assignment_epoch = group->target_epoch_,
                                                       .assignment_timestamp = now.wall.ms()},
      0));
  for (const auto& [member_id, member] : group->members_) {
    out.records.push_back(has_record(group->id(), member_id, member.has));
  }
  return group;
}

}  // namespace partita::coordinators
