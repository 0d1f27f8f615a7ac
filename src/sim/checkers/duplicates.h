#pragma once
// No duplicate under idempotence: a record of an idempotent producer is in the log at most once,
// however often its batch was sent.

#include "sim/history.h"

namespace partita::sim {

Findings check_duplicates(const History& history);

}  // namespace partita::sim
