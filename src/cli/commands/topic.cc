// partita topic: create, list, describe, alter, delete.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands/topic_output.h"
#include "client/admin.h"

namespace partita::cli {
namespace {

struct TopicFlags {
  ClientFlags client;
  std::vector<std::string> names;
  int32_t partitions = -1;
  int16_t replicas = -1;
  std::vector<std::string> set;
  std::vector<std::string> unset;
  std::string durability;
  bool json = false;
  bool ignore = false;  ///< --if-exists, --if-not-exists
};

using Configs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kIntervalMs = "100";

/// A durability in the configs that Kafka has for it.
Result<Configs> durability_configs(const std::string& durability) {
  if (durability.empty()) return Configs();
  if (durability == "fsync") return Configs{{"flush.messages", "1"}};
  if (durability == "interval") return Configs{{"flush.ms", std::string(kIntervalMs)}};
  if (durability == "os") {
    // As Kafka understands "never by us".
    return Configs{{"flush.messages", "9223372036854775807"}, {"flush.ms", "9223372036854775807"}};
  }
  return fail(Errc::invalid_argument,
              fmt::format("--durability is fsync, interval or os, not '{}'", durability));
}

Result<Configs> configs_of(const TopicFlags& flags) {
  TRY(Configs configs, durability_configs(flags.durability));
  for (const std::string& pair : flags.set) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::invalid_argument, fmt::format("--config takes NAME=VALUE, not '{}'", pair));
    }
    const std::string name = pair.substr(0, equals);
    const std::string value = pair.substr(equals + 1);
    if (name == "durability") {
      TRY(const Configs alias, durability_configs(value));
      configs.insert(configs.end(), alias.begin(), alias.end());
    } else {
      configs.emplace_back(name, value);
    }
  }
  return configs;
}

class TopicCommand {
 public:
  TopicCommand(ClientContext& context, const TopicFlags& flags)
      : flags_(flags),
        admin_(context.scope, context.cluster),
        deadline_(context.now() + flags.client.timeout()) {}

  Task<Result<>> create() {
    CO_TRY(const Configs configs, configs_of(flags_));
    std::vector<client::NewTopic> topics;
    for (const std::string& name : flags_.names) {
      topics.push_back({.name = name,
                        .partitions = flags_.partitions,
                        .replication_factor = flags_.replicas,
                        .configs = configs});
    }
    CO_TRY(const auto outcomes, co_await admin_.create_topics(std::move(topics), false, deadline_));
    for (const auto& each : outcomes) {
      if (!each.result) {
        if (flags_.ignore && each.result.error().code == Errc::topic_already_exists) continue;
        co_return fail(each.result.error().code, each.name + ": " + words_of(each.result.error()));
      }
      print(fmt::format("created {} with {} partition{}\n", each.name, each.result->partitions,
                        each.result->partitions == 1 ? "" : "s"));
    }
    co_return Result<>();
  }

  Task<Result<>> list() {
    CO_TRY(const auto topics, co_await admin_.list_topics(deadline_));
    print(flags_.json ? topics_json(topics) : topics_table(topics));
    co_return Result<>();
  }

  Task<Result<>> describe() {
    std::vector<std::string> names = flags_.names;
    if (names.empty()) {
      CO_TRY(const auto topics, co_await admin_.list_topics(deadline_));
      for (const client::TopicPtr& topic : topics) names.push_back(topic->name);
    }
    std::vector<ShownTopic> shown;
    if (!names.empty()) {
      CO_TRY(shown, co_await look_up(names));
    }
    print(flags_.json ? described_json(shown) : described_text(shown));
    co_return Result<>();
  }

  Task<Result<>> alter() {
    CO_TRY(const Configs configs, configs_of(flags_));
    for (const std::string& name : flags_.names) {
      if (flags_.partitions >= 0) {
        CO_TRY(const auto outcomes, co_await admin_.create_partitions(
                                        {{.topic = name, .count = flags_.partitions}}, deadline_));
        CO_CHECKED(check(outcomes));
      }
      std::vector<client::ConfigChange> changes;
      for (const auto& [config, value] : configs) {
        changes.push_back({config, client::ConfigOperation::set, value});
      }
      for (const std::string& config : flags_.unset) {
        changes.push_back({config, client::ConfigOperation::remove, std::nullopt});
      }
      if (changes.empty()) continue;
      const Result<> altered = co_await admin_.alter_configs({client::ResourceType::topic, name},
                                                             std::move(changes), deadline_);
      if (!altered) co_return fail(altered.error().code, name + ": " + words_of(altered.error()));
    }
    co_return Result<>();
  }

  Task<Result<>> remove() {
    CO_TRY(const auto outcomes, co_await admin_.delete_topics(flags_.names, deadline_));
    co_return check(outcomes);
  }

 private:
  Task<Result<std::vector<ShownTopic>>> look_up(std::vector<std::string> names) {
    CO_TRY(auto topics, co_await admin_.describe_topics(names, deadline_));
    std::vector<client::ConfigResource> resources;
    for (const auto& each : topics) {
      if (!each.result) {
        co_return fail(each.result.error().code, each.name + ": " + words_of(each.result.error()));
      }
      resources.push_back({client::ResourceType::topic, each.name});
    }
    CO_TRY(auto configs, co_await admin_.describe_configs(std::move(resources), deadline_));
    std::vector<ShownTopic> shown;
    for (auto& each : topics) {
      ShownTopic topic{.name = each.name, .topic = *std::move(each.result), .configs = {}};
      const auto at = std::ranges::find(configs, each.name, [](const auto& c) { return c.name; });
      if (at != configs.end() && at->result) {
        for (const client::ConfigEntry& config : *at->result) {
          if (config.source == client::ConfigSource::dynamic_topic) topic.configs.push_back(config);
        }
      }
      std::ranges::sort(topic.configs, {}, &client::ConfigEntry::name);
      shown.push_back(std::move(topic));
    }
    co_return shown;
  }

  Result<> check(const client::Outcomes<>& outcomes) const {
    for (const auto& each : outcomes) {
      if (each.result) continue;
      if (flags_.ignore && each.result.error().code == Errc::unknown_topic_or_partition) continue;
      return fail(each.result.error().code, each.name + ": " + words_of(each.result.error()));
    }
    return {};
  }

  static void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

  const TopicFlags& flags_;
  client::Admin admin_;
  const Deadline deadline_;
};

using Action = Task<Result<>> (TopicCommand::*)();

Task<int> run_action(ClientContext& context, const TopicFlags& flags, Action action) {
  TopicCommand command(context, flags);
  const Result<> result = co_await (command.*action)();
  co_return result ? 0 : complain("topic", result.error());
}

void add_configs(CLI::App& app, TopicFlags& flags) {
  app.add_option("-c,--config", flags.set, "NAME=VALUE: a config under Kafka's name, or durability")
      ->take_all();
  app.add_option("--durability", flags.durability,
                 "fsync, interval or os: when a record counts as written");
}

void add_names(CLI::App& app, TopicFlags& flags, bool required) {
  CLI::Option* names = app.add_option("name", flags.names, "topics");
  if (required) names->required();
}

void add_format(CLI::App& app, TopicFlags& flags) {
  app.add_option_function<std::string>(
         "--format", [&flags](const std::string& format) { flags.json = format == "json"; },
         "text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

}  // namespace

int run_topic(std::span<const std::string> arguments) {
  CLI::App app("Creates, lists, describes, alters and deletes topics.", "partita topic");
  app.require_subcommand(1);
  TopicFlags flags;
  Action action = nullptr;
  const auto subcommand = [&](const char* name, const char* words, Action what) {
    CLI::App* sub = app.add_subcommand(name, words);
    flags.client.add_to(*sub);
    sub->callback([&action, what] { action = what; });
    return sub;
  };
  CLI::App* create = subcommand("create", "create topics", &TopicCommand::create);
  add_names(*create, flags, true);
  create->add_option("-p,--partitions", flags.partitions, "else the broker's default")
      ->check(CLI::PositiveNumber);
  create->add_option("-r,--replicas", flags.replicas, "else the broker's default")
      ->check(CLI::PositiveNumber);
  add_configs(*create, flags);
  create->add_flag("--if-not-exists", flags.ignore, "a topic that is there is no error");
  CLI::App* list = subcommand("list", "list the topics", &TopicCommand::list);
  add_format(*list, flags);
  CLI::App* describe = subcommand("describe", "partitions and configs", &TopicCommand::describe);
  add_names(*describe, flags, false);
  add_format(*describe, flags);
  CLI::App* alter = subcommand("alter", "more partitions, other configs", &TopicCommand::alter);
  add_names(*alter, flags, true);
  alter->add_option("-p,--partitions", flags.partitions, "how many it is to have")
      ->check(CLI::PositiveNumber);
  add_configs(*alter, flags);
  alter->add_option("--delete-config", flags.unset, "NAME: back to the default")->take_all();
  CLI::App* remove = subcommand("delete", "delete topics", &TopicCommand::remove);
  add_names(*remove, flags, true);
  remove->add_flag("--if-exists", flags.ignore, "a topic that is not there is no error");
  if (const auto code = parse(app, arguments)) return *code;
  auto settings = cluster_settings(flags.client.bootstrap, "partita-topic");
  if (!settings) return complain("topic", settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_action(context, flags, action); });
}

}  // namespace partita::cli
