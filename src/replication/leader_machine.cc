#include "replication/leader_machine.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::replication {

void LeaderMachine::lead(const LeaderView& view, Offset high_watermark, Offset log_end,
                         Instant now) {
  CHECK(std::ranges::count(view.replicas, self_) == 1);
  if (view.partition_epoch < view_.partition_epoch) return;
  const bool new_epoch = view.leader_epoch != view_.leader_epoch;
  view_ = view;
  if (!new_epoch) return;
  high_watermark_ = high_watermark;
  epoch_start_ = log_end;
  followers_.clear();
  for (NodeId id : view.replicas) {
    if (id == self_) continue;
    const bool in_sync = std::ranges::count(view.isr, id) > 0;
    followers_[id] = Follower{.last_caught_up = in_sync ? now : Instant()};
  }
}

void LeaderMachine::follower_fetched(NodeId id, Offset end, Offset leader_end, Instant now) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  Follower& follower = found->second;
  if (end >= leader_end) {
    follower.last_caught_up = now;
  } else if (end >= follower.leader_end_at_last_fetch) {
    follower.last_caught_up = std::max(follower.last_caught_up, follower.last_fetch);
  }
  follower.end = end;
  follower.leader_end_at_last_fetch = leader_end;
  follower.last_fetch = now;
}

bool LeaderMachine::advance(Offset own_end, Instant now) {
  if (static_cast<int32_t>(view_.isr.size()) < effective_min_isr()) return false;
  Offset reached = own_end;
  for (const auto& [id, follower] : followers_) {
    if (follower.end < reached && counts(id, follower, now)) reached = follower.end;
  }
  if (mutant("replication.high_watermark_off_by_one") && reached > Offset(0)) {
    reached = reached - OffsetDelta(1);
  }
  if (reached <= high_watermark_) return false;
  high_watermark_ = reached;
  return true;
}

bool LeaderMachine::enough_in_sync() const {
  return static_cast<int32_t>(view_.isr.size()) >= effective_min_isr();
}

int32_t LeaderMachine::effective_min_isr() const {
  return std::min(min_insync_replicas_, static_cast<int32_t>(view_.replicas.size()));
}

bool LeaderMachine::counts(NodeId id, const Follower& follower, Instant now) const {
  if (std::ranges::count(view_.isr, id) > 0) return true;
  return follower.last_caught_up != Instant() && now - follower.last_caught_up <= lag_max_;
}

void LeaderMachine::check_invariants() const {
  CHECK(high_watermark_ >= Offset(0));
  for (const auto& [id, follower] : followers_) {
    CHECK(id != self_);
    CHECK(follower.end >= Offset(-1));
  }
}

}  // namespace partita::replication
