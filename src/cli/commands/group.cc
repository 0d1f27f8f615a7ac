// partita group: list, describe, lag, why, reset, delete, delete-offsets.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands/group_output.h"
#include "cli/commands/topic_output.h"
#include "client/admin.h"

namespace partita::cli {
namespace {

using client::TopicPartition;

struct GroupFlags {
  ClientFlags client;
  std::vector<std::string> names;
  std::vector<std::string> topics;
  std::string to;
  bool json = false;
  bool execute = false;
  bool check = false;
};

/// Where a reset leads.
struct ResetTarget {
  enum class Kind { beginning, end, offset, time, shift };
  Kind kind = Kind::beginning;
  int64_t value = 0;
};

Result<ResetTarget> parse_target(const std::string& text) {
  if (text == "beginning") return ResetTarget{ResetTarget::Kind::beginning};
  if (text == "end") return ResetTarget{ResetTarget::Kind::end};
  const bool shift = text.starts_with('+') || text.starts_with('-');
  const bool time = text.starts_with('@');
  std::string_view digits = text;
  if (text.starts_with('+') || time) digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return fail(Errc::invalid_argument,
                fmt::format("--to is beginning, end, an offset, @MILLISECONDS, +COUNT or -COUNT, "
                            "not '{}'",
                            text));
  }
  const auto kind = shift  ? ResetTarget::Kind::shift
                    : time ? ResetTarget::Kind::time
                           : ResetTarget::Kind::offset;
  return ResetTarget{kind, value};
}

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}

class GroupCommand {
 public:
  GroupCommand(ClientContext& context, const GroupFlags& flags)
      : flags_(flags),
        admin_(context.scope, context.cluster),
        groups_(context.scope, context.cluster),
        deadline_(context.now() + flags.client.timeout()) {}

  Task<Result<>> list() {
    CO_TRY(auto all, co_await groups_.list({}, {}, deadline_));
    std::ranges::sort(all, {}, &client::GroupListing::id);
    print(flags_.json ? groups_json(all) : groups_text(all));
    co_return Result<>();
  }

  Task<Result<>> describe() {
    Json all = Json::array();
    bool first = true;
    for (const std::string& name : flags_.names) {
      CO_TRY(const ShownGroup shown, co_await look_up(name));
      if (flags_.json) {
        all.push_back(group_json(shown));
      } else {
        print((std::exchange(first, false) ? "" : "\n") + group_text(shown));
      }
    }
    if (flags_.json) print(all.dump(2) + "\n");
    co_return Result<>();
  }

  Task<Result<>> lag() {
    Json all = Json::array();
    size_t warnings = 0;
    for (const std::string& name : flags_.names) {
      CO_TRY(const Json report, co_await lag_report(name));
      warnings += lag_warnings(report);
      if (flags_.json) {
        all.push_back(report);
      } else {
        print((&name == &flags_.names.front() ? "" : "\n") + lag_text(report));
      }
    }
    if (flags_.json) print(all.dump(2) + "\n");
    if (flags_.check && warnings > 0) {
      co_return fail(Errc::invalid_argument, fmt::format("{} warnings", warnings));
    }
    co_return Result<>();
  }

  Task<Result<>> why() {
    Json all = Json::array();
    for (const std::string& name : flags_.names) {
      CO_TRY(const Json report, co_await report_of(name, "partita.group.rebalances"));
      if (flags_.json) {
        all.push_back({{"group", name}, {"rebalances", report}});
      } else {
        print(rebalances_text(name, report));
      }
    }
    if (flags_.json) print(all.dump(2) + "\n");
    co_return Result<>();
  }

  Task<Result<>> remove() {
    CO_TRY(const auto outcomes, co_await groups_.remove(flags_.names, deadline_));
    for (const auto& each : outcomes) {
      if (!each.result) co_return named(each.name, each.result.error());
      print(fmt::format("deleted {}\n", each.name));
    }
    co_return Result<>();
  }

  Task<Result<>> delete_offsets() {
    const std::string& group = flags_.names.front();
    CO_TRY(const auto partitions, co_await chosen_partitions(group));
    CO_TRY(const auto results, co_await groups_.delete_offsets(group, partitions, deadline_));
    for (const auto& [partition, result] : results) {
      if (!result) co_return named(partition.to_string(), result.error());
    }
    print(fmt::format("deleted {} offsets of {}\n", results.size(), group));
    co_return Result<>();
  }

  Task<Result<>> reset() {
    const std::string& group = flags_.names.front();
    CO_TRY(const ResetTarget target, parse_target(flags_.to));
    CO_TRY(const auto partitions, co_await chosen_partitions(group));
    CO_TRY(const auto before, co_await groups_.committed(group, deadline_));
    CO_TRY(const auto after, co_await target_offsets(target, partitions, before));
    if (flags_.execute) {
      client::CommittedOffsets commits;
      for (const auto& [partition, offset] : after) {
        commits.emplace(partition, client::CommittedOffset{.offset = offset});
      }
      CO_TRY(const auto results,
             co_await groups_.alter_offsets(group, std::move(commits), deadline_));
      for (const auto& [partition, result] : results) {
        if (!result) co_return named(partition.to_string(), result.error());
      }
    }
    print_reset(before, after);
    co_return Result<>();
  }

 private:
  using Offsets = std::map<TopicPartition, Offset>;

  static Result<> named(const std::string& name, const Error& error) {
    return fail(error.code, name + ": " + words_of(error));
  }

  Task<Result<ShownGroup>> look_up(std::string name) {
    CO_TRY(const auto described, co_await groups_.describe({name}, deadline_));
    if (described.empty()) co_return fail(Errc::group_id_not_found, name);
    if (!described[0].result) {
      co_return fail(described[0].result.error().code,
                     name + ": " + words_of(described[0].result.error()));
    }
    ShownGroup shown{.group = *described[0].result, .committed = {}, .ends = {}};
    CO_TRY(shown.committed, co_await groups_.committed(name, deadline_));
    std::vector<TopicPartition> partitions;
    for (const auto& [partition, offset] : shown.committed) partitions.push_back(partition);
    CO_TRY(shown.ends, co_await listed(std::move(partitions), client::kLatestTimestamp));
    co_return shown;
  }

  Task<Result<Json>> report_of(std::string group, std::string name) {
    CO_TRY(const std::string text, co_await groups_.report(group, name, deadline_));
    Json report = Json::parse(text, nullptr, false);
    if (report.is_discarded()) co_return fail(Errc::malformed, name + " is no JSON");
    co_return report;
  }

  /// Of a broker that has no such report what anybody can ask: how many records.
  Task<Result<Json>> lag_report(std::string group) {
    auto report = co_await report_of(group, "partita.group.lag");
    if (report) co_return report;
    const Errc code = report.error().code;
    if (code != Errc::unsupported_version && code != Errc::invalid_config &&
        code != Errc::invalid_request) {
      co_return fail(code, group + ": " + words_of(report.error()));
    }
    CO_TRY(const ShownGroup shown, co_await look_up(std::move(group)));
    co_return lag_of(shown);
  }

  /// Those of --topic; without it, all that the group has committed.
  Task<Result<std::vector<TopicPartition>>> chosen_partitions(std::string group) {
    std::vector<TopicPartition> partitions;
    if (flags_.topics.empty()) {
      CO_TRY(const auto committed, co_await groups_.committed(std::move(group), deadline_));
      for (const auto& [partition, offset] : committed) partitions.push_back(partition);
    }
    std::vector<std::string> whole;
    for (const std::string& text : flags_.topics) {
      const size_t colon = text.find(':');
      if (colon == std::string::npos) {
        whole.push_back(text);
        continue;
      }
      int32_t index = 0;
      const char* const end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, index);
      if (error != std::errc() || stop != end) {
        co_return fail(Errc::invalid_argument,
                       fmt::format("--topic is NAME or NAME:PARTITION, not '{}'", text));
      }
      partitions.push_back({text.substr(0, colon), PartitionIndex(index)});
    }
    if (whole.empty()) co_return partitions;
    CO_TRY(const auto described, co_await admin_.describe_topics(std::move(whole), deadline_));
    for (const auto& topic : described) {
      if (!topic.result) {
        co_return fail(topic.result.error().code,
                       topic.name + ": " + words_of(topic.result.error()));
      }
      for (const auto& each : topic.result->partitions) {
        partitions.push_back({topic.name, each.index});
      }
    }
    co_return partitions;
  }

  Task<Result<Offsets>> target_offsets(ResetTarget target, std::vector<TopicPartition> partitions,
                                       client::CommittedOffsets before) {
    CO_TRY(const Offsets starts, co_await listed(partitions, client::kEarliestTimestamp));
    CO_TRY(const Offsets ends, co_await listed(partitions, client::kLatestTimestamp));
    Offsets timed;
    if (target.kind == ResetTarget::Kind::time) {
      CO_TRY(timed, co_await listed(partitions, target.value));
    }
    Offsets wanted;
    for (const TopicPartition& each : partitions) {
      Offset offset = starts.at(each);
      if (target.kind == ResetTarget::Kind::end) offset = ends.at(each);
      if (target.kind == ResetTarget::Kind::offset) offset = Offset(target.value);
      if (target.kind == ResetTarget::Kind::time) {
        offset = timed.at(each) == kNoOffset ? ends.at(each) : timed.at(each);
      }
      if (target.kind == ResetTarget::Kind::shift) {
        const auto at = before.find(each);
        int64_t moved = 0;
        if (at == before.end() ||
            __builtin_add_overflow(at->second.offset.value(), target.value, &moved)) {
          co_return fail(Errc::invalid_argument,
                         each.to_string() + " has no committed offset that can be moved so far");
        }
        offset = Offset(moved);
      }
      wanted.emplace(each, std::min(std::max(offset, starts.at(each)), ends.at(each)));
    }
    co_return wanted;
  }

  Task<Result<Offsets>> listed(std::vector<TopicPartition> partitions, int64_t timestamp) {
    std::vector<client::OffsetQuestion> questions;
    for (TopicPartition& each : partitions) questions.push_back({std::move(each), timestamp});
    CO_TRY(const auto answers,
           co_await admin_.list_offsets(std::move(questions), false, deadline_));
    Offsets offsets;
    for (const auto& [partition, answer] : answers) {
      if (!answer) {
        co_return fail(answer.error().code,
                       partition.to_string() + ": " + words_of(answer.error()));
      }
      offsets.emplace(partition, answer->offset);
    }
    co_return offsets;
  }

  void print_reset(const client::CommittedOffsets& before, const Offsets& after) const {
    std::vector<std::vector<std::string>> rows = {{"TOPIC", "PARTITION", "BEFORE", "AFTER"}};
    Json json = Json::array();
    for (const auto& [partition, offset] : after) {
      const auto at = before.find(partition);
      const bool known = at != before.end();
      rows.push_back({partition.topic, std::to_string(partition.partition.value()),
                      known ? std::to_string(at->second.offset.value()) : "-",
                      std::to_string(offset.value())});
      json.push_back({{"topic", partition.topic},
                      {"partition", partition.partition.value()},
                      {"before", known ? Json(at->second.offset.value()) : Json(nullptr)},
                      {"after", offset.value()}});
    }
    if (flags_.json) {
      print(Json{{"executed", flags_.execute}, {"offsets", std::move(json)}}.dump(2) + "\n");
      return;
    }
    print(table(rows));
    if (!flags_.execute) print("nothing was changed: --execute does it\n");
  }

  const GroupFlags& flags_;
  client::Admin admin_;
  client::GroupAdmin groups_;
  const Deadline deadline_;
};

using Action = Task<Result<>> (GroupCommand::*)();

Task<int> run_action(ClientContext& context, const GroupFlags& flags, Action action) {
  GroupCommand command(context, flags);
  const Result<> result = co_await (command.*action)();
  std::fflush(stdout);
  co_return result ? 0 : complain("group", result.error());
}

/// The subcommands; `action` is the one that was called, when the flags have been read.
void add_subcommands(CLI::App& app, GroupFlags& flags, Action& action) {
  const auto subcommand = [&](const char* name, const char* words, Action what) {
    CLI::App* sub = app.add_subcommand(name, words);
    flags.client.add_to(*sub);
    sub->add_flag("--json", flags.json, "JSON instead of a table");
    sub->callback([&action, what] { action = what; });
    if (what != &GroupCommand::list) {
      sub->add_option("group", flags.names, "the group")->required();
    }
    return sub;
  };
  const auto add_topics = [&](CLI::App* sub) {
    sub->add_option("-t,--topic", flags.topics,
                    "NAME or NAME:PARTITION; without it all that the group committed")
        ->take_all();
  };
  subcommand("list", "list the groups", &GroupCommand::list);
  subcommand("describe", "state, members and offsets", &GroupCommand::describe);
  CLI::App* lag =
      subcommand("lag", "how far behind a group is, and what retention takes", &GroupCommand::lag);
  lag->add_flag("--check", flags.check, "exit with 1 where there is a warning");
  subcommand("why", "the latest rebalances with their causes", &GroupCommand::why);
  CLI::App* reset =
      subcommand("reset", "move what a group without members has committed", &GroupCommand::reset);
  add_topics(reset);
  reset->add_option("--to", flags.to, "beginning, end, an offset, @MILLISECONDS, +COUNT or -COUNT")
      ->required();
  reset->add_flag("--execute", flags.execute, "do it; else it is only shown");
  subcommand("delete", "delete groups with all they committed", &GroupCommand::remove);
  CLI::App* offsets = subcommand("delete-offsets", "delete what a group has committed",
                                 &GroupCommand::delete_offsets);
  add_topics(offsets);
}

}  // namespace

int run_group(std::span<const std::string> arguments) {
  CLI::App app("Lists, describes, explains, resets and deletes groups.", "partita group");
  app.require_subcommand(1);
  GroupFlags flags;
  Action action = nullptr;
  add_subcommands(app, flags, action);
  if (const auto code = parse(app, arguments)) return *code;
  auto settings = cluster_settings(flags.client.bootstrap, "partita-group");
  if (!settings) return complain("group", settings.error());
  return run_client(std::move(*settings),
                    [&](ClientContext& context) { return run_action(context, flags, action); });
}

}  // namespace partita::cli
