// kafka-configs: Kafka's ConfigCommand, for topics, brokers, log levels of brokers, client metrics
// and groups.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/java_order.h"
#include "cli/kafka/configs_options.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "client/admin.h"
#include "client/group_admin.h"

namespace partita::cli::kafka {
namespace {

using client::ConfigEntry;
using client::ConfigResource;
using client::ConfigSource;
using client::ResourceType;

struct EntityKind {
  std::string_view type;
  ResourceType resource;
  ConfigSource source;  ///< of what was set for one
};
constexpr EntityKind kKinds[] = {
    {"topics", ResourceType::topic, ConfigSource::dynamic_topic},
    {"brokers", ResourceType::broker, ConfigSource::dynamic_broker},
    {"broker-loggers", ResourceType::broker_logger, ConfigSource::unknown},
    {"client-metrics", ResourceType::client_metrics, ConfigSource::dynamic_client_metrics},
    {"groups", ResourceType::group, ConfigSource::dynamic_group},
};

/// "topics" without its s, as for every other: "client-metric".
std::string_view singular(std::string_view type) {
  return type.substr(0, type.size() - 1);
}

std::string_view source_words(ConfigSource source) {
  switch (source) {
    case ConfigSource::dynamic_topic: return "DYNAMIC_TOPIC_CONFIG";
    case ConfigSource::dynamic_broker: return "DYNAMIC_BROKER_CONFIG";
    case ConfigSource::dynamic_default_broker: return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case ConfigSource::static_broker: return "STATIC_BROKER_CONFIG";
    case ConfigSource::defaults: return "DEFAULT_CONFIG";
    case ConfigSource::dynamic_broker_logger: return "DYNAMIC_BROKER_LOGGER_CONFIG";
    case ConfigSource::dynamic_client_metrics: return "DYNAMIC_CLIENT_METRICS_CONFIG";
    case ConfigSource::dynamic_group: return "DYNAMIC_GROUP_CONFIG";
    case ConfigSource::unknown: break;
  }
  return "UNKNOWN";
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

void print_entry(const ConfigEntry& entry) {
  std::vector<std::string> synonyms;
  for (const client::ConfigSynonym& each : entry.synonyms) {
    synonyms.push_back(
        fmt::format("{}:{}={}", source_words(each.source), each.name, each.value.value_or("null")));
  }
  print(fmt::format("  {}={} sensitive={} synonyms={{{}}}\n", entry.name,
                    entry.value.value_or("null"), entry.is_sensitive, fmt::join(synonyms, ", ")));
}

class ConfigsTool {
 public:
  ConfigsTool(ClientContext& context, const ConfigsOptions& options)
      : options_(options),
        admin_(context.scope, context.cluster),
        groups_(context.scope, context.cluster),
        kind_(*std::ranges::find(kKinds, options.type, &EntityKind::type)),
        deadline_(context.now() + kApiTimeout) {}

  Task<Result<>> run() { return options_.alters ? alter() : describe(); }

 private:
  Task<Result<>> describe() {
    std::vector<std::string> names;
    if (options_.name) {
      CO_CHECKED(check_topic_name(*options_.name));
      CO_TRY(const bool exists, co_await is_there(*options_.name));
      if (!options_.all && !exists) {
        print(fmt::format("The {} '{}' doesn't exist and doesn't have dynamic config.\n",
                          singular(options_.type), *options_.name));
        co_return Result<>();
      }
      names.push_back(*options_.name);
    } else {
      CO_TRY(names, co_await every_name());
    }
    for (const std::string& name : names) {
      if (name.empty()) {
        print(fmt::format("Default configs for {} in the cluster are:\n", options_.type));
      } else {
        print(fmt::format("{} configs for {} {} are:\n", options_.all ? "All" : "Dynamic",
                          singular(options_.type), name));
      }
      CO_TRY(const auto entries, co_await entries_of(name, true, options_.all));
      for (const ConfigEntry& entry : entries) print_entry(entry);
    }
    co_return Result<>();
  }

  Task<Result<>> alter() {
    const std::string& name = *options_.name;
    CO_CHECKED(check_topic_name(name));
    if (kind_.resource == ResourceType::broker_logger) CO_CHECKED(co_await check_loggers(name));
    std::vector<client::ConfigChange> changes;
    for (const auto& [each, value] : options_.add) {
      changes.push_back({.name = each, .value = value});
    }
    for (const std::string& each : options_.remove) {
      changes.push_back({.name = each, .operation = client::ConfigOperation::remove, .value = ""});
    }
    CO_CHECKED(
        co_await admin_.alter_configs({kind_.resource, name}, std::move(changes), deadline_));
    if (name.empty()) {
      print(
          fmt::format("Completed updating default config for {} in the cluster.\n", options_.type));
    } else {
      print(fmt::format("Completed updating config for {} {}.\n", singular(options_.type), name));
    }
    co_return Result<>();
  }

  /// Only loggers that are there have a level.
  Task<Result<>> check_loggers(std::string name) {
    CO_TRY(const auto known, co_await entries_of(std::move(name), false, true));
    std::vector<std::string> unknown;
    const auto check = [&](const std::string& each) {
      if (std::ranges::find(known, each, &ConfigEntry::name) == known.end()) {
        unknown.push_back(each);
      }
    };
    for (const std::string& each : options_.remove) check(each);
    for (const auto& [each, value] : options_.add) check(each);
    if (unknown.empty()) co_return Result<>();
    co_return fail(Errc::invalid_argument,
                   fmt::format("Invalid broker logger(s): {}", fmt::join(unknown, ",")));
  }

  Result<> check_topic_name(const std::string& name) const {
    if (kind_.resource != ResourceType::topic) return {};
    constexpr size_t kNameMax = 249;
    const bool legal = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    });
    if (legal && !name.empty() && name != "." && name != ".." && name.size() <= kNameMax) return {};
    return fail(Errc::invalid_topic_exception, "Topic name is invalid: '" + name + "'");
  }

  Task<Result<std::vector<ConfigEntry>>> entries_of(std::string name, bool with_synonyms,
                                                    bool all) {
    CO_TRY(const auto described,
           co_await admin_.describe_configs({{kind_.resource, name}}, deadline_,
                                            {.with_synonyms = with_synonyms}));
    if (described.empty()) co_return fail(Errc::malformed, "no answer about " + name);
    if (!described[0].result) co_return std::unexpected(described[0].result.error());
    std::vector<ConfigEntry> entries = *described[0].result;
    ConfigSource wanted = kind_.source;
    if (kind_.resource == ResourceType::broker && name.empty()) {
      wanted = ConfigSource::dynamic_default_broker;
    }
    if (!all && wanted != ConfigSource::unknown) {
      std::erase_if(entries, [&](const ConfigEntry& entry) { return entry.source != wanted; });
    }
    std::ranges::sort(entries, {}, &ConfigEntry::name);
    co_return entries;
  }

  Task<Result<bool>> is_there(std::string name) {
    if (options_.all) co_return true;
    if (name.empty() && kind_.resource == ResourceType::broker) co_return true;
    CO_TRY(const auto names, co_await every_name());
    co_return std::ranges::find(names, name) != names.end();
  }

  /// In Java's order; brokers' defaults, named "", come last.
  Task<Result<std::vector<std::string>>> every_name() {
    std::vector<std::string> names;
    switch (kind_.resource) {
      case ResourceType::topic: {
        CO_TRY(const auto topics, co_await admin_.list_topics(deadline_));
        for (const client::TopicPtr& topic : topics) names.push_back(topic->name);
        co_return java_map_order(names);
      }
      case ResourceType::broker:
      case ResourceType::broker_logger: {
        CO_TRY(const auto cluster, co_await admin_.describe_cluster(deadline_));
        for (const client::BrokerView& broker : cluster.brokers) {
          names.push_back(std::to_string(broker.id.value()));
        }
        names.emplace_back();
        co_return names;
      }
      case ResourceType::group: {
        CO_TRY(const auto groups, co_await groups_.list({}, {}, deadline_));
        for (const client::GroupListing& group : groups) names.push_back(group.id);
        names = java_map_order(names);
        break;
      }
      case ResourceType::client_metrics: break;
    }
    // Of groups and client metrics some are nothing but configs.
    const auto resources = co_await admin_.list_config_resources({kind_.resource}, deadline_);
    if (!resources && resources.error().code != Errc::unsupported_version) {
      co_return std::unexpected(resources.error());
    }
    for (const ConfigResource& each : resources.value_or(std::vector<ConfigResource>())) {
      if (std::ranges::find(names, each.name) == names.end()) names.push_back(each.name);
    }
    co_return names;
  }

  const ConfigsOptions& options_;
  client::Admin admin_;
  client::GroupAdmin groups_;
  const EntityKind& kind_;
  const Deadline deadline_;
};

Task<int> run_tool(ClientContext& context, const ConfigsOptions& options,
                   std::span<const std::string> arguments) {
  ConfigsTool tool(context, options);
  const Result<> result = co_await tool.run();
  std::fflush(stdout);
  if (result) co_return 0;
  if (result.error().code == Errc::invalid_argument) {
    std::fputs((result.error().detail + "\n").c_str(), stderr);
  } else {
    std::fputs(fmt::format("Error while executing config command with args '{}'\n"
                           "java.util.concurrent.ExecutionException: {}\n",
                           fmt::join(arguments, " "), java_exception(result.error()))
                   .c_str(),
               stderr);
  }
  co_return 1;
}

}  // namespace

int run_configs(std::span<const std::string> arguments) {
  const auto parsed = parse_configs_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& options = std::get<ConfigsOptions>(parsed);
  auto settings = admin_settings(options.given);
  if (!settings) {
    std::fputs((settings.error().detail + "\n").c_str(), stderr);
    return 1;
  }
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, options, arguments); });
}

}  // namespace partita::cli::kafka
