// kafka-groups: Kafka's GroupsCommand.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/java_order.h"
#include "cli/kafka/group_words.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "client/group_admin.h"

namespace partita::cli::kafka {
namespace {

constexpr std::string_view kPurpose = "This tool helps to list groups of all types.";
constexpr Duration kListTimeout = 30s;

constexpr OptionRow kRows[] = {
    {"bootstrap-server", Argument::required, "String: server to connect to",
     "REQUIRED: where the cluster is, HOST:PORT."},
    {"command-config", Argument::required, "String: command config property file",
     "Properties of the client."},
    {"consumer", Argument::none, "",
     "Only groups of consumers: of type consumer, and classic ones whose protocol is consumer or "
     "empty."},
    {"group-type", Argument::required, "String: type",
     "Only groups of this type: classic, consumer, share or streams."},
    {"list", Argument::none, "", "List the groups."},
    {"protocol", Argument::required, "String: protocol", "Only groups of this protocol type."},
    {"share", Argument::none, "", "Only share groups."},
    {"streams", Argument::none, "", "Only streams groups."},
};

constexpr std::string_view kNoType = "Unknown";

bool is_wanted(const client::GroupListing& group, const Options& given) {
  const std::string_view type = group_type_words(group.type);
  const auto protocol = given.value("protocol");
  if (const auto wanted = given.value("group-type")) {
    return type == group_type_words(*wanted) &&
           protocol.value_or(group.protocol_type) == group.protocol_type;
  }
  if (protocol) return group.protocol_type == *protocol;
  if (given.has("consumer")) {
    return group.protocol_type == "consumer" || group.protocol_type.empty() || type == "Consumer";
  }
  if (given.has("share")) return type == "Share";
  if (given.has("streams")) return type == "Streams";
  return true;
}

void print_groups(const std::vector<client::GroupListing>& groups, const Options& given) {
  std::vector<std::string> ids;
  std::map<std::string, const client::GroupListing*> by_id;
  for (const client::GroupListing& each : groups) {
    if (by_id.insert_or_assign(each.id, &each).second) ids.push_back(each.id);
  }
  std::vector<std::vector<std::string>> lines;
  size_t width = 20;
  for (const std::string& id : java_map_order(ids)) {
    const client::GroupListing& group = *by_id.at(id);
    if (!is_wanted(group, given)) continue;
    const std::string_view type = group_type_words(group.type);
    lines.push_back({id, type == kNoType ? "" : std::string(type), group.protocol_type});
    for (const std::string& each : lines.back()) width = std::max(width, each.size());
  }
  std::puts(fmt::format("{:<{}} {:<{}} {:<{}}", "GROUP", width, "TYPE", width, "PROTOCOL", width)
                .c_str());
  for (const auto& line : lines) {
    std::string text;
    for (const std::string& each : line) text += fmt::format("{:<{}} ", each, width);
    std::puts(text.c_str());
  }
}

int complain(const Error& error) {
  std::puts(fmt::format("Error while executing groups command : {}", java_message(error)).c_str());
  return 1;
}

Task<int> run_tool(ClientContext& context, const Options& given) {
  client::GroupAdmin admin(context.scope, context.cluster);
  const auto groups = co_await admin.list({}, {}, context.now() + kListTimeout);
  if (!groups) co_return complain(groups.error());
  print_groups(*groups, given);
  co_return 0;
}

Result<> check(const OptionParser& parser, const Options& given) {
  constexpr std::string_view kOthers[] = {"consumer", "group-type", "protocol", "share", "streams"};
  for (const std::string_view one : {"consumer", "share", "streams"}) {
    std::vector<std::string_view> others(std::begin(kOthers), std::end(kOthers));
    std::erase(others, one);
    CHECKED(parser.check_alone(given, one, others));
  }
  return {};
}

}  // namespace

int run_groups(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  const auto given = parser.parse(arguments);
  if (!given) return parser.usage(given.error().detail);
  if (!given->has("bootstrap-server") && !given->has("help") && !given->has("version")) {
    return parser.usage("Missing required option(s) [bootstrap-server]");
  }
  if (const auto code = help_or_version(parser, *given, kPurpose)) return *code;
  if (!given->has("list")) return parser.usage("Command must include exactly one action: --list.");
  if (const auto type = given->value("group-type"); type && group_type_words(*type) == kNoType) {
    std::fputs("--group-type must be a valid group type.\n", stderr);
    return 1;
  }
  if (const auto checked = check(parser, *given); !checked) {
    return parser.usage(checked.error().detail);
  }
  auto settings = admin_settings(*given);
  if (!settings) return complain(settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, *given); });
}

}  // namespace partita::cli::kafka
