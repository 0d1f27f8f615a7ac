#include "cli/kafka/configs_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/kafka/tool.h"
#include "cli/properties_file.h"

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kPurpose =
    "This tool helps to manipulate and describe entity config for a topic, client, user, broker, "
    "ip, client-metrics or group";

constexpr OptionRow kRows[] = {
    {"add-config", Argument::required, "String",
     "With --alter: configs to set, 'k1=v1,k2=[v1,v2,v2],k3=v3'; square brackets hold values with "
     "commas together."},
    {"add-config-file", Argument::required, "String",
     "With --alter: a properties file of configs to set."},
    {"all", Argument::none, "", "With --describe: not only what was set, but what holds."},
    {"alter", Argument::none, "", "Change configs."},
    {"bootstrap-controller", Argument::required, "String: controller to connect to",
     "Where the controllers are, HOST:PORT."},
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "Where the cluster is, HOST:PORT."},
    {"broker", Argument::required, "String", "The broker's id."},
    {"broker-defaults", Argument::none, "", "What holds for every broker."},
    {"broker-logger", Argument::required, "String", "The broker whose log levels are meant."},
    {"client", Argument::required, "String", "The client's id."},
    {"client-defaults", Argument::none, "", "What holds for every client."},
    {"client-metrics", Argument::required, "String", "The name of a client metrics resource."},
    {"command-config", Argument::required, "String: command config property file",
     "Properties of the client."},
    {"delete-config", Argument::required, "String", "With --alter: configs to unset, 'k1,k2'."},
    {"describe", Argument::none, "", "Show configs."},
    {"entity-default", Argument::none, "",
     "What holds for all of this --entity-type: clients, users, brokers, ips."},
    {"entity-name", Argument::required, "String", "Which of this --entity-type."},
    {"entity-type", Argument::required, "String",
     "topics, clients, users, brokers, broker-loggers, ips, client-metrics or groups."},
    {"force", Argument::none, "", "Has no effect."},
    {"group", Argument::required, "String", "The group's id."},
    {"ip", Argument::required, "String", "The IP address."},
    {"ip-defaults", Argument::none, "", "What holds for every IP address."},
    {"topic", Argument::required, "String", "The topic."},
    {"user", Argument::required, "String", "The user's principal name."},
    {"user-defaults", Argument::none, "", "What holds for every user."},
};

struct Flag {
  std::string_view name;
  std::string_view type;
};
constexpr Flag kEntityFlags[] = {{"topic", "topics"},
                                 {"client", "clients"},
                                 {"user", "users"},
                                 {"broker", "brokers"},
                                 {"broker-logger", "broker-loggers"},
                                 {"ip", "ips"},
                                 {"client-metrics", "client-metrics"},
                                 {"group", "groups"}};
constexpr Flag kDefaultFlags[] = {{"client-defaults", "clients"},
                                  {"user-defaults", "users"},
                                  {"broker-defaults", "brokers"},
                                  {"ip-defaults", "ips"}};
constexpr std::string_view kTypes[] = {"topics", "clients",        "users",  "brokers",
                                       "ips",    "client-metrics", "groups", "broker-loggers"};

using Words = std::vector<std::string>;

Error refused(std::string words) {
  return {Errc::invalid_argument, std::move(words)};
}

Words entity_types(const Options& given) {
  Words types = given.values("entity-type");
  for (const Flag& flag : kEntityFlags) {
    if (given.has(flag.name)) types.emplace_back(flag.type);
  }
  for (const Flag& flag : kDefaultFlags) {
    if (given.has(flag.name)) types.emplace_back(flag.type);
  }
  return types;
}

/// "" stands for the defaults.
Words entity_names(const Options& given) {
  Words names = given.values("entity-name");
  if (given.has("entity-default")) names.emplace_back();
  for (const Flag& flag : kEntityFlags) {
    if (const auto name = given.value(flag.name)) names.push_back(*name);
  }
  for (const Flag& flag : kDefaultFlags) {
    if (given.has(flag.name)) names.emplace_back();
  }
  return names;
}

bool has(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool has_any_flag(const Options& given) {
  const auto set = [&](const Flag& flag) { return given.has(flag.name); };
  return std::ranges::any_of(kEntityFlags, set) || std::ranges::any_of(kDefaultFlags, set);
}

Result<> check_types(const Options& given, const Words& types) {
  for (size_t i = 0; i < types.size(); i++) {
    if (std::ranges::count(types, types[i]) > 1) {
      return std::unexpected(refused("Duplicate entity type(s) specified: " + types[i]));
    }
  }
  const bool connects = given.has("bootstrap-server") || given.has("bootstrap-controller");
  if (!connects) {
    return std::unexpected(
        refused("Either --bootstrap-server or --bootstrap-controller must be specified."));
  }
  for (const std::string& type : types) {
    if (std::ranges::find(kTypes, type) != std::end(kTypes)) continue;
    return std::unexpected(
        refused(fmt::format("Invalid entity type {}, the entity type must be one of {} with a "
                            "--bootstrap-server or --bootstrap-controller argument",
                            type, fmt::join(kTypes, ", "))));
  }
  if (types.empty()) return std::unexpected(refused("At least one entity type must be specified"));
  const bool both = types.size() == 2 && has(types, "users") && has(types, "clients");
  if (types.size() > 1 && !both) {
    return std::unexpected(
        refused("Only 'users' and 'clients' entity types may be specified together"));
  }
  const bool general =
      given.has("entity-name") || given.has("entity-type") || given.has("entity-default");
  if (general && has_any_flag(given)) {
    return std::unexpected(refused(
        "--entity-{type,name,default} should not be used in conjunction with specific entity "
        "flags"));
  }
  if (given.has("bootstrap-server") && given.has("bootstrap-controller")) {
    return std::unexpected(
        refused("Only one of --bootstrap-server or --bootstrap-controller can be specified"));
  }
  return {};
}

Result<> check_broker_ids(const Options& given, const Words& types) {
  if (!has(types, "brokers") && !has(types, "broker-loggers")) return {};
  for (const std::string_view flag : {"entity-name", "broker", "broker-logger"}) {
    const auto text = given.value(flag);
    if (!text) continue;
    int32_t id = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), id);
    if (error == std::errc() && end == text->data() + text->size()) continue;
    // The empty name is no name.
    if (text->empty()) continue;
    return std::unexpected(refused(
        fmt::format("The entity name for {} must be a valid integer broker id, but it is: {}",
                    types[0], *text)));
  }
  return {};
}

Result<> check_alter(const Options& given, const Words& types, bool named, bool defaults) {
  const bool has_defaults =
      has(types, "users") || has(types, "clients") || has(types, "brokers") || has(types, "ips");
  if (has_defaults && !named && !defaults) {
    return std::unexpected(refused(
        "An entity-name or default entity must be specified with --alter of users, clients, "
        "brokers or ips"));
  }
  if (!has_defaults && !named) {
    return std::unexpected(refused(
        fmt::format("An entity name must be specified with --alter of {}", fmt::join(types, ","))));
  }
  if (given.has("add-config") && given.has("add-config-file")) {
    return std::unexpected(
        refused("Only one of --add-config or --add-config-file must be specified"));
  }
  if (!given.has("add-config") && !given.has("add-config-file") && !given.has("delete-config")) {
    return std::unexpected(
        refused("At least one of --add-config, --add-config-file, or --delete-config must be "
                "specified with --alter"));
  }
  return {};
}

Result<> check(const Options& given) {
  const Words types = entity_types(given);
  const Words names = entity_names(given);
  CHECKED(check_types(given, types));
  const bool defaults = has(names, "");
  const bool named = std::ranges::any_of(names, [](const auto& name) { return !name.empty(); });
  if (named) CHECKED(check_broker_ids(given, types));
  if (given.has("describe")) {
    const bool has_defaults =
        has(types, "users") || has(types, "clients") || has(types, "brokers") || has(types, "ips");
    if (!has_defaults && given.has("entity-default")) {
      return std::unexpected(refused(fmt::format(
          "--entity-default must not be specified with --describe of {}", fmt::join(types, ","))));
    }
    if (has(types, "broker-loggers") && !named) {
      return std::unexpected(refused(fmt::format(
          "An entity name must be specified with --describe of {}", fmt::join(types, ","))));
    }
  }
  if (given.has("alter")) CHECKED(check_alter(given, types, named, defaults));
  for (const std::string& type : types) {
    if (type != "users" && type != "clients" && type != "ips") continue;
    return std::unexpected(
        refused(fmt::format("Quotas and credentials of {} are not served by this tool", type)));
  }
  if (given.has("alter") && names.size() != types.size()) {
    return std::unexpected(refused("An entity name must be specified for every entity type"));
  }
  return {};
}

std::string trimmed(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<uint8_t>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

/// Where the separator at `at` counts: the next bracket, if there is one, opens.
bool is_outside_brackets(std::string_view text, size_t at) {
  const size_t bracket = text.find_first_of("[]", at);
  return bracket == std::string_view::npos || text[bracket] == '[';
}

Result<> check_keys(const std::vector<std::pair<std::string, std::string>>& configs) {
  for (const auto& [name, value] : configs) {
    const bool fine = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    });
    if (!fine) {
      return std::unexpected(refused("Invalid character found for config key: " + name));
    }
  }
  return {};
}

Result<ConfigsOptions> options_of(const Options& given) {
  ConfigsOptions options{.alters = given.has("alter"), .all = given.has("all")};
  options.type = entity_types(given).front();
  const Words names = entity_names(given);
  if (!names.empty()) options.name = names.front();
  if (const auto file = given.value("add-config-file")) {
    TRY(const Properties properties, read_properties_file(*file));
    for (const auto& [name, value] : properties.entries()) options.add.emplace_back(name, value);
  }
  if (const auto text = given.value("add-config")) {
    TRY(options.add, parse_added_configs(*text));
  }
  CHECKED(check_keys(options.add));
  for (const std::string& list : given.values("delete-config")) {
    std::string_view rest = list;
    while (true) {
      const size_t comma = rest.find(',');
      options.remove.push_back(trimmed(rest.substr(0, comma)));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  options.given = given;
  return options;
}

int complain(const Error& error) {
  std::fputs((error.detail + "\n").c_str(), stderr);
  return 1;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_added_configs(
    std::string_view text) {
  std::vector<std::pair<std::string, std::string>> configs;
  size_t begin = 0;
  for (size_t at = 0; at <= text.size(); at++) {
    const bool ends = at == text.size() || (text[at] == ',' && is_outside_brackets(text, at + 1));
    if (!ends) continue;
    const std::string_view pair = text.substr(begin, at - begin);
    begin = at + 1;
    std::vector<std::string_view> parts;
    size_t from = 0;
    for (size_t i = 0; i <= pair.size(); i++) {
      if (i < pair.size() && (pair[i] != '=' || !is_outside_brackets(pair, i + 1))) continue;
      parts.push_back(pair.substr(from, i - from));
      from = i + 1;
    }
    if (parts.size() != 2) {
      return std::unexpected(refused(
          "requirement failed: Invalid entity config: all configs to be added must be in the "
          "format \"key=val\" or  \"key=[val1,val2]\" to group values which contain commas."));
    }
    std::string value;
    for (const char c : parts[1]) {
      if (c != '[' && c != ']') value += c;
    }
    const std::string name = trimmed(parts[0]);
    std::erase_if(configs, [&](const auto& each) { return each.first == name; });
    configs.emplace_back(name, trimmed(value));
  }
  return configs;
}

std::variant<ConfigsOptions, int> parse_configs_options(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  const auto given = parser.parse(arguments);
  if (!given) return complain(given.error());
  if (arguments.empty()) return parser.usage(kPurpose);
  if (const auto code = help_or_version(parser, *given, kPurpose)) return *code;
  if (given->has("alter") == given->has("describe")) {
    return parser.usage("Command must include exactly one action: --describe, --alter");
  }
  constexpr std::string_view kOfAlter[] = {"alter", "add-config", "delete-config"};
  if (const auto alone = parser.check_alone(*given, "describe", kOfAlter); !alone) {
    return parser.usage(alone.error().detail);
  }
  if (const auto checked = check(*given); !checked) return complain(checked.error());
  auto options = options_of(*given);
  if (!options) return complain(options.error());
  return *std::move(options);
}

}  // namespace partita::cli::kafka
