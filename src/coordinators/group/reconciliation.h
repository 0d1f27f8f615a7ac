#pragma once
// The way of one member from what it has to its target (KIP-848): first it gives up what is no
// longer its own, then it gets what nobody else holds any more.
//
//   assigned := has ∩ target     revoking := has − assigned     pending := target − assigned
//
// Invariants:
//  1. A partition is given only when no other member has it, assigned or revoking.
//  2. The member stays in its epoch as long as it has to revoke something; it enters the target's
//     epoch with the first assignment that only takes partitions from the target.

#include <functional>
#include <optional>

#include "coordinators/group/consumer_member.h"

namespace partita::coordinators {

struct Reconciliation {
  int32_t target_epoch = 0;
  const PartitionSet& target;
  /// What the member says it owns; nothing: it did not say.
  const std::optional<PartitionSet>& owned;
  /// Whether a member other than this one has the partition.
  std::function<bool(const TopicId&, int32_t)> held_by_other;

  /// What the member has after this step; the same where it cannot go on yet.
  MemberHas next(const MemberHas& has) const;

 private:
  bool still_owns(const AssignedPartitions& revoking) const;
  MemberHas towards_target(const MemberHas& has) const;
};

}  // namespace partita::coordinators
