#include <gtest/gtest.h>

#include <random>
#include <ranges>

#include "base/fault_points.h"
#include "coordinators/group/assignor_range.h"
#include "coordinators/group/assignor_uniform.h"

namespace partita::coordinators {
namespace {

TopicId topic_id(uint8_t number) {
  std::array<uint8_t, 16> bytes{};
  bytes[15] = number;
  return TopicId(bytes);
}

SubscribedTopics topics(std::initializer_list<int> numbers) {
  std::vector<TopicId> ids;
  for (const int number : numbers) ids.push_back(topic_id(static_cast<uint8_t>(number)));
  return std::make_shared<const std::vector<TopicId>>(std::move(ids));
}

AssignorInput input(std::vector<std::pair<std::string, std::initializer_list<int>>> members,
                    std::vector<std::pair<int, int32_t>> counts) {
  AssignorInput input;
  for (auto& [id, subscribed] : members) {
    input.members[id] = {.instance_id = {}, .topics = topics(subscribed), .assigned = {}};
  }
  for (const auto& [topic, count] : counts) {
    input.partition_counts[topic_id(static_cast<uint8_t>(topic))] = count;
  }
  return input;
}

/// "1:0,1 2:3": topics with their partitions.
std::string shown(const PartitionSet& share) {
  std::string text;
  for (const auto& [topic, partitions] : share) {
    if (!text.empty()) text += ' ';
    text += std::to_string(topic.bytes()[15]) + ':';
    for (const int32_t partition : partitions) {
      if (text.back() != ':') text += ',';
      text += std::to_string(partition);
    }
  }
  return text;
}

void set_assigned(AssignorInput& input, const TargetAssignment& target) {
  for (auto& [id, member] : input.members) {
    const auto found = target.find(id);
    member.assigned = found == target.end() ? PartitionSet() : found->second;
  }
}

/// The invariants of assignor.h.
void expect_legal(const AssignorInput& input, const TargetAssignment& target) {
  std::map<std::pair<TopicId, int32_t>, std::string> owners;
  for (const auto& [id, member] : input.members) {
    ASSERT_TRUE(target.contains(id));
    for_each_partition(target.at(id), [&](const TopicId& topic, int32_t partition) {
      EXPECT_TRUE(std::ranges::binary_search(*member.topics, topic)) << "not subscribed";
      EXPECT_GE(partition, 0);
      EXPECT_LT(partition, input.partition_counts.at(topic));
      EXPECT_TRUE(owners.emplace(std::pair(topic, partition), id).second) << "given twice";
    });
  }
  std::set<TopicId> read;
  for (const auto& [id, member] : input.members)
    read.insert(member.topics->begin(), member.topics->end());
  size_t expected = 0;
  for (const TopicId& topic : read) {
    expected += static_cast<size_t>(input.partition_counts.at(topic));
  }
  EXPECT_EQ(owners.size(), expected) << "left over";
}

/// Whether two members can come closer by handing partitions on, by looking at all reachable ones.
bool can_be_better(const AssignorInput& input, const TargetAssignment& target) {
  for (const auto& [start, share] : target) {
    std::set<std::string> reached{start};
    std::vector<std::string> todo{start};
    while (!todo.empty()) {
      const std::string from = todo.back();
      todo.pop_back();
      for (const auto& [topic, partitions] : target.at(from)) {
        if (partitions.empty()) continue;
        for (const auto& [to, member] : input.members) {
          if (!std::ranges::binary_search(*member.topics, topic)) continue;
          if (reached.insert(to).second) todo.push_back(to);
        }
      }
    }
    for (const std::string& to : reached) {
      if (partition_count(target.at(to)) + 1 < partition_count(share)) return true;
    }
  }
  return false;
}

size_t moved(const TargetAssignment& before, const TargetAssignment& after) {
  size_t count = 0;
  for (const auto& [id, share] : before) {
    if (!after.contains(id)) continue;
    for_each_partition(share, [&](const TopicId& topic, int32_t partition) {
      if (!holds(after.at(id), topic, partition)) ++count;
    });
  }
  return count;
}

size_t largest(const TargetAssignment& target) {
  size_t most = 0;
  for (const auto& [id, share] : target) most = std::max(most, partition_count(share));
  return most;
}

size_t smallest(const TargetAssignment& target) {
  size_t least = SIZE_MAX;
  for (const auto& [id, share] : target) least = std::min(least, partition_count(share));
  return least;
}

TEST(Assignors, AreFoundByName) {
  EXPECT_EQ(find_assignor("uniform"), assign_uniform);
  EXPECT_EQ(find_assignor("range"), assign_range);
  EXPECT_EQ(find_assignor("sticky"), nullptr);
}

TEST(Uniform, SpreadsOverMembersThatSubscribeAlike) {
  const AssignorInput in = input({{"a", {1, 2}}, {"b", {1, 2}}, {"c", {1, 2}}}, {{1, 4}, {2, 3}});
  const TargetAssignment target = assign_uniform(in);
  expect_legal(in, target);
  EXPECT_EQ(largest(target), 3u);
  EXPECT_EQ(smallest(target), 2u);
}

TEST(Uniform, ANewMemberTakesOnlyItsShare) {
  AssignorInput in = input({{"a", {1}}, {"b", {1}}}, {{1, 6}});
  const TargetAssignment before = assign_uniform(in);
  set_assigned(in, before);
  in.members["c"] = {.instance_id = {}, .topics = topics({1}), .assigned = {}};
  const TargetAssignment after = assign_uniform(in);
  expect_legal(in, after);
  EXPECT_EQ(moved(before, after), 2u);
  EXPECT_EQ(partition_count(after.at("c")), 2u);
}

TEST(Uniform, WhoHasTheExtraPartitionKeepsIt) {
  AssignorInput in = input({{"a", {1}}, {"b", {1}}}, {{1, 3}});
  set_assigned(in, {{"a", {{topic_id(1), {2}}}}, {"b", {{topic_id(1), {0, 1}}}}});
  const TargetAssignment after = assign_uniform(in);
  EXPECT_EQ(shown(after.at("a")), "1:2");
  EXPECT_EQ(shown(after.at("b")), "1:0,1");
}

TEST(Uniform, HandsOnThroughMembersWithoutACommonTopic) {
  // a has three, c one, and only b reads with both: b passes one on and gets one.
  AssignorInput in = input({{"a", {1}}, {"b", {1, 2}}, {"c", {2}}}, {{1, 3}, {2, 3}});
  set_assigned(in, {{"a", {{topic_id(1), {0, 1, 2}}}},
                    {"b", {{topic_id(2), {0, 1}}}},
                    {"c", {{topic_id(2), {2}}}}});
  const TargetAssignment after = assign_uniform(in);
  expect_legal(in, after);
  EXPECT_EQ(largest(after), 2u);
  EXPECT_EQ(smallest(after), 2u);
}

TEST(Uniform, ForgetsPartitionsThatAreGone) {
  AssignorInput in = input({{"a", {1}}, {"b", {1}}}, {{1, 2}});
  set_assigned(in,
               {{"a", {{topic_id(1), {0, 7}}, {topic_id(9), {0}}}}, {"b", {{topic_id(1), {0}}}}});
  const TargetAssignment after = assign_uniform(in);
  expect_legal(in, after);
  EXPECT_EQ(shown(after.at("a")), "1:0");
  EXPECT_EQ(shown(after.at("b")), "1:1");
}

TEST(Range, GivesCoPartitionedTopicsOutAlike) {
  const AssignorInput in = input({{"a", {1, 2}}, {"b", {1, 2}}}, {{1, 3}, {2, 3}});
  const TargetAssignment target = assign_range(in);
  EXPECT_EQ(shown(target.at("a")), "1:0,1 2:0,1");
  EXPECT_EQ(shown(target.at("b")), "1:2 2:2");
}

TEST(Range, ATopicThatComesLaterFollowsTheOneThatIsGivenOut) {
  AssignorInput in = input({{"a", {1, 2}}, {"b", {1, 2}}}, {{1, 4}, {2, 4}});
  set_assigned(in, {{"a", {{topic_id(2), {0, 2}}}}, {"b", {{topic_id(2), {1, 3}}}}});
  const TargetAssignment target = assign_range(in);
  expect_legal(in, target);
  EXPECT_EQ(shown(target.at("a")), "1:0,2 2:0,2");
  EXPECT_EQ(shown(target.at("b")), "1:1,3 2:1,3");
}

TEST(Range, StaticMembersComeFirst) {
  AssignorInput in = input({{"a", {1}}, {"b", {1}}}, {{1, 3}});
  in.members["b"].instance_id = "i";
  const TargetAssignment target = assign_range(in);
  EXPECT_EQ(shown(target.at("b")), "1:0,1");
  EXPECT_EQ(shown(target.at("a")), "1:2");
}

TEST(Range, MoreMembersThanPartitions) {
  const AssignorInput in = input({{"a", {1}}, {"b", {1}}, {"c", {1}}}, {{1, 2}});
  const TargetAssignment target = assign_range(in);
  expect_legal(in, target);
  EXPECT_EQ(shown(target.at("c")), "");
}

/// One random change after another; what has been assigned stays from step to step.
class History {
 public:
  explicit History(uint32_t seed) : random_(seed) {}

  int draw(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }

  void change(AssignorInput& input, bool alike) {
    const int topic_count = 1 + draw(5);
    switch (draw(4)) {
      case 0:
        if (input.members.size() > 1)
          input.members.erase(
              std::next(input.members.begin(), draw(static_cast<int>(input.members.size()))));
        break;
      case 1: ++input.partition_counts[topic_id(static_cast<uint8_t>(1 + draw(6)))]; break;
      default: join(input, topic_count);
    }
    for (int topic = 1; topic <= 6; ++topic) {
      input.partition_counts.try_emplace(topic_id(static_cast<uint8_t>(topic)), draw(8));
    }
    if (!alike || input.members.empty()) return;
    for (auto& [id, member] : input.members) member.topics = input.members.begin()->second.topics;
  }

 private:
  void join(AssignorInput& input, int topic_count) {
    std::set<TopicId> ids;
    for (int i = 0; i < topic_count; ++i) ids.insert(topic_id(static_cast<uint8_t>(1 + draw(6))));
    auto& member = input.members["m" + std::to_string(draw(12))];
    member.topics = std::make_shared<const std::vector<TopicId>>(ids.begin(), ids.end());
    if (draw(3) == 0) member.instance_id = "i" + std::to_string(draw(12));
  }

  std::mt19937 random_;
};

AssignorInput only_subscribed(const AssignorInput& all) {
  AssignorInput in{.members = all.members, .partition_counts = {}};
  for (const auto& [id, member] : all.members) {
    for (const TopicId& topic : *member.topics) {
      in.partition_counts[topic] = all.partition_counts.at(topic);
    }
  }
  return in;
}

/// How many a member that stays may lose at the least: what is over its share.
void expect_sticky(const AssignorInput& in, const TargetAssignment& target) {
  // Subscribed alike: nobody loses below the smallest share, and nobody both loses and gains.
  for (const auto& [id, member] : in.members) {
    size_t kept = 0;
    size_t valid = 0;
    for_each_partition(member.assigned, [&](const TopicId& topic, int32_t partition) {
      const auto count = in.partition_counts.find(topic);
      if (count == in.partition_counts.end() || partition >= count->second) return;
      ++valid;
      kept += holds(target.at(id), topic, partition) ? 1 : 0;
    });
    const size_t share = partition_count(target.at(id));
    EXPECT_TRUE(kept == valid || kept == share) << id << " swapped partitions";
    if (kept < valid) EXPECT_GE(share, smallest(target));
  }
}

TEST(AssignorProperties, UniformIsLegalBalancedStickyAndStable) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const bool alike = seed % 2 == 0;
    History history(seed);
    AssignorInput all;
    for (int step = 0; step < 25; ++step) {
      history.change(all, alike);
      const AssignorInput in = only_subscribed(all);
      const TargetAssignment target = assign_uniform(in);
      expect_legal(in, target);
      ASSERT_FALSE(can_be_better(in, target)) << "unbalanced at step " << step;
      if (alike && !in.members.empty()) {
        EXPECT_LE(largest(target) - smallest(target), 1u);
        expect_sticky(in, target);
      }
      set_assigned(all, target);
      // Once balanced, nothing moves any more.
      EXPECT_EQ(assign_uniform(only_subscribed(all)), target);
    }
  }
}

TEST(AssignorProperties, RangeIsLegalBalancedByTopicCoPartitionedAndStable) {
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    AssignorInput all;
    for (int step = 0; step < 25; ++step) {
      history.change(all, seed % 2 == 0);
      const AssignorInput in = only_subscribed(all);
      const TargetAssignment target = assign_range(in);
      expect_legal(in, target);
      std::map<std::pair<int32_t, std::set<std::string>>, std::map<std::string, std::set<int32_t>>>
          alike;
      for (const auto& [topic, count] : in.partition_counts) {
        std::map<std::string, std::set<int32_t>> shares;
        std::set<std::string> readers;
        for (const auto& [id, member] : in.members) {
          if (!std::ranges::binary_search(*member.topics, topic)) continue;
          readers.insert(id);
          const auto found = target.at(id).find(topic);
          shares[id] = found == target.at(id).end() ? std::set<int32_t>() : found->second;
        }
        const auto [least, most] = std::ranges::minmax(
            shares | std::views::transform([](const auto& share) { return share.second.size(); }));
        EXPECT_LE(most - least, 1u);
        EXPECT_EQ(alike.try_emplace({count, readers}, shares).first->second, shares);
      }
      set_assigned(all, target);
      EXPECT_EQ(assign_range(only_subscribed(all)), target);
    }
  }
}

TEST(AssignorMutants, AreFound) {
  AssignorInput in = input({{"a", {1}}, {"b", {1}}}, {{1, 6}});
  set_assigned(in, {{"a", {{topic_id(1), {0, 1, 2, 3, 4, 5}}}}});
  const auto owners = [&](const TargetAssignment& target) {
    std::multiset<int32_t> given;
    for (const auto& [id, share] : target) {
      for_each_partition(share, [&](const TopicId&, int32_t index) { given.insert(index); });
    }
    return given;
  };
  const std::multiset<int32_t> once{0, 1, 2, 3, 4, 5};
  faults::set_mutant("assignor_uniform.no_balance");
  EXPECT_TRUE(can_be_better(in, assign_uniform(in)));
  faults::set_mutant("assignor_uniform.copy_on_move");
  EXPECT_NE(owners(assign_uniform(in)), once);
  set_assigned(in, {});
  faults::set_mutant("assignor_range.give_twice");
  EXPECT_NE(owners(assign_range(in)), once);
  set_assigned(in, {{"a", {{topic_id(1), {1, 3, 5}}}}, {"b", {{topic_id(1), {0, 2, 4}}}}});
  faults::set_mutant("assignor_uniform.forget_owners");
  EXPECT_NE(shown(assign_uniform(in).at("a")), "1:1,3,5");
  faults::set_mutant("");
  EXPECT_EQ(shown(assign_uniform(in).at("a")), "1:1,3,5");
}

}  // namespace
}  // namespace partita::coordinators
