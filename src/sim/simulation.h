#pragma once
// simulate(): one run of a whole broker with its clients, settled by its seed, and its verdict.
//
// Invariant: the same seed and the same program give the same trace hash.

#include <string>

#include "base/log.h"
#include "sim/history.h"

namespace partita::sim {

enum class Verdict {
  passed,
  safety,    ///< something was lost, doubled, reordered or invented
  liveness,  ///< something did not end although everything was healed
  start,     ///< the broker did not come up on a disk that was well
};

struct Outcome {
  Verdict verdict = Verdict::passed;
  Findings findings;
  uint64_t trace_hash = 0;
  uint64_t steps = 0;
  size_t sent = 0;
  size_t acknowledged = 0;
  size_t strikes = 0;
  /// "2 shards, durability fsync, ..."
  std::string plan;
};

Outcome simulate(uint64_t seed, Log log);

}  // namespace partita::sim
