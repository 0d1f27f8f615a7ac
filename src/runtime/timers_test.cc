#include "runtime/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>

#include "runtime/sim/sim_random.h"

namespace partita {
namespace {

class Noting final : public Timer {
 public:
  Noting(int name, std::vector<int>& fired) : name_(name), fired_(fired) {}

 private:
  void fire() override {
    EXPECT_FALSE(is_set());
    fired_.push_back(name_);
  }
  const int name_;
  std::vector<int>& fired_;
};

constexpr Instant at(int64_t tick) {
  return Instant(Duration(tick));
}

TEST(TimersTest, FireInOrderOfTimeThenOfSetting) {
  Timers timers;
  std::vector<int> fired;
  Noting late(1, fired), early(2, fired), early_too(3, fired);
  timers.set(late, at(20));
  timers.set(early, at(10));
  timers.set(early_too, at(10));
  EXPECT_EQ(timers.next(), at(10));
  EXPECT_EQ(timers.fire_due(at(9)), 0u);
  EXPECT_EQ(timers.fire_due(at(10)), 2u);
  EXPECT_EQ(timers.fire_due(at(30)), 1u);
  EXPECT_EQ(fired, (std::vector<int>{2, 3, 1}));
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(TimersTest, CancelledTimersDoNotFireAndMayBeSetAgain) {
  Timers timers;
  std::vector<int> fired;
  Noting timer(1, fired);
  timers.cancel(timer);
  timers.set(timer, at(10));
  EXPECT_TRUE(timer.is_set());
  timers.cancel(timer);
  EXPECT_FALSE(timer.is_set());
  EXPECT_EQ(timers.fire_due(at(100)), 0u);
  timers.set(timer, at(200));
  EXPECT_EQ(timers.fire_due(at(200)), 1u);
}

/// Sets itself again for the same instant a few times.
class Again final : public Timer {
 public:
  explicit Again(Timers& timers) : timers_(timers) {}
  int fired = 0;

 private:
  void fire() override {
    if (++fired < 3) timers_.set(*this, when());
  }
  Timers& timers_;
};

TEST(TimersTest, ATimerMaySetItselfWhileItFires) {
  Timers timers;
  Again again(timers);
  timers.set(again, at(1));
  EXPECT_EQ(timers.fire_due(at(1)), 3u);
  EXPECT_EQ(again.fired, 3);
}

TEST(TimersTest, AgreesWithASortedMapUnderRandomUse) {
  runtime::sim::SimRandom random(3);
  Timers timers;
  std::vector<int> fired;
  std::vector<std::unique_ptr<Noting>> all;
  for (int i = 0; i < 50; i++) all.push_back(std::make_unique<Noting>(i, fired));
  std::multimap<Instant, int> model;  // equal keys keep the order of insertion
  int64_t now = 0;
  for (int step = 0; step < 20'000; step++) {
    const int name = static_cast<int>(random.below(all.size()));
    Noting& timer = *all[static_cast<size_t>(name)];
    const bool set = timer.is_set();
    if (set) {
      timers.cancel(timer);
      std::erase_if(model, [&](const auto& item) { return item.second == name; });
    }
    if (!set || random.below(2) == 0) {
      const Instant when = at(now + static_cast<int64_t>(random.below(100)));
      timers.set(timer, when);
      model.emplace(when, name);
    }
    now += static_cast<int64_t>(random.below(5));
    fired.clear();
    timers.fire_due(at(now));
    std::vector<int> expected;
    while (!model.empty() && model.begin()->first <= at(now)) {
      expected.push_back(model.begin()->second);
      model.erase(model.begin());
    }
    ASSERT_EQ(fired, expected);
    ASSERT_EQ(timers.size(), model.size());
    ASSERT_EQ(timers.next(), model.empty() ? std::nullopt : std::optional(model.begin()->first));
  }
  for (const auto& timer : all) timers.cancel(*timer);
}

TEST(TimersDeathTest, ASetTimerMayNotGoAway) {
  EXPECT_DEATH(
      {
        Timers timers;
        std::vector<int> fired;
        Noting timer(1, fired);
        timers.set(timer, at(1));
      },
      "is_set");
}

}  // namespace
}  // namespace partita
