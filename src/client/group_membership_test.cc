#include "client/group_membership.h"

#include "base/fault_points.h"
#include "client/consumer_protocol.h"
#include "client/group_consumer.h"
#include "client/scripted_group_test.h"

namespace partita::client {
namespace {

using Assigned = std::map<std::string, std::vector<TopicPartition>>;

TopicPartition part(int32_t index, std::string topic = "t") {
  return {std::move(topic), PartitionIndex(index)};
}

TEST(RangeAssignor, RangesDifferByOne) {
  EXPECT_EQ(assign_ranges({{"a", {"t"}}, {"b", {"t"}}}, {{"t", 5}}),
            (Assigned{{"a", {part(0), part(1), part(2)}}, {"b", {part(3), part(4)}}}));
  EXPECT_EQ(assign_ranges({{"a", {"t"}}, {"b", {"t"}}, {"c", {"t"}}}, {{"t", 2}}),
            (Assigned{{"a", {part(0)}}, {"b", {part(1)}}, {"c", {}}}));
  // Each topic on its own, among those who want it.
  EXPECT_EQ(assign_ranges({{"a", {"t", "u"}}, {"b", {"u"}}}, {{"t", 2}, {"u", 1}}),
            (Assigned{{"a", {part(0), part(1), part(0, "u")}}, {"b", {}}}));
  EXPECT_EQ(assign_ranges({{"a", {"nosuch"}}}, {}), (Assigned{{"a", {}}}));
}

TEST(ConsumerProtocol, ReadsWhatItWrote) {
  const auto bytes = encode_subscription(
      {.topics = {"u", "t"}, .owned = {part(1), part(0, "u")}, .generation = 7});
  ASSERT_TRUE(bytes);
  const auto subscription = decode_subscription(bytes->view());
  ASSERT_TRUE(subscription);
  EXPECT_EQ(subscription->topics, (std::vector<std::string>{"t", "u"}));
  EXPECT_EQ(subscription->owned, (std::vector{part(1), part(0, "u")}));
  EXPECT_EQ(subscription->generation, 7);
  const auto assignment = encode_assignment({part(2), part(0), part(1, "u")});
  EXPECT_EQ(decode_assignment(assignment->view()), (std::vector{part(0), part(2), part(1, "u")}));
}

TEST(ConsumerProtocol, RefusesWhatMakesNoSense) {
  const auto bytes = encode_assignment({part(2)});
  for (size_t size = 0; size < bytes->size(); size++) {
    EXPECT_FALSE(decode_assignment(bytes->view().first(size))) << size;
  }
  EXPECT_FALSE(decode_subscription(as_bytes("\xff\xff\x00\x00")));
  // A newer version has more behind it.
  Buffer newer(bytes->size() + 3);
  newer.append(bytes->view());
  newer.append(as_bytes("new"));
  store_be(newer.data(), int16_t{9});
  EXPECT_EQ(decode_assignment(std::move(newer).freeze().view()), std::vector{part(2)});
}

class GroupTest : public ClientTest {
 protected:
  GroupTest() : group_(server_node_.address()) {
    broker_.add_topic("t", 4);
    for (int32_t i = 0; i < 4; i++) broker_.append("t", i, numbers(10));
    broker_.coordinate = [this](rpc::Request request) { return group_.handle(std::move(request)); };
  }

  GroupConsumer& member() {
    const size_t index = owned_.size();
    owned_.emplace_back();
    GroupConsumerSettings settings{
        .membership = {.group = "g", .session_timeout = 10s, .heartbeat_interval = 1s},
        .consumer = {.reset = OffsetReset::earliest},
        .topics = {"t"},
        .auto_commit = 1s,
        .on_assigned =
            [this, index](const auto& partitions) {
              for (const TopicPartition& each : partitions) {
                for (const auto& others : owned_) double_owners_ += others.contains(each);
              }
              owned_[index] = {partitions.begin(), partitions.end()};
            },
        .on_revoked = [this, index](const auto&) { owned_[index].clear(); }};
    members_.push_back(std::make_unique<GroupConsumer>(*cluster_, std::move(settings)));
    return *members_.back();
  }
  /// Polls until the time has passed; how many records came.
  static Task<size_t> poll_for(GroupConsumer& consumer, Shard& shard, Duration time) {
    size_t records = 0;
    const Deadline deadline = shard.now() + time;
    while (shard.now() < deadline) {
      const Result<Polled> polled = co_await consumer.poll(deadline);
      if (polled) records += polled->records.size();
    }
    co_return records;
  }
  static Task<size_t> poll_all(std::vector<GroupConsumer*> consumers, Shard& shard, Duration time) {
    Scope scope(shard);
    size_t records = 0;
    for (GroupConsumer* each : consumers) scope.spawn(add_to(records, *each, shard, time));
    co_await scope.join();
    co_return records;
  }
  static Task<void> add_to(size_t& records, GroupConsumer& consumer, Shard& shard, Duration time) {
    records += co_await poll_for(consumer, shard, time);
  }
  void TearDown() override {
    for (const auto& each : members_) run(each->close());
    ClientTest::TearDown();
  }

  ScriptedGroup group_;
  std::vector<std::set<TopicPartition>> owned_;
  size_t double_owners_ = 0;
  std::vector<std::unique_ptr<GroupConsumer>> members_;
};

TEST_F(GroupTest, OneMemberReadsAllAndCommits) {
  GroupConsumer& a = member();
  EXPECT_EQ(run(poll_for(a, shard(), 5s)), 40u);
  EXPECT_EQ(a.assignment().size(), 4u);
  EXPECT_EQ(group_.committed[part(2)], 10);
  EXPECT_EQ(group_.generation, 1) << "the two steps of joining are one generation";
}

TEST_F(GroupTest, ASecondMemberTakesHalf) {
  GroupConsumer& a = member();
  EXPECT_EQ(run(poll_for(a, shard(), 5s)), 40u);
  GroupConsumer& b = member();
  // By the first whole rebalance the ownership that each noted is the group's.
  EXPECT_EQ(run(poll_all({&a, &b}, shard(), 10s)), 0u) << "what was committed is not read again";
  EXPECT_EQ(a.assignment().size(), 2u);
  EXPECT_EQ(b.assignment().size(), 2u);
  broker_.append("t", 0, {"new"});
  broker_.append("t", 3, {"new"});
  EXPECT_EQ(run(poll_all({&a, &b}, shard(), 3s)), 2u);
  run(b.close());
  members_.pop_back();
  run(poll_for(a, shard(), 5s));
  EXPECT_EQ(a.assignment().size(), 4u);
  EXPECT_EQ(double_owners_, 0u);
}

TEST_F(GroupTest, ACheckerSeesTwoOwners) {
#if PARTITA_FAULTS
  GroupConsumer& a = member();
  GroupConsumer& b = member();
  faults::set_mutant("client.two_owners");
  run(poll_all({&a, &b}, shard(), 10s));
  faults::set_mutant("");
  EXPECT_GT(double_owners_, 0u);
#endif
}

TEST_F(GroupTest, AForgottenMemberJoinsAnew) {
  GroupConsumer& a = member();
  run(poll_for(a, shard(), 3s));
  const std::string id = a.membership().member_id();
  group_.forget(id);
  run(poll_for(a, shard(), 5s));
  EXPECT_NE(a.membership().member_id(), id);
  EXPECT_EQ(a.assignment().size(), 4u);
  broker_.append("t", 1, {"new"});
  EXPECT_EQ(run(poll_for(a, shard(), 3s)), 1u);
  EXPECT_EQ(group_.committed[part(1)], 11);
}

TEST_F(GroupTest, ACoordinatorThatMovesIsLookedUp) {
  GroupConsumer& a = member();
  run(poll_for(a, shard(), 3s));
  group_.not_coordinator = 3;
  broker_.append("t", 1, {"new"});
  EXPECT_EQ(run(poll_for(a, shard(), 6s)), 1u);
  EXPECT_EQ(group_.committed[part(1)], 11);
  EXPECT_EQ(group_.rebalances, 1u) << "the member never left";
}

TEST_F(GroupTest, SilenceLosesTheMembership) {
  GroupConsumer& a = member();
  run(poll_for(a, shard(), 3s));
  broker_.coordinate = nullptr;
  run(poll_for(a, shard(), 15s));
  EXPECT_TRUE(a.membership().is_lost());
  broker_.coordinate = [this](rpc::Request request) { return group_.handle(std::move(request)); };
  run(poll_for(a, shard(), 10s));
  EXPECT_FALSE(a.membership().is_lost());
  EXPECT_EQ(a.assignment().size(), 4u);
}

}  // namespace
}  // namespace partita::client
