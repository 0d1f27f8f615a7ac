#pragma once
// The random numbers of the simulated world: splitmix64, one stream each for the scheduler, every
// disk, the network and every shard, all split from the world's one seed, so that a change of one
// consumer leaves the draws of the others alone.
//
// Latency: a draw of how long something takes, without floating point.

#include <cstdint>

#include "base/time.h"
#include "runtime/random.h"

namespace partita::runtime::sim {

/// A bijection that spreads every bit of `value` over the result.
constexpr uint64_t mix64(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed) : state_(mix64(seed + 0x2545f4914f6cdd1d)) {}

  uint64_t next() override { return mix64(state_ += 0x9e3779b97f4a7c15); }
  /// A stream of its own, settled by this seed and `tag` alone.
  SimRandom split(uint64_t tag) const { return SimRandom(mix64(state_ ^ mix64(tag + 1))); }

 private:
  uint64_t state_;
};

/// True about once in `one_in` calls; never for 0.
inline bool chance(Random& random, uint32_t one_in) {
  return one_in > 0 && random.below(one_in) == 0;
}

/// Uniform between least and most, but about once in tail_one_in draws between most and tail.
struct Latency {
  Duration least{0};
  Duration most{0};
  uint32_t tail_one_in = 0;
  Duration tail{0};

  Duration draw(Random& random) const {
    const bool slow = chance(random, tail_one_in);
    const Duration from = slow ? most : least;
    const Duration to = slow ? tail : most;
    if (to <= from) return from;
    return from + Duration(random.below(static_cast<uint64_t>((to - from).count()) + 1));
  }
};

}  // namespace partita::runtime::sim
