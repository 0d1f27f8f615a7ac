#include "runtime/sim/sim_clock.h"

#include <algorithm>

#include "base/check.h"

namespace partita::runtime::sim {

namespace {
constexpr int64_t kMillion = 1'000'000;
}

Duration SimClock::scaled(Duration true_elapsed) const {
  if (rate_ == kMillion) return true_elapsed;
  return Duration(
      static_cast<int64_t>(static_cast<__int128>(true_elapsed.count()) * rate_ / kMillion));
}

WallTime SimClock::wall() {
  if (frozen_) return frozen_at_;
  return WallTime(kWallStart.ms() + to_ms(true_now_.since_start() + wall_skew_));
}

void SimClock::set_rate(int64_t parts_per_million) {
  CHECK(parts_per_million > 0);
  base_ = now().since_start();
  true_base_ = true_now_.since_start();
  rate_ = parts_per_million;
}

void SimClock::freeze_wall(bool frozen) {
  if (frozen == frozen_) return;
  if (frozen) {
    frozen_at_ = wall();
    frozen_ = true;
    return;
  }
  frozen_ = false;
  wall_skew_ -= from_ms(wall().ms() - frozen_at_.ms());
}

Instant SimClock::true_time_of(Instant local) const {
  if (rate_ == kMillion && local < kNoDeadline - 24h) {
    return std::max(local - (base_ - true_base_), Instant(true_base_));
  }
  const __int128 ahead = static_cast<__int128>(local.since_start().count()) - base_.count();
  if (ahead <= 0) return Instant(true_base_);
  const __int128 elapsed = (ahead * kMillion + rate_ - 1) / rate_;
  const __int128 at = elapsed + true_base_.count();
  if (at >= Duration::max().count()) return kNoDeadline;
  return Instant(Duration(static_cast<int64_t>(at)));
}

}  // namespace partita::runtime::sim
