// ClassicGroup: from one generation to the next.

#include <algorithm>

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"

namespace partita::coordinators {

void ClassicGroup::rebalance(RebalanceCause cause, Now now, GroupEffects& out) {
  history().begin(std::move(cause), now);
  if (state_ != State::preparing_rebalance) return prepare(now, out);
  complete_join_if_ready(now, out);
}

void ClassicGroup::prepare(Now now, GroupEffects& out) {
  if (state_ == State::completing_rebalance) {
    reset_assignments(Errc::rebalance_in_progress, now, out);
  }
  for (auto& [id, member] : members_) synced(member);
  sync_deadline_ = kNoDeadline;
  const bool is_initial = state_ == State::empty;
  enter(State::preparing_rebalance, now);
  if (is_initial) {
    // More members come at such a time: one rebalance for all of them.
    const Duration delay = settings_.initial_rebalance_delay;
    initial_ = {.last = delay, .remaining = std::max(rebalance_timeout() - delay, Duration(0))};
    join_deadline_ = now.instant + delay;
    return;
  }
  join_deadline_ = now.instant + rebalance_timeout();
  complete_join_if_ready(now, out);
}

void ClassicGroup::reset_assignments(Errc error, Now now, GroupEffects& out) {
  for (auto& [id, member] : members_) {
    member.assignment = {};
    if (!member.sync) continue;
    refuse_sync(*member.sync, error, out);
    member.sync.reset();
    renew_session(member, now);
  }
}

bool ClassicGroup::all_joined() const {
  return joins_waiting_ == members_.size() && pending_.empty();
}

void ClassicGroup::complete_join_if_ready(Now now, GroupEffects& out) {
  if (state_ != State::preparing_rebalance || initial_ || !all_joined()) return;
  complete_join(now, out);
}

void ClassicGroup::join_deadline_passed(Now now, GroupEffects& out) {
  if (initial_ && initial_->member_added && initial_->remaining > Duration(0)) {
    COVERED("group.initial_delay_extended");
    const Duration delay = std::min(settings_.initial_rebalance_delay, initial_->remaining);
    initial_ = {.last = delay,
                .remaining = std::max(initial_->remaining - initial_->last, Duration(0))};
    join_deadline_ = now.instant + delay;
    return;
  }
  complete_join(now, out);
}

void ClassicGroup::remove_not_rejoined(Now now, GroupEffects& out) {
  const Duration timeout = rebalance_timeout();
  std::vector<std::string> absent;
  for (const auto& [id, member] : members_) {
    if (!member.join && !member.is_static()) absent.push_back(id);
  }
  for (const std::string& id : absent) {
    history().begin(cause_of(Cause::not_rejoined, *find(id), {}, timeout), now);
    remove(id, out);
  }
}

void ClassicGroup::complete_join(Now now, GroupEffects& out) {
  initial_.reset();
  join_deadline_ = kNoDeadline;
  if (!mutant("group.keep_absent_members")) remove_not_rejoined(now, out);
  if (members_.empty()) return become_empty(now, out);
  if (!elect_joined_leader()) {
    // Only static members, none of them here: until they come, or their sessions end.
    join_deadline_ = now.instant + std::max(rebalance_timeout(), Duration(1s));
    return;
  }
  become_completing(now, out);
}

bool ClassicGroup::elect_joined_leader() {
  if (const ClassicMember* leader = find(leader_); leader != nullptr && leader->join) return true;
  for (const auto& [id, member] : members_) {
    if (!member.join) continue;
    leader_ = id;
    return true;
  }
  return false;
}

std::string ClassicGroup::vote() const {
  std::map<std::string_view, size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const ClassicProtocol& protocol : member.protocols) {
      const auto count = protocol_counts_.find(protocol.name);
      if (count == protocol_counts_.end() || count->second != members_.size()) continue;
      votes[protocol.name]++;
      break;
    }
  }
  // Somebody who shared no protocol with all others was not let in. The first of equals by name.
  CHECK(!votes.empty());
  return std::string(
      std::ranges::max_element(votes, {}, [](const auto& one) { return one.second; })->first);
}

void ClassicGroup::become_empty(Now now, GroupEffects& out) {
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  protocol_name_.clear();
  note_subscribed_topics();
  enter(State::empty, now);
  history().settle(generation_, 0, Ownership(), now);
  if (!mutant("group.empty_not_recorded")) write_record(out);
}

void ClassicGroup::become_completing(Now now, GroupEffects& out) {
  // Behind the last number comes 1: a negative one would say "no generation".
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  protocol_name_ = vote();
  note_subscribed_topics();
  enter(State::completing_rebalance, now);
  sync_deadline_ = now.instant + rebalance_timeout();
  for (auto& [id, member] : members_) {
    if (!member.sync_pending) syncs_pending_++;
    member.sync_pending = true;
    member.is_new = false;
    renew_session(member, now);
    if (member.join) answer_join(member, out);
  }
}

void ClassicGroup::sync_deadline_passed(Now now, GroupEffects& out) {
  sync_deadline_ = kNoDeadline;
  const Duration timeout = rebalance_timeout();
  std::vector<RebalanceCause> causes;
  std::vector<std::string> absent;
  for (const auto& [id, member] : members_) {
    if (!member.sync_pending) continue;
    absent.push_back(id);
    causes.push_back(cause_of(Cause::not_synced, member, {}, timeout));
  }
  if (absent.empty() || mutant("group.never_synced_stays")) {
    // Of a group that still waits for its leader somebody has not synced.
    CHECK(state_ != State::completing_rebalance || mutant("group.never_synced_stays"));
    return;
  }
  for (const std::string& id : absent) remove(id, out);
  for (RebalanceCause& cause : causes) history().begin(std::move(cause), now);
  prepare(now, out);
}

void ClassicGroup::enter(State state, Now now) {
  state_ = state;
  state_since_ = now.wall;
}

}  // namespace partita::coordinators
