#include "metadata/topic_configs.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <variant>

namespace partita::metadata {

namespace {

constexpr int64_t kNoLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kNoMost = std::numeric_limits<int64_t>::max();

struct Range {
  int64_t least = kNoLeast;
  int64_t most = kNoMost;
};

/// Numbers have these ranges; names that are not here have none.
const std::map<std::string_view, Range>& ranges() {
  static const std::map<std::string_view, Range> kRanges{
      {"segment.bytes", {1'048'576}},
      {"segment.ms", {1}},
      {"segment.jitter.ms", {0}},
      {"segment.index.bytes", {4}},
      {"flush.messages", {1}},
      {"flush.ms", {0}},
      {"retention.ms", {-1}},
      {"max.message.bytes", {0}},
      {"index.interval.bytes", {0}},
      {"delete.retention.ms", {0}},
      {"min.compaction.lag.ms", {0}},
      {"max.compaction.lag.ms", {1}},
      {"file.delete.delay.ms", {0}},
      {"min.cleanable.dirty.ratio", {0, 1}},
      {"min.insync.replicas", {1}},
      {"compression.lz4.level", {1, 17}},
      {"compression.zstd.level", {-131'072, 22}},
      {"message.timestamp.before.max.ms", {0}},
      {"message.timestamp.after.max.ms", {0}},
      {"local.retention.ms", {-2}},
      {"local.retention.bytes", {-2}},
  };
  return kRanges;
}

/// The words that a STRING, or each part of a LIST, may be.
std::vector<std::string_view> choices(std::string_view name) {
  if (name == "cleanup.policy") return {"compact", "delete"};
  if (name == "compression.type")
    return {"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"};
  if (name == "message.timestamp.type") return {"CreateTime", "LogAppendTime"};
  return {};
}

std::string_view trim(std::string_view text) {
  // Java's trim: everything up to the space.
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::unexpected<Error> invalid(std::string_view name, std::string_view value,
                               std::string_view why) {
  return fail(Errc::invalid_config,
              fmt::format("Invalid value {} for configuration {}: {}", value, name, why));
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  text = trim(text);
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Result<> check_integer(std::string_view name, std::string_view text, int64_t value) {
  if (name == "compression.gzip.level") {
    if (value == -1 || (value >= 1 && value <= 9)) return {};
    return invalid(name, text, "Value must be between 1 and 9 or equal to -1");
  }
  const auto at = ranges().find(name);
  if (at == ranges().end()) return {};
  if (value < at->second.least) {
    return invalid(name, text, fmt::format("Value must be at least {}", at->second.least));
  }
  if (value > at->second.most) {
    return invalid(name, text, fmt::format("Value must be no more than {}", at->second.most));
  }
  return {};
}

Result<> check_double(std::string_view name, std::string_view value) {
  const auto number = parse_number<double>(value);
  if (!number) return invalid(name, value, "Not a number of type DOUBLE");
  const Range range = ranges().at(name);
  const bool whole = *number == static_cast<double>(static_cast<int64_t>(*number));
  const std::string text = whole ? fmt::format("{:.1f}", *number) : fmt::format("{}", *number);
  // Written so that NaN, which compares with nothing, is refused.
  if (!(*number >= static_cast<double>(range.least))) {
    return invalid(name, text, fmt::format("Value must be at least {}", range.least));
  }
  if (!(*number <= static_cast<double>(range.most))) {
    return invalid(name, text, fmt::format("Value must be no more than {}", range.most));
  }
  return {};
}

Result<> check_choice(std::string_view name, std::string_view value) {
  const auto allowed = choices(name);
  if (std::ranges::find(allowed, value) != allowed.end()) return {};
  return invalid(name, value, fmt::format("String must be one of: {}", fmt::join(allowed, ", ")));
}

bool is_replica(std::string_view part) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || c == ':'; };
  return std::ranges::all_of(part, digit) && std::ranges::count(part, ':') == 1;
}

Result<> check_list(std::string_view name, std::string_view value) {
  const std::vector<std::string> parts = split_list(value);
  if (name == "cleanup.policy") {
    for (const std::string& part : parts) CHECKED(check_choice(name, part));
    return {};
  }
  if (!parts.empty() && parts.front() == "*") return {};
  if (std::ranges::all_of(parts, is_replica)) return {};
  return invalid(
      name, fmt::format("[{}]", fmt::join(parts, ", ")),
      fmt::format("{} must be the literal '*' or a list of replicas in the following format: "
                  "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                  name));
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

Result<> check_value(const TopicConfigRow& row, std::string_view value) {
  switch (row.type) {
    case ConfigType::boolean:
      if (equals_ignoring_case(trim(value), "true") || equals_ignoring_case(trim(value), "false"))
        return {};
      return invalid(row.name, value, "Expected value to be either true or false");
    case ConfigType::int32: {
      const auto number = parse_number<int32_t>(value);
      if (!number) return invalid(row.name, value, "Not a number of type INT");
      return check_integer(row.name, std::to_string(*number), *number);
    }
    case ConfigType::int64: {
      const auto number = parse_number<int64_t>(value);
      if (!number) return invalid(row.name, value, "Not a number of type LONG");
      return check_integer(row.name, std::to_string(*number), *number);
    }
    case ConfigType::float64: return check_double(row.name, value);
    case ConfigType::string: return check_choice(row.name, trim(value));
    case ConfigType::list: return check_list(row.name, value);
  }
  return {};
}

int64_t number_of(const Configs& configs, const char* name, int64_t otherwise) {
  const auto at = configs.find(name);
  return at == configs.end() ? otherwise : parse_number<int64_t>(at->second).value_or(otherwise);
}

}  // namespace

std::vector<std::string> split_list(std::string_view value) {
  std::vector<std::string> parts;
  if (trim(value).empty()) return parts;
  while (true) {
    const size_t comma = value.find(',');
    parts.emplace_back(trim(value.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    value.remove_prefix(comma + 1);
  }
}

Result<> check_topic_config(std::string_view name, std::string_view value) {
  const TopicConfigRow* row = find_topic_config(name);
  if (row == nullptr)
    return fail(Errc::invalid_config, fmt::format("Unknown topic config name: {}", name));
  return check_value(*row, value);
}

Result<> check_topic_configs(const Configs& configs) {
  for (const auto& [name, value] : configs) {
    if (find_topic_config(name) == nullptr) {
      return fail(Errc::invalid_config, fmt::format("Unknown topic config name: {}", name));
    }
  }
  for (const auto& [name, value] : configs) CHECKED(check_topic_config(name, value));
  const int64_t least = number_of(configs, "min.compaction.lag.ms", 0);
  const int64_t most = number_of(configs, "max.compaction.lag.ms", kNoMost);
  if (least > most) {
    return fail(
        Errc::invalid_config,
        fmt::format(
            "conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
            least, most));
  }
  const auto remote = configs.find("remote.storage.enable");
  if (remote != configs.end() && equals_ignoring_case(trim(remote->second), "true")) {
    return fail(Errc::invalid_config,
                "Tiered Storage functionality is disabled in the broker. Topic cannot be "
                "configured with remote "
                "log storage.");
  }
  return {};
}

namespace {

/// A synonym's value in the topic config's units.
std::string in_units_of_topic(const BrokerSynonym& synonym, const std::string& value) {
  if (synonym.factor == 1) return value;
  const auto number = parse_number<int64_t>(value);
  // A setting that is no number never got past the broker's own check.
  if (!number || *number < 0) return value;
  return std::to_string(*number * synonym.factor);
}

void collect(const TopicConfigRow& row, const Configs* from, ConfigSource source,
             std::vector<ConfigSynonym>& found) {
  if (from == nullptr) return;
  for (const BrokerSynonym& synonym : row.synonyms) {
    const auto at = from->find(std::string(synonym.name));
    if (at != from->end()) found.push_back({std::string(synonym.name), at->second, source});
  }
}

}  // namespace

EffectiveConfig effective_topic_config(const TopicConfigRow& row, const Configs& topic,
                                       const ConfigSources& sources) {
  std::vector<ConfigSynonym> found;
  if (const auto at = topic.find(std::string(row.name)); at != topic.end()) {
    found.push_back({std::string(row.name), at->second, ConfigSource::topic});
  }
  collect(row, sources.dynamic_broker, ConfigSource::dynamic_broker, found);
  collect(row, sources.dynamic_default_broker, ConfigSource::dynamic_default_broker, found);
  collect(row, sources.static_broker, ConfigSource::static_broker, found);
  for (const BrokerSynonym& synonym : row.synonyms) {
    if (synonym.default_value.empty()) continue;
    found.push_back(
        {std::string(synonym.name), std::string(synonym.default_value), ConfigSource::defaults});
  }
  EffectiveConfig effective{std::string(row.default_value), ConfigSource::defaults,
                            std::move(found)};
  if (effective.synonyms.empty() || effective.synonyms.front().source == ConfigSource::defaults)
    return effective;
  const ConfigSynonym& first = effective.synonyms.front();
  effective.source = first.source;
  effective.value = first.value;
  for (const BrokerSynonym& synonym : row.synonyms) {
    if (first.source != ConfigSource::topic && synonym.name == first.name) {
      effective.value = in_units_of_topic(synonym, first.value);
    }
  }
  return effective;
}

}  // namespace partita::metadata
