#pragma once
// kafka-topics: what its flags say.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "cli/kafka/option_parser.h"

namespace partita::cli::kafka {

enum class TopicsAction { create, list, describe, alter, remove };

struct TopicsOptions {
  TopicsAction action = TopicsAction::list;
  Options given;
  std::string bootstrap;
  std::optional<std::string> topic;
  std::optional<int64_t> partitions;
  std::optional<int64_t> replication_factor;

  bool has(std::string_view name) const { return given.has(name); }
};

/// The options, or what to exit with: usage has been printed then.
std::variant<TopicsOptions, int> parse_topics_options(std::span<const std::string> arguments);

/// "1:2,2:3": replicas by partition.
Result<std::map<int32_t, std::vector<int32_t>>> parse_replica_assignment(std::string_view text);

}  // namespace partita::cli::kafka
