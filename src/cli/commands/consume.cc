// partita consume: records of a topic as text or JSON.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/consume_records.h"
#include "cli/record_writer.h"

namespace partita::cli {
namespace {

struct ConsumeFlags {
  ClientFlags client;
  std::string topic;
  std::optional<int32_t> partition;
  std::string from = "end";
  std::optional<uint64_t> count;
  std::optional<double> idle_seconds;
  bool until_end = false;
  bool read_committed = false;
  bool keys = false;
  bool headers = false;
  bool metadata = false;
  bool json = false;
};

using Json = nlohmann::ordered_json;

/// Text where it is UTF-8, else base64 in an object that says so.
Json json_of(const std::optional<ByteView>& bytes) {
  if (!bytes) return nullptr;
  Json text = std::string(as_text(*bytes));
  try {
    static_cast<void>(text.dump());
    return text;
  } catch (const Json::type_error&) {
    return Json{{"base64", base64_encode(*bytes, Base64::padded)}};
  }
}

std::string json_line(const client::ConsumedRecord& record) {
  Json json = {{"topic", *record.topic},          {"partition", record.partition.value()},
               {"offset", record.offset.value()}, {"timestamp", record.timestamp.ms()},
               {"key", json_of(record.key)},      {"value", json_of(record.value)}};
  if (!record.headers.empty()) {
    Json& headers = json["headers"] = Json::array();
    for (const records::RecordHeader& header : record.headers) {
      headers.push_back({{"key", json_of(as_bytes(header.key))}, {"value", json_of(header.value)}});
    }
  }
  return json.dump() + "\n";
}

Result<client::StartAt> start_of(const std::string& text) {
  if (text == "beginning" || text == "start") return client::StartAt::beginning();
  if (text == "end") return client::StartAt::end();
  const bool time = text.starts_with('@');
  const std::string_view digits = std::string_view(text).substr(time ? 1 : 0);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0) {
    return fail(
        Errc::invalid_argument,
        fmt::format("--from is beginning, end, an offset or @MILLISECONDS, not '{}'", text));
  }
  return time ? client::StartAt::time(WallTime(number)) : client::StartAt::offset(Offset(number));
}

RecordFormat format_of(const ConsumeFlags& flags) {
  RecordFormat format;
  format.print_key = flags.keys;
  format.print_headers = flags.headers;
  format.print_timestamp = flags.metadata;
  format.print_partition = flags.metadata;
  format.print_offset = flags.metadata;
  return format;
}

ConsumeRecords plan_of(const ConsumeFlags& flags, client::StartAt start) {
  ConsumeRecords how;
  how.topic = flags.topic;
  how.start = start;
  how.records_max = flags.count;
  how.until_end = flags.until_end;
  how.settings.read_committed = flags.read_committed;
  // An offset that is gone is a matter for the next one that is there.
  how.settings.reset = client::OffsetReset::earliest;
  if (flags.partition) how.partition = PartitionIndex(*flags.partition);
  if (flags.idle_seconds) {
    how.timeout =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*flags.idle_seconds));
  }
  return how;
}

Task<int> run_command(ClientContext& context, const ConsumeFlags& flags, client::StartAt start) {
  ConsumeRecords how = plan_of(flags, start);
  const RecordFormat format = format_of(flags);
  std::string out;
  bool writable = true;
  how.each = [&](const client::ConsumedRecord& record) -> Result<bool> {
    if (flags.json) {
      out += json_line(record);
      return writable;
    }
    CHECKED(append_record(out, record, format));
    return writable;
  };
  how.after_poll = [&] {
    writable = writable && std::fwrite(out.data(), 1, out.size(), stdout) == out.size() &&
               std::fflush(stdout) == 0;
    out.clear();
  };
  const ConsumedCount count = co_await consume_records(context, std::move(how));
  if (count.error) co_return complain("consume", *count.error);
  co_return count.signal ? 128 + *count.signal : 0;
}

}  // namespace

int run_consume(std::span<const std::string> arguments) {
  CLI::App app("Prints the records of a topic as they come.", "partita consume");
  ConsumeFlags flags;
  flags.client.add_to(app);
  app.add_option("topic", flags.topic, "what to read")->required();
  app.add_option("-p,--partition", flags.partition, "only this partition");
  app.add_option("-f,--from", flags.from, "beginning, end, an offset, or @MILLISECONDS since 1970")
      ->capture_default_str();
  app.add_option("-n,--count", flags.count, "stop after so many records");
  app.add_option("--idle", flags.idle_seconds, "stop after so many seconds without a record");
  app.add_flag("-e,--until-end", flags.until_end, "stop at the end that the log has now");
  app.add_flag("--read-committed", flags.read_committed, "leave out what was not committed");
  app.add_flag("-k,--keys", flags.keys, "print keys too");
  app.add_flag("--headers", flags.headers, "print headers too");
  app.add_flag("-m,--metadata", flags.metadata, "print timestamps, partitions and offsets too");
  app.add_option_function<std::string>(
         "--format", [&flags](const std::string& format) { flags.json = format == "json"; },
         "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  if (const auto code = parse(app, arguments)) return *code;
  const auto start = start_of(flags.from);
  if (!start) return complain("consume", start.error());
  auto settings = cluster_settings(flags.client.bootstrap, "partita-consume");
  if (!settings) return complain("consume", settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_command(context, flags, *start); });
}

}  // namespace partita::cli
