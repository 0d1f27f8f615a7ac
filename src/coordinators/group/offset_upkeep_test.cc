#include "coordinators/group/offset_upkeep.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/fault_points.h"

namespace partita::coordinators {
namespace {

constexpr TopicId kIdA{{1}};
constexpr TopicId kIdB{{2}};
constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr WallTime kToday{20000 * kDayMs};

WallTime days_ago(int64_t days) {
  return WallTime(kToday.ms() - days * kDayMs);
}

class FakeGroup final : public Group {
 public:
  explicit FakeGroup(std::string id) : Group(std::move(id)) {}
  GroupType type() const override { return GroupType::classic; }
  std::string_view state_name() const override { return "Empty"; }
  std::string_view protocol_type() const override { return ""; }
  bool has_members() const override { return members; }
  Result<> check_commit(const MemberClaim&, bool, int16_t, Now) override { return {}; }
  Result<> check_fetch(const MemberClaim&) const override { return {}; }
  Result<> check_offset_delete() const override { return {}; }
  Result<> check_delete() const override { return {}; }
  bool is_subscribed(std::string_view topic) const override {
    return reads.contains(std::string(topic));
  }
  OffsetAge offset_age() const override { return age; }
  std::optional<WallTime> empty_since() const override { return since; }
  void write_tombstones(std::vector<CoordinatorRecord>&) const override {}
  Instant next_deadline() const override { return kNoDeadline; }
  void tick(Now, GroupEffects&) override {}
  void check_invariants() const override {}

  bool members = false;
  std::set<std::string> reads;
  OffsetAge age = OffsetAge::since_commit;
  std::optional<WallTime> since;
};

using Age = Group::OffsetAge;

class OffsetUpkeepTest : public testing::Test {
 protected:
  OffsetPlace place(std::string_view topic = "t", int32_t partition = 0) const {
    return {group_.id(), topic, PartitionIndex(partition)};
  }
  void commit(const OffsetPlace& place, WallTime when, std::optional<WallTime> expires_at = {},
              TopicId id = {}) {
    offsets_.put(
        place,
        {.offset = Offset(1), .committed_at = when, .expires_at = expires_at, .topic_id = id},
        std::nullopt);
  }
  /// Whether the offset of place() goes today.
  bool goes() {
    expire();
    return !offsets_.find(place());
  }
  bool expire(size_t bytes_max = 100'000) {
    RemovalBatch batch(bytes_max, records_);
    return upkeep_.expire(group_, offsets_, kToday, batch);
  }
  Now later(Duration real, Duration wall) const {
    return {.instant = start_.instant + real, .wall = WallTime(start_.wall.ms() + to_ms(wall))};
  }

  GroupSettings settings_;
  OffsetUpkeep upkeep_{settings_};
  OffsetStore offsets_;
  FakeGroup group_{"g"};
  std::vector<CoordinatorRecord> records_;
  const Now start_{.instant = Instant(100s), .wall = kToday};
};

TEST_F(OffsetUpkeepTest, OffsetsGoByKafkasRules) {
  struct Case {
    const char* name;
    Age age;
    std::optional<int64_t> empty_for_days;
    int64_t committed_days_ago;
    std::optional<int64_t> expired_days_ago;
    bool members;
    bool reads;
    bool gone;
  };
  const Case cases[] = {
      {"young", Age::since_commit, {}, 6, {}, false, false, false},
      {"old", Age::since_commit, {}, 7, {}, false, false, true},
      {"old, group just emptied", Age::since_empty, 1, 30, {}, false, false, false},
      {"group long empty", Age::since_empty, 7, 30, {}, false, false, true},
      {"long empty, commit by an admin", Age::since_empty, 8, 0, {}, false, false, true},
      {"empty, nobody knows since when", Age::since_empty, {}, 8, {}, false, false, true},
      {"empty, nobody knows, young", Age::since_empty, {}, 3, {}, false, false, false},
      {"rebalancing", Age::never, {}, 30, {}, true, false, false},
      {"not even by its own expiry", Age::never, {}, 30, 1, true, false, false},
      {"read by members", Age::since_commit, {}, 30, {}, true, true, false},
      {"read, with its own expiry", Age::since_commit, {}, 30, 1, true, true, false},
      {"members read another topic", Age::since_commit, {}, 30, {}, true, false, true},
      {"unknown subscription of nobody", Age::since_commit, {}, 30, {}, false, true, true},
      {"own expiry passed", Age::since_commit, {}, 1, 0, false, false, true},
      {"own expiry to come", Age::since_commit, {}, 30, -1, false, false, false},
      {"own expiry, long empty", Age::since_empty, 30, 30, -1, false, false, false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    group_.age = one.age;
    group_.since.reset();
    if (one.empty_for_days) group_.since = days_ago(*one.empty_for_days);
    group_.members = one.members;
    group_.reads = one.reads ? std::set<std::string>{"t"} : std::set<std::string>{"u"};
    std::optional<WallTime> expires_at;
    if (one.expired_days_ago) expires_at = days_ago(*one.expired_days_ago);
    commit(place(), days_ago(one.committed_days_ago), expires_at);
    records_.clear();
    EXPECT_EQ(goes(), one.gone);
    EXPECT_EQ(records_.size(), one.gone ? 1U : 0U);
    if (one.gone) {
      EXPECT_EQ(records_, std::vector{offset_tombstone(place())});
    }
  }
}

TEST_F(OffsetUpkeepTest, NothingPendingGoes) {
  commit(place(), days_ago(30));
  offsets_.put(place(), {.offset = Offset(2), .committed_at = days_ago(30)}, ProducerId(1));
  EXPECT_FALSE(goes());
  EXPECT_TRUE(offsets_.is_pending(place()));
  offsets_.end_transaction(ProducerId(1), false);
  EXPECT_TRUE(goes());
}

TEST_F(OffsetUpkeepTest, ATurnEndsWithItsBatch) {
  for (int32_t partition = 0; partition < 100; partition++) {
    commit(place("t", partition), days_ago(30));
  }
  size_t turns = 0;
  size_t most = 0;
  for (bool through = false; !through; turns++) {
    records_.clear();
    through = expire(500);
    most = std::max(most, BatchBytes::of(records_));
    ASSERT_LT(turns, 100U);
  }
  EXPECT_GT(turns, 3U);
  EXPECT_LT(most, 550U);
  EXPECT_EQ(offsets_.committed_count(), 0U);
}

TEST_F(OffsetUpkeepTest, LooksOnceAnInterval) {
  EXPECT_EQ(upkeep_.next_deadline(), kNoDeadline);
  upkeep_.loaded(start_);
  EXPECT_EQ(upkeep_.next_deadline(), start_.instant + settings_.offsets_check_interval);
  EXPECT_FALSE(upkeep_.begin_turn(later(599s, 599s)));
  EXPECT_TRUE(upkeep_.begin_turn(later(600s, 600s)));
  upkeep_.end_turn("middle", later(600s, 600s));
  EXPECT_GT(upkeep_.next_deadline(), start_.instant + 600s);
  EXPECT_LT(upkeep_.next_deadline(), start_.instant + 601s);
  EXPECT_TRUE(upkeep_.begin_turn(later(601s, 601s)));
  EXPECT_EQ(upkeep_.scan_from(), "middle");
  upkeep_.end_turn(std::nullopt, later(601s, 601s));
  EXPECT_EQ(upkeep_.next_deadline(), start_.instant + 1200s);
  EXPECT_TRUE(upkeep_.begin_turn(later(1200s, 1200s)));
  EXPECT_EQ(upkeep_.scan_from(), "");
}

/// Nothing goes at the check after a step of the wall clock, and all as usual at the one after.
bool steps_are_waited_out() {
  const GroupSettings settings;
  const auto at = [](Duration real, int64_t wall_ms) {
    return Now{.instant = Instant(real), .wall = WallTime(kToday.ms() + wall_ms)};
  };
  struct Case {
    int64_t step_ms;
    bool looks;
  };
  for (const Case one : {Case{0, true}, Case{59'000, true}, Case{-59'000, true},
                         Case{61'000, false}, Case{-61'000, false}, Case{30 * kDayMs, false}}) {
    OffsetUpkeep upkeep(settings);
    upkeep.loaded(at(0s, 0));
    if (upkeep.begin_turn(at(600s, 600'000 + one.step_ms)) != one.looks) return false;
    upkeep.end_turn(std::nullopt, at(600s, 600'000 + one.step_ms));
    if (!upkeep.begin_turn(at(1200s, 1'200'000 + one.step_ms))) return false;
  }
  return true;
}

TEST_F(OffsetUpkeepTest, StepsOfTheWallClockAreWaitedOut) {
  EXPECT_TRUE(steps_are_waited_out());
}

TEST_F(OffsetUpkeepTest, OffsetsOfDeletedTopicsGo) {
  upkeep_.loaded(start_);
  commit(place("gone", 0), kToday, {}, kIdA);
  commit(place("gone", 1), kToday);
  commit(place("gone", 2), kToday, {}, kIdB);  // of a new topic of that name
  commit(place("kept", 0), kToday, {}, kIdA);
  commit({"h", "gone", PartitionIndex(0)}, kToday, {}, kIdA);
  offsets_.put({"p", "gone", PartitionIndex(5)}, {.offset = Offset(1)}, ProducerId(1));
  upkeep_.topics_deleted({{"gone", kIdA}}, start_);
  EXPECT_EQ(upkeep_.next_deadline(), start_.instant) << "at once";
  size_t turns = 0;
  while (upkeep_.next_deadline() < start_.instant + 1s) {
    RemovalBatch batch(100, records_);
    upkeep_.begin_turn(start_);
    upkeep_.drop_deleted(offsets_, batch);
    upkeep_.end_turn(std::nullopt, start_);
    records_.clear();
    ASSERT_LT(turns++, 100U);
  }
  EXPECT_GT(turns, 1U);
  EXPECT_EQ(offsets_.partitions("g", "gone"), std::vector{PartitionIndex(2)});
  EXPECT_EQ(offsets_.partitions("g", "kept"), std::vector{PartitionIndex(0)});
  EXPECT_FALSE(offsets_.knows("h"));
  EXPECT_FALSE(offsets_.knows("p"));
}

#if PARTITA_FAULTS
class OffsetUpkeepMutants : public OffsetUpkeepTest {
 protected:
  void TearDown() override { faults::set_mutant(""); }
};
TEST_F(OffsetUpkeepMutants, AStepIsFound) {
  faults::set_mutant("group.offsets_expire_after_step");
  EXPECT_FALSE(steps_are_waited_out());
}
TEST_F(OffsetUpkeepMutants, LosingAPendingOffsetIsFound) {
  faults::set_mutant("group.offsets_expire_while_pending");
  commit(place(), days_ago(30));
  offsets_.put(place(), {.offset = Offset(2), .committed_at = days_ago(30)}, ProducerId(1));
  EXPECT_TRUE(goes()) << "what NothingPendingGoes forbids";
}
TEST_F(OffsetUpkeepMutants, LosingOffsetsOfReadersIsFound) {
  faults::set_mutant("group.offsets_expire_while_read");
  group_.members = true;
  group_.reads = {"t"};
  commit(place(), days_ago(30));
  EXPECT_TRUE(goes()) << "what OffsetsGoByKafkasRules forbids";
}
#endif

}  // namespace
}  // namespace partita::coordinators
