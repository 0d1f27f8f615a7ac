#include "runtime/task.h"

#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/completion.h"
#include "runtime/sim/sim_test.h"

namespace partita {
namespace {

class TaskTest : public runtime::sim::SimTest {};

Task<int> seven(bool& started) {
  started = true;
  co_return 7;
}

Task<int> add(Task<int> a, Task<int> b) {
  co_return co_await std::move(a) + co_await std::move(b);
}

TEST_F(TaskTest, IsLazy) {
  bool started = false;
  {
    const Task<int> dropped = seven(started);
  }
  EXPECT_FALSE(started);
  EXPECT_EQ(run(seven(started)), 7);
  EXPECT_TRUE(started);
}

TEST_F(TaskTest, AwaitsItsParts) {
  bool started = false;
  EXPECT_EQ(run(add(seven(started), seven(started))), 14);
}

Task<std::unique_ptr<std::string>> make_owner() {
  co_return std::make_unique<std::string>("text");
}

TEST_F(TaskTest, CarriesValuesThatOnlyMove) {
  EXPECT_EQ(*run(make_owner()), "text");
}

Task<int> count_down(int from) {
  int sum = 0;
  for (int i = 0; i < from; i++) {
    bool started = false;
    sum += co_await seven(started);
  }
  co_return sum;
}

Task<int> nested(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nested(depth - 1);
}

TEST_F(TaskTest, AwaitingDoesNotGrowTheStack) {
  EXPECT_EQ(run(count_down(1'000'000)), 7'000'000);
  EXPECT_EQ(run(nested(100'000)), 100'000);
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::invalid_argument, "odd");
  return number / 2;
}

Task<Result<int>> quarter(int number) {
  CO_TRY(const int once, half(number));
  CO_TRY(const int twice, half(once));
  co_return twice;
}

TEST_F(TaskTest, ErrorsLeaveEarly) {
  EXPECT_EQ(run(quarter(8)), 2);
  const Result<int> failed = run(quarter(6));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().detail, "odd");
}

struct Counted {
  explicit Counted(int& counter) : count(counter) { count++; }
  ~Counted() { count--; }
  int& count;
};

Task<void> hold(int& count, Completion<bool>& until) {
  const Counted counted(count);
  co_await until;
}

TEST_F(TaskTest, FramesLiveFromStartToEnd) {
  int count = 0;
  Completion<bool> until(executor());
  runtime::sim::Driven<void> holding;
  holding.start(executor(), hold(count, until));
  world().run_for(1ms);
  EXPECT_EQ(count, 1);
  until.complete(true);
  world().run_for(1ms);
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(holding.ended());
}

}  // namespace
}  // namespace partita
