#pragma once
// What a server-side assignor decides (KIP-848): which member of a consumer group shall read which
// partition. Assignors are pure and know no racks.
//
// Invariants of every assignor:
//  1. A partition goes to one member at most, and only to a member that subscribes to its topic.
//  2. Every partition of a topic that somebody subscribes to goes to somebody.
//  3. The same input gives the same result: order comes from ids alone.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinators/group/partition_set.h"

namespace partita::coordinators {

/// Topics that exist, sorted, without repetition. Members that subscribe alike share one.
using SubscribedTopics = std::shared_ptr<const std::vector<TopicId>>;

struct AssignorMember {
  std::optional<std::string> instance_id;
  SubscribedTopics topics;
  PartitionSet assigned;  ///< its target until now
};

struct AssignorInput {
  std::map<std::string, AssignorMember> members;  ///< by member id
  std::map<TopicId, int32_t> partition_counts;    ///< of every topic that a member subscribes to
};

/// By member id; has every member.
using TargetAssignment = std::map<std::string, PartitionSet>;

using Assign = TargetAssignment (*)(const AssignorInput& input);

/// nullptr for a name that is no assignor's.
Assign find_assignor(std::string_view name);

}  // namespace partita::coordinators
