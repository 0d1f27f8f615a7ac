#pragma once
// xoshiro256++ seeded by the kernel: fast, for jitter and ids. Not for secrets.

#include <array>

#include "runtime/random.h"

namespace partita {

class LinuxRandom final : public Random {
 public:
  LinuxRandom();
  uint64_t next() override;

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace partita
