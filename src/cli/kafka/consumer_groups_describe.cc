// kafka-consumer-groups --describe: offsets and lag, members, states.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/group_words.h"

namespace partita::cli::kafka {

using client::GroupDescription;
using client::GroupMember;
using client::TopicPartition;

struct ConsumerGroupsTool::Row {
  TopicPartition partition;
  std::optional<client::CommittedOffset> committed;
  std::optional<Offset> end;
  const GroupMember* member = nullptr;  ///< null: nobody has it
};

namespace {

constexpr std::string_view kMissing = "-";
constexpr size_t kWidth = 15;

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

template <class T>
std::string text_of(const std::optional<T>& number) {
  return number ? std::to_string(*number) : std::string(kMissing);
}

/// What is said of the state; whether there is more to show.
bool print_activity(const GroupDescription& group, size_t rows) {
  const std::string_view state = group_state_words(group.state);
  if (state == "Dead") {
    print_group_error(fmt::format("Consumer group '{}' does not exist.", group.id));
    return false;
  }
  if (state == "Empty") {
    std::fputs(fmt::format("\nConsumer group '{}' has no active members.\n", group.id).c_str(),
               stderr);
  } else if (state != "Stable") {
    std::fputs(fmt::format("\nWarning: Consumer group '{}' is rebalancing.\n", group.id).c_str(),
               stderr);
  }
  return rows > 0;
}

/// "a:0,1;b:3".
std::string assignment_text(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return std::string(kMissing);
  std::map<std::string, std::vector<int32_t>> topics;
  for (const TopicPartition& each : partitions) {
    topics[each.topic].push_back(each.partition.value());
  }
  std::vector<std::string> texts;
  for (auto& [topic, indexes] : topics) {
    std::ranges::sort(indexes);
    texts.push_back(fmt::format("{}:{}", topic, fmt::join(indexes, ",")));
  }
  std::ranges::sort(texts);
  return fmt::format("{}", fmt::join(texts, ";"));
}

}  // namespace

Task<Result<>> ConsumerGroupsTool::describe() {
  CO_TRY(auto ids, co_await chosen_groups());
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  const auto described = co_await groups_.describe(ids, deadline());
  if (!described) co_return std::unexpected(execution_failure(described.error()));
  for (const auto& each : *described) {
    if (!each.result) co_return std::unexpected(execution_failure(each.result.error()));
  }
  const bool offsets =
      options_.has("offsets") || (!options_.has("members") && !options_.has("state"));
  // Everything is known before anything is printed.
  std::vector<std::vector<Row>> rows;
  if (offsets) {
    for (const auto& each : *described) {
      CO_TRY(auto some, co_await offset_rows(*each.result));
      rows.push_back(std::move(some));
    }
  }
  for (size_t i = 0; i < described->size(); i++) {
    const GroupDescription& group = *(*described)[i].result;
    if (offsets) {
      print_offsets(group, rows[i]);
    } else if (options_.has("members")) {
      print_members(group);
    } else {
      print_state(group);
    }
  }
  co_return Result<>();
}

// --- Offsets ---

Task<Result<std::vector<ConsumerGroupsTool::Row>>> ConsumerGroupsTool::offset_rows(
    const GroupDescription& group) {
  const auto committed = co_await groups_.committed(group.id, deadline());
  if (!committed) co_return std::unexpected(runtime_failure(committed.error()));
  // Those with the most partitions come first; the others stay in the coordinator's order.
  std::map<size_t, std::vector<const GroupMember*>, std::greater<>> members;
  for (const GroupMember& each : group.members) {
    if (!each.assignment.empty()) members[each.assignment.size()].push_back(&each);
  }
  std::vector<Row> rows;
  std::set<TopicPartition> assigned;
  const auto add = [&](const TopicPartition& partition, const GroupMember* member) {
    Row row{.partition = partition, .committed = {}, .end = {}, .member = member};
    if (const auto at = committed->find(partition); at != committed->end()) {
      row.committed = at->second;
    }
    rows.push_back(std::move(row));
  };
  for (const auto& [size, equal] : members) {
    for (const GroupMember* member : equal) {
      std::set<TopicPartition> theirs(member->assignment.begin(), member->assignment.end());
      for (const TopicPartition& each : theirs) add(each, member);
      assigned.merge(theirs);
    }
  }
  for (const auto& [partition, offset] : *committed) {
    if (!assigned.contains(partition)) add(partition, nullptr);
  }
  CO_CHECKED(co_await find_ends(rows));
  co_return rows;
}

Task<Result<>> ConsumerGroupsTool::find_ends(std::vector<Row>& rows) {
  std::set<std::string> topics;
  for (const Row& row : rows) topics.insert(row.partition.topic);
  if (topics.empty()) co_return Result<>();
  const auto described =
      co_await admin_.describe_topics({topics.begin(), topics.end()}, deadline());
  if (!described) co_return std::unexpected(runtime_failure(described.error()));
  std::set<TopicPartition> leaderless;
  for (const auto& topic : *described) {
    if (!topic.result) co_return std::unexpected(runtime_failure(topic.result.error()));
    for (const auto& each : topic.result->partitions) {
      if (each.leader == kNoNode) leaderless.insert({topic.name, each.index});
    }
  }
  Partitions led;
  for (const Row& row : rows) {
    if (!leaderless.contains(row.partition)) led.push_back(row.partition);
  }
  CO_TRY(const Offsets ends, co_await listed(std::move(led), client::kLatestTimestamp));
  for (Row& row : rows) {
    if (const auto at = ends.find(row.partition); at != ends.end()) row.end = at->second;
  }
  co_return Result<>();
}

void ConsumerGroupsTool::print_offsets(const GroupDescription& group,
                                       const std::vector<Row>& rows) const {
  if (!print_activity(group, rows.size())) return;
  const bool verbose = options_.has("verbose");
  std::vector<std::string> head = {"GROUP", "TOPIC", "PARTITION"};
  if (verbose) head.emplace_back("LEADER-EPOCH");
  for (const char* name :
       {"CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST", "CLIENT-ID"}) {
    head.emplace_back(name);
  }
  std::vector<std::vector<std::string>> lines = {head};
  for (const Row& row : rows) {
    std::optional<int64_t> current;
    std::optional<int64_t> end;
    std::optional<int64_t> lag;
    std::optional<int32_t> epoch;
    if (row.committed) current = row.committed->offset.value();
    if (row.committed && row.committed->leader_epoch != kNoLeaderEpoch) {
      epoch = row.committed->leader_epoch.value();
    }
    if (row.end) end = row.end->value();
    if (current && end) lag = *end - *current;
    std::vector<std::string> line = {group.id, row.partition.topic,
                                     std::to_string(row.partition.partition.value())};
    if (verbose) line.push_back(text_of(epoch));
    line.insert(line.end(), {text_of(current), text_of(end), text_of(lag)});
    line.emplace_back(row.member ? row.member->id : kMissing);
    line.emplace_back(row.member ? row.member->host : kMissing);
    line.emplace_back(row.member ? row.member->client_id : kMissing);
    lines.push_back(std::move(line));
  }
  // Group, topic, member and host are as wide as they must; the last column ends the line.
  std::vector<size_t> widths(head.size(), kWidth);
  widths[2] = 10;
  for (const size_t column : {size_t{0}, size_t{1}, head.size() - 3, head.size() - 2}) {
    for (size_t i = 1; i < lines.size(); i++) {
      widths[column] = std::max(widths[column], lines[i][column].size());
    }
  }
  widths.back() = 0;
  for (const auto& line : lines) {
    std::string text = "\n";
    for (size_t i = 0; i < line.size(); i++) {
      text += fmt::format("{}{:<{}}", i > 0 ? " " : "", line[i], widths[i]);
    }
    print(text);
  }
  print("\n");
}

// --- Members ---

namespace {

/// What the columns of a table of members must hold.
struct MemberWidths {
  size_t group = kWidth;
  size_t id = kWidth;
  size_t instance = 17;
  size_t host = kWidth;
  size_t client = kWidth;
  size_t current = 20;
  size_t target = 20;
  bool with_instance = false;
  bool any_classic = false;
  bool any_upgraded = false;
};

MemberWidths widths_of(const GroupDescription& group) {
  MemberWidths widths;
  widths.group = std::max(widths.group, group.id.size());
  for (const GroupMember& each : group.members) {
    widths.id = std::max(widths.id, each.id.size());
    widths.instance = std::max(widths.instance, each.instance_id.value_or("").size());
    widths.host = std::max(widths.host, each.host.size());
    widths.client = std::max(widths.client, each.client_id.size());
    widths.current = std::max(widths.current, assignment_text(each.assignment).size());
    widths.target = std::max(widths.target, assignment_text(each.target_assignment).size());
    widths.with_instance |= !each.instance_id.value_or("").empty();
    widths.any_classic |= each.is_upgraded == false;
    widths.any_upgraded |= each.is_upgraded == true;
  }
  return widths;
}

}  // namespace

void ConsumerGroupsTool::print_members(const GroupDescription& group) const {
  MemberWidths widths;
  if (print_activity(group, group.members.size())) widths = widths_of(group);
  const auto line = [&](std::string_view id_of_group, std::string_view id,
                        std::string_view instance, std::string_view host, std::string_view client,
                        std::string_view count) {
    std::string text = fmt::format("{:<{}} {:<{}} ", id_of_group, widths.group, id, widths.id);
    if (widths.with_instance) text += fmt::format("{:<{}} ", instance, widths.instance);
    print(text +
          fmt::format("{:<{}} {:<{}} {:<15} ", host, widths.host, client, widths.client, count));
  };
  const bool verbose = options_.has("verbose");
  const bool migrating = widths.any_classic && widths.any_upgraded;
  const auto more = [&](std::string_view epoch, std::string_view current,
                        std::string_view target_epoch, std::string_view target,
                        std::string_view upgraded) {
    if (verbose) {
      print(fmt::format("{:<15} {:<{}} {:<15} {:<{}}", epoch, current, widths.current, target_epoch,
                        target, widths.target));
    }
    if (verbose && migrating) print(fmt::format(" {}", upgraded));
    print("\n");
  };
  print("\n");
  line("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS");
  more("CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT", "UPGRADED");
  for (const GroupMember& each : group.members) {
    line(group.id, each.id, each.instance_id.value_or(""), each.host, each.client_id,
         std::to_string(each.assignment.size()));
    more(text_of(each.epoch), assignment_text(each.assignment), text_of(group.assignment_epoch),
         assignment_text(each.target_assignment),
         each.is_upgraded ? (*each.is_upgraded ? "true" : "false") : kMissing);
  }
}

// --- States ---

void ConsumerGroupsTool::print_state(const GroupDescription& group) const {
  if (!print_activity(group, 1)) return;
  const std::string coordinator =
      fmt::format("{}:{}  ({})", group.coordinator.address.host, group.coordinator.address.port,
                  group.coordinator.id.value());
  const size_t coordinator_width = std::max<size_t>(25, coordinator.size());
  const size_t group_width = std::max(kWidth, group.id.size());
  const bool verbose = options_.has("verbose");
  const auto line = [&](std::string_view id, std::string_view where, std::string_view assignor,
                        std::string_view state, std::string_view epoch, std::string_view target,
                        std::string_view members) {
    std::string text = fmt::format("\n{:<{}} {:<{}} {:<20} {:<20}", id, group_width, where,
                                   coordinator_width, assignor, state);
    if (verbose) text += fmt::format(" {:<15} {:<25}", epoch, target);
    print(text + fmt::format(" {}", members));
  };
  line("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "GROUP-EPOCH",
       "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS");
  line(group.id, coordinator, group.assignor.empty() ? kMissing : group.assignor,
       group_state_words(group.state), text_of(group.epoch), text_of(group.assignment_epoch),
       std::to_string(group.members.size()));
  print("\n");
}

}  // namespace partita::cli::kafka
