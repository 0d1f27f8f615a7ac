#pragma once
// The part of a produce request that runs on a shard which owns some of its
// partitions.

#include "broker/handlers/produce_plan.h"

namespace partita::broker {

struct ProduceWait {
  uint64_t connection = 0;
  int16_t acks = -1;
  Deadline deadline;
};

/// Appends the plan's entries of this shard, those of a transaction once it has their partitions,
/// and waits as far as acks asks for. Every append enters its log, or the line before it, before
/// this suspends, so that a connection's batches keep their order. Runs on the shard of `owner`.
Task<bool> append_on(Services& services, BrokerShard& owner, ProducePlan& plan, ProduceWait wait);

}  // namespace partita::broker
