#pragma once
// kafka-consumer-groups: what its flags say.

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "cli/kafka/option_parser.h"

namespace partita::cli::kafka {

enum class GroupsAction { list, describe, remove, reset_offsets, delete_offsets, validate_regex };

struct ConsumerGroupsOptions {
  GroupsAction action = GroupsAction::list;
  Options given;

  bool has(std::string_view name) const { return given.has(name); }
};

/// The parser, for complaints about usage that come later.
OptionParser consumer_groups_parser();
/// The options, or what to exit with: usage has been printed then.
std::variant<ConsumerGroupsOptions, int> parse_consumer_groups_options(
    std::span<const std::string> arguments);

}  // namespace partita::cli::kafka
