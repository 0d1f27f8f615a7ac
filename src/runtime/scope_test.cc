#include "runtime/scope.h"

#include "runtime/sim/sim_test.h"

namespace partita {
namespace {

class ScopeTest : public runtime::sim::SimTest {
 protected:
  void join(Scope& scope) { run(scope.join()); }
};

using Ends = std::vector<std::string>;

Task<void> wait_on(WaitQueue& queue, Scope& scope, Ends& ends, std::string name,
                   Deadline deadline = kNoDeadline) {
  const Result<> ended = co_await queue.wait(scope, deadline);
  ends.push_back(name + (ended ? "" : " " + std::string(errc_name(ended.error().code))));
}

Task<void> note(Ends& ends, std::string name) {
  ends.push_back(name);
  co_return;
}

TEST_F(ScopeTest, ATaskRunsUpToItsFirstSuspensionInsideSpawn) {
  Scope scope(shard());
  Ends ends;
  scope.spawn(note(ends, "ran"));
  EXPECT_EQ(ends, Ends{"ran"});
  EXPECT_EQ(scope.task_count(), 0u);
}

TEST_F(ScopeTest, AfterCloseNothingStarts) {
  Scope scope(shard());
  Ends ends;
  scope.close();
  scope.spawn(note(ends, "dropped"));
  EXPECT_TRUE(ends.empty());
  scope.spawn_always(note(ends, "always"));
  EXPECT_EQ(ends, Ends{"always"});
}

TEST_F(ScopeTest, WaitersAreWokenFirstComeFirstServed) {
  Scope scope(shard());
  WaitQueue queue;
  Ends ends;
  for (const char* name : {"a", "b", "c"}) scope.spawn(wait_on(queue, scope, ends, name));
  EXPECT_TRUE(queue.wake_one());
  world().run_for(1ms);
  EXPECT_EQ(ends, Ends{"a"});
  EXPECT_TRUE(queue.wake_one());
  world().run_for(1ms);
  EXPECT_EQ(ends, (Ends{"a", "b"}));
  queue.wake_all();
  EXPECT_FALSE(queue.wake_one());
  join(scope);
  EXPECT_EQ(ends, (Ends{"a", "b", "c"}));
}

TEST_F(ScopeTest, AWaitEndsWithWhateverComesFirst) {
  Scope scope(shard());
  WaitQueue queue;
  Ends ends;
  const Instant soon = shard().now() + 1s;
  scope.spawn(wait_on(queue, scope, ends, "deadline", soon));
  world().run_for(2s);
  EXPECT_EQ(ends, Ends{"deadline deadline_exceeded"});
  EXPECT_TRUE(queue.empty());
  scope.spawn(wait_on(queue, scope, ends, "woken", shard().now() + 1s));
  queue.wake_all();
  scope.close();
  join(scope);
  EXPECT_EQ(ends.back(), "woken") << "closing later changes nothing";
  EXPECT_EQ(shard().timers().size(), 0u);
}

TEST_F(ScopeTest, CloseEndsThisScopesWaitsOnly) {
  Scope mine(shard()), other(shard());
  WaitQueue queue;
  Ends ends;
  mine.spawn(wait_on(queue, mine, ends, "mine"));
  other.spawn(wait_on(queue, other, ends, "other"));
  mine.close();
  join(mine);
  EXPECT_EQ(ends, Ends{"mine stopped"});
  EXPECT_EQ(other.task_count(), 1u);
  other.close();
  other.close();
  join(other);
}

Task<void> wait_twice(Scope& scope, Ends& ends) {
  for (int i = 0; i < 2; i++) {
    const Result<> ended = co_await sleep_for(scope, 1s);
    ends.push_back(ended ? "slept" : std::string(errc_name(ended.error().code)));
  }
}

TEST_F(ScopeTest, WaitsAfterCloseEndAtOnce) {
  Scope scope(shard());
  Ends ends;
  scope.spawn(wait_twice(scope, ends));
  scope.close();
  const Instant before = shard().now();
  join(scope);
  EXPECT_EQ(ends, (Ends{"stopped", "stopped"}));
  EXPECT_LT(shard().now() - before, 1ms);
}

Task<void> either(WaitQueue& first, WaitQueue& second, Scope& scope, Ends& ends) {
  Wait wait(scope, kNoDeadline);
  first.add(wait);
  const Result<> ended = co_await wait;
  EXPECT_TRUE(ended);
  ends.push_back(second.empty() ? "second is empty" : "second is not");
}

TEST_F(ScopeTest, AWaitOfTheOwnFrameStandsInAQueue) {
  Scope scope(shard());
  WaitQueue first, second;
  Ends ends;
  scope.spawn(either(first, second, scope, ends));
  EXPECT_FALSE(first.empty());
  first.wake_all();
  first.wake_all();
  join(scope);
  EXPECT_EQ(ends, Ends{"second is empty"});
}

Task<void> spawn_more(Scope& scope, Ends& ends, int left) {
  EXPECT_TRUE(co_await sleep_for(scope, 1ms));
  ends.push_back(std::to_string(left));
  if (left > 0) scope.spawn(spawn_more(scope, ends, left - 1));
}

TEST_F(ScopeTest, JoinWaitsForTasksSpawnedMeanwhile) {
  Scope scope(shard());
  Ends ends;
  scope.spawn(spawn_more(scope, ends, 3));
  join(scope);
  EXPECT_EQ(ends, (Ends{"3", "2", "1", "0"}));
  EXPECT_EQ(scope.task_count(), 0u);
}

using ScopeDeathTest = ScopeTest;

TEST_F(ScopeDeathTest, AScopeWithTasksMayNotGoAway) {
  EXPECT_DEATH(
      {
        WaitQueue queue;
        Ends ends;
        Scope scope(shard());
        scope.spawn(wait_on(queue, scope, ends, "left"));
      },
      "task_count_ == 0");
}

}  // namespace
}  // namespace partita
