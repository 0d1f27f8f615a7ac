// kafka-console-producer: Kafka's ConsoleProducer.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/produce_lines.h"
#include "cli/properties_file.h"
#include "runtime/linux/standard_input.h"

namespace partita::cli::kafka {
namespace {

constexpr OptionRow kRows[] = {
    {"batch-size", Argument::required, "Integer: size", "Bytes of a batch, at most."},
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "REQUIRED: where the cluster is, HOST:PORT."},
    {"command-config", Argument::required, "String: file", "Properties of the producer."},
    {"command-property", Argument::required, "String: name=value", "A property of the producer."},
    {"compression-codec", Argument::optional, "String: codec",
     "none, gzip, snappy, lz4 or zstd; gzip where none is named."},
    {"line-reader", Argument::required, "String: class", "How lines become records."},
    {"max-block-ms", Argument::required, "Long: ms", "How long sending may wait for room."},
    {"max-memory-bytes", Argument::required, "Long: bytes", "Memory for records that wait."},
    {"max-partition-memory-bytes", Argument::required, "Integer: bytes", "As --batch-size."},
    {"message-send-max-retries", Argument::required, "Integer", "How often a batch is sent again."},
    {"metadata-expiry-ms", Argument::required, "Long: ms", "When metadata is asked for again."},
    {"producer-property", Argument::required, "String: name=value", "As --command-property."},
    {"producer.config", Argument::required, "String: file", "As --command-config."},
    {"property", Argument::required, "String: name=value", "As --reader-property."},
    {"reader-config", Argument::required, "String: file", "Properties of the line reader."},
    {"reader-property", Argument::required, "String: name=value",
     "A property of the line reader: parse.key, parse.headers, key.separator, null.marker, ..."},
    {"request-required-acks", Argument::required, "String: acks", "all, -1, 0 or 1."},
    {"request-timeout-ms", Argument::required, "Integer: ms", "How long a broker may take."},
    {"retry-backoff-ms", Argument::required, "Long: ms", "The pause before sending again."},
    {"socket-buffer-size", Argument::required, "Integer: bytes", "Has no effect."},
    {"sync", Argument::none, "", "Send each record by itself, and wait for its answer."},
    {"timeout", Argument::required, "Long: ms", "How long a record may wait for its batch."},
    {"topic", Argument::required, "String: topic", "REQUIRED: where the records go."},
};

constexpr std::string_view kReaderClass = "org.apache.kafka.tools.LineMessageReader";

struct Configured {
  std::string name;
  std::string flag;  ///< empty: only as a property
  std::string otherwise;
};

/// Properties of the producer, and the flags that stand for them with their defaults.
const std::vector<Configured>& flag_rows() {
  static const std::vector<Configured> rows = {
      {"linger.ms", "timeout", "1000"},
      {"acks", "request-required-acks", "-1"},
      {"request.timeout.ms", "request-timeout-ms", "1500"},
      {"retries", "message-send-max-retries", "3"},
      {"retry.backoff.ms", "retry-backoff-ms", "100"},
      {"buffer.memory", "max-memory-bytes", "33554432"},
      {"batch.size", "batch-size", "16384"},
      {"batch.size", "max-partition-memory-bytes", "16384"},
      {"metadata.max.age.ms", "metadata-expiry-ms", "300000"},
      {"max.block.ms", "max-block-ms", "60000"},
  };
  return rows;
}

struct ProducerPlan {
  client::ClusterSettings cluster;
  ProduceLines lines;
  std::optional<RecordReader> reader;
};

Result<int64_t> number_of(const Properties& properties, std::string_view name, int64_t otherwise) {
  const std::string* text = properties.find(name);
  if (text == nullptr) return otherwise;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc() && end == text->data() + text->size()) return number;
  return fail(Errc::invalid_argument,
              fmt::format("org.apache.kafka.common.config.ConfigException: Invalid value {} for "
                          "configuration {}: Not a number of type LONG",
                          *text, name));
}

Result<Properties> producer_properties(const Options& options) {
  Properties properties;
  const std::string file_flag =
      options.has("producer.config") ? "producer.config" : "command-config";
  if (const auto file = options.value(file_flag)) {
    TRY(properties, read_properties_file(*file));
  }
  const std::string flag =
      options.has("producer-property") ? "producer-property" : "command-property";
  TRY(const auto given, parse_key_values(options.values(flag)));
  for (const auto& [name, value] : given) properties.set(name, value);
  properties.set("compression.type", "none");
  if (options.has("compression-codec")) {
    properties.set("compression.type", options.value("compression-codec").value_or("gzip"));
  }
  if (properties.find("client.id") == nullptr) properties.set("client.id", "console-producer");
  for (const Configured& row : flag_rows()) {
    const auto flag_value = options.value(row.flag);
    if (flag_value)
      properties.set(row.name, *flag_value);
    else if (properties.find(row.name) == nullptr)
      properties.set(row.name, row.otherwise);
  }
  return properties;
}

Result<> apply_word(const Properties& properties, std::string_view name,
                    std::initializer_list<std::string_view> allowed) {
  const std::string* text = properties.find(name);
  if (text == nullptr || std::ranges::find(allowed, *text) != allowed.end()) return {};
  return fail(Errc::invalid_argument,
              fmt::format("org.apache.kafka.common.config.ConfigException: Invalid value {} for "
                          "configuration {}: String must be one of: {}",
                          *text, name, fmt::join(allowed, ", ")));
}

Result<client::ProducerSettings> producer_settings(const Properties& properties) {
  client::ProducerSettings settings;
  CHECKED(apply_word(properties, "compression.type", {"none", "gzip", "snappy", "lz4", "zstd"}));
  CHECKED(apply_word(properties, "acks", {"all", "-1", "0", "1"}));
  CHECKED(apply_word(properties, "enable.idempotence", {"true", "false"}));
  settings.codec = *records::codec_from_name(*properties.find("compression.type"));
  const std::string& acks = *properties.find("acks");
  settings.acks = static_cast<int16_t>(acks == "all" ? -1 : std::stoi(acks));
  const std::string* idempotent = properties.find("enable.idempotence");
  if (idempotent != nullptr && *idempotent == "true" && settings.acks != -1) {
    return fail(Errc::invalid_argument,
                "org.apache.kafka.common.config.ConfigException: Must set acks to all in order to "
                "use the idempotent producer. Otherwise we cannot guarantee idempotence.");
  }
  TRY(const int64_t retries, number_of(properties, "retries", INT32_MAX));
  settings.retries = static_cast<uint32_t>(retries);
  settings.idempotent =
      settings.acks == -1 && retries > 0 && !(idempotent != nullptr && *idempotent == "false");
  TRY(const int64_t linger, number_of(properties, "linger.ms", 5));
  TRY(const int64_t batch, number_of(properties, "batch.size", 16384));
  TRY(const int64_t memory, number_of(properties, "buffer.memory", 32 << 20));
  TRY(const int64_t block, number_of(properties, "max.block.ms", 60000));
  TRY(const int64_t delivery, number_of(properties, "delivery.timeout.ms", 120000));
  TRY(const int64_t request, number_of(properties, "max.request.size", 1 << 20));
  settings.linger = from_ms(linger);
  settings.batch_bytes = static_cast<size_t>(std::max<int64_t>(batch, 1));
  settings.buffer_bytes = static_cast<size_t>(memory);
  settings.block_max = from_ms(block);
  settings.delivery_timeout = from_ms(delivery);
  settings.request_bytes_max = static_cast<size_t>(request);
  return settings;
}

Result<std::vector<std::pair<std::string, std::string>>> reader_properties(const Options& options) {
  std::vector<std::pair<std::string, std::string>> all;
  if (const auto file = options.value("reader-config")) {
    TRY(const Properties properties, read_properties_file(*file));
    all = properties.entries();
  }
  const std::string flag = options.has("property") ? "property" : "reader-property";
  TRY(const auto given, parse_key_values(options.values(flag)));
  all.insert(all.end(), given.begin(), given.end());
  return all;
}

Result<ProducerPlan> plan_of(const Options& options) {
  TRY(const Properties properties, producer_properties(options));
  ProducerPlan plan;
  TRY(plan.cluster,
      cluster_settings(options.value_or("bootstrap-server", ""), *properties.find("client.id")));
  CHECKED(apply_client_configs(properties, plan.cluster));
  TRY(plan.lines.settings, producer_settings(properties));
  TRY(const auto reader_given, reader_properties(options));
  auto format = line_format(reader_given);
  if (!format) {
    return fail(Errc::invalid_argument,
                "org.apache.kafka.common.KafkaException: " + format.error().detail);
  }
  if (const auto reader = options.value("line-reader"); reader && *reader != kReaderClass) {
    return fail(Errc::invalid_argument, "java.lang.ClassNotFoundException: " + *reader);
  }
  plan.reader.emplace(*std::move(format), options.value_or("topic", ""));
  plan.lines.sync = options.has("sync");
  plan.lines.prompt = standard_input_is_terminal();
  return plan;
}

void warn_of_deprecated(const Options& options) {
  constexpr std::pair<std::string_view, std::string_view> kReplaced[] = {
      {"property", "reader-property"},
      {"producer-property", "command-property"},
      {"producer.config", "command-config"},
  };
  for (const auto& [old_name, name] : kReplaced) {
    if (!options.has(old_name)) continue;
    std::puts(fmt::format("Warning: --{} is deprecated and will be removed in a future version. "
                          "Use --{} instead.",
                          old_name, name)
                  .c_str());
  }
}

Task<int> run_tool(ClientContext& context, ProducerPlan& plan) {
  plan.lines.reader = &*plan.reader;
  plan.lines.failed = [&](const Error& error) {
    context.cluster.log().error("Error when sending message to topic: {}", java_message(error));
  };
  const ProducedLines produced = co_await produce_lines(context, std::move(plan.lines));
  if (!produced.error) co_return 0;
  const bool from_line = produced.error->code == Errc::invalid_argument;
  std::fputs(fmt::format("{}{}\n", from_line ? "org.apache.kafka.common.KafkaException: " : "",
                         java_message(*produced.error))
                 .c_str(),
             stderr);
  co_return 1;
}

}  // namespace

int run_console_producer(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  const auto options = parser.parse(arguments);
  if (!options) return parser.usage(options.error().detail);
  if (const auto code =
          help_or_version(parser, *options,
                          "This tool helps to read data from standard input and publish it to "
                          "Kafka.")) {
    return *code;
  }
  constexpr std::string_view kRequired[] = {"topic"};
  if (const auto checked = parser.check_required(*options, kRequired); !checked) {
    return parser.usage(checked.error().detail);
  }
  if (!options->has("bootstrap-server") ||
      !client::parse_bootstrap(options->value_or("bootstrap-server", ""))) {
    return parser.usage("Error while validating the bootstrap address\n");
  }
  warn_of_deprecated(*options);
  auto plan = plan_of(*options);
  if (!plan) {
    std::fputs((plan.error().detail + "\n").c_str(), stderr);
    return 1;
  }
  client::ClusterSettings settings = plan->cluster;
  return run_client(std::move(settings),
                    [&](ClientContext& context) { return run_tool(context, *plan); });
}

}  // namespace partita::cli::kafka
