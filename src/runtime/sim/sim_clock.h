#pragma once
// The clock of one simulated node: its monotonic time runs at its own rate from its own origin, its
// wall clock is off by a skew, may be stepped and may stand still.
//
// Invariants:
//  1. now() never goes back, whatever is set.
//  2. true_time_of(t) is the earliest true time at which now() >= t, while the rate stays.

#include "base/time.h"
#include "runtime/clock.h"

namespace partita::runtime::sim {

/// Wall clock at the world's beginning: 2025-01-01 00:00 UTC.
inline constexpr WallTime kWallStart{1735689600000};

class SimClock final : public Clock {
 public:
  /// `true_now` is the world's time, read at every call.
  SimClock(const Instant& true_now, Duration origin) : true_now_(true_now), base_(origin) {}

  Instant now() override { return Instant(base_ + scaled(true_now_.since_start() - true_base_)); }
  WallTime wall() override;

  /// How far this clock moves in a million true nanoseconds. REQUIRED: > 0.
  void set_rate(int64_t parts_per_million);
  /// Steps the wall clock, forwards or back.
  void step_wall(Duration by) { wall_skew_ += by; }
  /// Stops the wall clock, or lets it go on from where it stands.
  void freeze_wall(bool frozen);

  Instant true_time_of(Instant local) const;

 private:
  Duration scaled(Duration true_elapsed) const;

  const Instant& true_now_;
  Duration base_;  // this clock at true_base_
  Duration true_base_{0};
  int64_t rate_ = 1'000'000;
  Duration wall_skew_{0};
  bool frozen_ = false;
  WallTime frozen_at_;
};

}  // namespace partita::runtime::sim
