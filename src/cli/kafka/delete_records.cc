// kafka-delete-records: Kafka's DeleteRecordsCommand.

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/java_order.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/text_file.h"
#include "client/admin.h"

namespace partita::cli::kafka {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPurpose =
    "This tool helps to delete records of the given partitions down to the specified offset.";

constexpr OptionRow kRows[] = {
    {"bootstrap-server", Argument::required, "String: server(s) to use for bootstrapping",
     "REQUIRED: where the cluster is, HOST:PORT."},
    {"command-config", Argument::required, "String: command config property file path",
     "Properties of the client."},
    {"offset-json-file", Argument::required, "String: Offset json file path",
     "REQUIRED: a file of {\"partitions\": [{\"topic\": \"foo\", \"partition\": 1, \"offset\": "
     "1}], \"version\":1}. The offset is the first that stays; -1 is the end."},
};

Error broken(std::string words) {
  return {Errc::malformed, std::move(words)};
}

Result<Json> field(const Json& object, const char* name) {
  if (!object.is_object()) {
    return std::unexpected(broken("Expected JSON object, received " + object.dump()));
  }
  const auto at = object.find(name);
  if (at == object.end()) {
    return std::unexpected(broken(fmt::format("No such field exists: `{}`", name)));
  }
  return *at;
}

Result<int64_t> number(const Json& object, const char* name, const char* kind) {
  TRY(const Json value, field(object, name));
  if (!value.is_number_integer()) {
    return std::unexpected(
        broken(fmt::format("Expected `{}` value, received {}", kind, value.dump())));
  }
  return value.get<int64_t>();
}

Result<std::vector<client::RecordsToDelete>> parse_offsets(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    return std::unexpected(broken("The input string is not a valid JSON"));
  }
  int64_t version = 1;
  if (!json.is_object() || json.contains("version")) {
    TRY(version, number(json, "version", "Integer"));
  }
  if (version != 1) {
    return std::unexpected(broken(fmt::format("Not supported version field value {}", version)));
  }
  if (!json.contains("partitions")) return std::unexpected(broken("Missing partitions field"));
  const Json& partitions = json["partitions"];
  if (!partitions.is_array()) {
    return std::unexpected(broken("Expected JSON array, received " + partitions.dump()));
  }
  std::vector<client::RecordsToDelete> before;
  for (const Json& each : partitions) {
    TRY(const Json topic, field(each, "topic"));
    if (!topic.is_string()) {
      return std::unexpected(broken("Expected `String` value, received " + topic.dump()));
    }
    TRY(const int64_t partition, number(each, "partition", "Integer"));
    TRY(const int64_t offset, number(each, "offset", "Long"));
    before.push_back(
        {.partition = {topic.get<std::string>(), PartitionIndex(static_cast<int32_t>(partition))},
         .offset = Offset(offset)});
  }
  return before;
}

/// In the order of a Java map.
std::vector<client::TopicPartition> in_order(const std::vector<client::RecordsToDelete>& before) {
  std::vector<int32_t> hashes;
  for (const auto& each : before) {
    hashes.push_back(java_hash(each.partition.topic, each.partition.partition.value()));
  }
  std::vector<client::TopicPartition> ordered;
  for (const size_t index : java_hash_order(hashes)) ordered.push_back(before[index].partition);
  return ordered;
}

Result<> check_duplicates(const std::vector<client::RecordsToDelete>& before) {
  std::map<client::TopicPartition, int> counts;
  std::vector<client::RecordsToDelete> twice;
  for (const auto& each : before) {
    if (++counts[each.partition] == 2) twice.push_back(each);
  }
  if (twice.empty()) return {};
  std::vector<std::string> names;
  for (const auto& each : in_order(twice)) names.push_back(each.to_string());
  return std::unexpected(broken(fmt::format(
      "Offset json file contains duplicate topic partitions: {}", fmt::join(names, ","))));
}

Task<Result<>> delete_records(ClientContext& context, const Options& given) {
  const std::string path = given.value_or("offset-json-file", "");
  const auto text = co_await read_text_file(context.shard(), path);
  if (!text) co_return fail(text.error().code, "Unable to read file " + path);
  CO_TRY(const auto before, parse_offsets(*text));
  CO_CHECKED(check_duplicates(before));
  std::puts("Executing records delete operation");
  client::Admin admin(context.scope, context.cluster);
  const auto deleted = co_await admin.delete_records(before, context.now() + kApiTimeout);
  std::puts("Records delete operation completed:");
  for (const client::TopicPartition& each : in_order(before)) {
    Result<Offset> result = fail(Errc::unknown_server_error);
    if (!deleted) {
      result = std::unexpected(deleted.error());
    } else if (const auto at = deleted->find(each); at != deleted->end()) {
      result = at->second;
    }
    std::puts(
        result ? fmt::format("partition: {}\tlow_watermark: {}", each.to_string(), result->value())
                     .c_str()
               : fmt::format("partition: {}\terror: {}", each.to_string(),
                             java_exception(result.error()))
                     .c_str());
  }
  co_return Result<>();
}

int complain(const Error& error) {
  std::fputs((java_message(error) + "\n").c_str(), stderr);
  return 1;
}

Task<int> run_tool(ClientContext& context, const Options& given) {
  const Result<> result = co_await delete_records(context, given);
  co_return result ? 0 : complain(result.error());
}

}  // namespace

int run_delete_records(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  const auto given = parser.parse(arguments);
  if (!given) return complain(given.error());
  if (arguments.empty()) return parser.usage(kPurpose);
  if (const auto code = help_or_version(parser, *given, kPurpose)) return *code;
  constexpr std::string_view kRequired[] = {"bootstrap-server", "offset-json-file"};
  if (const auto checked = parser.check_required(*given, kRequired); !checked) {
    return parser.usage(checked.error().detail);
  }
  auto settings = admin_settings(*given);
  if (!settings) return complain(settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, *given); });
}

}  // namespace partita::cli::kafka
