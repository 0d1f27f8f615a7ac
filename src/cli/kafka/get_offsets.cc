// kafka-get-offsets: Kafka's GetOffsetShell.

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "client/admin.h"

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kPurpose = "An interactive shell for getting topic-partition offsets.";

constexpr OptionRow kRows[] = {
    {"bootstrap-server", Argument::required, "String: HOST1:PORT1,...,HOST3:PORT3",
     "REQUIRED: where the cluster is."},
    {"command-config", Argument::required, "String: config file", "Properties of the client."},
    {"exclude-internal-topics", Argument::none, "", "Leave Kafka's own topics out."},
    {"partitions", Argument::required, "String: partition ids",
     "Only these, separated by commas. Not with --topic-partitions."},
    {"time", Argument::required,
     "String: <timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or "
     "earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload",
     "Which offset: that of the first record which is not older, or one with a name. (default: "
     "latest)"},
    {"topic", Argument::required, "String: topic",
     "Only this topic; a regular expression. Not with --topic-partitions."},
    {"topic-partitions", Argument::required,
     "String: topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
     "Only these: a regular expression of topics, then a partition, or a range whose upper end is "
     "not part of it."},
};

constexpr std::pair<std::string_view, int64_t> kTimes[] = {
    {"latest", -1},         {"earliest", -2},      {"max-timestamp", -3},
    {"earliest-local", -4}, {"latest-tiered", -5}, {"earliest-pending-upload", -6},
};

/// Some partitions of some topics.
struct Rule {
  TopicFilter topics;
  std::vector<int32_t> partitions = {};  ///< empty: all in the range
  int32_t from = 0;
  int32_t to = INT32_MAX;

  bool allows(const std::string& topic, int32_t partition) const {
    if (!topics.matches(topic)) return false;
    if (partitions.empty()) return partition >= from && partition < to;
    return std::ranges::find(partitions, partition) != partitions.end();
  }
};

Result<int32_t> parse_index(std::string_view text) {
  int32_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size()) return index;
  return fail(Errc::invalid_argument, fmt::format("For input string: \"{}\"", text));
}

Result<Rule> parse_rule(const std::string& text) {
  static constexpr auto kPattern = "([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?";
  std::string topic;
  std::string one;
  std::string from;
  std::string to;
  if (!RE2::FullMatch(text, kPattern, &topic, &one, &from, &to)) {
    return fail(Errc::invalid_argument,
                "org.apache.kafka.tools.TerseException: Invalid rule specification: " + text);
  }
  TRY(TopicFilter filter, TopicFilter::parse(topic.empty() ? ".*" : topic));
  Rule rule{.topics = std::move(filter)};
  if (!one.empty()) {
    TRY(const int32_t index, parse_index(one));
    rule.partitions.push_back(index);
    return rule;
  }
  if (!from.empty()) {
    TRY(rule.from, parse_index(from));
  }
  if (!to.empty()) {
    TRY(rule.to, parse_index(to));
  }
  return rule;
}

Result<std::vector<Rule>> parse_rules(const Options& given) {
  std::vector<Rule> rules;
  if (const auto list = given.value("topic-partitions")) {
    std::string_view rest = *list;
    while (true) {
      const size_t comma = rest.find(',');
      TRY(Rule rule, parse_rule(std::string(rest.substr(0, comma))));
      rules.push_back(std::move(rule));
      if (comma == std::string_view::npos) return rules;
      rest.remove_prefix(comma + 1);
    }
  }
  TRY(TopicFilter filter, TopicFilter::parse(given.value_or("topic", ".*")));
  Rule rule{.topics = std::move(filter)};
  const std::string list = given.value_or("partitions", "");
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const auto index = parse_index(rest.substr(0, comma));
    if (!index) {
      return fail(Errc::invalid_argument,
                  "--partitions expects a comma separated list of numeric partition ids, but "
                  "received: " +
                      list);
    }
    rule.partitions.push_back(*index);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  rules.push_back(std::move(rule));
  return rules;
}

Result<int64_t> parse_time(const std::string& text) {
  for (const auto& [name, timestamp] : kTimes) {
    if (text == name) return timestamp;
  }
  int64_t timestamp = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), timestamp);
  if (error == std::errc() && end == text.data() + text.size()) return timestamp;
  return fail(Errc::invalid_argument,
              fmt::format("Malformed time argument {}. Please use -1 or latest / -2 or earliest / "
                          "-3 or max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 "
                          "or earliest-pending-upload, or a specified long format timestamp",
                          text));
}

Task<Result<>> get_offsets(ClientContext& context, const Options& given, int64_t timestamp,
                           const std::vector<Rule>& rules) {
  client::Admin admin(context.scope, context.cluster);
  const Deadline deadline = context.now() + kApiTimeout;
  CO_TRY(const auto topics, co_await admin.list_topics(deadline));
  std::vector<client::OffsetQuestion> questions;
  for (const client::TopicPtr& topic : topics) {
    const bool internal = topic->is_internal || is_internal_topic(topic->name);
    if (given.has("exclude-internal-topics") && internal) continue;
    for (const client::PartitionView& each : topic->partitions) {
      const bool allowed = std::ranges::any_of(
          rules, [&](const Rule& rule) { return rule.allows(topic->name, each.index.value()); });
      if (allowed) questions.push_back({{topic->name, each.index}, timestamp});
    }
  }
  if (questions.empty()) {
    co_return fail(Errc::invalid_argument,
                   "Could not match any topic-partitions with the specified filters");
  }
  CO_TRY(const auto listed, co_await admin.list_offsets(std::move(questions), false, deadline));
  std::map<std::string, std::string> lines;
  for (const auto& [partition, offset] : listed) {
    if (!offset) {
      std::fputs(fmt::format("Skip getting offsets for topic-partition {} due to error: {}\n",
                             partition.to_string(), java_exception(offset.error()))
                     .c_str(),
                 stderr);
    } else if (offset->offset != kNoOffset) {
      lines.emplace(partition.to_string(),
                    fmt::format("{}:{}:{}\n", partition.topic, partition.partition.value(),
                                offset->offset.value()));
    }
  }
  for (const auto& [name, line] : lines) std::fputs(line.c_str(), stdout);
  co_return Result<>();
}

int complain(const Error& error) {
  std::fputs(fmt::format("Error occurred: {}\n", java_message(error)).c_str(), stderr);
  return 1;
}

Task<int> run_tool(ClientContext& context, const Options& given, int64_t timestamp,
                   const std::vector<Rule>& rules) {
  const Result<> result = co_await get_offsets(context, given, timestamp, rules);
  co_return result ? 0 : complain(result.error());
}

}  // namespace

int run_get_offsets(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  if (arguments.empty()) return parser.usage(kPurpose);
  const auto given = parser.parse(arguments);
  if (!given) return complain(given.error());
  if (const auto code = help_or_version(parser, *given, kPurpose)) return *code;
  constexpr std::string_view kRequired[] = {"bootstrap-server"};
  if (const auto checked = parser.check_required(*given, kRequired); !checked) {
    return parser.usage(checked.error().detail);
  }
  if (!client::parse_bootstrap(given->value_or("bootstrap-server", ""))) {
    return parser.usage("Please provide valid host:port like host1:9091,host2:9092\n ");
  }
  if (given->has("topic-partitions") && (given->has("topic") || given->has("partitions"))) {
    return complain(
        {Errc::invalid_argument, "--topic-partitions cannot be used with --topic or --partitions"});
  }
  const auto timestamp = parse_time(given->value_or("time", "latest"));
  if (!timestamp) return complain(timestamp.error());
  const auto rules = parse_rules(*given);
  if (!rules) return complain(rules.error());
  auto settings = admin_settings(*given, "GetOffsetShell");
  if (!settings) return complain(settings.error());
  return run_client(std::move(*settings), [&](ClientContext& context) {
    return run_tool(context, *given, *timestamp, *rules);
  });
}

}  // namespace partita::cli::kafka
