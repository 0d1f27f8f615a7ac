// kafka-consumer-groups: its actions, except describing and resetting.

#include "cli/kafka/consumer_groups.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstdio>

#include "cli/java_order.h"
#include "cli/kafka/group_words.h"
#include "cli/kafka/tools.h"

namespace partita::cli::kafka {
namespace {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : java_map_order(names)) quoted.push_back("'" + name + "'");
  return fmt::format("{}", fmt::join(quoted, ", "));
}

bool is_of_consumers(const client::GroupListing& group) {
  return group.protocol_type.empty() || group.protocol_type == "consumer";
}

}  // namespace

void print_group_error(std::string_view words) {
  print(fmt::format("\nError: {}\n", words));
}

Task<Result<>> ConsumerGroupsTool::run() {
  switch (options_.action) {
    case GroupsAction::list: co_return co_await list();
    case GroupsAction::describe: co_return co_await describe();
    case GroupsAction::remove: co_return co_await remove();
    case GroupsAction::reset_offsets: co_return co_await reset_offsets();
    case GroupsAction::delete_offsets: co_return co_await delete_offsets();
    case GroupsAction::validate_regex: co_return Result<>();
  }
  co_return Result<>();
}

// --- List ---

Task<Result<std::vector<client::GroupListing>>> ConsumerGroupsTool::list_consumer_groups(
    std::vector<std::string> states, std::vector<std::string> types) {
  CO_TRY(const auto all, co_await groups_.list(std::move(states), std::move(types), deadline()));
  std::map<std::string, client::GroupListing> by_id;
  std::vector<std::string> ids;
  for (const client::GroupListing& each : all) {
    if (!is_of_consumers(each)) continue;
    if (by_id.insert_or_assign(each.id, each).second) ids.push_back(each.id);
  }
  std::vector<client::GroupListing> ordered;
  for (const std::string& id : java_map_order(ids)) ordered.push_back(by_id.at(id));
  co_return ordered;
}

Task<Result<std::vector<std::string>>> ConsumerGroupsTool::chosen_groups() {
  if (!options_.has("all-groups")) co_return options_.given.values("group");
  const auto listed = co_await list_consumer_groups({}, {"Consumer", "Classic"});
  if (!listed) co_return std::unexpected(runtime_failure(listed.error()));
  std::vector<std::string> ids;
  for (const client::GroupListing& each : *listed) ids.push_back(each.id);
  co_return ids;
}

Task<Result<>> ConsumerGroupsTool::list() {
  const bool with_type = options_.has("type");
  const bool with_state = options_.has("state");
  if (!with_type && !with_state) {
    const auto listed = co_await list_consumer_groups({}, {"Consumer", "Classic"});
    if (!listed) co_return std::unexpected(runtime_failure(listed.error()));
    for (const client::GroupListing& each : *listed) print(each.id + "\n");
    co_return Result<>();
  }
  CO_TRY(const auto types, parse_group_types(options_.given.value_or("type", "")));
  CO_TRY(const auto states, parse_group_states(options_.given.value_or("state", "")));
  const auto listed = co_await list_consumer_groups(states, types);
  if (!listed) co_return std::unexpected(execution_failure(listed.error()));
  size_t width = 15;
  for (const client::GroupListing& each : *listed) width = std::max(width, each.id.size());
  const auto line = [&](std::string_view id, std::string_view type, std::string_view state) {
    std::string text = fmt::format("{:<{}}", id, width + 10);
    if (with_type) text += fmt::format(" {:<20}", type);
    if (with_state) text += fmt::format(" {:<20}", state);
    print(text + "\n");
  };
  line("GROUP", "TYPE", "STATE");
  for (const client::GroupListing& each : *listed) {
    line(each.id, group_type_words(each.type), group_state_words(each.state));
  }
  co_return Result<>();
}

// --- Delete ---

Task<Result<>> ConsumerGroupsTool::remove() {
  CO_TRY(const auto ids, co_await chosen_groups());
  const auto outcomes = co_await groups_.remove(ids, deadline());
  std::vector<std::string> removed;
  std::vector<std::string> failed;
  std::map<std::string, Error> errors;
  for (const std::string& id : ids) {
    Result<> result;
    if (!outcomes) {
      result = std::unexpected(outcomes.error());
    } else if (const auto at = std::ranges::find(*outcomes, id, &client::Outcome<>::name);
               at != outcomes->end()) {
      result = at->result;
    }
    (result ? removed : failed).push_back(id);
    if (!result) errors.emplace(id, result.error());
  }
  if (failed.empty()) {
    print(fmt::format("Deletion of requested consumer groups ({}) was successful.\n",
                      quoted_list(removed)));
    co_return Result<>();
  }
  print_group_error("Deletion of some consumer groups failed:");
  for (const std::string& id : java_map_order(failed)) {
    print(fmt::format("* Group '{}' could not be deleted due to: {}\n", id,
                      java_exception(errors.at(id))));
  }
  if (!removed.empty()) {
    print(fmt::format("\nThese consumer groups were deleted successfully: {}\n",
                      quoted_list(removed)));
  }
  co_return Result<>();
}

// --- Delete offsets ---

namespace {

/// What is said of all; the partitions' own lines follow.
void print_deletion(const std::string& group, const Result<>& all) {
  if (all) {
    print(fmt::format("Request succeeded for deleting offsets from group {}.\n", group));
    return;
  }
  switch (all.error().code) {
    case Errc::invalid_group_id:
    case Errc::group_id_not_found:
    case Errc::group_authorization_failed:
    case Errc::non_empty_group: print_group_error(java_message({all.error().code, ""})); return;
    case Errc::group_subscribed_to_topic:
    case Errc::topic_authorization_failed:
    case Errc::unknown_topic_or_partition:
      print_group_error("Encountered some partition-level error, see the follow-up details.");
      return;
    default:
      print_group_error(
          fmt::format("Encountered some unknown error: {}", java_error_name(all.error().code)));
  }
}

using DeletedOffsets = std::map<client::TopicPartition, Result<>>;

void print_deleted(const DeletedOffsets& results) {
  size_t width = 15;
  std::vector<std::pair<std::string, const DeletedOffsets::value_type*>> rows;
  for (const auto& each : results) {
    width = std::max(width, each.first.topic.size());
    rows.emplace_back(each.first.topic + std::to_string(each.first.partition.value()), &each);
  }
  std::ranges::sort(rows);
  const auto line = [&](std::string_view topic, std::string_view partition,
                        std::string_view status) {
    print(fmt::format("\n{:<{}} {:<10} {:<15}", topic, width, partition, status));
  };
  line("TOPIC", "PARTITION", "STATUS");
  for (const auto& [key, row] : rows) {
    const int32_t index = row->first.partition.value();
    line(row->first.topic, index >= 0 ? std::to_string(index) : "-",
         row->second ? "Successful" : "Error: " + java_exception(row->second.error()));
  }
  print("\n");
}

}  // namespace

Task<Result<>> ConsumerGroupsTool::delete_offsets() {
  const std::string group = options_.given.value_or("group", "");
  Partitions partitions;
  std::vector<std::string> whole;
  for (const std::string& text : options_.given.values("topic")) {
    if (!text.contains(':')) {
      whole.push_back(text);
      continue;
    }
    CO_TRY(const Partitions some, parse_topic_partitions(text));
    partitions.insert(partitions.end(), some.begin(), some.end());
  }
  DeletedOffsets results;
  if (!whole.empty()) {
    CO_TRY(const auto described, co_await admin_.describe_topics(whole, deadline()));
    for (const auto& topic : described) {
      if (!topic.result) {
        results.emplace(client::TopicPartition{topic.name, PartitionIndex(-1)},
                        std::unexpected(topic.result.error()));
        continue;
      }
      for (const auto& each : topic.result->partitions) {
        partitions.push_back({topic.name, each.index});
      }
    }
  }
  const auto deleted = co_await groups_.delete_offsets(group, partitions, deadline());
  Result<> all;
  if (!deleted) all = std::unexpected(deleted.error());
  for (const client::TopicPartition& each : partitions) {
    Result<> result = all;
    if (deleted) {
      const auto at = deleted->find(each);
      if (at != deleted->end()) result = at->second;
    }
    if (!result && all) all = result;
    results.insert_or_assign(each, result);
  }
  print_deletion(group, all);
  print_deleted(results);
  co_return Result<>();
}

// --- Running ---

namespace {

Task<int> run_tool(ClientContext& context, const ConsumerGroupsOptions& options, Duration timeout) {
  ConsumerGroupsTool tool(context, options, timeout);
  const Result<> result = co_await tool.run();
  std::fflush(stdout);
  if (result) co_return 0;
  if (result.error().code == Errc::invalid_argument) {
    co_return consumer_groups_parser().usage(result.error().detail);
  }
  print_group_error("Executing consumer group command failed due to " + result.error().detail);
  co_return 0;
}

/// What RE2's Java twin says.
std::string_view regex_complaint(const RE2& regex) {
  switch (regex.error_code()) {
    case RE2::ErrorBadEscape: return "invalid escape sequence";
    case RE2::ErrorBadCharClass: return "invalid character class";
    case RE2::ErrorBadCharRange: return "invalid character class range";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize: return "invalid repeat count";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return regex.error_arg().starts_with("(?<") ? "invalid named capture"
                                                  : "invalid or unsupported Perl syntax";
    case RE2::ErrorBadNamedCapture: return "invalid named capture";
    default: return "regexp/syntax: internal error";
  }
}

void validate_regex(const std::string& text) {
  const RE2 regex(text, RE2::Quiet);
  if (regex.ok()) {
    print(fmt::format("The regular expression `{}` is valid.\n", text));
  } else {
    print(
        fmt::format("The regular expression `{}` is invalid: {}.\n", text, regex_complaint(regex)));
  }
}

}  // namespace

int run_consumer_groups(std::span<const std::string> arguments) {
  const auto parsed = parse_consumer_groups_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& options = std::get<ConsumerGroupsOptions>(parsed);
  if (options.action == GroupsAction::validate_regex) {
    validate_regex(options.given.value_or("validate-regex", ""));
    return 0;
  }
  constexpr int64_t kTimeoutMs = 5000;
  const auto timeout = options.given.integer("timeout", 64);
  const auto offset = options.given.integer("to-offset", 64);
  const auto shift = options.given.integer("shift-by", 64);
  for (const auto* number : {&timeout, &offset, &shift}) {
    if (*number) continue;
    print_group_error("Executing consumer group command failed due to " + number->error().detail);
    return 0;
  }
  auto settings = admin_settings(options.given);
  if (!settings) {
    print_group_error("Executing consumer group command failed due to " + settings.error().detail);
    return 0;
  }
  const Duration limit = from_ms(timeout->value_or(kTimeoutMs));
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_tool(context, options, limit); });
}

}  // namespace partita::cli::kafka
