#include "cli/kafka/consumer_groups_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/kafka/tool.h"

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kPurpose =
    "This tool helps to list all consumer groups, describe a consumer group, delete consumer group "
    "info, or reset consumer group offsets.";

constexpr OptionRow kRows[] = {
    {"all-groups", Argument::none, "", "Every consumer group."},
    {"all-topics", Argument::none, "", "With --reset-offsets: every topic the group committed."},
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "Where the cluster is, HOST:PORT. REQUIRED, except with --validate-regex."},
    {"by-duration", Argument::required, "String: duration",
     "Reset to what came since: 'PnDTnHnMnS'."},
    {"command-config", Argument::required, "String: command config property file",
     "Properties of the client."},
    {"delete", Argument::none, "", "Delete groups with all they committed."},
    {"delete-offsets", Argument::none, "", "Delete what a group committed for some topics."},
    {"describe", Argument::none, "", "Describe groups: offsets and lag, members, or state."},
    {"dry-run", Argument::none, "", "With --reset-offsets: only show what would be done."},
    {"execute", Argument::none, "", "With --reset-offsets: do it."},
    {"export", Argument::none, "", "With --reset-offsets: show it as CSV."},
    {"from-file", Argument::required, "String: path to CSV file", "Reset to what a CSV file says."},
    {"group", Argument::required, "String: consumer group",
     "The group. May be given several times where several make sense."},
    {"list", Argument::none, "", "List the consumer groups."},
    {"members", Argument::none, "", "With --describe: the members."},
    {"offsets", Argument::none, "", "With --describe: offsets and lag, which is the default."},
    {"reset-offsets", Argument::none, "",
     "Move what groups without members committed. Takes one target, --to-earliest for instance, "
     "and a scope, --topic or --all-topics; shows what it would do unless --execute is given."},
    {"shift-by", Argument::required, "Long: number-of-offsets",
     "Reset to the current offset and so many more, or fewer."},
    {"state", Argument::optional, "String",
     "With --describe: the state; with --list: show states, or list only those in these."},
    {"timeout", Argument::required, "Long: timeout (ms)", "How long each call may take."},
    {"to-current", Argument::none, "", "Reset to the current offset."},
    {"to-datetime", Argument::required, "String: datetime",
     "Reset to what came since: 'YYYY-MM-DDThh:mm:ss.sss'."},
    {"to-earliest", Argument::none, "", "Reset to the beginning."},
    {"to-latest", Argument::none, "", "Reset to the end."},
    {"to-offset", Argument::required, "Long: offset", "Reset to this offset."},
    {"topic", Argument::required, "String: topic",
     "With --reset-offsets and --delete-offsets: the topic, or topic:0,1,2 for some partitions. "
     "May "
     "be given several times."},
    {"type", Argument::optional, "String",
     "With --list: show types, or list only groups of these."},
    {"validate-regex", Argument::required, "String: regex",
     "Say whether this is a regular expression (of RE2)."},
    {"verbose", Argument::none, "", "With --describe: more columns."},
};

constexpr std::pair<std::string_view, GroupsAction> kActions[] = {
    {"list", GroupsAction::list},
    {"describe", GroupsAction::describe},
    {"delete", GroupsAction::remove},
    {"reset-offsets", GroupsAction::reset_offsets},
    {"delete-offsets", GroupsAction::delete_offsets},
    {"validate-regex", GroupsAction::validate_regex},
};

constexpr std::string_view kTargets[] = {"to-offset",   "shift-by",  "to-datetime", "by-duration",
                                         "to-earliest", "to-latest", "to-current",  "from-file"};

Error refused(std::string words) {
  return {Errc::invalid_argument, std::move(words)};
}

/// Options that make sense only beside others.
Result<> check_available(const Options& given) {
  std::vector<std::string_view> unavailable;
  for (const std::string_view option : {"members", "offsets", "state", "type", "verbose"}) {
    const bool listed = given.has("list") && (option == "state" || option == "type");
    const bool described = given.has("describe") && option != "type";
    if (given.has(option) && !listed && !described) unavailable.push_back(option);
  }
  if (unavailable.empty()) return {};
  return std::unexpected(
      refused(fmt::format("Option(s) [{}] are unavailable given other options on the command line",
                          fmt::join(unavailable, ", "))));
}

Result<> check_group_given(const Options& given, std::string_view action) {
  if (given.has("group") || given.has("all-groups")) return {};
  return std::unexpected(refused(
      fmt::format("Option [{}] takes one of these options: [group], [all-groups]", action)));
}

Result<> check_describe(const Options& given) {
  CHECKED(check_group_given(given, "describe"));
  const int parts = given.has("members") + given.has("offsets") + given.has("state");
  if (parts > 1) {
    return std::unexpected(refused(
        "Option [describe] takes at most one of these options: [members], [offsets], [state]"));
  }
  if (given.has("state") && given.value("state")) {
    return std::unexpected(refused("Option [describe] does not take a value for [state]"));
  }
  return {};
}

Result<> check_reset(const OptionParser& parser, const Options& given) {
  if (given.has("dry-run") && given.has("execute")) {
    return std::unexpected(
        refused("Option [reset-offsets] only accepts one of [execute] and [dry-run]"));
  }
  if (!given.has("dry-run") && !given.has("execute")) {
    std::fputs(
        "WARN: No action will be performed as the --execute option is missing. In version 5.0, "
        "this command will require either --dry-run or --execute to be specified. You should add "
        "the --dry-run option explicitly if you are scripting this command and want to keep the "
        "current default behavior without prompting.\n",
        stderr);
  }
  CHECKED(check_group_given(given, "reset-offsets"));
  for (const std::string_view target : kTargets) {
    std::vector<std::string_view> others(std::begin(kTargets), std::end(kTargets));
    std::erase(others, target);
    CHECKED(parser.check_alone(given, target, others));
  }
  return {};
}

Result<> check(const OptionParser& parser, const Options& given) {
  constexpr std::string_view kServer[] = {"bootstrap-server"};
  CHECKED(parser.check_required(given, kServer));
  if (given.has("describe")) CHECKED(check_describe(given));
  if (given.has("delete")) {
    CHECKED(check_group_given(given, "delete"));
    if (given.has("topic")) {
      return std::unexpected(refused(
          "The consumer does not support topic-specific offset deletion from a consumer group."));
    }
  }
  if (given.has("delete-offsets") && (!given.has("group") || !given.has("topic"))) {
    return std::unexpected(
        refused("Option [delete-offsets] takes the following options: [topic], [group]"));
  }
  if (given.has("reset-offsets")) CHECKED(check_reset(parser, given));
  constexpr std::string_view kAllGroups[] = {"all-groups"};
  constexpr std::string_view kNoGroup[] = {"list"};
  constexpr std::string_view kNoTopic[] = {"list", "describe"};
  CHECKED(parser.check_alone(given, "group", kAllGroups));
  CHECKED(parser.check_alone(given, "group", kNoGroup));
  return parser.check_alone(given, "topic", kNoTopic);
}

/// The Java exception that complains in these words.
std::string_view exception_of(std::string_view words) {
  if (words.ends_with("requires an argument")) return "OptionMissingRequiredArgumentException";
  if (words.contains("unavailable")) return "UnavailableOptionException";
  return "UnrecognizedOptionException";
}

}  // namespace

OptionParser consumer_groups_parser() {
  return OptionParser(kRows);
}

std::variant<ConsumerGroupsOptions, int> parse_consumer_groups_options(
    std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  auto given = parser.parse(arguments);
  Result<> understood;
  if (!given) {
    understood = std::unexpected(given.error());
  } else {
    understood = check_available(*given);
  }
  if (!understood) {
    const std::string& words = understood.error().detail;
    std::fputs(
        fmt::format("Exception in thread \"main\" joptsimple.{}: {}\n", exception_of(words), words)
            .c_str(),
        stderr);
    return 1;
  }
  if (arguments.empty()) return parser.usage(kPurpose);
  if (const auto code = help_or_version(parser, *given, kPurpose)) return *code;
  const bool only_regex = given->has("validate-regex");
  if (!only_regex) {
    if (const auto checked = check(parser, *given); !checked) {
      return parser.usage(checked.error().detail);
    }
  }
  const auto count =
      std::ranges::count_if(kActions, [&](const auto& each) { return given->has(each.first); });
  if (count != 1) {
    return parser.usage(
        "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
        "--delete-offsets, --validate-regex");
  }
  ConsumerGroupsOptions options;
  for (const auto& [name, action] : kActions) {
    if (given->has(name)) options.action = action;
  }
  options.given = std::move(*given);
  return options;
}

}  // namespace partita::cli::kafka
