#pragma once
// kafka-configs: what its flags say.

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "cli/kafka/option_parser.h"
#include "client/admin.h"

namespace partita::cli::kafka {

struct ConfigsOptions {
  bool alters = false;
  bool all = false;  ///< not only what was set
  std::string type;  ///< "topics", "brokers", "broker-loggers", "client-metrics", "groups"
  std::optional<std::string> name;  ///< "" for the defaults of all
  std::vector<std::pair<std::string, std::string>> add;
  std::vector<std::string> remove;
  Options given;
};

/// The options, or what to exit with: a complaint has been printed then.
std::variant<ConfigsOptions, int> parse_configs_options(std::span<const std::string> arguments);

/// "k1=v1,k2=[v1,v2]". The Java tool's words where it is none.
Result<std::vector<std::pair<std::string, std::string>>> parse_added_configs(std::string_view text);

}  // namespace partita::cli::kafka
