#pragma once
// Where a server's settings come from: a properties file, the environment as in Apache's image,
// flags; the later one wins.

#include <string>
#include <utility>
#include <vector>

#include "broker/settings.h"
#include "runtime/shard.h"

namespace partita::cli {

struct SettingsSources {
  std::string file;  ///< empty: none
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::pair<std::string, std::string>> flags;
};

/// Errors carry words for the user. `unknown`: names that nobody knows, as Kafka warns of them.
Task<Result<broker::Settings>> read_settings(Shard& shard, SettingsSources sources,
                                             std::vector<std::string>& unknown);

}  // namespace partita::cli
