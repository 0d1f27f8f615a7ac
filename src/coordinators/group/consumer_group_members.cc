// Members of the new protocol: heartbeats, leaving, and what time does to members of either.
#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/reconciliation.h"
#include "coordinators/group/topic_pattern.h"
#include "wire/coordinator/consumer_group_target_assignment_member.h"

namespace partita::coordinators {
namespace {

using HeartbeatRequest = ConsumerGroup::HeartbeatRequest;
using Kind = RebalanceCause::Kind;

std::optional<PartitionSet> owned_of(const HeartbeatRequest& request) {
  if (!request.topic_partitions) return std::nullopt;
  PartitionSet owned;
  for (const auto& topic : *request.topic_partitions) {
    for (const int32_t partition : topic.partitions) owned[topic.topic_id].insert(partition);
  }
  return owned;
}

/// Everything that a member can say, as it does after joining and after every error.
bool is_full(const HeartbeatRequest& request) {
  return request.member_epoch == kJoinEpoch ||
         (request.rebalance_timeout_ms != -1 && request.topic_partitions &&
          (request.subscribed_topic_names || request.subscribed_topic_regex));
}

bool same_partitions(const AssignedPartitions& a, const AssignedPartitions& b) {
  return std::ranges::equal(a, b, [](const auto& left, const auto& right) {
    return left.first == right.first &&
           std::ranges::equal(
               left.second, right.second, {}, [](const auto& p) { return p.first; },
               [](const auto& p) { return p.first; });
  });
}

std::unexpected<Error> unknown_instance(std::string_view instance_id) {
  return fail(Errc::unknown_member_id, "Instance id " + std::string(instance_id) + " is unknown.");
}

std::unexpected<Error> fenced_epoch(std::string_view how, int32_t theirs, int32_t ours) {
  return fail(Errc::fenced_member_epoch,
              "The consumer group member has a " + std::string(how) + " member epoch (" +
                  std::to_string(theirs) + ") than the one known by the group coordinator (" +
                  std::to_string(ours) +
                  "). The member must abandon all its partitions and rejoin.");
}

}  // namespace

Result<> ConsumerGroup::check_room(std::string_view member_id,
                                   const std::optional<std::string_view>& instance_id) const {
  if (std::cmp_less(members_.size(), settings_.consumer_size_max) || members_.contains(member_id) ||
      (instance_id && static_members_.contains(*instance_id))) {
    return {};
  }
  return fail(Errc::group_max_size_reached,
              "The consumer group has reached its maximum capacity of " +
                  std::to_string(settings_.consumer_size_max) + " members.");
}

Result<> ConsumerGroup::check_member_epoch(const ConsumerMember& member,
                                           const HeartbeatRequest& request) const {
  const int32_t epoch = request.member_epoch;
  if (epoch == kJoinEpoch) return {};
  if (epoch == member.has.epoch) return {};
  if (epoch > member.has.epoch) return fenced_epoch("greater", epoch, member.has.epoch);
  // The answer that told it of its new epoch may have been lost.
  const std::optional<PartitionSet> owned = owned_of(request);
  bool fits = epoch == member.has.previous_epoch && owned.has_value();
  if (mutant("consumer_group.accept_old_epochs")) return {};
  if (fits) {
    for_each_partition(*owned, [&](const TopicId& topic, int32_t partition) {
      fits = fits && holds(member.has.assigned, topic, partition);
    });
  }
  if (!fits) return fenced_epoch("smaller", epoch, member.has.epoch);
  COVERED("consumer_group.lost_response");
  return {};
}

Result<std::string> ConsumerGroup::check_sender(const HeartbeatRequest& request,
                                                const std::string& member_id) const {
  const bool joins = request.member_epoch == kJoinEpoch;
  const ConsumerMember* member = find(member_id);
  if (!request.instance_id) {
    if (member != nullptr) CHECKED(check_member_epoch(*member, request));
    if (member == nullptr && !joins) {
      return fail(Errc::unknown_member_id,
                  "Member " + member_id + " is not a member of group " + id() + ".");
    }
    return "";
  }
  const auto known = static_members_.find(*request.instance_id);
  if (known == static_members_.end()) {
    if (!joins) return unknown_instance(*request.instance_id);
    return "";
  }
  if (known->second == member_id) {
    CHECKED(check_member_epoch(*member, request));
    return "";
  }
  const ConsumerMember& holder = members_.at(known->second);
  if (!joins || member != nullptr) {
    return fail(Errc::fenced_instance_id, "Static member " + member_id + " with instance id " +
                                              known->first + " was fenced by member " +
                                              known->second + ".");
  }
  if (!holder.uses_classic() && holder.has.epoch != kLeaveStaticEpoch) {
    return fail(Errc::unreleased_instance_id,
                "Static member " + member_id + " with instance id " + known->first +
                    " cannot join the group because the instance id is owned by " + known->second +
                    " member.");
  }
  return known->second;
}

MemberAsk ConsumerGroup::asked(const MemberAsk& before, const Caller& caller,
                               const HeartbeatRequest& request) const {
  MemberAsk ask = before;
  if (request.instance_id) ask.instance_id = *request.instance_id;
  if (request.rack_id) ask.rack_id = *request.rack_id;
  if (request.rebalance_timeout_ms != -1) ask.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.server_assignor) ask.assignor = *request.server_assignor;
  if (request.subscribed_topic_names) {
    ask.topics.clear();
    for (const std::string_view topic : *request.subscribed_topic_names) ask.topics.emplace(topic);
  }
  if (request.subscribed_topic_regex) ask.pattern = *request.subscribed_topic_regex;
  ask.client_id = caller.client_id;
  ask.client_host = caller.host;
  ask.classic.reset();
  return ask;
}

Result<ConsumerGroup::HeartbeatResponse> ConsumerGroup::heartbeat(const Caller& caller,
                                                                  const HeartbeatRequest& request,
                                                                  const std::string& member_id,
                                                                  Now now, GroupEffects& out) {
  CHECKED(check_room(member_id, request.instance_id));
  TRY(const std::string replaced, check_sender(request, member_id));
  if (request.subscribed_topic_regex && !request.subscribed_topic_regex->empty() &&
      !patterns_.contains(*request.subscribed_topic_regex)) {
    CHECKED(TopicPattern::compile(*request.subscribed_topic_regex));
  }
  // From here on nothing fails.
  const bool is_new = replaced.empty() && !members_.contains(member_id);
  ConsumerMember& member =
      replaced.empty() ? members_[member_id] : take_place(replaced, member_id, out);
  const AssignedPartitions before = member.has.assigned;
  const Kind kind = is_new             ? Kind::member_joined
                    : replaced.empty() ? Kind::subscription_changed
                                       : Kind::static_member_replaced;
  subscribe(member_id, member, asked(member.ask, caller, request), kind, now, out);
  member.join = member.sync = kNoDeadline;
  if (!patterns_.empty() && now.instant - scanned_ >= settings_.consumer_regex_refresh_interval) {
    // One topic may have taken another's place within a single image.
    rescan_patterns(now, out);
    refresh_for_topics(now, out);
  }
  reconcile(member_id, member, owned_of(request), now, out);
  member.session = now.instant + session_timeout(member);
  note_deadline(member.session);
  const bool tell =
      is_full(request) || !same_partitions(before, member.has.assigned) || !replaced.empty();
  return answer(member_id, member, tell, now);
}

/// A static member comes back under another member id, with all that it had but its epoch.
ConsumerMember& ConsumerGroup::take_place(const std::string& replaced, const std::string& member_id,
                                          GroupEffects& out) {
  COVERED("consumer_group.static_member_replaced");
  auto node = members_.extract(replaced);
  CHECK(!node.empty());
  release(replaced, node.mapped().has);
  PartitionSet target = target_of(replaced);
  target_.erase(replaced);
  write_member_tombstones(replaced, out);
  node.key() = member_id;
  ConsumerMember& member = members_.insert(std::move(node)).position->second;
  member.has.epoch = member.has.previous_epoch = kJoinEpoch;
  hold(member_id, member.has);
  static_members_[*member.ask.instance_id] = member_id;
  member.revoke = member.join = member.sync = kNoDeadline;
  out.records.push_back(ask_record(id(), member_id, member.ask));
  target_[member_id] = std::move(target);
  write_target(member_id, out);
  out.records.push_back(has_record(id(), member_id, member.has));
  return member;
}

/// Makes what the member asks for its subscription: the group's epoch and target follow.
/// A new member's record is written in any case: it never asks for what a member has by default.
void ConsumerGroup::subscribe(const std::string& member_id, ConsumerMember& member, MemberAsk ask,
                              Kind kind, Now now, GroupEffects& out) {
  const bool other_topics = member.ask.topics != ask.topics;
  const bool other_pattern = member.ask.pattern != ask.pattern;
  set_ask(member_id, member, std::move(ask), out);
  if (other_pattern) {
    drop_unused_patterns(out);
    if (!member.ask.pattern.empty() && !patterns_.contains(member.ask.pattern)) {
      resolve(member.ask.pattern, now, out);
    }
  }
  if (!other_topics && !other_pattern && epoch_ > 0) return;
  history().begin(cause(kind, member_id, member), now);
  refresh(true, now, out);
}

void ConsumerGroup::reconcile(const std::string& member_id, ConsumerMember& member,
                              const std::optional<PartitionSet>& owned, Now now,
                              GroupEffects& out) {
  if (member.is_reconciled_to(target_epoch_)) return;
  const Reconciliation way{.target_epoch = target_epoch_,
                           .target = target_of(member_id),
                           .owned = owned,
                           .held_by_other = [&](const TopicId& topic, int32_t partition) {
                             if (mutant("consumer_group.give_unreleased")) return false;
                             const auto found = held_by_.find(topic);
                             if (found == held_by_.end()) return false;
                             const auto holder = found->second.find(partition);
                             return holder != found->second.end() && holder->second != member_id;
                           }};
  MemberHas next = way.next(member.has);
  if (next == member.has) return;
  set_has(member_id, member, std::move(next), out);
  changed_ = now.instant;
  member.revoke = kNoDeadline;
  if (member.has.state == MemberState::unrevoked && !member.uses_classic() &&
      !mutant("consumer_group.no_revoke_deadline")) {
    member.revoke = now.instant + member.rebalance_timeout();
    note_deadline(member.revoke);
  }
  settle_if_reconciled(now);
}

ConsumerGroup::HeartbeatResponse ConsumerGroup::answer(const std::string& member_id,
                                                       const ConsumerMember& member,
                                                       bool tell_assigned, Now now) const {
  HeartbeatResponse response;
  response.member_id = member_id;
  response.member_epoch = member.has.epoch;
  response.heartbeat_interval_ms = static_cast<int32_t>(to_ms(heartbeat_interval(now)));
  if (!tell_assigned) return response;
  auto& assignment = response.assignment.emplace();
  for (const auto& [topic, partitions] : member.has.assigned) {
    auto& entry = assignment.topic_partitions.emplace_back();
    entry.topic_id = topic;
    for (const auto& [partition, epoch] : partitions) entry.partitions.push_back(partition);
  }
  return response;
}

Result<std::string> ConsumerGroup::find_leaving(
    std::string_view member_id, const std::optional<std::string_view>& instance_id) const {
  if (!instance_id) {
    if (find(member_id) != nullptr) return std::string(member_id);
    return fail(Errc::unknown_member_id,
                "Member " + std::string(member_id) + " is not a member of group " + id() + ".");
  }
  const auto known = static_members_.find(*instance_id);
  if (known == static_members_.end()) return unknown_instance(*instance_id);
  if (known->second == member_id) return known->second;
  return fail(Errc::fenced_instance_id, "Static member " + std::string(member_id) +
                                            " with instance id " + known->first +
                                            " was fenced by member " + known->second + ".");
}

Result<ConsumerGroup::HeartbeatResponse> ConsumerGroup::leave(const HeartbeatRequest& request,
                                                              Now now, GroupEffects& out) {
  TRY(const std::string member_id, find_leaving(request.member_id, request.instance_id));
  ConsumerMember& member = members_.at(member_id);
  if (request.member_epoch == kLeaveStaticEpoch) {
    // It may come back under another id: it keeps its partitions until its session ends.
    MemberHas away = member.has;
    away.epoch = kLeaveStaticEpoch;
    away.revoking.clear();
    set_has(member_id, member, std::move(away), out);
    member.revoke = kNoDeadline;
  } else {
    history().begin(cause(Kind::member_left, member_id, member), now);
    remove_members({member_id}, now, out);
  }
  HeartbeatResponse response;
  response.member_id = member_id;
  response.member_epoch = request.member_epoch;
  return response;
}

void ConsumerGroup::write_member_tombstones(const std::string& member_id, GroupEffects& out) const {
  out.records.push_back(tombstone_of(
      wire::ConsumerGroupCurrentMemberAssignmentKey{.group_id = id(), .member_id = member_id}));
  out.records.push_back(tombstone_of(
      wire::ConsumerGroupTargetAssignmentMemberKey{.group_id = id(), .member_id = member_id}));
  out.records.push_back(
      tombstone_of(wire::ConsumerGroupMemberMetadataKey{.group_id = id(), .member_id = member_id}));
}

void ConsumerGroup::remove_members(const std::vector<std::string>& ids, Now now,
                                   GroupEffects& out) {
  for (const std::string& member_id : ids) {
    const auto found = members_.find(member_id);
    CHECK(found != members_.end());
    release(member_id, found->second.has);
    const auto& instance = found->second.ask.instance_id;
    if (instance) static_members_.erase(*instance);
    members_.erase(found);
    target_.erase(member_id);
    write_member_tombstones(member_id, out);
  }
  drop_unused_patterns(out);
  // A group that becomes classic now leaves everything else to the rebalance there.
  if (!wants_classic()) refresh(true, now, out);
  settle_if_reconciled(now);
}

RebalanceCause ConsumerGroup::cause(Kind kind, const std::string& member_id,
                                    const ConsumerMember& member) {
  return {.kind = kind,
          .member_id = member_id,
          .instance_id = member.ask.instance_id.value_or(""),
          .client_id = member.ask.client_id,
          .client_host = member.ask.client_host,
          .reason = {},
          .timeout = {}};
}

std::optional<RebalanceCause> ConsumerGroup::expired(const std::string& member_id,
                                                     const ConsumerMember& member, Now now) const {
  const auto over = [&](Kind kind, Duration timeout) {
    RebalanceCause why = cause(kind, member_id, member);
    why.timeout = timeout;
    return why;
  };
  if (member.session <= now.instant) return over(Kind::session_expired, session_timeout(member));
  if (member.revoke <= now.instant) return over(Kind::not_revoked, member.rebalance_timeout());
  if (member.join <= now.instant) return over(Kind::not_rejoined, member.rebalance_timeout());
  if (member.sync <= now.instant) return over(Kind::not_synced, member.rebalance_timeout());
  return std::nullopt;
}

void ConsumerGroup::tick(Now now, GroupEffects& out) {
  if (now.instant < earliest_) return;
  std::vector<std::string> gone;
  for (const auto& [member_id, member] : members_) {
    auto why = expired(member_id, member, now);
    if (!why) continue;
    history().begin(*std::move(why), now);
    gone.push_back(member_id);
  }
  if (!gone.empty()) remove_members(gone, now, out);
  earliest_ = kNoDeadline;
  for (const auto& [member_id, member] : members_) note_deadline(member.next_deadline());
}

}  // namespace partita::coordinators
