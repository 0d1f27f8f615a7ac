#pragma once
// --initial-controllers of Kafka's tools: the voters that a dynamic quorum begins with.

#include <string_view>
#include <vector>

#include "base/error.h"
#include "broker/format_directory.h"

namespace partita::cli::kafka {

/// "id@host:port:directory,..."; a host with colons stands in brackets. Errors are what goes to
/// standard error, in Kafka's words.
Result<std::vector<broker::InitialController>> parse_initial_controllers(std::string_view text);

}  // namespace partita::cli::kafka
