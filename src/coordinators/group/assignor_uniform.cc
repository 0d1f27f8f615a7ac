#include "coordinators/group/assignor_uniform.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/group/assignor_range.h"

namespace partita::coordinators {
namespace {

/// Members and topics by position, so that the search for a better place touches numbers only.
class Spread {
 public:
  explicit Spread(const AssignorInput& input);

  void keep_what_fits();
  void give_out_what_is_free();
  void balance();
  TargetAssignment result() const;

 private:
  struct Topic {
    TopicId id;
    std::vector<size_t> subscribers;  ///< ascending
    std::vector<bool> taken;          ///< by partition
  };
  struct Member {
    const std::string* id;
    const AssignorMember* asked;
    std::map<size_t, std::set<int32_t>> has;  ///< by topic
    size_t load = 0;
    bool settled = false;
  };
  /// How a search came to a member: from that one, by a partition of that topic.
  struct Step {
    size_t from;
    size_t topic;
  };

  void give(size_t member, size_t topic, int32_t partition);
  void move(size_t from, size_t to, size_t topic);
  /// Takes one partition off `start`, the most loaded member, by the shortest chain of moves. Where
  /// there is none, everyone whom it reaches is settled: their shares are at most one smaller, and
  /// no other member would gain by them.
  void relieve(size_t start);
  void move_along(size_t start, size_t end, const std::vector<std::optional<Step>>& steps);

  std::vector<Topic> topics_;
  std::vector<Member> members_;
  std::map<TopicId, size_t> topic_at_;
  /// Load and position of who is not settled yet; while balance() runs.
  std::set<std::pair<size_t, size_t>> by_load_;
};

Spread::Spread(const AssignorInput& input) {
  for (const auto& [id, count] : input.partition_counts) {
    topic_at_[id] = topics_.size();
    topics_.push_back({.id = id, .subscribers = {}, .taken = {}});
    topics_.back().taken.resize(static_cast<size_t>(count));
  }
  for (const auto& [id, member] : input.members) {
    for (const TopicId& topic : *member.topics) {
      topics_[topic_at_.at(topic)].subscribers.push_back(members_.size());
    }
    members_.push_back({.id = &id, .asked = &member, .has = {}});
  }
}

void Spread::give(size_t member, size_t topic, int32_t partition) {
  topics_[topic].taken[static_cast<size_t>(partition)] = true;
  members_[member].has[topic].insert(partition);
  ++members_[member].load;
}

void Spread::keep_what_fits() {
  for (size_t at = 0; at < members_.size(); ++at) {
    const AssignorMember& asked = *members_[at].asked;
    for_each_partition(asked.assigned, [&](const TopicId& id, int32_t partition) {
      if (!std::ranges::binary_search(*asked.topics, id)) return;
      const size_t topic = topic_at_.at(id);
      const auto& taken = topics_[topic].taken;
      if (partition < 0 || static_cast<size_t>(partition) >= taken.size()) return;
      if (taken[static_cast<size_t>(partition)]) return;
      give(at, topic, partition);
    });
  }
}

/// Topics with the fewest takers first: who has a choice comes later.
void Spread::give_out_what_is_free() {
  std::vector<size_t> order;
  for (size_t at = 0; at < topics_.size(); ++at) {
    if (!topics_[at].subscribers.empty()) order.push_back(at);
  }
  std::ranges::sort(order, {},
                    [&](size_t at) { return std::pair(topics_[at].subscribers.size(), at); });
  for (const size_t at : order) {
    const Topic& topic = topics_[at];
    std::set<std::pair<size_t, size_t>> by_load;
    for (const size_t member : topic.subscribers) by_load.emplace(members_[member].load, member);
    for (size_t partition = 0; partition < topic.taken.size(); ++partition) {
      if (topic.taken[partition]) continue;
      const auto [load, member] = *by_load.begin();
      by_load.erase(by_load.begin());
      give(member, at, static_cast<int32_t>(partition));
      by_load.emplace(load + 1, member);
    }
  }
}

void Spread::move(size_t from, size_t to, size_t topic) {
  const auto has = members_[from].has.find(topic);
  CHECK(has != members_[from].has.end());
  const int32_t partition = *has->second.rbegin();
  has->second.erase(partition);
  if (has->second.empty()) members_[from].has.erase(has);
  members_[to].has[topic].insert(partition);
  if (mutant("assignor_uniform.copy_on_move")) members_[from].has[topic].insert(partition);
}

void Spread::move_along(size_t start, size_t end, const std::vector<std::optional<Step>>& steps) {
  for (size_t at = end; at != start; at = steps[at]->from)
    move(steps[at]->from, at, steps[at]->topic);
  const auto change_load = [&](size_t member, size_t load) {
    by_load_.erase({members_[member].load, member});
    members_[member].load = load;
    by_load_.emplace(load, member);
  };
  change_load(start, members_[start].load - 1);
  change_load(end, members_[end].load + 1);
}

void Spread::relieve(size_t start) {
  std::vector<std::optional<Step>> steps(members_.size());
  std::vector<bool> topic_seen(topics_.size());
  std::vector<size_t> reached{start};
  steps[start] = Step{.from = start, .topic = 0};
  for (size_t next = 0; next < reached.size(); ++next) {
    const size_t from = reached[next];
    for (const auto& [topic, partitions] : members_[from].has) {
      if (topic_seen[topic]) continue;
      topic_seen[topic] = true;
      for (const size_t to : topics_[topic].subscribers) {
        if (steps[to] || members_[to].settled) continue;
        steps[to] = Step{.from = from, .topic = topic};
        if (members_[to].load + 1 < members_[start].load) {
          move_along(start, to, steps);
          return;
        }
        reached.push_back(to);
      }
    }
  }
  for (const size_t member : reached) {
    members_[member].settled = true;
    by_load_.erase({members_[member].load, member});
  }
}

void Spread::balance() {
  if (mutant("assignor_uniform.no_balance")) return;
  for (size_t at = 0; at < members_.size(); ++at) by_load_.emplace(members_[at].load, at);
  // The most loaded first. It is relieved, or settled with all that it could reach.
  while (!by_load_.empty()) relieve(by_load_.rbegin()->second);
}

TargetAssignment Spread::result() const {
  TargetAssignment target;
  for (const Member& member : members_) {
    PartitionSet& share = target[*member.id];
    for (const auto& [topic, partitions] : member.has) share[topics_[topic].id] = partitions;
  }
  return target;
}

}  // namespace

TargetAssignment assign_uniform(const AssignorInput& input) {
  Spread spread(input);
  if (!mutant("assignor_uniform.forget_owners")) spread.keep_what_fits();
  spread.give_out_what_is_free();
  spread.balance();
  return spread.result();
}

Assign find_assignor(std::string_view name) {
  if (name == "uniform") return assign_uniform;
  if (name == "range") return assign_range;
  return nullptr;
}

}  // namespace partita::coordinators
