#include "cli/kafka/storage_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "runtime/linux/process.h"

namespace partita::cli::kafka {
namespace {

using Quorum = broker::DirectoryFormat::Quorum;

constexpr int16_t kScramSince = 11;  // metadata.version 3.5-IV2

Error words(std::string text) {
  return {Errc::invalid_argument, std::move(text)};
}

Error java(std::string_view exception, std::string_view text) {
  return words(fmt::format("Exception in thread \"main\" java.lang.{}: {}", exception, text));
}

std::string setting(const broker::Settings& settings, std::string_view name) {
  const auto found = settings.given.find(name);
  return found == settings.given.end() ? "" : found->second.value;
}

bool is_controller(const broker::Settings& settings) {
  return setting(settings, "process.roles").find("controller") != std::string::npos;
}

bool has_static_quorum(const broker::Settings& settings) {
  return !setting(settings, "controller.quorum.voters").empty();
}

Result<FeatureLevels> parse_levels(const std::vector<std::string>& pairs) {
  FeatureLevels levels;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    const std::string trouble = fmt::format("Can't parse feature=level string {}: ", pair);
    if (equals == pair.npos)
      return std::unexpected(java("RuntimeException", trouble + "equals sign not found."));
    const auto level = parse_short(std::string_view(pair).substr(equals + 1));
    if (!level) {
      return std::unexpected(
          java("RuntimeException", fmt::format("{}unable to parse {} as a short.", trouble,
                                               std::string_view(pair).substr(equals + 1))));
    }
    levels[pair.substr(0, equals)] = *level;
  }
  return levels;
}

/// What the flags and settings say of who votes.
Result<> plan_quorum(const broker::Settings& settings, const Arguments& arguments,
                     broker::DirectoryFormat& format) {
  const bool standalone = arguments.has("--standalone");
  const auto controllers = arguments.value("--initial-controllers");
  if ((standalone || controllers) && has_static_quorum(settings)) {
    return std::unexpected(words(
        "You cannot specify controller.quorum.voters and format the node with "
        "--initial-controllers or --standalone. If you want to use dynamic quorum, please remove "
        "controller.quorum.voters and specify controller.quorum.bootstrap.servers instead."));
  }
  format.quorum = Quorum::untold;
  if (controllers) {
    format.quorum = Quorum::given;
    TRY(format.controllers, parse_initial_controllers(*controllers));
  }
  if (standalone) {
    format.quorum = Quorum::this_node;
    if (!is_controller(settings))
      return std::unexpected(words("You can only use --standalone on a controller."));
  }
  const bool told = format.quorum != Quorum::untold || has_static_quorum(settings) ||
                    arguments.has("--no-initial-controllers");
  if (is_controller(settings) && !told) {
    return std::unexpected(words(
        "Because controller.quorum.voters is not set on this controller, you must specify one of "
        "the following: --standalone, --initial-controllers, or --no-initial-controllers."));
  }
  return {};
}

Result<MetadataVersion> plan_release(const Arguments& arguments, FeatureLevels& asked) {
  const auto named = arguments.value("--release-version");
  const auto level = asked.find(kMetadataVersionFeature);
  if (level == asked.end())
    return named ? find_release(*named, Stability::production) : metadata_version_latest();
  if (named) {
    return std::unexpected(
        words("Use --release-version instead of --feature metadata.version=X to avoid ambiguity."));
  }
  const auto found = metadata_version_of(level->second);
  if (!found) {
    return std::unexpected(java("IllegalArgumentException",
                                fmt::format("No MetadataVersion with feature level {}. Valid "
                                            "feature levels are {}.",
                                            level->second, level_range())));
  }
  if (!is_production(*found)) {
    return std::unexpected(
        words(fmt::format("metadata.version {} is not yet stable.", found->name)));
  }
  asked.erase(level);
  return *found;
}

/// Credentials are not kept: what Kafka refuses is refused in its words, the rest in ours.
Result<> check_scram(const std::vector<std::string>& credentials, MetadataVersion release) {
  if (credentials.empty()) return {};
  if (release.level < kScramSince) {
    return std::unexpected(words("SCRAM is only supported in metadata.version 3.5-IV2 or later."));
  }
  for (const std::string& credential : credentials) {
    const size_t equals = credential.find('=');
    if (equals == credential.npos) {
      return std::unexpected(
          words(fmt::format("Failed to find equals sign in SCRAM argument '{}'", credential)));
    }
    const std::string_view mechanism = std::string_view(credential).substr(0, equals);
    if (mechanism != "SCRAM-SHA-256" && mechanism != "SCRAM-SHA-512") {
      return std::unexpected(
          words(fmt::format("The add-scram mechanism {} is not supported.", mechanism)));
    }
    const std::string_view config = std::string_view(credential).substr(equals + 1);
    if (!config.starts_with('['))
      return std::unexpected(words("Expected configuration string to start with ["));
    if (!config.ends_with(']'))
      return std::unexpected(words("Expected configuration string to end with ]"));
  }
  return std::unexpected(words("--add-scram: SCRAM is not served, so no credential is kept."));
}

bool is_voter(const FormatPlan& plan, NodeId node) {
  return plan.format.quorum == Quorum::this_node ||
         std::ranges::any_of(plan.format.controllers,
                             [node](const auto& each) { return each.id == node; });
}

std::string_view kind_of_directory(const FormatPlan& plan, NodeId node) {
  if (plan.format.quorum == Quorum::untold) return "metadata directory";
  return is_voter(plan, node) ? "dynamic metadata voter directory" : "dynamic metadata directory";
}

void print(const FormatPlan& plan, const broker::Settings& settings) {
  std::string records;
  for (const auto& [name, level] : plan.format.features) {
    records += fmt::format(
        "{}ApiMessageAndVersion(FeatureLevelRecord(name='{}', featureLevel={}) at version 0)",
        records.empty() ? "" : ", ", name, level);
  }
  std::fputs(
      fmt::format("Bootstrap metadata: BootstrapMetadata(records=[{}], "
                  "metadataVersionLevel={}, source=format command)\n"
                  "Formatting {} {} with metadata.version {}.\n",
                  records, plan.release.level, kind_of_directory(plan, NodeId(settings.node_id)),
                  settings.log_dir, plan.release.name)
          .c_str(),
      stdout);
}

int complain(std::string_view text) {
  std::fputs(fmt::format("{}\n", text).c_str(), stderr);
  return 1;
}

}  // namespace

Result<> check_node_settings(const broker::Settings& settings) {
  for (const std::string_view name : {"process.roles", "node.id"}) {
    if (settings.given.contains(name)) continue;
    return std::unexpected(words(fmt::format(
        "Exception in thread \"main\" org.apache.kafka.common.config.ConfigException: Missing "
        "required configuration \"{}\" which has no default value.",
        name)));
  }
  return {};
}

Result<FormatPlan> plan_format(const broker::Settings& settings, const Arguments& arguments) {
  FormatPlan plan;
  if (const auto named = arguments.value("--release-version"))
    CHECKED(find_release(*named, Stability::production));
  TRY(FeatureLevels asked, parse_levels(arguments.values("--feature")));
  CHECKED(plan_quorum(settings, arguments, plan.format));
  TRY(plan.release, plan_release(arguments, asked));
  const bool dynamic = plan.format.quorum != Quorum::untold ||
                       (arguments.has("--no-initial-controllers") && !has_static_quorum(settings));
  TRY(plan.features, effective_levels(plan.release, asked, dynamic));
  CHECKED(check_scram(arguments.values("--add-scram"), plan.release));
  plan.format.cluster_id = arguments.value("--cluster-id").value_or("");
  plan.format.features = {{std::string(kMetadataVersionFeature), plan.release.level}};
  for (const auto& [name, level] : plan.features) {
    const bool elsewhere = name == kMetadataVersionFeature || name == kKraftVersionFeature;
    if (!elsewhere && level > 0) plan.format.features.emplace_back(name, level);
  }
  for (const auto& each : plan.format.controllers) {
    if (each.id == NodeId(settings.node_id)) plan.format.directory_id = each.directory_id;
  }
  return plan;
}

Task<Result<std::optional<storage::MetaProperties>>> read_meta_properties(Shard& shard,
                                                                          std::string directory) {
  const auto bytes = co_await read_file(shard.executor(), shard.disk(),
                                        join_path(directory, storage::kMetaPropertiesFile),
                                        storage::kMetaPropertiesBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) co_return std::nullopt;
  if (!bytes) co_return std::unexpected(bytes.error());
  CO_TRY(storage::MetaProperties properties, storage::decode_meta_properties(bytes->view()));
  co_return properties;
}

Task<int> format_storage(Shard& shard, const broker::Settings& settings, FormatPlan plan,
                         DirectoryId directory_id, bool ignore_formatted) {
  const std::string& directory = settings.log_dir;
  const auto before = co_await read_meta_properties(shard, directory);
  if (!before) co_return complain(describe(before.error()));
  if (*before) {
    const storage::MetaProperties& found = **before;
    const std::string file = join_path(directory, storage::kMetaPropertiesFile);
    if (found.cluster_id != plan.format.cluster_id) {
      co_return complain(java("RuntimeException",
                              fmt::format("Invalid cluster.id in: {}. Expected {}, but read {}",
                                          file, plan.format.cluster_id, found.cluster_id))
                             .detail);
    }
    if (found.node_id && found.node_id->value() != settings.node_id) {
      co_return complain(
          java(
              "RuntimeException",
              fmt::format("Stored node id {} doesn't match previous node id {} in {}. If you moved "
                          "your data, make sure your configured node id matches. If you intend to "
                          "create a new node, you should remove all data in your data "
                          "directories.",
                          found.node_id->value(), settings.node_id, file))
              .detail);
    }
    if (!ignore_formatted) {
      co_return complain(fmt::format(
          "Log directory {} is already formatted. Use --ignore-formatted to ignore this directory "
          "and format the others.",
          directory));
    }
    std::fputs("All of the log directories are already formatted.\n", stdout);
    co_return 0;
  }
  print(plan, settings);
  if (plan.format.directory_id.is_zero()) plan.format.directory_id = directory_id;
  plan.format.host_name = host_name();
  const Result<> formatted =
      co_await broker::format_directory(shard, settings, std::move(plan.format));
  co_return formatted ? 0 : complain(describe(formatted.error()));
}

}  // namespace partita::cli::kafka
