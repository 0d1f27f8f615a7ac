#include "cli/commands/group_output.h"

#include <fmt/format.h>

#include <chrono>
#include <set>

#include "cli/commands/topic_output.h"

namespace partita::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::string_view kNothing = "-";

/// A member of an object, whatever it is; null where it is missing.
Json at(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : Json(nullptr);
}

std::string text_at(const Json& object, const char* name) {
  const Json value = at(object, name);
  if (value.is_null()) return std::string(kNothing);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// 93784000 as "1d 2h", 1500 as "1.5s".
std::string time_words(int64_t ms) {
  const int64_t seconds = ms / 1000;
  if (seconds < 60) return fmt::format("{}.{}s", seconds, ms % 1000 / 100);
  if (seconds < 3600) return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h {}m", seconds / 3600, seconds % 3600 / 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds % 86400 / 3600);
}

std::string time_at(const Json& object, const char* name) {
  const Json value = at(object, name);
  return value.is_number() ? time_words(value.get<int64_t>()) : std::string(kNothing);
}

/// Milliseconds since 1970 as a moment in UTC.
std::string moment_at(const Json& object, const char* name) {
  constexpr int64_t kMsADay = 86'400'000;
  const Json value = at(object, name);
  if (!value.is_number() || value.get<int64_t>() < 0) return std::string(kNothing);
  const int64_t ms = value.get<int64_t>();
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(ms / kMsADay)))};
  const int64_t rest = ms % kMsADay;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60, rest % 1000);
}

Json partitions_json(const std::vector<client::TopicPartition>& partitions) {
  Json topics = Json::object();
  for (const client::TopicPartition& each : partitions) {
    topics[each.topic].push_back(each.partition.value());
  }
  return topics;
}

std::string cause_text(const Json& cause) {
  std::string text = text_at(cause, "cause");
  for (char& c : text) c = c == '_' ? ' ' : c;
  const std::string member = text_at(cause, "member");
  if (member != kNothing) text += ": " + member;
  const std::string instance = text_at(cause, "instance");
  if (instance != kNothing) text += fmt::format(" (instance {})", instance);
  const std::string host = text_at(cause, "host");
  if (host != kNothing) text += " on " + host;
  if (at(cause, "timeout_ms").is_number()) text += ", after " + time_at(cause, "timeout_ms");
  const std::string reason = text_at(cause, "reason");
  return reason == kNothing ? text : text + fmt::format(", saying \"{}\"", reason);
}

std::string move_text(const Json& move) {
  std::vector<std::string> partitions;
  for (const Json& each : at(move, "partitions")) partitions.push_back(each.dump());
  const auto owner = [&](const char* name) {
    const std::string member = text_at(move, name);
    return member == kNothing ? std::string("nobody") : member;
  };
  return fmt::format("{} {}: {} -> {}", text_at(move, "topic"), fmt::join(partitions, ","),
                     owner("from"), owner("to"));
}

}  // namespace

std::string groups_text(const std::vector<client::GroupListing>& groups) {
  Rows rows = {{"GROUP", "TYPE", "PROTOCOL", "STATE"}};
  for (const client::GroupListing& each : groups) {
    rows.push_back(
        {each.id, each.type, each.protocol_type.empty() ? "-" : each.protocol_type, each.state});
  }
  return table(rows);
}

std::string groups_json(const std::vector<client::GroupListing>& groups) {
  Json all = Json::array();
  for (const client::GroupListing& each : groups) {
    all.push_back({{"group", each.id},
                   {"type", each.type},
                   {"protocol", each.protocol_type},
                   {"state", each.state}});
  }
  return all.dump(2) + "\n";
}

Json group_json(const ShownGroup& shown) {
  const client::GroupDescription& group = shown.group;
  Json members = Json::array();
  for (const client::GroupMember& each : group.members) {
    members.push_back({{"id", each.id},
                       {"instance", each.instance_id ? Json(*each.instance_id) : Json(nullptr)},
                       {"client", each.client_id},
                       {"host", each.host},
                       {"epoch", each.epoch ? Json(*each.epoch) : Json(nullptr)},
                       {"assignment", partitions_json(each.assignment)}});
  }
  return {{"group", group.id},
          {"type", group.is_classic ? "classic" : "consumer"},
          {"state", group.state},
          {"assignor", group.assignor},
          {"epoch", group.epoch ? Json(*group.epoch) : Json(nullptr)},
          {"coordinator", group.coordinator.id.value()},
          {"members", std::move(members)},
          {"offsets", lag_of(shown)["partitions"]}};
}

std::string group_text(const ShownGroup& shown) {
  const client::GroupDescription& group = shown.group;
  std::map<client::TopicPartition, std::string> owners;
  for (const client::GroupMember& member : group.members) {
    for (const client::TopicPartition& each : member.assignment) owners[each] = member.id;
  }
  Rows head = {{"group", group.id},
               {"type", group.is_classic ? "classic" : "consumer"},
               {"state", group.state},
               {"assignor", group.assignor.empty() ? "-" : group.assignor},
               {"members", std::to_string(group.members.size())},
               {"coordinator", std::to_string(group.coordinator.id.value())}};
  Rows rows = {{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"}};
  std::set<client::TopicPartition> all;
  for (const auto& [partition, offset] : shown.committed) all.insert(partition);
  for (const auto& [partition, owner] : owners) all.insert(partition);
  for (const client::TopicPartition& each : all) {
    const auto committed = shown.committed.find(each);
    const auto end = shown.ends.find(each);
    const bool known = committed != shown.committed.end();
    const bool both = known && end != shown.ends.end();
    const auto number = [](bool there, auto value) {
      return there ? std::to_string(value()) : std::string(kNothing);
    };
    rows.push_back(
        {each.topic, std::to_string(each.partition.value()),
         number(known, [&] { return committed->second.offset.value(); }),
         number(end != shown.ends.end(), [&] { return end->second.value(); }),
         number(both, [&] { return end->second.value() - committed->second.offset.value(); }),
         owners.contains(each) ? owners[each] : std::string(kNothing)});
  }
  return table(head) + "\n" + table(rows);
}

// --- Lag ---

Json lag_of(const ShownGroup& shown) {
  Json partitions = Json::array();
  int64_t records = 0;
  for (const auto& [partition, committed] : shown.committed) {
    Json row = {{"topic", partition.topic},
                {"partition", partition.partition.value()},
                {"committed", committed.offset.value()}};
    const auto end = shown.ends.find(partition);
    if (end != shown.ends.end()) {
      const int64_t lag = end->second.value() - committed.offset.value();
      row["end"] = end->second.value();
      row["lag"] = lag;
      row["warning"] = lag < 0 ? Json("BEYOND_END") : Json(nullptr);
      records += lag;
    }
    partitions.push_back(std::move(row));
  }
  return {{"group", shown.group.id},
          {"records", records},
          {"ms", nullptr},
          {"partitions", std::move(partitions)}};
}

size_t lag_warnings(const Json& report) {
  size_t count = 0;
  for (const Json& each : at(report, "partitions")) count += at(each, "warning").is_string();
  return count;
}

std::string lag_text(const Json& report) {
  Rows rows = {{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "BEHIND", "GOES IN", "WARNING"}};
  std::string warnings;
  for (const Json& each : at(report, "partitions")) {
    const std::string warning = text_at(each, at(each, "error").is_string() ? "error" : "warning");
    rows.push_back({text_at(each, "topic"), text_at(each, "partition"), text_at(each, "committed"),
                    text_at(each, "end"), text_at(each, "lag"), time_at(each, "lag_ms"),
                    time_at(each, "goes_in_ms"), warning});
    const std::string name = text_at(each, "topic") + "-" + text_at(each, "partition");
    if (warning == "RETENTION_SOON") {
      warnings += fmt::format("warning: retention deletes what {} has not read of {} in {}\n",
                              text_at(report, "group"), name, time_at(each, "goes_in_ms"));
    } else if (warning == "RECORDS_LOST") {
      warnings += fmt::format("warning: {} records of {} were deleted before {} read them\n",
                              text_at(each, "records_lost"), name, text_at(report, "group"));
    } else if (warning == "BEYOND_END") {
      warnings += fmt::format("warning: {} has committed more of {} than there is\n",
                              text_at(report, "group"), name);
    }
  }
  return fmt::format("{}: {} records behind, {}\n", text_at(report, "group"),
                     text_at(report, "records"), time_at(report, "ms")) +
         table(rows) + warnings;
}

// --- Why it rebalanced ---

std::string rebalances_text(const std::string& group, const Json& report) {
  if (!report.is_array() || report.empty()) {
    return fmt::format("{} has not rebalanced since its coordinator loaded it\n", group);
  }
  std::string text;
  for (const Json& each : report) {
    const bool running = text_at(each, "state") == "running";
    text += moment_at(each, "begun_ms");
    if (running) {
      text += fmt::format("  runs for {}\n", time_at(each, "running_for_ms"));
    } else {
      text += fmt::format("  took {}, generation {}, {} members, {} partitions moved\n",
                          time_at(each, "took_ms"), text_at(each, "generation"),
                          text_at(each, "members"), text_at(each, "partitions_moved"));
    }
    for (const Json& cause : at(each, "causes")) text += "  because " + cause_text(cause) + "\n";
    for (const Json& member : at(each, "waiting_for")) {
      text += "  waits for " + (member.is_string() ? member.get<std::string>() : member.dump());
      text += "\n";
    }
    for (const Json& move : at(each, "moves")) text += "  moved " + move_text(move) + "\n";
    for (const char* more : {"more_causes", "more_moves", "more_waiting_for"}) {
      const Json count = at(each, more);
      if (count.is_number() && count.get<int64_t>() > 0) {
        text += fmt::format("  and {} more {}\n", count.dump(), more + 5);
      }
    }
  }
  return text;
}

}  // namespace partita::cli
