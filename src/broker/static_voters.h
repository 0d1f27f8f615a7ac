#pragma once
// controller.quorum.voters: the voters of a quorum whose log does not tell them (kraft.version 0).

#include "base/error.h"
#include "broker/settings.h"
#include "raft/voter_set.h"

namespace partita::broker {

/// "id@host:port,..."; empty where the setting is. invalid_argument where it makes no sense.
Result<raft::VoterSet> static_voters(const Settings& settings);

}  // namespace partita::broker
