#include "coordinators/group/reconciliation.h"

#include "base/fault_points.h"

namespace partita::coordinators {

bool Reconciliation::still_owns(const AssignedPartitions& revoking) const {
  if (mutant("consumer_group.revoke_unseen")) return false;
  if (!owned) return !revoking.empty();
  bool owns = false;
  for_each_partition(*owned, [&](const TopicId& topic, int32_t partition) {
    owns = owns || holds(revoking, topic, partition);
  });
  return owns;
}

MemberHas Reconciliation::next(const MemberHas& has) const {
  switch (has.state) {
    case MemberState::stable: return has.epoch == target_epoch ? has : towards_target(has);
    case MemberState::unrevoked: return still_owns(has.revoking) ? has : towards_target(has);
    case MemberState::unreleased: break;
  }
  return towards_target(has);
}

MemberHas Reconciliation::towards_target(const MemberHas& has) const {
  MemberHas next{.epoch = has.epoch,
                 .previous_epoch = has.previous_epoch,
                 .state = MemberState::stable,
                 .assigned = {},
                 .revoking = {}};
  for (const auto& [topic, partitions] : has.assigned) {
    for (const auto& [partition, epoch] : partitions) {
      auto& side = holds(target, topic, partition) ? next.assigned : next.revoking;
      side[topic][partition] = epoch;
    }
  }
  if (still_owns(next.revoking)) {
    next.state = MemberState::unrevoked;
    return next;
  }
  next.revoking.clear();
  for_each_partition(target, [&](const TopicId& topic, int32_t partition) {
    if (holds(has.assigned, topic, partition)) return;
    if (held_by_other(topic, partition)) {
      next.state = MemberState::unreleased;
    } else {
      next.assigned[topic][partition] = target_epoch;
    }
  });
  if (next.epoch != target_epoch) {
    next.previous_epoch = next.epoch;
    next.epoch = target_epoch;
  }
  return next;
}

}  // namespace partita::coordinators
