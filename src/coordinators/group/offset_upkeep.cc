#include "coordinators/group/offset_upkeep.h"

#include <algorithm>

#include "base/fault_points.h"

namespace partita::coordinators {

bool RemovalBatch::has_room() {
  for (; counted_ < out_.size(); counted_++) written_.add(out_[counted_]);
  return written_.bytes() < bytes_max_;
}

void RemovalBatch::remove(OffsetStore& offsets, const OffsetPlace& place) {
  out_.push_back(offset_tombstone(place));
  offsets.remove(place);
}

void OffsetUpkeep::loaded(Now now) {
  last_check_ = now;
  next_check_ = now.instant + settings_.offsets_check_interval;
}

void OffsetUpkeep::topics_deleted(std::vector<DeletedTopic> topics, Now now) {
  if (topics.empty()) return;
  if (deleted_.empty() && !scanning_) next_turn_ = now.instant;
  std::ranges::move(topics, std::back_inserter(deleted_));
  // Groups that were passed already may have something of these.
  drop_from_.clear();
}

Instant OffsetUpkeep::next_deadline() const {
  if (!last_check_) return kNoDeadline;
  return scanning_ || !deleted_.empty() ? std::min(next_turn_, next_check_) : next_check_;
}

bool OffsetUpkeep::begin_turn(Now now) {
  if (!scanning_ && now.instant >= next_check_) begin_check(now);
  return scanning_;
}

void OffsetUpkeep::begin_check(Now now) {
  CHECK(last_check_.has_value());
  const Duration wall_passed = from_ms(now.wall.ms() - last_check_->wall.ms());
  const Duration step = wall_passed - (now.instant - last_check_->instant);
  loaded(now);
  if (std::chrono::abs(step) > kStepMax && !mutant("group.offsets_expire_after_step")) {
    COVERED("group.offsets_wall_clock_step");
    return;
  }
  scanning_ = true;
  scan_from_.clear();
}

bool OffsetUpkeep::is_expired(const CommittedOffset& committed, const Group& group,
                              WallTime now) const {
  if (committed.expires_at) return now >= *committed.expires_at;
  WallTime since = committed.committed_at;
  if (group.offset_age() == Group::OffsetAge::since_empty) {
    since = group.empty_since().value_or(since);
  }
  return now.ms() - since.ms() >= to_ms(settings_.offsets_retention);
}

bool OffsetUpkeep::expire(const Group& group, OffsetStore& offsets, WallTime now,
                          RemovalBatch& batch) const {
  if (group.offset_age() == Group::OffsetAge::never) return true;
  for (const std::string& topic : offsets.topics(group.id())) {
    const bool is_read = group.has_members() && group.is_subscribed(topic);
    if (is_read && !mutant("group.offsets_expire_while_read")) continue;
    for (const PartitionIndex partition : offsets.partitions(group.id(), topic)) {
      const OffsetPlace place{group.id(), topic, partition};
      const auto committed = offsets.find(place);
      if (!committed || !is_expired(*committed, group, now)) continue;
      if (offsets.is_pending(place) && !mutant("group.offsets_expire_while_pending")) continue;
      if (!batch.has_room()) return false;
      batch.remove(offsets, place);
    }
  }
  return true;
}

void OffsetUpkeep::drop_deleted(OffsetStore& offsets, RemovalBatch& batch) {
  if (deleted_.empty()) return;
  while (const auto group = offsets.group_from(drop_from_)) {
    drop_from_ = *group;
    if (!drop_deleted(*group, offsets, batch)) return;
    drop_from_.push_back('\0');
  }
  deleted_.clear();
  drop_from_.clear();
}

bool OffsetUpkeep::drop_deleted(const std::string& group, OffsetStore& offsets,
                                RemovalBatch& batch) const {
  for (const DeletedTopic& topic : deleted_) {
    for (const PartitionIndex partition : offsets.partitions(group, topic.name)) {
      const OffsetPlace place{group, topic.name, partition};
      const auto committed = offsets.find(place);
      // Of a topic that was made again under the name, the offsets stay.
      if (committed && !committed->topic_id.is_zero() && committed->topic_id != topic.id) continue;
      if (!batch.has_room()) return false;
      batch.remove(offsets, place);
    }
  }
  return true;
}

void OffsetUpkeep::end_turn(std::optional<std::string> next, Now now) {
  scanning_ = scanning_ && next.has_value();
  if (next) scan_from_ = *std::move(next);
  next_turn_ = now.instant + kPause;
}

}  // namespace partita::coordinators
