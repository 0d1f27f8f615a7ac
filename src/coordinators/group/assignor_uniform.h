#pragma once
// The assignor `uniform`: spreads all partitions of a group evenly over its members, whatever their
// topics, and moves as few as that takes.
//
// Invariants, beside those of assignor.h:
//  1. Balance: no partition, nor any chain of partitions handed on from member to member, can be
//     moved so that two members whose shares differ by two or more come closer. Where all members
//     subscribe alike, shares differ by one at the most.
//  2. Stickiness: a partition leaves its member only where the member, the subscription or the
//     partition is gone, or where balance asks for it; chains are the shortest there are.

#include "coordinators/group/assignor.h"

namespace partita::coordinators {

TargetAssignment assign_uniform(const AssignorInput& input);

}  // namespace partita::coordinators
