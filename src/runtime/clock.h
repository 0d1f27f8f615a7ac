#pragma once
// The clock seam. One per process (or per simulated node: clocks may drift apart and wall clocks
// may step).

#include "base/time.h"

namespace partita {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic; never goes back.
  virtual Instant now() = 0;
  /// Only for labels on records and for retention (semantics R8).
  virtual WallTime wall() = 0;
};

}  // namespace partita
