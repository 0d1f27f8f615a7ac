#include "coordinators/group/assignor_range.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::coordinators {
namespace {

using Member = std::pair<const std::string, AssignorMember>;
/// Positions among the sorted members.
using Subscribers = std::vector<size_t>;

/// Static members by instance id, then the others by member id.
std::vector<const Member*> sorted_members(const AssignorInput& input) {
  std::vector<const Member*> members;
  for (const Member& member : input.members) members.push_back(&member);
  std::ranges::sort(members, [](const Member* a, const Member* b) {
    const auto order = [](const Member* member) {
      return std::tuple(!member->second.instance_id.has_value(),
                        member->second.instance_id.value_or(""), std::string_view(member->first));
    };
    return order(a) < order(b);
  });
  return members;
}

/// Topics of one partition count with the same subscribers.
struct CoPartitioned {
  int32_t count = 0;
  Subscribers subscribers;
  auto operator<=>(const CoPartitioned&) const = default;
};

std::map<CoPartitioned, std::vector<TopicId>> group_topics(
    const AssignorInput& input, const std::vector<const Member*>& members) {
  std::map<TopicId, Subscribers> subscribers;
  for (size_t at = 0; at < members.size(); ++at) {
    for (const TopicId& topic : *members[at]->second.topics) subscribers[topic].push_back(at);
  }
  std::map<CoPartitioned, std::vector<TopicId>> groups;
  for (auto& [topic, who] : subscribers) {
    groups[{.count = input.partition_counts.at(topic), .subscribers = std::move(who)}].push_back(
        topic);
  }
  return groups;
}

size_t assigned_of(const std::vector<const Member*>& members, const Subscribers& subscribers,
                   const TopicId& topic) {
  size_t count = 0;
  for (const size_t at : subscribers) {
    const auto found = members[at]->second.assigned.find(topic);
    if (found != members[at]->second.assigned.end()) count += found->second.size();
  }
  return count;
}

/// Of co-partitioned topics the one that is given out most: what the others follow.
const TopicId& leading_topic(const std::vector<const Member*>& members,
                             const Subscribers& subscribers, const std::vector<TopicId>& topics) {
  return *std::ranges::max_element(
      topics, {}, [&](const TopicId& topic) { return assigned_of(members, subscribers, topic); });
}

/// Who keeps what of `topic`: owners' shares cut to what each may have. Shares beyond the minimum
/// are counted in `extras_left`.
std::vector<std::set<int32_t>> keep_shares(const std::vector<const Member*>& members,
                                           const CoPartitioned& group, const TopicId& topic,
                                           size_t share_min, size_t& extras_left) {
  std::vector<std::set<int32_t>> shares(group.subscribers.size());
  std::set<int32_t> taken;
  for (size_t i = 0; i < shares.size(); ++i) {
    const PartitionSet& assigned = members[group.subscribers[i]]->second.assigned;
    const auto found = assigned.find(topic);
    if (found == assigned.end()) continue;
    for (const int32_t partition : found->second) {
      if (partition < 0 || partition >= group.count) continue;
      const bool extra = shares[i].size() == share_min && extras_left > 0;
      if (shares[i].size() >= share_min && !extra) break;
      if (!taken.insert(partition).second) continue;
      if (extra) --extras_left;
      shares[i].insert(partition);
    }
  }
  return shares;
}

/// The shares of one set of co-partitioned topics, by position in its subscribers.
std::vector<std::set<int32_t>> share_out(const std::vector<const Member*>& members,
                                         const CoPartitioned& group, const TopicId& topic) {
  const auto count = static_cast<size_t>(group.count);
  const size_t share_min = count / group.subscribers.size();
  size_t extras_left = count % group.subscribers.size();
  auto shares = keep_shares(members, group, topic, share_min, extras_left);
  std::vector<bool> taken(count);
  for (const auto& share : shares) {
    for (const int32_t partition : share) taken[static_cast<size_t>(partition)] = true;
  }
  size_t next = 0;
  for (auto& share : shares) {
    size_t want = std::max(share_min, share.size());
    if (share.size() <= share_min && extras_left > 0) {
      --extras_left;
      want = share_min + 1;
    }
    if (mutant("assignor_range.give_twice") && share.empty() && next > 0) --next;
    while (share.size() < want) {
      while (taken[next]) ++next;
      share.insert(static_cast<int32_t>(next++));
    }
  }
  return shares;
}

}  // namespace

TargetAssignment assign_range(const AssignorInput& input) {
  const std::vector<const Member*> members = sorted_members(input);
  TargetAssignment target;
  for (const Member* member : members) target[member->first];
  for (const auto& [group, topics] : group_topics(input, members)) {
    CHECK(!group.subscribers.empty());
    if (group.count == 0) continue;
    const auto shares =
        share_out(members, group, leading_topic(members, group.subscribers, topics));
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i].empty()) continue;
      for (const TopicId& topic : topics) {
        target[members[group.subscribers[i]]->first][topic] = shares[i];
      }
    }
  }
  return target;
}

}  // namespace partita::coordinators
