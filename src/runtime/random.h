#pragma once
// The random seam. One per shard, seeded by the world.

#include <cstdint>

#include "base/check.h"
#include "base/uuid.h"

namespace partita {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;

  /// Uniform in [0, bound). REQUIRED: bound > 0.
  uint64_t below(uint64_t bound) {
    CHECK(bound > 0);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  Uuid uuid() {
    const uint64_t high = next();
    return Uuid::from_random(high, next());
  }
};

}  // namespace partita
