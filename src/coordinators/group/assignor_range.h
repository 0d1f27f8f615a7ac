#pragma once
// The assignor `range`: spreads the partitions of each topic for itself, and gives topics of the
// same partition count and the same subscribers out alike, so that members can join them.
//
// Invariants, beside those of assignor.h:
//  1. Of each topic, members' shares differ by one at the most.
//  2. Co-partitioned topics (same count, same subscribers) are given out alike.
//  3. Members keep what they have as far as 1 and 2 allow; what is free goes out in ranges. Static
//     members come first, by instance id, then the others by member id.

#include "coordinators/group/assignor.h"

namespace partita::coordinators {

TargetAssignment assign_range(const AssignorInput& input);

}  // namespace partita::coordinators
