// kafka-storage: Kafka's StorageTool.

#include <fmt/format.h>

#include <cstdio>

#include "cli/client_process.h"
#include "cli/kafka/argument_parser.h"
#include "cli/kafka/release_features.h"
#include "cli/kafka/storage_format.h"
#include "cli/kafka/tools.h"
#include "cli/settings_sources.h"
#include "runtime/linux/world.h"
#include "storage/meta_properties.h"

namespace partita::cli::kafka {
namespace {

constexpr FlagRow kConfig = {.name = "--config",
                             .short_name = "-c",
                             .words = "The node's properties file.",
                             .required = true};

constexpr FlagRow kInfoFlags[] = {kConfig};
constexpr FlagRow kFormatFlags[] = {
    kConfig,
    {.name = "--cluster-id", .short_name = "-t", .words = "The cluster's id.", .required = true},
    {.name = "--add-scram",
     .short_name = "-S",
     .words = "A SCRAM credential to begin with; not served."},
    {.name = "--ignore-formatted",
     .short_name = "-g",
     .words = "Leave directories alone that are formatted already, instead of failing.",
     .is_switch = true},
    {.name = "--release-version",
     .short_name = "-r",
     .words = "The release whose feature levels the cluster begins with: 3.3-IV3 to 4.3-IV0, "
              "which is what it is without this."},
    {.name = "--feature",
     .short_name = "-f",
     .words = "The level that one feature begins with, as in transaction.version=2."},
    {.name = "--standalone",
     .short_name = "-s",
     .words = "This node is the only voter of its quorum.",
     .is_switch = true,
     .exclusive = true},
    {.name = "--no-initial-controllers",
     .short_name = "-N",
     .words = "The directory does not tell who votes.",
     .is_switch = true,
     .exclusive = true},
    {.name = "--initial-controllers",
     .short_name = "-I",
     .words = "Who votes: id@host:port:directory,...",
     .exclusive = true},
};
constexpr FlagRow kMappingFlags[] = {
    {.name = "--release-version",
     .short_name = "-r",
     .words = "The release: 3.3-IV3 to 4.3-IV0, which is what it is without this."},
};
constexpr FlagRow kDependencyFlags[] = {
    {.name = "--feature",
     .short_name = "-f",
     .words = "A feature's level, as in transaction.version=2; any number of them.",
     .required = true},
};

constexpr CommandRow kCommands[] = {
    {"info", "What is known of this node's log directory.", kInfoFlags},
    {"format", "Makes an empty directory the log directory of a node.", kFormatFlags},
    {"version-mapping", "The feature levels that a release begins with.", kMappingFlags},
    {"feature-dependencies", "What levels of features need of others.", kDependencyFlags},
    {"random-uuid", "Prints a random id.", {}},
};

int complain(std::string_view text) {
  std::fputs(fmt::format("{}\n", text).c_str(), stderr);
  return 1;
}

void print(std::string_view text) {
  std::fputs(std::string(text).c_str(), stdout);
}

/// As Kafka makes them: none begins with a dash, which a shell would take for a flag.
Uuid random_uuid(Random& random) {
  while (true) {
    const Uuid id = random.uuid();
    if (!id.to_string().starts_with('-') && !id.is_zero() && id != kMetadataTopicId) return id;
  }
}

Task<int> show_info(Shard& shard, const broker::Settings& settings) {
  const std::string& directory = settings.log_dir;
  std::string problem;
  std::optional<storage::MetaProperties> found;
  const auto entry = shard.disk().stat(directory);
  if (!entry) {
    problem = directory + " does not exist";
  } else {
    print(fmt::format("Found log directory:\n  {}\n\n", directory));
    auto properties = co_await read_meta_properties(shard, directory);
    if (!properties)
      problem =
          fmt::format("Error loading {}: {}", join_path(directory, storage::kMetaPropertiesFile),
                      describe(properties.error()));
    else if (!*properties)
      problem = directory + " is not formatted.";
    else
      found = *std::move(*properties);
  }
  if (found) {
    std::string text = fmt::format("{{cluster.id={}", found->cluster_id);
    if (found->directory_id) text += ", directory.id=" + found->directory_id->to_string();
    if (found->node_id) text += fmt::format(", node.id={}", found->node_id->value());
    print(fmt::format("Found metadata: {}, version={}}}\n\n", text, found->version));
  }
  if (problem.empty()) co_return 0;
  print(fmt::format("Found problem:\n  {}\n\n", problem));
  co_return 1;
}

int map_version(const Arguments& arguments) {
  const std::string name =
      arguments.value("--release-version").value_or(std::string(metadata_version_latest().name));
  const auto release = find_release(name, Stability::any);
  if (!release) return complain(release.error().detail);
  print(fmt::format("metadata.version={} ({})\n", release->level, name));
  for (const FeatureRow& row : feature_rows()) {
    print(fmt::format("{}={}\n", row.name, default_level(row, release->level)));
  }
  return 0;
}

int show_dependencies(const std::string& pair) {
  const size_t equals = pair.find('=');
  if (equals == pair.npos) {
    return complain(fmt::format(
        "Invalid feature format: {}. Expected format: 'feature=version' (e.g. 'group.version=1')",
        pair));
  }
  const std::string name = pair.substr(0, equals);
  const auto level = parse_short(pair.substr(equals + 1));
  if (!level) {
    return complain(
        fmt::format("Invalid version format: {} for feature {}", pair.substr(equals + 1), name));
  }
  if (name == kMetadataVersionFeature) {
    const auto version = metadata_version_of(*level);
    if (!version) return complain(fmt::format("Unknown metadata.version {}", *level));
    print(fmt::format("{}={} ({}) has no dependencies.\n", name, *level, version->name));
    return 0;
  }
  const FeatureRow* row = find_feature(name);
  if (!row) return complain("Unknown feature: " + name);
  if (*level < 0 || *level > row->level_max) {
    return complain(fmt::format("Feature level {} is not supported for feature {}", *level, name));
  }
  const auto needed = *level > 0 ? metadata_version_of(row->depends_on) : std::nullopt;
  if (!needed)
    print(fmt::format("{}={} has no dependencies.\n", name, *level));
  else
    print(fmt::format("{}={} requires:\n    {}={} ({})\n", name, *level, kMetadataVersionFeature,
                      needed->level, needed->name));
  return 0;
}

int on_directory(LinuxWorld& world, const Arguments& arguments) {
  Shard& shard = world.shard(0);
  const std::string config = arguments.value("--config").value_or("");
  if (!shard.disk().stat(config)) {
    return complain(
        fmt::format("Exception in thread \"main\" java.nio.file.NoSuchFileException: {}", config));
  }
  std::vector<std::string> unknown;
  const auto settings =
      world.run(read_settings(shard, {.file = config, .environment = {}}, unknown));
  if (!settings) return complain(words_of(settings.error()));
  if (const auto checked = check_node_settings(*settings); !checked)
    return complain(checked.error().detail);
  if (arguments.command() == "info") return world.run(show_info(shard, *settings));
  auto plan = plan_format(*settings, arguments);
  if (!plan) return complain(plan.error().detail);
  return world.run(format_storage(shard, *settings, *std::move(plan), random_uuid(shard.random()),
                                  arguments.has("--ignore-formatted")));
}

}  // namespace

int run_storage(std::span<const std::string> arguments) {
  const ArgumentParser parser("kafka-storage", "Looks after the log directories of a node.",
                              kCommands);
  const auto parsed = parser.parse(arguments);
  if (!parsed) return complain(parsed.error().detail);
  if (!*parsed) return 0;
  const Arguments& given = **parsed;
  if (given.command() == "version-mapping") return map_version(given);
  if (given.command() == "feature-dependencies") {
    for (const std::string& pair : given.values("--feature")) {
      if (const int code = show_dependencies(pair)) return code;
    }
    return 0;
  }
  LinuxWorld world;
  if (given.command() == "random-uuid") {
    print(random_uuid(world.shard(0).random()).to_string() + "\n");
    return 0;
  }
  return on_directory(world, given);
}

}  // namespace partita::cli::kafka
