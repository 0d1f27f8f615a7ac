// ClassicGroup: SyncGroup, Heartbeat, LeaveGroup.

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

bool contradicts(const std::optional<std::string_view>& said, std::string_view ours) {
  return said && !ours.empty() && *said != ours;
}

}  // namespace

Result<ClassicMember*> ClassicGroup::check_sync(const wire::SyncGroupRequestView& request) {
  if (state_ == State::empty) return fail(Errc::unknown_member_id);
  TRY(ClassicMember * member, validate(request.member_id, request.group_instance_id));
  if (request.generation_id != generation_ && !mutant("group.any_generation_syncs")) {
    return fail(Errc::illegal_generation);
  }
  if (contradicts(request.protocol_type, protocol_type_) ||
      contradicts(request.protocol_name, protocol_name_)) {
    return fail(Errc::inconsistent_group_protocol);
  }
  if (state_ == State::preparing_rebalance) return fail(Errc::rebalance_in_progress);
  return member;
}

void ClassicGroup::sync(const wire::SyncGroupRequestView& request, Ticket ticket, Now now,
                        GroupEffects& out) {
  const Waiting waiting{ticket, request.version};
  const Result<ClassicMember*> checked = check_sync(request);
  if (!checked) return refuse_sync(waiting, checked.error().code, out);
  ClassicMember& member = **checked;
  const bool assigns = state_ == State::completing_rebalance && leader_ == member.id;
  if (assigns) {
    if (const auto taken = take_assignments(request); !taken) {
      return refuse_sync(waiting, taken.error().code, out);
    }
  }
  if (member.sync) {
    COVERED("group.sync_superseded");
    refuse_sync(*member.sync, Errc::rebalance_in_progress, out);
  }
  member.sync = waiting;
  synced(member);
  renew_session(member, now);
  if (assigns) return become_stable(now, out);
  if (state_ == State::stable) answer_sync(member, out);
}

Result<> ClassicGroup::take_assignments(const wire::SyncGroupRequestView& request) {
  size_t bytes = record_bytes();
  for (const auto& [id, member] : members_) bytes -= member.assignment.size();
  for (const auto& given : request.assignments) {
    if (find(given.member_id) != nullptr) bytes += given.assignment.size();
  }
  // The members could never be told what was not recorded.
  if (bytes > settings_.batch_bytes_max && !mutant("group.assignment_of_any_size")) {
    return fail(Errc::message_too_large);
  }
  for (auto& [id, member] : members_) member.assignment = {};
  for (const auto& given : request.assignments) {
    ClassicMember* member = find(given.member_id);
    if (member != nullptr) member->assignment = Bytes::copy_of(given.assignment);
  }
  return {};
}

void ClassicGroup::become_stable(Now now, GroupEffects& out) {
  enter(State::stable, now);
  if (!mutant("group.assignment_not_recorded")) write_record(out);
  history().settle(generation_, members_.size(), ownership(), now);
  for (auto& [id, member] : members_) {
    if (!member.sync) continue;
    renew_session(member, now);
    answer_sync(member, out);
  }
}

void ClassicGroup::synced(ClassicMember& member) {
  if (!member.sync_pending) return;
  member.sync_pending = false;
  if (--syncs_pending_ == 0) sync_deadline_ = kNoDeadline;
}

void ClassicGroup::answer_sync(ClassicMember& member, GroupEffects& out) {
  SyncAnswer answer{.ticket = member.sync->ticket, .response = {}};
  answer.response.protocol_type = protocol_type_;
  answer.response.protocol_name = protocol_name_;
  answer.response.assignment = member.assignment;
  member.sync.reset();
  out.releases.emplace_back(std::move(answer));
}

void ClassicGroup::refuse_sync(Waiting waiting, Errc error, GroupEffects& out) {
  SyncAnswer answer{.ticket = waiting.ticket, .response = {}};
  answer.response.error_code = wire::error_code(error);
  out.releases.emplace_back(std::move(answer));
}

void ClassicGroup::refuse_waiting(Errc error, GroupEffects& out) {
  for (auto& [id, member] : members_) {
    if (member.join) refuse_join(*member.join, error, id, out);
    if (member.sync) refuse_sync(*member.sync, error, out);
    member.join.reset();
    member.sync.reset();
  }
  joins_waiting_ = 0;
}

Result<> ClassicGroup::heartbeat(const wire::HeartbeatRequestView& request, Now now) {
  TRY(ClassicMember * member, validate(request.member_id, request.group_instance_id));
  if (request.generation_id != generation_) return fail(Errc::illegal_generation);
  renew_session(*member, now);
  if (state_ != State::preparing_rebalance || mutant("group.heartbeat_hides_rebalance")) return {};
  return fail(Errc::rebalance_in_progress);
}

Result<> ClassicGroup::leave_one(std::string_view id,
                                 const std::optional<std::string_view>& instance,
                                 std::string_view reason, Now now, GroupEffects& out) {
  if (const auto waiting = pending_.find(id); waiting != pending_.end()) {
    pending_.erase(waiting);
    return {};
  }
  std::string_view named = id;
  if (id.empty()) {
    // An administrator removes a static member by its instance alone.
    const auto owner = instance ? static_ids_.find(*instance) : static_ids_.end();
    if (owner == static_ids_.end()) return fail(Errc::unknown_member_id);
    named = owner->second;
  }
  TRY(const ClassicMember* member, validate(named, instance));
  history().begin(cause_of(Cause::member_left, *member, reason), now);
  remove(std::string(named), out);
  return {};
}

wire::LeaveGroupResponse ClassicGroup::leave(const wire::LeaveGroupRequestView& request, Now now,
                                             GroupEffects& out) {
  wire::LeaveGroupResponse response;
  const size_t members_before = members_.size();
  if (request.version < 3) {
    response.error_code = wire::error_code(leave_one(request.member_id, {}, "", now, out));
  }
  for (const auto& one : request.members) {
    const auto left =
        leave_one(one.member_id, one.group_instance_id, one.reason.value_or(""), now, out);
    response.members.push_back({.member_id = std::string(one.member_id),
                                .group_instance_id = {},
                                .error_code = wire::error_code(left)});
    if (one.group_instance_id) {
      response.members.back().group_instance_id = std::string(*one.group_instance_id);
    }
  }
  const bool runs = state_ == State::preparing_rebalance;
  if (runs) complete_join_if_ready(now, out);
  if (!runs && members_.size() != members_before) prepare(now, out);
  return response;
}

}  // namespace partita::coordinators
