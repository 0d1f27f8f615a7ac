// kafka-console-consumer: Kafka's ConsoleConsumer. Without --partition it joins a group, one of its
// own where none is named.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/consume_records.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/properties_file.h"
#include "cli/record_writer.h"

namespace partita::cli::kafka {
namespace {

constexpr OptionRow kRows[] = {
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "REQUIRED: where the cluster is, HOST:PORT."},
    {"command-config", Argument::required, "String: file", "Properties of the consumer."},
    {"command-property", Argument::required, "String: name=value", "A property of the consumer."},
    {"consumer-property", Argument::required, "String: name=value", "As --command-property."},
    {"consumer.config", Argument::required, "String: file", "As --command-config."},
    {"enable-systest-events", Argument::none, "", "Has no effect."},
    {"formatter", Argument::required, "String: class", "How records become text."},
    {"formatter-config", Argument::required, "String: file", "Properties of the formatter."},
    {"formatter-property", Argument::required, "String: name=value",
     "A property of the formatter: print.key, print.offset, key.separator, null.literal, ..."},
    {"from-beginning", Argument::none, "", "Start with what is there, not with what comes."},
    {"group", Argument::required, "String: group id", "The consumer group."},
    {"include", Argument::required, "String: regex", "Which topics; a regular expression."},
    {"isolation-level", Argument::required, "String",
     "read_committed leaves out what was not committed; else read_uncommitted."},
    {"key-deserializer", Argument::required, "String: class", "What keys are."},
    {"max-messages", Argument::required, "Integer: count", "Stop after so many records."},
    {"offset", Argument::required, "String: offset",
     "With --partition: a number, earliest or latest."},
    {"partition", Argument::required, "Integer: partition", "Only this partition."},
    {"property", Argument::required, "String: name=value", "As --formatter-property."},
    {"skip-message-on-error", Argument::none, "", "Go on after a record that cannot be shown."},
    {"timeout-ms", Argument::required, "Long: ms", "Stop when so long no record came."},
    {"topic", Argument::required, "String: topic", "Which topic."},
    {"value-deserializer", Argument::required, "String: class", "What values are."},
};

constexpr std::string_view kFormatters = "org.apache.kafka.tools.consumer.";

struct ConsumerPlan {
  client::ClusterSettings cluster;
  ConsumeRecords consume;
  RecordFormat format;
  bool silent = false;
  bool skip_errors = false;
};

Error refused(std::string words) {
  return {Errc::invalid_argument, std::move(words)};
}

Result<Properties> consumer_properties(const Options& options) {
  Properties properties;
  const std::string file_flag =
      options.has("consumer.config") ? "consumer.config" : "command-config";
  if (const auto file = options.value(file_flag)) {
    TRY(properties, read_properties_file(*file));
  }
  const std::string flag =
      options.has("consumer-property") ? "consumer-property" : "command-property";
  TRY(const auto given, parse_key_values(options.values(flag)));
  for (const auto& [name, value] : given) properties.set(name, value);
  if (properties.find("client.id") == nullptr) properties.set("client.id", "console-consumer");
  const auto isolation = options.value("isolation-level");
  if (isolation)
    properties.set("isolation.level", *isolation);
  else if (properties.find("isolation.level") == nullptr)
    properties.set("isolation.level", "read_uncommitted");
  return properties;
}

Result<client::StartAt> start_of(const Options& options) {
  const auto text = options.value("offset");
  if (!text) {
    return options.has("from-beginning") ? client::StartAt::beginning() : client::StartAt::end();
  }
  std::string word = *text;
  std::ranges::transform(word, word.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (word == "earliest") return client::StartAt::beginning();
  if (word == "latest") return client::StartAt::end();
  int64_t offset = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), offset);
  if (error == std::errc() && end == text->data() + text->size() && offset >= 0) {
    return client::StartAt::offset(Offset(offset));
  }
  return std::unexpected(refused(
      fmt::format("The provided offset value '{}' is incorrect. Valid values are 'earliest', "
                  "'latest', or a non-negative long.",
                  *text)));
}

Result<> check_options(const OptionParser& parser, const Options& options) {
  if (options.has("topic") == options.has("include")) {
    return std::unexpected(
        refused("Exactly one of the following arguments is required: [topic], [include]"));
  }
  if (options.has("partition") && !options.has("topic")) {
    return std::unexpected(refused("The topic is required when partition is specified."));
  }
  if (options.has("partition") && options.has("from-beginning") && options.has("offset")) {
    return std::unexpected(
        refused("Options from-beginning and offset cannot be specified together."));
  }
  if (!options.has("partition") && options.has("offset")) {
    return std::unexpected(refused("The partition is required when offset is specified."));
  }
  constexpr std::string_view kRequired[] = {"bootstrap-server"};
  CHECKED(parser.check_required(options, kRequired));
  if (options.has("consumer-property") && options.has("command-property")) {
    return std::unexpected(refused(
        "Options --consumer-property and --command-property cannot be specified together."));
  }
  if (options.has("consumer.config") && options.has("command-config")) {
    return std::unexpected(
        refused("Options --consumer.config and --command-config cannot be specified together."));
  }
  if (options.has("group") && options.has("partition")) {
    return std::unexpected(refused("Options group and partition cannot be specified together."));
  }
  return {};
}

void say_deprecated(std::string_view old_name, std::string_view name) {
  std::puts(fmt::format("Option --{} is deprecated and will be removed in a future version. Use "
                        "--{} instead.",
                        old_name, name)
                .c_str());
}

Result<> plan_format(const Options& options, ConsumerPlan& plan) {
  const std::string wanted =
      options.value_or("formatter", std::string(kFormatters) + "DefaultMessageFormatter");
  plan.silent = wanted == std::string(kFormatters) + "NoOpMessageFormatter";
  if (!plan.silent && wanted != std::string(kFormatters) + "DefaultMessageFormatter" &&
      wanted != std::string(kFormatters) + "LoggingMessageFormatter") {
    return std::unexpected(refused(wanted));
  }
  if (options.has("property") && options.has("formatter-property")) {
    return std::unexpected(
        refused("Options --property and --formatter-property cannot be specified together."));
  }
  if (options.has("property")) say_deprecated("property", "formatter-property");
  std::vector<std::pair<std::string, std::string>> all;
  if (const auto file = options.value("formatter-config")) {
    TRY(const Properties properties, read_properties_file(*file));
    all = properties.entries();
  }
  for (const std::string_view side : {"key", "value"}) {
    const auto given = options.value(fmt::format("{}-deserializer", side));
    if (given) all.emplace_back(fmt::format("{}.deserializer", side), *given);
  }
  const std::string flag = options.has("property") ? "property" : "formatter-property";
  TRY(const auto given, parse_key_values(options.values(flag)));
  all.insert(all.end(), given.begin(), given.end());
  TRY(plan.format, record_format(all));
  return {};
}

/// Numbers are read where the Java tool first uses them: that they are none is an exception there.
Result<> plan_numbers(const Options& options, ConsumerPlan& plan, std::string& exit_words) {
  const auto partition = options.integer("partition");
  const auto messages = options.integer("max-messages");
  const auto timeout = options.integer("timeout-ms", 64);
  for (const auto* number : {&partition, &messages, &timeout}) {
    if (*number) continue;
    exit_words = "Exception in thread \"main\" joptsimple.OptionArgumentConversionException: " +
                 number->error().detail;
    return {};
  }
  if (*partition) plan.consume.partition = PartitionIndex(static_cast<int32_t>(**partition));
  if (*messages && **messages >= 0) plan.consume.records_max = static_cast<uint64_t>(**messages);
  if (*timeout && **timeout >= 0) plan.consume.timeout = from_ms(**timeout);
  return {};
}

/// The group of a consumer that was given none: one that nobody else is in.
std::string own_group() {
  constexpr uint64_t kGroups = 100'000;
  LinuxWorld world;
  return fmt::format("console-consumer-{}", world.shard(0).random().below(kGroups));
}

/// Nothing where the property is missing; the client's words where it is no time.
Result<std::optional<Duration>> duration_of(const Properties& properties, std::string_view name) {
  const std::string* text = properties.find(name);
  if (text == nullptr) return std::nullopt;
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  if (error == std::errc() && end == text->data() + text->size() && ms >= 0) return from_ms(ms);
  return std::unexpected(refused(fmt::format(
      "Invalid value {} for configuration {}: Not a number of type LONG", *text, name)));
}

/// Every place that names a group must name the same.
Result<> plan_group(const Options& options, const Properties& properties, ConsumerPlan& plan,
                    std::string& exit_words) {
  const auto flag = options.value("group");
  const std::string* property = properties.find("group.id");
  if (flag && property != nullptr && *flag != *property) {
    return std::unexpected(refused(fmt::format(
        "The group ids provided in different places (directly using '--group', via "
        "'--command-property', or via '--command-config') do not match. Detected group ids: "
        "'{}', '{}'",
        *flag, *property)));
  }
  client::GroupMembershipSettings group;
  const bool named = flag || property != nullptr;
  group.group = flag ? *flag : property != nullptr ? *property : own_group();
  if (const std::string* instance = properties.find("group.instance.id")) {
    group.instance_id = *instance;
  }
  for (const auto& [name, setting] :
       {std::pair{"session.timeout.ms", &group.session_timeout},
        std::pair{"max.poll.interval.ms", &group.rebalance_timeout},
        std::pair{"heartbeat.interval.ms", &group.heartbeat_interval}}) {
    const auto value = duration_of(properties, name);
    if (!value) {
      exit_words = value.error().detail;
      return {};
    }
    if (*value) *setting = **value;
  }
  // Nobody goes on where a group of one's own ended: it commits nothing.
  const std::string* commits = properties.find("enable.auto.commit");
  const auto interval = duration_of(properties, "auto.commit.interval.ms");
  if (!interval) {
    exit_words = interval.error().detail;
    return {};
  }
  if (commits != nullptr ? *commits == "true" : named) {
    plan.consume.auto_commit = interval->value_or(5s);
  }
  plan.consume.group = std::move(group);
  return {};
}

/// What is wrong here is no matter of usage: `exit_words` are printed alone.
Result<> plan_consumer(const Options& options, const Properties& properties, ConsumerPlan& plan,
                       std::string& exit_words) {
  const std::string* reset = properties.find("auto.offset.reset");
  if (reset != nullptr && options.has("from-beginning") && *reset != "earliest") {
    exit_words = fmt::format(
        "Can't simultaneously specify --from-beginning and "
        "'auto.offset.reset={}', please remove one option",
        *reset);
    return {};
  }
  const bool earliest = reset != nullptr ? *reset == "earliest" : options.has("from-beginning");
  plan.consume.settings.reset = earliest ? client::OffsetReset::earliest
                                : reset != nullptr && *reset == "none"
                                    ? client::OffsetReset::none
                                    : client::OffsetReset::latest;
  TRY(plan.consume.start, start_of(options));
  if (!options.has("partition") && earliest) plan.consume.start = client::StartAt::beginning();
  const std::string& isolation = *properties.find("isolation.level");
  if (isolation != "read_committed" && isolation != "read_uncommitted") {
    exit_words = fmt::format(
        "Invalid value {} for configuration isolation.level: String must be "
        "one of: read_committed, read_uncommitted",
        isolation);
  }
  plan.consume.settings.read_committed = isolation == "read_committed";
  if (options.has("partition")) return {};
  return plan_group(options, properties, plan, exit_words);
}

Result<ConsumerPlan> plan_of(const Options& options, std::string& exit_words) {
  ConsumerPlan plan;
  if (options.has("consumer-property")) say_deprecated("consumer-property", "command-property");
  if (options.has("consumer.config")) say_deprecated("consumer.config", "command-config");
  TRY(const Properties properties, consumer_properties(options));
  TRY(plan.cluster,
      cluster_settings(options.value_or("bootstrap-server", ""), *properties.find("client.id")));
  CHECKED(apply_client_configs(properties, plan.cluster));
  CHECKED(plan_consumer(options, properties, plan, exit_words));
  if (!exit_words.empty()) return plan;
  CHECKED(plan_numbers(options, plan, exit_words));
  if (!exit_words.empty()) return plan;
  CHECKED(plan_format(options, plan));
  plan.skip_errors = options.has("skip-message-on-error");
  plan.consume.topic = options.value_or("topic", "");
  if (const auto include = options.value("include")) {
    TRY(const TopicFilter filter, TopicFilter::parse(*include));
    plan.consume.wanted = [filter](const std::string& name) {
      return !is_internal_topic(name) && filter.matches(name);
    };
  }
  return plan;
}

Task<int> run_tool(ClientContext& context, ConsumerPlan& plan) {
  std::string out;
  bool writable = true;
  const auto flush = [&] {
    writable = writable && std::fwrite(out.data(), 1, out.size(), stdout) == out.size() &&
               std::fflush(stdout) == 0;
    out.clear();
  };
  plan.consume.each = [&](const client::ConsumedRecord& record) -> Result<bool> {
    if (plan.silent) return true;
    if (const Result<> shown = append_record(out, record, plan.format);
        !shown && !plan.skip_errors) {
      return std::unexpected(shown.error());
    }
    return writable;
  };
  plan.consume.after_poll = flush;
  const ConsumedCount count = co_await consume_records(context, std::move(plan.consume));
  flush();
  if (!writable) std::fputs("Unable to write to standard out, closing consumer.\n", stderr);
  std::fputs(fmt::format("Processed a total of {} messages\n", count.records).c_str(), stderr);
  if (count.signal) co_return 128 + *count.signal;
  if (!count.error) co_return 0;
  context.cluster.log().error("Error processing message, terminating consumer process: {}",
                              java_message(*count.error));
  co_return 1;
}

}  // namespace

int run_console_consumer(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  const auto options = parser.parse(arguments);
  if (!options) return parser.usage(options.error().detail);
  if (const auto code =
          help_or_version(parser, *options,
                          "This tool helps to read data from Kafka topics and outputs it to "
                          "standard output.")) {
    return *code;
  }
  if (const auto checked = check_options(parser, *options); !checked) {
    return parser.usage(checked.error().detail);
  }
  std::string exit_words;
  auto plan = plan_of(*options, exit_words);
  if (!plan) return parser.usage(plan.error().detail);
  if (!exit_words.empty()) {
    std::fputs((exit_words + "\n").c_str(), stderr);
    return 1;
  }
  client::ClusterSettings settings = plan->cluster;
  return run_client(std::move(settings),
                    [&](ClientContext& context) { return run_tool(context, *plan); });
}

}  // namespace partita::cli::kafka
