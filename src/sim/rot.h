#pragma once
// Rot: one bit of one batch in a segment that is not the last one of its partition goes wrong on
// the disk.

#include <optional>
#include <string>

#include "base/ids.h"
#include "runtime/random.h"
#include "runtime/sim/sim_disk.h"

namespace partita::sim {

struct Rot {
  PartitionIndex partition;
  Offset first;         ///< of the batch
  Offset last;          ///< inclusive
  Offset segment_base;  ///< of its segment
  Offset segment_end;   ///< exclusive
};

/// Nothing where no partition of the topic has a segment behind its first one. REQUIRED: the broker
/// has stopped in order, and its directory is /data.
std::optional<Rot> rot_one_batch(runtime::sim::SimDisk& disk, Random& random,
                                 const std::string& topic);

}  // namespace partita::sim
