#pragma once
// States and types of groups as Kafka's tools read and write them.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace partita::cli::kafka {

/// "stable, EMPTY" in Kafka's spelling; none for "". The Java tool's words for what is no state of
/// a consumer group.
Result<std::vector<std::string>> parse_group_states(std::string_view text);
/// The same for "classic,consumer".
Result<std::vector<std::string>> parse_group_types(std::string_view text);

/// Kafka's spelling of what a broker answered: "Stable", "Classic"; "Unknown" for what it is none.
std::string_view group_state_words(std::string_view state);
std::string_view group_type_words(std::string_view type);

}  // namespace partita::cli::kafka
