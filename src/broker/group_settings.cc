#include "broker/group_settings.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace partita::broker {
namespace {

using coordinators::GroupSettings;

/// Reads rows that parse_settings() has checked.
class Reader {
 public:
  explicit Reader(const Settings& settings) : settings_(settings) {}

  std::string text(std::string_view name) const {
    return setting_text(settings_, name).value_or("");
  }
  int64_t number(std::string_view name) const {
    const std::string digits = text(name);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    CHECK(error == std::errc());
    return value;
  }
  int32_t small(std::string_view name) const { return static_cast<int32_t>(number(name)); }
  Duration ms(std::string_view name) const { return from_ms(number(name)); }

 private:
  const Settings& settings_;
};

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view word = list.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) words.emplace_back(word);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return words;
}

GroupSettings::Migration migration(std::string word) {
  std::ranges::transform(word, word.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (word == "disabled") return GroupSettings::Migration::disabled;
  if (word == "upgrade") return GroupSettings::Migration::upgrade;
  if (word == "downgrade") return GroupSettings::Migration::downgrade;
  return GroupSettings::Migration::bidirectional;
}

void read_consumer_groups(const Reader& read, GroupSettings& out) {
  out.consumer_session_timeout = read.ms("group.consumer.session.timeout.ms");
  out.consumer_session_timeout_min = read.ms("group.consumer.min.session.timeout.ms");
  out.consumer_session_timeout_max = read.ms("group.consumer.max.session.timeout.ms");
  out.consumer_heartbeat_interval = read.ms("group.consumer.heartbeat.interval.ms");
  out.consumer_heartbeat_interval_min = read.ms("group.consumer.min.heartbeat.interval.ms");
  out.consumer_heartbeat_interval_max = read.ms("group.consumer.max.heartbeat.interval.ms");
  out.consumer_size_max = read.small("group.consumer.max.size");
  out.consumer_assignors = words_of(read.text("group.consumer.assignors"));
  out.consumer_regex_refresh_interval = read.ms("group.consumer.regex.refresh.interval.ms");
  out.consumer_migration = migration(read.text("group.consumer.migration.policy"));
}

}  // namespace

GroupSettings group_settings(const Settings& settings) {
  const Reader read(settings);
  GroupSettings out;
  out.session_timeout_min = read.ms("group.min.session.timeout.ms");
  out.session_timeout_max = read.ms("group.max.session.timeout.ms");
  out.initial_rebalance_delay = read.ms("group.initial.rebalance.delay.ms");
  out.size_max = read.small("group.max.size");
  out.offset_metadata_bytes_max = static_cast<size_t>(read.number("offset.metadata.max.bytes"));
  out.offsets_retention = std::chrono::minutes(read.number("offsets.retention.minutes"));
  out.offsets_check_interval = read.ms("offsets.retention.check.interval.ms");
  out.batch_bytes_max = static_cast<size_t>(read.number("message.max.bytes"));
  read_consumer_groups(read, out);
  return out;
}

}  // namespace partita::broker
