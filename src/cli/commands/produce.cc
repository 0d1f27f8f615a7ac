// partita produce: lines of standard input to a topic.

#include <fmt/format.h>

#include <cstdio>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/produce_lines.h"
#include "runtime/linux/standard_input.h"

namespace partita::cli {
namespace {

struct ProduceFlags {
  ClientFlags client;
  std::string topic;
  std::string codec = "none";
  std::string acks = "all";
  std::string partitioner = "sticky";
  std::optional<int32_t> partition;
  std::optional<std::string> key_separator;
  std::optional<std::string> headers_delimiter;
  std::optional<std::string> null_marker;
  double linger_ms = 5;
  size_t batch_bytes = 16'384;
  bool not_idempotent = false;
  bool sync = false;
  bool quiet = false;
};

LineFormat format_of(const ProduceFlags& flags) {
  LineFormat format;
  format.parse_key = flags.key_separator.has_value();
  if (flags.key_separator) format.key_separator = *flags.key_separator;
  format.parse_headers = flags.headers_delimiter.has_value();
  if (flags.headers_delimiter) format.headers_delimiter = *flags.headers_delimiter;
  format.null_marker = flags.null_marker;
  return format;
}

ProduceLines lines_of(const ProduceFlags& flags) {
  ProduceLines lines;
  lines.settings.codec = *records::codec_from_name(flags.codec);
  lines.settings.acks = static_cast<int16_t>(flags.acks == "all" ? -1 : std::stoi(flags.acks));
  lines.settings.idempotent = lines.settings.acks == -1 && !flags.not_idempotent;
  lines.settings.linger = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(flags.linger_ms));
  lines.settings.batch_bytes = flags.batch_bytes;
  lines.settings.block_max = flags.client.timeout();
  lines.settings.delivery_timeout = std::max<Duration>(flags.client.timeout(), 30s);
  if (flags.partition) lines.partition = PartitionIndex(*flags.partition);
  if (flags.partitioner == "round-robin") {
    lines.partitioner = [](Shard&) { return client::round_robin_partitioner(); };
  } else if (flags.partitioner == "key-hash") {
    lines.partitioner = [](Shard&) { return client::key_hash_partitioner(); };
  }
  lines.sync = flags.sync;
  lines.prompt = standard_input_is_terminal();
  return lines;
}

Task<int> run_command(ClientContext& context, const ProduceFlags& flags, RecordReader& reader) {
  ProduceLines lines = lines_of(flags);
  lines.reader = &reader;
  std::optional<Error> first;
  lines.failed = [&](const Error& error) {
    if (!first) first = error;
  };
  const ProducedLines produced = co_await produce_lines(context, std::move(lines));
  if (!flags.quiet) {
    std::fputs(fmt::format("{} record{} written to {}\n", produced.delivered,
                           produced.delivered == 1 ? "" : "s", flags.topic)
                   .c_str(),
               stderr);
  }
  if (produced.error) co_return complain("produce", *produced.error);
  if (!first) co_return 0;
  co_return complain("produce", {first->code, fmt::format("{} not written: {}", produced.failed,
                                                          words_of(*first))});
}

}  // namespace

int run_produce(std::span<const std::string> arguments) {
  CLI::App app("Sends each line of standard input as a record.", "partita produce");
  ProduceFlags flags;
  flags.client.add_to(app);
  app.add_option("topic", flags.topic, "where the records go")->required();
  app.add_option("-k,--key-separator", flags.key_separator, "lines are KEY, this, VALUE");
  app.add_option("--headers-delimiter", flags.headers_delimiter,
                 "lines begin with NAME:VALUE,... and this");
  app.add_option("--null-marker", flags.null_marker, "a key or value that is this is null");
  app.add_option("-z,--compression", flags.codec, "of batches")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}));
  app.add_option("-a,--acks", flags.acks, "who answers")->check(CLI::IsMember({"all", "1", "0"}));
  app.add_option("-p,--partition", flags.partition, "all to this partition");
  app.add_option("--partitioner", flags.partitioner, "how partitions are chosen")
      ->check(CLI::IsMember({"sticky", "round-robin", "key-hash"}));
  app.add_option("--linger-ms", flags.linger_ms, "how long a record may wait for its batch")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--batch-bytes", flags.batch_bytes, "of a batch, at most");
  app.add_flag("--no-idempotence", flags.not_idempotent, "a record may arrive twice");
  app.add_flag("--sync", flags.sync, "one record at a time");
  app.add_flag("-q,--quiet", flags.quiet, "do not say how many there were");
  if (const auto code = parse(app, arguments)) return *code;
  auto settings = cluster_settings(flags.client.bootstrap, "partita-produce");
  if (!settings) return complain("produce", settings.error());
  RecordReader reader(format_of(flags), flags.topic);
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_command(context, flags, reader); });
}

}  // namespace partita::cli
