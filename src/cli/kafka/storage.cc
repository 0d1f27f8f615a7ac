// kafka-storage: format, info and random-uuid of Kafka's StorageTool.

#include <fmt/format.h>

#include <cstdio>

#include "broker/format_directory.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/settings_sources.h"
#include "metadata/features.h"
#include "runtime/linux/process.h"
#include "runtime/linux/world.h"
#include "storage/meta_properties.h"

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kUsage = "usage: kafka-storage [-h] {info,format,random-uuid} ...\n";
constexpr std::string_view kFormatUsage =
    "usage: kafka-storage format [-h] --config CONFIG --cluster-id CLUSTER_ID\n"
    "                     [--ignore-formatted] [--standalone]\n";
constexpr std::string_view kMetadataVersionName = "4.3-IV0";

struct StorageFlags {
  std::string command;
  std::string config;
  std::string cluster_id;
  bool standalone = false;
  bool ignore_formatted = false;
};

int complain(std::string_view text) {
  std::fputs(fmt::format("{}\n", text).c_str(), stderr);
  return 1;
}

void print(std::string_view text) {
  std::fputs(std::string(text).c_str(), stdout);
}

/// What argparse says of wrong usage.
Error misuse(std::string_view usage, std::string_view words) {
  return {Errc::invalid_argument, fmt::format("{}kafka-storage: error: {}", usage, words)};
}

Result<StorageFlags> parse_flags(std::span<const std::string> arguments) {
  if (arguments.empty()) return std::unexpected(misuse(kUsage, "too few arguments"));
  StorageFlags flags{.command = arguments[0]};
  const std::string_view usage = flags.command == "format" ? kFormatUsage : kUsage;
  for (size_t i = 1; i < arguments.size(); i++) {
    std::string name = arguments[i];
    std::optional<std::string> value;
    if (const size_t equals = name.find('='); name.starts_with("--") && equals != name.npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const bool config = name == "-c" || name == "--config";
    const bool cluster = name == "-t" || name == "--cluster-id";
    if (config || cluster) {
      if (!value && i + 1 == arguments.size()) {
        return std::unexpected(
            misuse(usage, fmt::format("argument {}: expected one argument",
                                      config ? "--config/-c" : "--cluster-id/-t")));
      }
      (config ? flags.config : flags.cluster_id) = value ? *value : arguments[++i];
    } else if (name == "--standalone" || name == "-s") {
      flags.standalone = true;
    } else if (name == "--ignore-formatted" || name == "-g") {
      flags.ignore_formatted = true;
    } else {
      return std::unexpected(misuse(usage, fmt::format("unrecognized arguments: '{}'", name)));
    }
  }
  if (flags.command == "random-uuid") return flags;
  if (flags.command == "format" && flags.cluster_id.empty()) {
    return std::unexpected(misuse(usage, "argument --cluster-id/-t is required"));
  }
  if (flags.config.empty()) {
    return std::unexpected(misuse(usage, "argument --config/-c is required"));
  }
  return flags;
}

/// As Kafka makes them: none begins with a dash, which a shell would take for a flag.
Uuid random_uuid(Random& random) {
  while (true) {
    const Uuid id = random.uuid();
    if (!id.to_string().starts_with('-') && !id.is_zero() && id != kMetadataTopicId) return id;
  }
}

Task<Result<std::optional<storage::MetaProperties>>> read_properties(Shard& shard,
                                                                     std::string directory) {
  const auto bytes = co_await read_file(shard.executor(), shard.disk(),
                                        join_path(directory, storage::kMetaPropertiesFile),
                                        storage::kMetaPropertiesBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) co_return std::nullopt;
  if (!bytes) co_return std::unexpected(bytes.error());
  CO_TRY(storage::MetaProperties properties, storage::decode_meta_properties(bytes->view()));
  co_return properties;
}

// --- info ---

Task<int> show_info(Shard& shard, const broker::Settings& settings) {
  const std::string& directory = settings.log_dir;
  std::string problem;
  std::optional<storage::MetaProperties> found;
  if (!shard.disk().stat(directory)) {
    problem = directory + " does not exist";
  } else {
    auto properties = co_await read_properties(shard, directory);
    if (!properties)
      problem = fmt::format("Error loading {}: {}", directory, describe(properties.error()));
    else if (!*properties)
      problem = directory + " is not formatted.";
    else
      found = *std::move(*properties);
  }
  if (!problem.empty()) {
    print(fmt::format("Found problem:\n  {}\n\n", problem));
    co_return 1;
  }
  std::string text = fmt::format("{{cluster.id={}", found->cluster_id);
  if (found->directory_id) text += ", directory.id=" + found->directory_id->to_string();
  if (found->node_id) text += fmt::format(", node.id={}", found->node_id->value());
  print(fmt::format("Found log directory:\n  {}\n\nFound metadata: {}, version={}}}\n\n", directory,
                    text, found->version));
  co_return 0;
}

// --- format ---

void print_bootstrap() {
  std::string records;
  for (const auto& [name, level] : metadata::bootstrap_features()) {
    records += fmt::format(
        "{}ApiMessageAndVersion(FeatureLevelRecord(name='{}', featureLevel={}) "
        "at version 0)",
        records.empty() ? "" : ", ", name, level);
  }
  print(
      fmt::format("Bootstrap metadata: BootstrapMetadata(records=[{}], metadataVersionLevel={}, "
                  "source=format command)\n",
                  records, metadata::kMetadataVersion));
}

std::string setting(const broker::Settings& settings, const std::string& name) {
  const auto found = settings.given.find(name);
  return found == settings.given.end() ? "" : found->second.value;
}

Task<int> format(Shard& shard, const broker::Settings& settings, const StorageFlags& flags) {
  const std::string& directory = settings.log_dir;
  const bool static_quorum = !setting(settings, "controller.quorum.voters").empty();
  if (!flags.standalone && !static_quorum) {
    co_return complain(
        "Because controller.quorum.voters is not set on this controller, you must specify one of "
        "the following: --standalone, --initial-controllers, or --no-initial-controllers.");
  }
  if (flags.standalone && static_quorum) {
    co_return complain(
        "You cannot specify controller.quorum.voters and format the node with "
        "--initial-controllers or --standalone. If you want to use dynamic quorum, please remove "
        "controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.");
  }
  const auto before = co_await read_properties(shard, directory);
  if (!before) co_return complain(describe(before.error()));
  if (*before) {
    if ((*before)->cluster_id != flags.cluster_id) {
      co_return complain(fmt::format(
          "Exception in thread \"main\" java.lang.RuntimeException: Invalid cluster.id in: {}. "
          "Expected {}, but read {}",
          join_path(directory, storage::kMetaPropertiesFile), flags.cluster_id,
          (*before)->cluster_id));
    }
    if (!flags.ignore_formatted) {
      co_return complain(
          fmt::format("Log directory {} is already formatted. Use "
                      "--ignore-formatted to ignore this directory and format the "
                      "others.",
                      directory));
    }
    print("All of the log directories are already formatted.\n");
    co_return 0;
  }
  if (flags.standalone) print_bootstrap();
  print(fmt::format("Formatting {} {} with metadata.version {}.\n",
                    flags.standalone ? "dynamic metadata voter directory" : "metadata directory",
                    directory, kMetadataVersionName));
  const Result<> formatted = co_await broker::format_directory(
      shard, settings, flags.cluster_id, random_uuid(shard.random()), host_name());
  co_return formatted ? 0 : complain(describe(formatted.error()));
}

}  // namespace

int run_storage(std::span<const std::string> arguments) {
  if (!arguments.empty() && (arguments[0] == "-h" || arguments[0] == "--help")) {
    print(kUsage);
    return 0;
  }
  const auto flags = parse_flags(arguments);
  if (!flags) return complain(flags.error().detail);
  LinuxWorld world;
  Shard& shard = world.shard(0);
  if (flags->command == "random-uuid") {
    print(random_uuid(shard.random()).to_string() + "\n");
    return 0;
  }
  if (flags->command != "info" && flags->command != "format") {
    return complain(
        misuse(kUsage, fmt::format("invalid choice: '{}' (choose from 'info', 'format', "
                                   "'random-uuid')",
                                   flags->command))
            .detail);
  }
  if (!shard.disk().stat(flags->config)) {
    return complain(fmt::format(
        "Exception in thread \"main\" java.nio.file.NoSuchFileException: {}", flags->config));
  }
  std::vector<std::string> unknown;
  const auto settings =
      world.run(read_settings(shard, {.file = flags->config, .environment = {}}, unknown));
  if (!settings) return complain(words_of(settings.error()));
  if (flags->command == "info") return world.run(show_info(shard, *settings));
  return world.run(format(shard, *settings, *flags));
}

}  // namespace partita::cli::kafka
