#pragma once
// The directory of a broker that stopped in order: every partition that holds records says which
// topic it belongs to, and nothing is there that Kafka would not know.

#include "runtime/sim/sim_disk.h"
#include "sim/history.h"

namespace partita::sim {

/// Of /data.
Findings check_directory(const runtime::sim::SimDisk& disk);

}  // namespace partita::sim
