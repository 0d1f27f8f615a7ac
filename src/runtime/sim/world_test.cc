#include "runtime/sim/world.h"

#include <algorithm>

#include "runtime/cross_shard.h"
#include "runtime/scope.h"
#include "runtime/sim/sim_test.h"

namespace partita::runtime::sim {
namespace {

class WorldTest : public SimTest {
 protected:
  WorldTest() : SimTest(1, {.shards = 2}) {}
};

Task<Result<>> write_and_sync(Shard& shard, std::string path, std::string text) {
  CO_TRY(auto file, shard.disk().open(path, OpenMode::create_or_open));
  CO_CHECKED(file->write(0, as_bytes(text)));
  CO_CHECKED(co_await sync(shard.executor(), *file));
  co_return co_await sync_directory(shard.executor(), shard.disk(), parent_path(path));
}

TEST_F(WorldTest, RunDrivesATaskToItsEnd) {
  ASSERT_TRUE(run(write_and_sync(shard(), "/a", "text")));
  const Result<Bytes> back = run(read_file(executor(), disk(), "/a", 100));
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(back->view()), "text");
}

TEST_F(WorldTest, SyncedFilesSurviveAPowerCut) {
  ASSERT_TRUE(run(write_and_sync(shard(), "/a", "text")));
  power_cycle();
  const Result<Bytes> back = run(read_file(executor(), disk(), "/a", 100));
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(back->view()), "text");
}

TEST_F(WorldTest, SleepsTakeVirtualTime) {
  Scope scope(shard());
  const Instant before = shard().now();
  ASSERT_TRUE(run(sleep_for(scope, 30s)));
  EXPECT_GE(shard().now() - before, 30s);
  EXPECT_LT(shard().now() - before, 31s);
}

TEST_F(WorldTest, RunForEndsExactly) {
  const Instant before = world().now();
  world().run_for(10ms);
  EXPECT_EQ(world().now() - before, 10ms);
  bool ran = false;
  world().at(world().now() + 5ms, [&] { ran = true; });
  world().run_for(5ms);
  EXPECT_FALSE(ran) << "the end is exclusive";
  world().run_for(1ns);
  EXPECT_TRUE(ran);
}

TEST_F(WorldTest, AnEmptyWorldStops) {
  while (world().step()) {
  }
  EXPECT_FALSE(world().run_until([] { return false; }));
}

// --- determinism ---

Task<void> talk(Shard& shard, Scope& scope, int rounds, std::vector<uint64_t>& seen,
                uint64_t name) {
  for (int i = 0; i < rounds; i++) {
    const Duration pause = Duration(shard.random().below(2'000'000));
    (co_await sleep_for(scope, pause)).value();
    (co_await write_and_sync(shard, "/f" + std::to_string(name), std::to_string(i))).value();
    seen.push_back(name);
  }
}

struct Outcome {
  uint64_t trace = 0;
  uint64_t disk = 0;
  std::vector<uint64_t> order;
  bool operator==(const Outcome&) const = default;
};

Outcome play(uint64_t seed) {
  Outcome outcome;
  SimWorld world(seed);
  SimNode& node = world.add_node({.shards = 3});
  std::vector<std::unique_ptr<Scope>> scopes;
  for (uint32_t i = 0; i < 3; i++) {
    Scope& scope = *scopes.emplace_back(std::make_unique<Scope>(node.shard(i)));
    scope.spawn(talk(node.shard(i), scope, 20, outcome.order, i));
    scope.spawn(talk(node.shard(i), scope, 20, outcome.order, 10 + i));
  }
  world.run_for(10s);
  for (const auto& scope : scopes) EXPECT_EQ(scope->task_count(), 0u);
  outcome.trace = world.trace_hash();
  node.crash(CrashMode::power_cut);
  outcome.disk = node.disk().image().hash();
  return outcome;
}

TEST(DeterminismTest, OneSeedGivesOneHistory) {
  const Outcome first = play(42);
  EXPECT_EQ(first, play(42));
  EXPECT_EQ(first.order.size(), 120u);
}

TEST(DeterminismTest, OtherSeedsGiveOtherHistories) {
  std::set<uint64_t> traces;
  std::set<std::vector<uint64_t>> orders;
  for (uint64_t seed = 0; seed < 20; seed++) {
    Outcome outcome = play(seed);
    traces.insert(outcome.trace);
    orders.insert(outcome.order);
  }
  EXPECT_EQ(traces.size(), 20u);
  EXPECT_GT(orders.size(), 10u);
}

// --- the run queue and posts ---

Task<void> note(std::vector<int>& order, int number) {
  order.push_back(number);
  co_return;
}

TEST(ReadyQueueTest, IsShuffledBySeed) {
  std::set<std::vector<int>> orders;
  for (uint64_t seed = 0; seed < 20; seed++) {
    SimWorld world(seed);
    SimNode& node = world.add_node();
    std::vector<int> order;
    Driven<void> tasks[4];
    for (int i = 0; i < 4; i++) tasks[i].start(node.shard().executor(), note(order, i));
    while (world.step()) {
    }
    EXPECT_EQ(order.size(), 4u);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 8u);
}

TEST_F(WorldTest, PostsOfAPairKeepTheirOrderAndTakeTime) {
  std::vector<int> order;
  std::vector<Instant> when;
  Executor& other = node().shard(1).executor();
  shard().executor().post([&] {
    for (int i = 0; i < 50; i++) {
      other.post([&, i] {
        order.push_back(i);
        when.push_back(world().now());
      });
    }
  });
  while (world().step()) {
  }
  ASSERT_EQ(order.size(), 50u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_LT(when.front(), when.back());
}

Task<int> answer(int value) {
  co_return value;
}

Task<int> ask(Shard& here, Scope& there) {
  co_return co_await call_on(here, there, [] { return answer(7); });
}

TEST_F(WorldTest, CallsCrossShards) {
  Scope there(node().shard(1));
  EXPECT_EQ(run(ask(shard(), there)), 7);
}

Task<void> spin_until(Shard& shard, Instant end) {
  while (shard.now() < end) {
    Completion<bool> turn(shard.executor());
    shard.executor().post([&turn] { turn.complete(true); });
    co_await turn;
  }
}

TEST_F(WorldTest, ALoopThatYieldsMeetsItsDeadline) {
  run(spin_until(shard(), shard().now() + 1ms));
  EXPECT_GT(world().steps(), 10u);
}

// --- clocks ---

TEST_F(WorldTest, ClocksDriftAndStep) {
  SimNode& fast = world().add_node({.clock_origin = Duration(0)});
  SimNode& slow = world().add_node({.clock_origin = Duration(0)});
  fast.clock().set_rate(1'100'000);
  slow.clock().set_rate(900'000);
  const Instant fast_before = fast.clock().now();
  const Instant slow_before = slow.clock().now();
  const WallTime wall_before = fast.clock().wall();
  world().run_for(100s);
  EXPECT_EQ(fast.clock().now() - fast_before, 110s);
  EXPECT_EQ(slow.clock().now() - slow_before, 90s);
  EXPECT_EQ(fast.clock().wall().ms() - wall_before.ms(), 100'000);
  fast.clock().step_wall(-1h);
  EXPECT_EQ(fast.clock().wall().ms() - wall_before.ms(), 100'000 - 3'600'000);
  fast.clock().freeze_wall(true);
  const WallTime frozen = fast.clock().wall();
  world().run_for(5s);
  EXPECT_EQ(fast.clock().wall(), frozen);
  fast.clock().freeze_wall(false);
  EXPECT_EQ(fast.clock().wall(), frozen);
  world().run_for(5s);
  EXPECT_EQ(fast.clock().wall().ms() - frozen.ms(), 5000);
}

TEST_F(WorldTest, TimersFollowTheirNodesClock) {
  node().clock().set_rate(500'000);
  Scope scope(shard());
  const Instant before = world().now();
  const Instant local = shard().now();
  ASSERT_TRUE(run(sleep_until(scope, local + 1s)));
  EXPECT_GE(world().now() - before, 2s);
  EXPECT_LT(world().now() - before, 2100ms);
  EXPECT_GE(shard().now(), local + 1s);
}

// --- pauses and crashes ---

TEST_F(WorldTest, APausedNodeDoesNothingAndCatchesUp) {
  Scope scope(shard());
  Driven<Result<>> sleeping;
  sleeping.start(executor(), sleep_for(scope, 1s));
  std::vector<int> order;
  world().run_for(10ms);
  node().pause();
  for (int i = 0; i < 5; i++) {
    executor().post([&, i] { order.push_back(i); });
  }
  world().run_for(60s);
  EXPECT_FALSE(sleeping.ended());
  EXPECT_TRUE(order.empty());
  node().resume();
  world().run_for(1s);
  EXPECT_TRUE(sleeping.ended());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

/// A program that writes for ever, and once more on its way out.
class Writer {
 public:
  explicit Writer(Shard& shard) : shard_(shard), scope_(shard) { scope_.spawn(loop()); }
  ~Writer() {
    if (file_) EXPECT_FALSE(file_->write(0, as_bytes("last words")));
  }
  Task<void> stop() {
    scope_.close();
    co_await scope_.join();
  }
  Errc ended_with() const { return ended_with_; }

 private:
  Task<void> loop() {
    file_ = *shard_.disk().open("/log", OpenMode::create_or_open);
    for (uint64_t at = 0;; at += 4) {
      Result<> wrote = file_->write(at, as_bytes("good"));
      if (wrote) wrote = co_await sync(shard_.executor(), *file_);
      if (wrote) wrote = co_await sleep_for(scope_, 1ms);
      if (wrote) continue;
      ended_with_ = wrote.error().code;
      co_return;
    }
  }

  Shard& shard_;
  Scope scope_;
  std::unique_ptr<File> file_;
  Errc ended_with_ = Errc::unknown_server_error;
};

TEST_F(WorldTest, AProgramIsCrashedAndRestarted) {
  for (const CrashMode mode : {CrashMode::kill, CrashMode::power_cut}) {
    for (int i = 0; i < 20; i++) {
      Shard& old_shard = shard();
      auto writer = std::make_unique<Writer>(old_shard);
      (void)run(sync_directory(executor(), disk(), "/"));
      world().run_for(Duration(world().random(i).below(20'000'000)));
      node().crash(mode);
      const uint64_t left = sim_disk().image().hash();
      if (i % 2 == 0) node().restart();  // before the old program is gone, or after
      world().run(old_shard, writer->stop());
      EXPECT_EQ(writer->ended_with(), Errc::stopped);
      writer.reset();
      EXPECT_EQ(sim_disk().image().hash(), left) << "the dying program reached the disk";
      if (i % 2 != 0) node().restart();
      EXPECT_TRUE(disk().stat("/log"));
    }
  }
}

}  // namespace
}  // namespace partita::runtime::sim
