// ClassicGroup: JoinGroup.

#include <algorithm>

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/group/member_bytes.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

/// From this version on a new member is given its id first, and joins with it (KIP-394).
constexpr int16_t kKnownMemberIdFrom = 4;
/// From this version on a replaced leader can be told to leave the assignment as it is (KIP-814).
constexpr int16_t kSkipAssignmentFrom = 9;
/// From this version on the chosen protocol may be null.
constexpr int16_t kNullProtocolFrom = 7;
/// All protocols of all members take this many times the record's bound at the most.
constexpr size_t kProtocolsPerRecord = 4;

std::string_view reason_of(const wire::JoinGroupRequestView& request) {
  return request.reason.value_or("");
}

}  // namespace

void ClassicGroup::join(const Caller& caller, const JoinRequest& request, Ticket ticket, Now now,
                        GroupEffects& out) {
  const Waiting waiting{ticket, request.version};
  if (!is_accepted(request.member_id) && !mutant("group.no_size_limit")) {
    // Who asks again while others wait has no place either.
    if (find(request.member_id) != nullptr) {
      remove(request.member_id, out);
      complete_join_if_ready(now, out);
    }
    return refuse_join(waiting, Errc::group_max_size_reached, "", out);
  }
  if (const auto checked = check_join(caller, request); !checked) {
    return refuse_join(waiting, checked.error().code, request.member_id, out);
  }
  if (request.member_id.empty()) return join_new(caller, request, ticket, now, out);
  if (!pending_.contains(request.member_id)) return join_known(request, ticket, now, out);
  // A static member is never given its id first.
  if (request.group_instance_id) {
    return refuse_join(waiting, Errc::unknown_member_id, request.member_id, out);
  }
  add_and_rebalance(caller, request, std::string(request.member_id), ticket, now, out);
}

Result<> ClassicGroup::check_join(const Caller& caller, const JoinRequest& request) {
  if (!supports(request)) return fail(Errc::inconsistent_group_protocol);
  std::string_view replaced = request.member_id;
  if (replaced.empty() && request.group_instance_id) {
    const auto owner = static_ids_.find(*request.group_instance_id);
    if (owner != static_ids_.end()) replaced = owner->second;
  }
  if (!fits(caller, request, replaced)) return fail(Errc::message_too_large);
  return {};
}

bool ClassicGroup::is_accepted(std::string_view member_id) {
  const auto size_max = static_cast<size_t>(settings_.size_max);
  const ClassicMember* member = find(member_id);
  switch (state_) {
    case State::empty: return true;
    // Of a group that became too large the last ones to come back are sent away.
    case State::preparing_rebalance:
      return (member != nullptr && member->join) || joins_waiting_ < size_max;
    case State::completing_rebalance:
    case State::stable: return member != nullptr || members_.size() < size_max;
  }
  return false;
}

bool ClassicGroup::supports(const JoinRequest& request) const {
  if (state_ == State::empty) return !request.protocol_type.empty() && !request.protocols.empty();
  if (protocol_type_ != request.protocol_type) return false;
  return std::ranges::any_of(request.protocols, [&](const auto& protocol) {
    const auto count = protocol_counts_.find(protocol.name);
    return (count == protocol_counts_.end() ? 0 : count->second) == members_.size();
  });
}

bool ClassicGroup::fits(const Caller& caller, const JoinRequest& request,
                        std::string_view replaced) const {
  if (mutant("group.join_of_any_size")) return true;
  const size_t limit = settings_.batch_bytes_max;
  const size_t protocols = protocol_bytes(request);
  if (protocols > limit) return false;
  const size_t names = 2 * caller.client_id.size() + caller.host.size() +
                       2 * request.group_instance_id.value_or("").size();
  size_t record = kRecordOverhead + 2 * id().size() + names + metadata_bytes(request);
  size_t kept = protocols;
  for (const auto& [member_id, member] : members_) {
    record += member.record_bytes();
    if (member_id == replaced) {
      record -= member.largest_metadata();
      continue;
    }
    for (const ClassicProtocol& protocol : member.protocols) {
      kept += protocol.name.size() + protocol.metadata.size();
    }
  }
  return record <= limit && kept <= kProtocolsPerRecord * limit;
}

void ClassicGroup::join_new(const Caller& caller, const JoinRequest& request, Ticket ticket,
                            Now now, GroupEffects& out) {
  const auto& instance = request.group_instance_id;
  std::string id = make_member_id(instance.value_or(caller.client_id), ids_.next());
  if (instance) {
    if (const auto owner = static_ids_.find(*instance); owner != static_ids_.end()) {
      return replace_static(caller, request, owner->second, std::move(id), ticket, now, out);
    }
  } else if (request.version >= kKnownMemberIdFrom && !mutant("group.no_pending_members")) {
    refuse_join({ticket, request.version}, Errc::member_id_required, id, out);
    add_pending(std::move(id), now.instant + from_ms(request.session_timeout_ms));
    return;
  }
  add_and_rebalance(caller, request, std::move(id), ticket, now, out);
}

void ClassicGroup::add_and_rebalance(const Caller& caller, const JoinRequest& request,
                                     std::string id, Ticket ticket, Now now, GroupEffects& out) {
  if (initial_) initial_->member_added = true;
  if (members_.empty()) protocol_type_ = request.protocol_type;
  ClassicMember member{.id = std::move(id),
                       .client_id = std::string(caller.client_id),
                       .client_host = std::string(caller.host),
                       .rebalance_timeout_ms = rebalance_timeout_of(request),
                       .session_timeout_ms = request.session_timeout_ms,
                       .protocols = protocols_of(request),
                       .join = Waiting{ticket, request.version},
                       // Whoever waits for its first generation cannot send heartbeats, and may be
                       // gone without a sign.
                       .session_deadline = now.instant + kNewMemberJoinTimeout,
                       .is_new = true};
  if (request.group_instance_id) member.instance_id = std::string(*request.group_instance_id);
  const ClassicMember& added = insert(std::move(member));
  rebalance(cause_of(Cause::member_joined, added, reason_of(request)), now, out);
}

void ClassicGroup::join_known(const JoinRequest& request, Ticket ticket, Now now,
                              GroupEffects& out) {
  const Waiting waiting{ticket, request.version};
  const Result<ClassicMember*> valid = validate(request.member_id, request.group_instance_id);
  if (!valid) return refuse_join(waiting, valid.error().code, request.member_id, out);
  ClassicMember& member = **valid;
  const bool same = member.has_protocols(request);
  const bool settled = state_ == State::stable || state_ == State::completing_rebalance;
  // A leader that comes back to a stable group asks for a new assignment; anybody else with what it
  // had has lost an answer, and is told the generation again.
  if (settled && same && !(state_ == State::stable && leader_ == member.id)) {
    await_join(member, waiting, out);
    renew_session(member, now);
    return answer_join(member, out);
  }
  update(member, request);
  await_join(member, waiting, out);
  if (state_ == State::preparing_rebalance) return complete_join_if_ready(now, out);
  const Cause kind = same ? Cause::member_rejoined : Cause::subscription_changed;
  rebalance(cause_of(kind, member, reason_of(request)), now, out);
}

void ClassicGroup::update(ClassicMember& member, const JoinRequest& request) {
  member.rebalance_timeout_ms = rebalance_timeout_of(request);
  member.session_timeout_ms = request.session_timeout_ms;
  if (member.has_protocols(request)) return;
  count_protocols(member, -1);
  member.protocols = protocols_of(request);
  count_protocols(member, 1);
}

void ClassicGroup::await_join(ClassicMember& member, Waiting waiting, GroupEffects& out) {
  if (member.join) {
    COVERED("group.join_superseded");
    refuse_join(*member.join, Errc::rebalance_in_progress, member.id, out);
  } else {
    joins_waiting_++;
  }
  member.join = waiting;
}

bool ClassicGroup::changes_topics(const ClassicMember& member, const JoinRequest& request) const {
  if (protocol_type_ != kConsumerProtocolType) return false;
  for (const auto& protocol : request.protocols) {
    if (protocol.name != protocol_name_) continue;
    return !same_topics(member.metadata(protocol_name_), protocol.metadata);
  }
  return true;
}

void ClassicGroup::replace_static(const Caller& caller, const JoinRequest& request,
                                  std::string old_id, std::string new_id, Ticket ticket, Now now,
                                  GroupEffects& out) {
  const std::string leader_before = leader_;
  auto node = members_.extract(old_id);
  CHECK(!node.empty());
  ClassicMember& old = node.mapped();
  if (old.join) {
    refuse_join(*old.join, Errc::fenced_instance_id, old_id, out);
    old.join.reset();
    joins_waiting_--;
  }
  if (old.sync) {
    refuse_sync(*old.sync, Errc::fenced_instance_id, out);
    old.sync.reset();
  }
  const bool topics_change = changes_topics(old, request);
  node.key() = new_id;
  old.id = new_id;
  old.is_new = false;
  old.client_id = caller.client_id;
  old.client_host = caller.host;
  if (leader_ == old_id) leader_ = new_id;
  static_ids_[*old.instance_id] = new_id;
  ClassicMember& member = members_.insert(std::move(node)).position->second;
  update(member, request);
  await_join(member, {ticket, request.version}, out);
  renew_session(member, now);
  if (state_ == State::preparing_rebalance) return complete_join_if_ready(now, out);
  const bool goes_on = state_ == State::stable && vote() == protocol_name_ && !topics_change;
  if (goes_on && !mutant("group.static_rejoin_rebalances")) {
    note_subscribed_topics();
    write_record(out);
    return answer_replaced(member, leader_before, out);
  }
  // What the leader was told names a member that is no more.
  rebalance(cause_of(Cause::static_member_replaced, member, reason_of(request)), now, out);
}

void ClassicGroup::answer_replaced(ClassicMember& member, std::string_view leader_before,
                                   GroupEffects& out) {
  const Waiting waiting = *member.join;
  wire::JoinGroupResponse response = join_response(member);
  if (waiting.version >= kSkipAssignmentFrom) {
    response.skip_assignment = leader_ == member.id;
  } else {
    // It cannot be told to leave the assignment alone, so it must not take itself for the leader.
    response.leader = leader_before;
    response.members.clear();
  }
  member.join.reset();
  joins_waiting_--;
  out.releases.emplace_back(JoinAnswer{.ticket = waiting.ticket, .response = std::move(response)});
}

void ClassicGroup::answer_join(ClassicMember& member, GroupEffects& out) {
  out.releases.emplace_back(
      JoinAnswer{.ticket = member.join->ticket, .response = join_response(member)});
  member.join.reset();
  joins_waiting_--;
}

wire::JoinGroupResponse ClassicGroup::join_response(const ClassicMember& member) const {
  wire::JoinGroupResponse response;
  response.generation_id = generation_;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_name_;
  response.leader = leader_;
  response.member_id = member.id;
  if (leader_ != member.id) return response;
  response.members.reserve(members_.size());
  for (const auto& [id, other] : members_) {
    const auto protocol =
        std::ranges::find(other.protocols, protocol_name_, &ClassicProtocol::name);
    CHECK(protocol != other.protocols.end());
    response.members.push_back(
        {.member_id = id, .group_instance_id = other.instance_id, .metadata = protocol->metadata});
  }
  return response;
}

void ClassicGroup::refuse_join(Waiting waiting, Errc error, std::string_view member_id,
                               GroupEffects& out) const {
  JoinAnswer answer{.ticket = waiting.ticket, .response = {}};
  answer.response.error_code = wire::error_code(error);
  answer.response.member_id = member_id;
  if (waiting.version >= kNullProtocolFrom) answer.response.protocol_name.reset();
  out.releases.emplace_back(std::move(answer));
}

}  // namespace partita::coordinators
