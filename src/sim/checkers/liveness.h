#pragma once
// Liveness: once everything is healed, every record that was sent has its answer.

#include "sim/history.h"

namespace partita::sim {

Findings check_liveness(const History& history);

}  // namespace partita::sim
