#pragma once
// Sets of partitions over many topics, as groups hold them: ordered, so that whatever is written
// from one is the same wherever it is written.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "base/uuid.h"

namespace partita::coordinators {

using PartitionSet = std::map<TopicId, std::set<int32_t>>;
/// Partitions of a member and the group epoch at which it was given each.
using AssignedPartitions = std::map<TopicId, std::map<int32_t, int32_t>>;

inline bool holds(const AssignedPartitions& partitions, const TopicId& topic, int32_t partition) {
  const auto found = partitions.find(topic);
  return found != partitions.end() && found->second.contains(partition);
}
inline bool holds(const PartitionSet& partitions, const TopicId& topic, int32_t partition) {
  const auto found = partitions.find(topic);
  return found != partitions.end() && found->second.contains(partition);
}

/// visit(topic, partition) for each, in order.
template <class Set, class Visit>
void for_each_partition(const Set& partitions, Visit visit) {
  for (const auto& [topic, indexes] : partitions) {
    for (const auto& index : indexes) {
      if constexpr (requires { index.first; }) {
        visit(topic, index.first);
      } else {
        visit(topic, index);
      }
    }
  }
}

template <class Set>
size_t partition_count(const Set& partitions) {
  size_t count = 0;
  for (const auto& [topic, indexes] : partitions) count += indexes.size();
  return count;
}

}  // namespace partita::coordinators
