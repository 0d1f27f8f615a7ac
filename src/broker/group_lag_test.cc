#include "broker/group_lag.h"

#include <gtest/gtest.h>

namespace partita::broker {
namespace {

constexpr WallTime kNow{1'000'000};

ReadPlace place(int64_t committed, int64_t start, int64_t end) {
  return {.committed = Offset(committed),
          .log_start = Offset(start),
          .visible_end = Offset(end),
          .stable_end = Offset(end)};
}

TEST(GroupLag, CountsRecordsToBothEnds) {
  ReadPlace at = place(10, 0, 30);
  at.stable_end = Offset(25);
  EXPECT_EQ(lag_at(at, kNow).records, 20);
  EXPECT_EQ(lag_at(at, kNow).stable_records, 15);
  EXPECT_EQ(lag_at(at, kNow).ms, std::nullopt) << "nobody knows the times";
  EXPECT_EQ(lag_at(at, kNow).warning, LagWarning::none);
}

TEST(GroupLag, NothingIsLackingAtTheEnd) {
  const PlaceLag lag = lag_at(place(30, 0, 30), kNow);
  EXPECT_EQ(lag.records, 0);
  EXPECT_EQ(lag.ms, 0);
  EXPECT_EQ(lag.warning, LagWarning::none);
}

TEST(GroupLag, TimeIsBetweenTheNextRecordAndTheNewest) {
  ReadPlace at = place(10, 0, 30);
  at.next_timestamp = WallTime(400'000);
  at.newest_timestamp = WallTime(900'000);
  EXPECT_EQ(lag_at(at, kNow).ms, 500'000);
  at.newest_timestamp = WallTime(300'000);  // producers' clocks differ
  EXPECT_EQ(lag_at(at, kNow).ms, 0);
}

TEST(GroupLag, RetentionByTimeWarnsInItsLastTenth) {
  ReadPlace at = place(10, 0, 30);
  at.newest_timestamp = kNow;
  at.retention_ms = 100'000;
  struct Case {
    int64_t age_ms;
    int64_t goes_in_ms;
    LagWarning warning;
  };
  for (const Case& one :
       {Case{0, 100'000, LagWarning::none}, Case{89'999, 10'001, LagWarning::none},
        Case{90'000, 10'000, LagWarning::retention_soon},
        Case{100'000, 0, LagWarning::retention_soon}, Case{500'000, 0, LagWarning::retention_soon},
        Case{-5'000, 100'000, LagWarning::none}}) {
    at.next_timestamp = WallTime(kNow.ms() - one.age_ms);
    EXPECT_EQ(lag_at(at, kNow).goes_in_ms, one.goes_in_ms) << one.age_ms;
    EXPECT_EQ(lag_at(at, kNow).warning, one.warning) << one.age_ms;
  }
  at.retention_ms = -1;
  EXPECT_EQ(lag_at(at, kNow).goes_in_ms, std::nullopt);
}

TEST(GroupLag, RetentionBySizeGoesByTheShareOfOffsets) {
  ReadPlace at = place(50, 0, 100);
  at.log_bytes = 1000;
  at.retention_bytes = 2000;
  EXPECT_EQ(lag_at(at, kNow).goes_after_bytes, 1500);
  EXPECT_EQ(lag_at(at, kNow).warning, LagWarning::none);
  at.committed = Offset(5);
  at.retention_bytes = 1000;
  EXPECT_EQ(lag_at(at, kNow).goes_after_bytes, 50);
  EXPECT_EQ(lag_at(at, kNow).warning, LagWarning::retention_soon);
}

TEST(GroupLag, SaysWhereRecordsAreLost) {
  const PlaceLag passed = lag_at(place(10, 15, 30), kNow);
  EXPECT_EQ(passed.records_lost, 5);
  EXPECT_EQ(passed.records, 20);
  EXPECT_EQ(passed.warning, LagWarning::records_lost);
  // Also where all is gone, and no lag is left but what was lost.
  EXPECT_EQ(lag_at(place(10, 30, 30), kNow).warning, LagWarning::records_lost);
  const PlaceLag beyond = lag_at(place(31, 0, 30), kNow);
  EXPECT_EQ(beyond.records, 0);
  EXPECT_EQ(beyond.warning, LagWarning::beyond_end);
}

TEST(GroupLag, IsToldAsJson) {
  ReadPlace at = place(10, 0, 30);
  at.next_timestamp = WallTime(400'000);
  at.newest_timestamp = WallTime(900'000);
  GroupLag lag{.group = "a \"group\"", .now = kNow, .partitions = {}};
  lag.partitions.push_back({.topic = "t",
                            .partition = PartitionIndex(0),
                            .committed = Offset(10),
                            .committed_at = WallTime(77),
                            .place = at,
                            .leader = NodeId(1)});
  lag.partitions.push_back({.topic = "t",
                            .partition = PartitionIndex(1),
                            .committed = Offset(5),
                            .committed_at = WallTime(78),
                            .place = fail(Errc::not_leader_or_follower),
                            .leader = NodeId(2)});
  EXPECT_EQ(to_json(lag),
            R"({"group":"a \"group\"","records":20,"ms":500000,"partitions":[)"
            R"({"topic":"t","partition":0,"committed":10,"committed_at":77,"leader":1,)"
            R"("error":null,"log_start":0,"end":30,"stable_end":30,"lag":20,"stable_lag":20,)"
            R"("lag_ms":500000,"goes_in_ms":null,"goes_after_bytes":null,"records_lost":0,)"
            R"("warning":null},)"
            R"({"topic":"t","partition":1,"committed":5,"committed_at":78,"leader":2,)"
            R"("error":"NOT_LEADER_OR_FOLLOWER"}]})");
}

}  // namespace
}  // namespace partita::broker
