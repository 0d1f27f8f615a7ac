#pragma once
// The machine's clocks, read through the vDSO (some 23 ns): no caching, so a deadline after long
// work is judged rightly.

#include "runtime/clock.h"

namespace partita {

class LinuxClock final : public Clock {
 public:
  Instant now() override;
  WallTime wall() override;
};

}  // namespace partita
