#pragma once
// The operator of a run: creates topics, writes a few records into each, grows them, changes their
// configs, deletes them and makes new ones under their names. What was acknowledged must be so in
// the end: each topic there or gone, under the id that it was given, with its partitions and
// configs; in each the records that it acknowledged, and none of an earlier topic of its name.

#include <memory>

#include "sim/companion.h"

namespace partita::sim {

std::unique_ptr<Companion> make_operator(ClientContext& context);

}  // namespace partita::sim
