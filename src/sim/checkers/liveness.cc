#include "sim/checkers/liveness.h"

#include <fmt/core.h>

namespace partita::sim {

Findings check_liveness(const History& history) {
  Findings out;
  for (const SentRecord& sent : history.sent) {
    if (!sent.answer) out.push_back(fmt::format("{} has no answer", sent.name.to_string()));
  }
  return out;
}

}  // namespace partita::sim
