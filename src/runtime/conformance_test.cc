#include "runtime/conformance_test.h"

#include <algorithm>

#include "runtime/cross_shard.h"
#include "runtime/scope.h"

namespace partita {
namespace {

class RuntimeConformance : public ConformanceTest {};
INSTANTIATE_TEST_SUITE_P(Worlds, RuntimeConformance, testing::ValuesIn(conformance_worlds()),
                         world_name);

// --- executor ---

Task<void> resume_later(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Completion<int> done(shard.executor());
  Scope scope(shard);
  bool resumed = false;
  const auto wait = [](Completion<int>& completion, bool& flag) -> Task<void> {
    EXPECT_EQ(co_await completion, 7);
    flag = true;
  };
  scope.spawn(wait(done, resumed));
  EXPECT_FALSE(resumed);
  done.complete(7);
  EXPECT_FALSE(resumed) << "never inside complete()";
  co_await scope.join();
  EXPECT_TRUE(resumed);
}
TEST_P(RuntimeConformance, ReadyCoroutinesAreResumedLater) {
  check(resume_later);
}

Task<void> complete_before_await(ConformanceWorld& world) {
  Completion<int> done(world.shard(0).executor());
  done.complete(7);
  EXPECT_EQ(co_await done, 7);
}
TEST_P(RuntimeConformance, AResultMayComeBeforeTheAwait) {
  check(complete_before_await);
}

Task<int> size_of(std::vector<int>& order) {
  co_return static_cast<int>(order.size());
}

Task<void> post_in_order(ConformanceWorld& world) {
  Shard& here = world.shard(0);
  Scope there(world.shard(1));
  std::vector<int> order;  // of shard 1 alone until the call below has answered
  for (int i = 0; i < 200; i++) {
    world.shard(1).executor().post([&order, i] { order.push_back(i); });
  }
  const int count = co_await call_on(here, there, [&order] { return size_of(order); });
  EXPECT_EQ(count, 200) << "the call was posted after them";
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  co_await there.join();
}
TEST_P(RuntimeConformance, PostsArriveInOrder) {
  check(post_in_order);
}

Task<void> post_to_self(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Completion<int> done(shard.executor());
  bool ran_inside = true;
  shard.executor().post([&] { done.complete(ran_inside ? 1 : 2); });
  ran_inside = false;
  EXPECT_EQ(co_await done, 2);
}
TEST_P(RuntimeConformance, WorkPostedToTheOwnShardRunsLater) {
  check(post_to_self);
}

Task<Result<>> sleep_on(Scope& scope, Duration duration) {
  co_return co_await sleep_for(scope, duration);
}

Task<void> call_a_closed_scope(ConformanceWorld& world) {
  Shard& here = world.shard(0);
  Scope there(world.shard(1));
  EXPECT_TRUE(co_await call_on(here, there, [&there] { return sleep_on(there, 1ms); }));
  const auto close = [](Scope& scope) -> Task<bool> {
    scope.close();
    co_return true;
  };
  co_await call_on(here, there, [&there, close] { return close(there); });
  const Result<> stopped = co_await call_on(here, there, [&there] { return sleep_on(there, 1h); });
  EXPECT_EQ(error_of(stopped), Errc::stopped) << "an answer always comes";
}
TEST_P(RuntimeConformance, CallsIntoAClosedScopeAreAnswered) {
  check(call_a_closed_scope);
}

// --- clock, timers, random ---

Task<void> sleep_in_order(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Scope scope(shard);
  std::vector<int> order;
  const auto sleeper = [](Shard& on, Scope& in, Instant until, std::vector<int>& ended,
                          int number) -> Task<void> {
    EXPECT_TRUE(co_await sleep_until(in, until));
    EXPECT_GE(on.now(), until) << "no timer fires early";
    ended.push_back(number);
  };
  const Instant start = shard.now();
  for (const int number : {3, 1, 2}) {
    scope.spawn(sleeper(shard, scope, start + number * 20ms, order, number));
  }
  co_await scope.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}
TEST_P(RuntimeConformance, TimersFireInOrderAndNotEarly) {
  check(sleep_in_order);
}

Task<void> past_deadline(ConformanceWorld& world) {
  Scope scope(world.shard(0));
  Wait wait(scope, world.shard(0).now() - 1ns);
  EXPECT_EQ(error_of(co_await wait), Errc::deadline_exceeded);
}
TEST_P(RuntimeConformance, APastDeadlineEndsAWaitAtOnce) {
  check(past_deadline);
}

Task<void> clocks(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Scope scope(shard);
  Instant last = shard.now();
  for (int i = 0; i < 20; i++) {
    EXPECT_TRUE(co_await sleep_for(scope, 100us));
    EXPECT_GT(shard.now(), last);
    last = shard.now();
  }
  EXPECT_GT(shard.clock().wall().ms(), 1'700'000'000'000) << "milliseconds since 1970";
}
TEST_P(RuntimeConformance, ClocksGoForward) {
  check(clocks);
}

Task<void> random_numbers(ConformanceWorld& world) {
  Random& random = world.shard(0).random();
  EXPECT_NE(random.next(), random.next());
  EXPECT_NE(world.shard(0).random().next(), world.shard(1).random().next());
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; i++) {
    const uint64_t drawn = random.below(8);
    CO_ASSERT(drawn < 8);
    seen.insert(drawn);
  }
  EXPECT_EQ(seen.size(), 8u);
}
TEST_P(RuntimeConformance, RandomNumbersDiffer) {
  check(random_numbers);
}

// --- scopes ---

Task<void> close_ends_waits(ConformanceWorld& world) {
  Scope scope(world.shard(0));
  std::vector<std::optional<Errc>> ended;
  WaitQueue queue;
  const auto sleeper = [](Scope& in, auto& errors) -> Task<void> {
    errors.push_back(error_of(co_await sleep_for(in, 1h)));
  };
  const auto waiter = [](Scope& in, WaitQueue& on, auto& errors) -> Task<void> {
    errors.push_back(error_of(co_await on.wait(in)));
  };
  scope.spawn(sleeper(scope, ended));
  scope.spawn(waiter(scope, queue, ended));
  EXPECT_EQ(scope.task_count(), 2u);
  scope.close();
  EXPECT_TRUE(ended.empty()) << "never inside close()";
  co_await scope.join();
  EXPECT_EQ(ended, (std::vector<std::optional<Errc>>{Errc::stopped, Errc::stopped}));
  EXPECT_TRUE(queue.empty());
}
TEST_P(RuntimeConformance, ClosingAScopeEndsItsWaits) {
  check(close_ends_waits);
}

}  // namespace
}  // namespace partita
