#pragma once
// Acknowledged records: each is in the log, at the offset that its producer was told; and what a
// consumer was shown is there too, as it was shown. Where the durability setting allows loss by a
// power cut, and there was one, nothing is said.

#include "sim/history.h"

namespace partita::sim {

Findings check_acknowledged(const History& history);

}  // namespace partita::sim
