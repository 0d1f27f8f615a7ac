#pragma once
// A topic that retention cuts by size or by time while it is written, read by a slow consumer and
// asked for its beginning. Its log start never goes back; nothing goes that retention still keeps,
// wall clock steps or not; what is to go does go; what is between start and end can be read.

#include <memory>

#include "sim/companion.h"

namespace partita::sim {

std::unique_ptr<Companion> make_retained(ClientContext& context);

}  // namespace partita::sim
