#pragma once
// Order: offsets of a partition begin at 0 and have no gap, in what was seen while faults struck
// and in the end; records of one idempotent producer are in the order in which it sent them, with
// the timestamps that it gave. Leader epochs are there and never fall.

#include "sim/history.h"

namespace partita::sim {

Findings check_order(const History& history);

}  // namespace partita::sim
