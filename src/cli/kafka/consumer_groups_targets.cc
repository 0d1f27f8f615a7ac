// kafka-consumer-groups --reset-offsets: where to.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/kafka/consumer_groups.h"
#include "cli/kafka/reset_plan.h"
#include "cli/text_file.h"

namespace partita::cli::kafka {

using client::TopicPartition;

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::target_offsets(
    std::string group, Partitions partitions) {
  const Options& given = options_.given;
  if (given.has("to-offset")) {
    CO_TRY(const auto offset, given.integer("to-offset", 64));
    Offsets wanted;
    for (const TopicPartition& each : partitions) wanted.insert_or_assign(each, Offset(*offset));
    co_return co_await within_range(std::move(wanted));
  }
  if (given.has("to-earliest")) {
    co_return co_await listed(std::move(partitions), client::kEarliestTimestamp);
  }
  if (given.has("to-latest")) {
    co_return co_await listed(std::move(partitions), client::kLatestTimestamp);
  }
  if (given.has("shift-by")) {
    co_return co_await shifted(std::move(group), std::move(partitions));
  }
  if (const auto text = given.value("to-datetime")) {
    CO_TRY(const int64_t timestamp, parse_datetime(*text));
    co_return co_await at_time(std::move(partitions), timestamp);
  }
  if (const auto text = given.value("by-duration")) {
    CO_TRY(const int64_t duration, parse_duration_ms(*text));
    const int64_t now = context_.shard().clock().wall().ms();
    co_return co_await at_time(std::move(partitions), now - duration);
  }
  if (given.has("from-file")) co_return co_await from_file(std::move(group));
  if (given.has("to-current")) {
    co_return co_await current(std::move(group), std::move(partitions));
  }
  co_return fail(Errc::invalid_argument,
                 "Option '[reset-offsets]' requires one of the following scenarios: [[to-offset], "
                 "[shift-by], [to-datetime], [by-duration], [to-earliest], [to-latest], "
                 "[to-current], [from-file]]");
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::shifted(std::string group,
                                                                      Partitions partitions) {
  const auto committed = co_await groups_.committed(std::move(group), deadline());
  if (!committed) co_return std::unexpected(runtime_failure(committed.error()));
  CO_TRY(const auto shift, options_.given.integer("shift-by", 64));
  Offsets wanted;
  for (const TopicPartition& each : partitions) {
    const auto at = committed->find(each);
    if (at == committed->end()) {
      co_return fail(Errc::invalid_argument,
                     fmt::format("Cannot shift offset for partition {} since there is no current "
                                 "committed offset",
                                 each.to_string()));
    }
    int64_t moved = 0;
    // Beyond what an offset can be is beyond the log as well.
    if (__builtin_add_overflow(at->second.offset.value(), *shift, &moved)) {
      moved = *shift < 0 ? INT64_MIN : INT64_MAX;
    }
    wanted.insert_or_assign(each, Offset(moved));
  }
  co_return co_await within_range(std::move(wanted));
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::current(std::string group,
                                                                      Partitions partitions) {
  const auto committed = co_await groups_.committed(std::move(group), deadline());
  if (!committed) co_return std::unexpected(runtime_failure(committed.error()));
  Offsets offsets;
  Partitions missing;
  for (const TopicPartition& each : partitions) {
    const auto at = committed->find(each);
    if (at == committed->end()) {
      missing.push_back(each);
    } else {
      offsets.insert_or_assign(each, at->second.offset);
    }
  }
  CO_TRY(const Offsets ends, co_await listed(std::move(missing), client::kLatestTimestamp));
  offsets.insert(ends.begin(), ends.end());
  co_return offsets;
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::at_time(Partitions partitions,
                                                                      int64_t timestamp) {
  CO_TRY(Offsets found, co_await listed(std::move(partitions), timestamp));
  Offsets empty;
  for (const auto& [partition, offset] : found) {
    if (offset == kNoOffset) empty.emplace(partition, offset);
  }
  Partitions left;
  for (const auto& [partition, offset] : in_java_order(empty)) {
    std::fputs(
        fmt::format(
            "\nWarn: Partition {} from topic {} is empty. Falling back to latest known offset.\n",
            partition.partition.value(), partition.topic)
            .c_str(),
        stdout);
    left.push_back(partition);
  }
  CO_TRY(const Offsets ends, co_await listed(std::move(left), client::kLatestTimestamp));
  for (const auto& [partition, offset] : ends) found.insert_or_assign(partition, offset);
  co_return found;
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::from_file(std::string group) {
  const std::string path = options_.given.value_or("from-file", "");
  const auto text = co_await read_text_file(context_.shard(), path);
  if (!text) {
    co_return fail(text.error().code, "java.io.IOException: Unable to read file " + path);
  }
  CO_TRY(const auto plan, parse_reset_plan(*text));
  const bool one_group = options_.given.values("group").size() == 1;
  Offsets wanted;
  for (const PlannedOffset& each : plan) {
    const bool is_theirs = each.group.empty() ? one_group : each.group == group;
    if (is_theirs) wanted.insert_or_assign(each.partition, Offset(each.offset));
  }
  if (wanted.empty()) {
    print_group_error(fmt::format("No reset plan for group {} found", group));
    co_return wanted;
  }
  co_return co_await within_range(std::move(wanted));
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::within_range(Offsets wanted) {
  Partitions partitions;
  for (const auto& [partition, offset] : wanted) partitions.push_back(partition);
  CO_TRY(const Offsets starts, co_await listed(partitions, client::kEarliestTimestamp));
  CO_TRY(const Offsets ends, co_await listed(std::move(partitions), client::kLatestTimestamp));
  for (auto& [partition, offset] : wanted) {
    offset = std::max(offset, starts.at(partition));
    offset = std::min(offset, ends.at(partition));
  }
  co_return wanted;
}

Task<Result<ConsumerGroupsTool::Offsets>> ConsumerGroupsTool::listed(Partitions partitions,
                                                                     int64_t timestamp) {
  Offsets offsets;
  if (partitions.empty()) co_return offsets;
  std::vector<client::OffsetQuestion> questions;
  for (const TopicPartition& each : partitions) questions.push_back({each, timestamp});
  const auto answers = co_await admin_.list_offsets(std::move(questions), false, deadline());
  if (!answers) co_return std::unexpected(runtime_failure(answers.error()));
  for (const auto& [partition, answer] : *answers) {
    if (!answer) co_return std::unexpected(runtime_failure(answer.error()));
    offsets.emplace(partition, answer->offset);
  }
  co_return offsets;
}

}  // namespace partita::cli::kafka
