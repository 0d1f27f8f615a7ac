#include "coordinators/group/classic_group.h"

#include <algorithm>

#include "base/fault_points.h"
#include "coordinators/group/group_machine.h"

namespace partita::coordinators {

ClassicGroup::ClassicGroup(std::string id, const GroupSettings& settings, IdSource& ids)
    : Group(std::move(id)), settings_(settings), ids_(ids) {}

ClassicMember* ClassicGroup::find(std::string_view id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

Result<ClassicMember*> ClassicGroup::validate(std::string_view id,
                                              const std::optional<std::string_view>& instance) {
  if (instance) {
    const auto owner = static_ids_.find(*instance);
    if (owner == static_ids_.end()) return fail(Errc::unknown_member_id);
    if (owner->second != id && !mutant("group.no_fencing")) return fail(Errc::fenced_instance_id);
  }
  ClassicMember* member = find(id);
  if (member == nullptr) return fail(Errc::unknown_member_id);
  return member;
}

void ClassicGroup::count_protocols(const ClassicMember& member, int by) {
  for (const ClassicProtocol& protocol : member.protocols) {
    const auto count = protocol_counts_.try_emplace(protocol.name, 0).first;
    count->second += static_cast<size_t>(by);
    if (count->second == 0) protocol_counts_.erase(count);
  }
}

ClassicMember& ClassicGroup::insert(ClassicMember member) {
  if (member.instance_id) static_ids_[*member.instance_id] = member.id;
  if (leader_.empty()) leader_ = member.id;
  count_protocols(member, 1);
  if (member.join) joins_waiting_++;
  if (member.sync_pending) syncs_pending_++;
  pending_.erase(member.id);
  std::string id = member.id;
  const auto [at, is_new] = members_.emplace(std::move(id), std::move(member));
  CHECK(is_new);
  session_deadline_ = std::min(session_deadline_, at->second.session_deadline);
  return at->second;
}

void ClassicGroup::remove(std::string_view id, GroupEffects& out) {
  const auto at = members_.find(id);
  CHECK(at != members_.end());
  ClassicMember& member = at->second;
  if (member.join) {
    refuse_join(*member.join, Errc::unknown_member_id, "", out);
    joins_waiting_--;
  }
  if (member.sync) refuse_sync(*member.sync, Errc::unknown_member_id, out);
  synced(member);
  count_protocols(member, -1);
  if (member.instance_id) static_ids_.erase(*member.instance_id);
  const bool led = leader_ == member.id;
  members_.erase(at);
  if (members_.empty() && pending_.empty()) session_deadline_ = kNoDeadline;
  if (led) leader_ = members_.empty() ? "" : members_.begin()->first;
}

void ClassicGroup::set_session(ClassicMember& member, Instant deadline) {
  member.session_deadline = deadline;
  session_deadline_ = std::min(session_deadline_, deadline);
}

void ClassicGroup::renew_session(ClassicMember& member, Now now) {
  // A new member has more time than a session, and whether it heartbeats is up to it.
  if (member.is_new && member.join) return;
  set_session(member, now.instant + from_ms(member.session_timeout_ms));
}

void ClassicGroup::add_pending(std::string id, Instant deadline) {
  if (pending_.size() >= kPendingMembersMax) {
    COVERED("group.pending_members_full");
    pending_.erase(
        std::ranges::min_element(pending_, {}, [](const auto& one) { return one.second; }));
  }
  session_deadline_ = std::min(session_deadline_, deadline);
  pending_.insert_or_assign(std::move(id), deadline);
}

Duration ClassicGroup::rebalance_timeout() const {
  int32_t longest_ms = 0;
  for (const auto& [id, member] : members_) {
    longest_ms = std::max(longest_ms, member.rebalance_timeout_ms);
  }
  return from_ms(longest_ms);
}

RebalanceCause ClassicGroup::cause_of(Cause kind, const ClassicMember& member,
                                      std::string_view reason,
                                      std::optional<Duration> timeout) const {
  return {.kind = kind,
          .member_id = member.id,
          .instance_id = member.instance_id.value_or(""),
          .client_id = member.client_id,
          .client_host = member.client_host,
          .reason = std::string(reason),
          .timeout = timeout};
}

void ClassicGroup::loaded(Now now, GroupEffects& out) {
  for (auto& [id, member] : members_) renew_session(member, now);
  history().settle(generation_, members_.size(), ownership(), now);
  if (members_.size() <= static_cast<size_t>(settings_.size_max)) return;
  COVERED("group.loaded_over_capacity");
  rebalance({.kind = Cause::over_capacity}, now, out);
}

Instant ClassicGroup::next_deadline() const {
  return std::min({join_deadline_, sync_deadline_, session_deadline_});
}

void ClassicGroup::tick(Now now, GroupEffects& out) {
  // Sessions first: whoever is gone need not be waited for. Each deadline moves when it has passed.
  if (session_deadline_ <= now.instant) expire_sessions(now, out);
  if (sync_deadline_ <= now.instant) sync_deadline_passed(now, out);
  if (join_deadline_ <= now.instant) join_deadline_passed(now, out);
}

void ClassicGroup::expire_sessions(Now now, GroupEffects& out) {
  const size_t pending_before = pending_.size();
  std::erase_if(pending_, [&](const auto& one) { return one.second <= now.instant; });
  std::vector<std::string> expired;
  for (const auto& [id, member] : members_) {
    if (member.session_deadline <= now.instant) expired.push_back(id);
  }
  for (const std::string& id : expired) {
    // Removing one may end the rebalance, which gives the others a new session.
    ClassicMember* member = find(id);
    if (member == nullptr || member->session_deadline > now.instant) continue;
    expire_member(*member, now, out);
  }
  if (pending_.size() != pending_before) complete_join_if_ready(now, out);
  session_deadline_ = kNoDeadline;
  for (const auto& [id, deadline] : pending_) {
    session_deadline_ = std::min(session_deadline_, deadline);
  }
  for (const auto& [id, member] : members_) {
    session_deadline_ = std::min(session_deadline_, member.session_deadline);
  }
}

void ClassicGroup::expire_member(ClassicMember& member, Now now, GroupEffects& out) {
  if (member.needs_no_heartbeat()) {
    member.session_deadline = kNoDeadline;
    return;
  }
  if (mutant("group.session_forever")) return set_session(member, kNoDeadline);
  const bool never_assigned = member.is_new && member.join;
  RebalanceCause cause =
      cause_of(never_assigned ? Cause::join_expired : Cause::session_expired, member, {},
               never_assigned ? kNewMemberJoinTimeout : from_ms(member.session_timeout_ms));
  remove(member.id, out);
  rebalance(std::move(cause), now, out);
}

void ClassicGroup::check_invariants() const {
  size_t joins = 0;
  size_t syncs = 0;
  for (const auto& [id, member] : members_) {
    joins += member.join ? 1 : 0;
    syncs += member.sync_pending ? 1 : 0;
    CHECK(id == member.id);
    CHECK(member.session_deadline != kNoDeadline || member.join || member.sync);
    CHECK(session_deadline_ <= member.session_deadline);
    if (member.instance_id) CHECK(static_ids_.at(*member.instance_id) == id);
    for (const ClassicProtocol& protocol : member.protocols) {
      CHECK(protocol_counts_.contains(protocol.name));
    }
  }
  for (const auto& [id, deadline] : pending_) CHECK(session_deadline_ <= deadline);
  CHECK(joins == joins_waiting_);
  CHECK(syncs == syncs_pending_);
  CHECK(members_.empty() == leader_.empty());
  CHECK(members_.empty() || members_.contains(leader_));
  CHECK((state_ == State::preparing_rebalance) == (join_deadline_ != kNoDeadline));
  CHECK(state_ != State::completing_rebalance || sync_deadline_ != kNoDeadline);
  CHECK(state_ != State::empty || members_.empty());
  CHECK(state_ == State::empty || state_ == State::preparing_rebalance || !members_.empty());
  CHECK(state_ == State::preparing_rebalance || joins_waiting_ == 0);
  CHECK(state_ == State::completing_rebalance || state_ == State::stable || syncs_pending_ == 0);
  history().check_invariants();
}

}  // namespace partita::coordinators
