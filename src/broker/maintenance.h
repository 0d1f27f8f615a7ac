#pragma once
// What a shard's logs need from time to time: retention, unlinking of deleted files, producers
// that are gone, checkpoints.
// One set of tasks a shard, in the shard's scope.

#include "broker/broker_shard.h"

namespace partita::broker {

/// Runs until the scope of `shard` closes.
void start_maintenance(BrokerShard& shard, Log log);

}  // namespace partita::broker
