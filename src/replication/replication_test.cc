#include <gtest/gtest.h>

#include "replication/leader_machine.h"

namespace partita::replication {
namespace {

constexpr NodeId kSelf{1};
constexpr Instant kStart{10s};

LeaderMachine leader_of(std::vector<NodeId> replicas, std::vector<NodeId> isr, int32_t min_isr) {
  LeaderMachine machine(kSelf, min_isr, 30s);
  machine.lead({.leader_epoch = LeaderEpoch(3),
                .partition_epoch = PartitionEpoch(5),
                .replicas = replicas,
                .isr = isr},
               Offset(7), Offset(10), kStart);
  return machine;
}

TEST(LeaderMachine, AloneItsOwnEndIsTheHighWatermark) {
  LeaderMachine machine = leader_of({kSelf}, {kSelf}, 1);
  EXPECT_EQ(machine.high_watermark(), Offset(7));
  EXPECT_TRUE(machine.advance(Offset(12), kStart));
  EXPECT_EQ(machine.high_watermark(), Offset(12));
  EXPECT_FALSE(machine.advance(Offset(11), kStart));
  EXPECT_EQ(machine.high_watermark(), Offset(12));
  machine.check_invariants();
}

TEST(LeaderMachine, WaitsForEveryInSyncReplicaOfThisEpoch) {
  LeaderMachine machine = leader_of({kSelf, NodeId(2), NodeId(3)}, {kSelf, NodeId(2)}, 2);
  EXPECT_FALSE(machine.advance(Offset(20), kStart));
  machine.follower_fetched(NodeId(2), Offset(15), Offset(20), kStart);
  EXPECT_TRUE(machine.advance(Offset(20), kStart));
  EXPECT_EQ(machine.high_watermark(), Offset(15));
}

TEST(LeaderMachine, ACaughtUpReplicaOutsideTheIsrHoldsItBackToo) {
  LeaderMachine machine = leader_of({kSelf, NodeId(2)}, {kSelf}, 1);
  machine.follower_fetched(NodeId(2), Offset(10), Offset(10), kStart + 1s);
  EXPECT_TRUE(machine.advance(Offset(14), kStart + 2s));
  EXPECT_EQ(machine.high_watermark(), Offset(10));
  EXPECT_TRUE(machine.advance(Offset(14), kStart + 60s));
  EXPECT_EQ(machine.high_watermark(), Offset(14));
}

TEST(LeaderMachine, DoesNotMoveBelowMinimumIsr) {
  LeaderMachine machine = leader_of({kSelf, NodeId(2)}, {kSelf}, 2);
  EXPECT_FALSE(machine.enough_in_sync());
  EXPECT_FALSE(machine.advance(Offset(14), kStart));
  LeaderMachine lone = leader_of({kSelf}, {kSelf}, 2);
  EXPECT_TRUE(lone.enough_in_sync());
}

TEST(LeaderMachine, AnOlderViewIsIgnoredAndANewEpochForgetsFollowers) {
  LeaderMachine machine = leader_of({kSelf, NodeId(2)}, {kSelf, NodeId(2)}, 1);
  machine.follower_fetched(NodeId(2), Offset(12), Offset(12), kStart);
  EXPECT_TRUE(machine.advance(Offset(12), kStart));
  machine.lead({.leader_epoch = LeaderEpoch(2),
                .partition_epoch = PartitionEpoch(4),
                .replicas = {kSelf},
                .isr = {kSelf}},
               Offset(0), Offset(0), kStart);
  EXPECT_EQ(machine.leader_epoch(), LeaderEpoch(3));
  machine.lead({.leader_epoch = LeaderEpoch(4),
                .partition_epoch = PartitionEpoch(6),
                .replicas = {kSelf, NodeId(2)},
                .isr = {kSelf, NodeId(2)}},
               Offset(12), Offset(12), kStart);
  EXPECT_FALSE(machine.advance(Offset(13), kStart));
}

}  // namespace
}  // namespace partita::replication
