#include "cli/kafka/topics_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/kafka/tool.h"

namespace partita::cli::kafka {
namespace {

constexpr OptionRow kRows[] = {
    {"alter", Argument::none, "", "Change the number of partitions of a topic."},
    {"at-min-isr-partitions", Argument::none, "",
     "With --describe: only partitions with just min.insync.replicas in sync."},
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "REQUIRED: where the cluster is, HOST:PORT."},
    {"command-config", Argument::required, "String: file", "Properties of the client."},
    {"config", Argument::required, "String: name=value",
     "With --create: a config of the new topic. May be given several times."},
    {"create", Argument::none, "", "Create a topic."},
    {"delete", Argument::none, "", "Delete topics."},
    {"delete-config", Argument::required, "String: name", "Has no effect any more."},
    {"describe", Argument::none, "", "List details of topics."},
    {"exclude-internal", Argument::none, "", "Leave Kafka's own topics out."},
    {"if-exists", Argument::none, "",
     "With --alter, --delete, --describe: a topic that is not there is no error."},
    {"if-not-exists", Argument::none, "", "With --create: a topic that is there is no error."},
    {"list", Argument::none, "", "List the topics."},
    {"partition-size-limit-per-response", Argument::required, "Integer: partitions",
     "With --describe: partitions in one page of the answer."},
    {"partitions", Argument::required, "Integer: # of partitions",
     "How many partitions a topic is to have. Which keys go where changes when it grows."},
    {"replica-assignment", Argument::required, "String: 1:2,2:3",
     "With --create, --alter: the replicas of each partition."},
    {"replication-factor", Argument::required, "Integer: replication factor",
     "With --create: how many replicas each partition has."},
    {"topic", Argument::required, "String: topic",
     "The topic; a regular expression, except with --create."},
    {"topic-id", Argument::required, "String: topic-id", "With --describe: the topic's id."},
    {"topics-with-overrides", Argument::none, "",
     "With --describe: only topics with configs of their own."},
    {"unavailable-partitions", Argument::none, "",
     "With --describe: only partitions without a live leader."},
    {"under-min-isr-partitions", Argument::none, "",
     "With --describe: only partitions with fewer than min.insync.replicas in sync."},
    {"under-replicated-partitions", Argument::none, "",
     "With --describe: only partitions with a replica out of sync."},
};

constexpr std::pair<std::string_view, TopicsAction> kActions[] = {
    {"create", TopicsAction::create}, {"list", TopicsAction::list},
    {"alter", TopicsAction::alter},   {"describe", TopicsAction::describe},
    {"delete", TopicsAction::remove},
};

/// With which actions, and without which other options, an option may stand.
struct Rule {
  std::string_view option;
  std::vector<std::string_view> actions;
  std::vector<std::string_view> others = {};
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"config", {"create", "alter"}},
      {"partitions", {"create", "alter"}},
      {"replication-factor", {"create"}},
      {"replica-assignment", {"create", "alter"}},
      {"under-replicated-partitions", {"describe"}, {"topics-with-overrides"}},
      {"under-min-isr-partitions", {"describe"}, {"topics-with-overrides"}},
      {"at-min-isr-partitions", {"describe"}, {"topics-with-overrides"}},
      {"unavailable-partitions", {"describe"}, {"topics-with-overrides"}},
      {"topics-with-overrides",
       {"describe"},
       {"under-replicated-partitions", "under-min-isr-partitions", "at-min-isr-partitions",
        "unavailable-partitions"}},
      {"if-exists", {"alter", "delete", "describe"}},
      {"if-not-exists", {"create"}},
      {"exclude-internal", {"list", "describe"}},
  };
  return all;
}

Result<> check_required(const OptionParser& parser, const Options& given) {
  constexpr std::string_view kTopic[] = {"topic"};
  constexpr std::string_view kPartitions[] = {"partitions"};
  if (!given.has("list") && !given.has("describe")) {
    CHECKED(parser.check_required(given, kTopic));
  }
  if (!given.has("alter")) return {};
  if (given.has("config")) {
    return fail(Errc::invalid_argument,
                "Option combination \"[[bootstrap-server], [config]]\" can't be used with option "
                "\"[alter]\" (To alter topic configurations, the kafka-configs tool can be used.)");
  }
  return parser.check_required(given, kPartitions);
}

Result<> check_together(const OptionParser& parser, const Options& given) {
  for (const Rule& rule : rules()) {
    std::vector<std::string_view> forbidden = rule.others;
    for (const std::string_view action : {"alter", "create", "describe", "list", "delete"}) {
      if (std::ranges::find(rule.actions, action) == rule.actions.end()) {
        forbidden.push_back(action);
      }
    }
    CHECKED(parser.check_alone(given, rule.option, forbidden));
    constexpr std::string_view kCounts[] = {"partitions", "replication-factor"};
    if (rule.option == "replica-assignment" && given.has("create")) {
      CHECKED(parser.check_alone(given, rule.option, kCounts));
    }
  }
  return {};
}

Result<std::vector<int32_t>> parse_replicas(std::string_view text) {
  std::vector<int32_t> replicas;
  while (true) {
    const size_t colon = text.find(':');
    std::string_view number = text.substr(0, colon);
    while (number.starts_with(' ')) number.remove_prefix(1);
    while (number.ends_with(' ')) number.remove_suffix(1);
    int32_t id = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), id);
    if (error != std::errc() || end != number.data() + number.size()) {
      return fail(Errc::invalid_argument, fmt::format("For input string: \"{}\"", number));
    }
    if (std::ranges::find(replicas, id) != replicas.end()) {
      return fail(Errc::invalid_argument,
                  fmt::format("Partition replica lists may not contain duplicate entries: {}", id));
    }
    replicas.push_back(id);
    if (colon == std::string_view::npos) return replicas;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

std::variant<TopicsOptions, int> parse_topics_options(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  auto given = parser.parse(arguments);
  if (!given) return parser.usage(given.error().detail);
  if (arguments.empty()) return parser.usage("Create, delete, describe, or change a topic.");
  if (const auto code = help_or_version(
          parser, *given, "This tool helps to create, delete, describe, or change a topic.")) {
    return *code;
  }
  const auto count =
      std::ranges::count_if(kActions, [&](const auto& each) { return given->has(each.first); });
  if (count != 1) {
    return parser.usage(
        "Command must include exactly one action: --list, --describe, --create, --alter or "
        "--delete");
  }
  if (!given->has("bootstrap-server")) {
    std::fputs("--bootstrap-server must be specified\n", stderr);
    return 1;
  }
  if (const auto checked = check_required(parser, *given); !checked) {
    return parser.usage(checked.error().detail);
  }
  if (const auto checked = check_together(parser, *given); !checked) {
    return parser.usage(checked.error().detail);
  }
  const auto partitions = given->integer("partitions");
  const auto factor = given->integer("replication-factor");
  for (const auto* number : {&partitions, &factor}) {
    if (*number) continue;
    std::puts(
        fmt::format("Error while executing topic command : {}", number->error().detail).c_str());
    return 1;
  }
  if (given->has("delete-config")) {
    std::fputs(
        "delete-config option is no longer supported and deprecated since version 4.0. The config "
        "will be fully removed in future releases.\n",
        stderr);
  }
  TopicsOptions options{.bootstrap = given->value_or("bootstrap-server", ""),
                        .topic = given->value("topic"),
                        .partitions = *partitions,
                        .replication_factor = *factor};
  for (const auto& [name, action] : kActions) {
    if (given->has(name)) options.action = action;
  }
  options.given = std::move(*given);
  return options;
}

Result<std::map<int32_t, std::vector<int32_t>>> parse_replica_assignment(std::string_view text) {
  std::map<int32_t, std::vector<int32_t>> assignment;
  for (int32_t partition = 0;; partition++) {
    const size_t comma = text.find(',');
    TRY(std::vector<int32_t> replicas, parse_replicas(text.substr(0, comma)));
    if (partition > 0 && replicas.size() != assignment[0].size()) {
      return fail(Errc::invalid_argument,
                  fmt::format("Partition {} has different replication factor: [{}]", partition,
                              fmt::join(replicas, ", ")));
    }
    assignment[partition] = std::move(replicas);
    if (comma == std::string_view::npos) return assignment;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace partita::cli::kafka
