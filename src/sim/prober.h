#pragma once
// The prober of a run: bare connections that send what no good client does: garbage, versions and
// lengths that are none, batches that lie, producers out of order, sessions that forget. Each gets
// Kafka's error code or a closed connection, and in the order in which it asked.

#include <memory>

#include "sim/companion.h"

namespace partita::sim {

std::unique_ptr<Companion> make_prober(ClientContext& context);

}  // namespace partita::sim
