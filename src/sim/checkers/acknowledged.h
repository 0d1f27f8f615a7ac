#pragma once
// Acknowledged records: each is in the log, at the offset that its producer was told; and what a
// consumer was shown is there too, as it was shown. Where the durability setting allows a power cut
// to take something, no more goes than it says, and only ends of the log do: what was appended
// behind a lost record before that cut is lost as well.

#include "sim/history.h"

namespace partita::sim {

/// How long an answer may have been under way when its broker went.
inline constexpr Duration kAnswerDelayMax = std::chrono::seconds(2);
/// What a flush needs that is asked for behind another one, on a disk that is well.
inline constexpr Duration kFlushMax = std::chrono::milliseconds(400);

Findings check_acknowledged(const History& history);

}  // namespace partita::sim
