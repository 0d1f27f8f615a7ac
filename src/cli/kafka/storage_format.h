#pragma once
// kafka-storage format: what its flags and the node's settings ask for, checked in Kafka's order
// and refused in its words, and the directory that comes of it.

#include "broker/format_directory.h"
#include "broker/settings.h"
#include "cli/kafka/argument_parser.h"
#include "cli/kafka/initial_controllers.h"
#include "cli/kafka/release_features.h"
#include "storage/meta_properties.h"

namespace partita::cli::kafka {

struct FormatPlan {
  MetadataVersion release;
  FeatureLevels features;
  broker::DirectoryFormat format;  ///< its directory id is zero where nobody has chosen one
};

/// Errors are what goes to standard error.
Result<FormatPlan> plan_format(const broker::Settings& settings, const Arguments& arguments);

/// Whether the node's settings are those of a node at all, as Kafka checks them first.
Result<> check_node_settings(const broker::Settings& settings);

/// Formats, printing what Kafka prints; answers the exit code. `directory_id` for where the plan
/// has none.
Task<int> format_storage(Shard& shard, const broker::Settings& settings, FormatPlan plan,
                         DirectoryId directory_id, bool ignore_formatted);

/// Nothing where there is no meta.properties.
Task<Result<std::optional<storage::MetaProperties>>> read_meta_properties(Shard& shard,
                                                                          std::string directory);

}  // namespace partita::cli::kafka
