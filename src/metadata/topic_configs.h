#pragma once
// What can be configured of a topic: names, types, defaults and checks as Apache Kafka 4.3.1 has
// them, its words for what it refuses, and where an effective value comes from. Pure tables and
// functions.
//
// A value comes from, in this order: the topic's own config; the broker's dynamic config; the
// cluster's dynamic default for brokers; the broker's static setting (a file, the environment or a
// flag); the built-in default. Below the topic it stands under the broker's names for it
// (synonyms), some of which count in other units.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "metadata/image.h"

namespace partita::metadata {

/// Kafka's numbers for DescribeConfigs.
enum class ConfigType : int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int64 = 5,
  float64 = 6,
  list = 7,
};

/// Kafka's numbers of ConfigSource.
enum class ConfigSource : int8_t {
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  defaults = 5,
};

struct BrokerSynonym {
  std::string_view name;
  int64_t factor = 1;              ///< what one of its units is in units of the topic config
  std::string_view default_value;  ///< in its own units; empty where it has none
};

struct TopicConfigRow {
  std::string_view name;
  ConfigType type;
  std::string_view default_value;
  std::string_view documentation;
  std::vector<BrokerSynonym> synonyms;  ///< the first that is set counts
  bool hidden = false;                  ///< accepted, but not told to clients
};

/// Sorted by name.
const std::vector<TopicConfigRow>& topic_config_rows();
/// nullptr where there is no such config.
const TopicConfigRow* find_topic_config(std::string_view name);

/// Errc::invalid_config with Kafka's words: an unknown name, a value of the wrong type or out of
/// range.
Result<> check_topic_config(std::string_view name, std::string_view value);
/// All of a topic's configs: each alone, and together.
Result<> check_topic_configs(const Configs& configs);
/// Kafka's LIST: parts between commas, trimmed; none in a blank text.
std::vector<std::string> split_list(std::string_view value);

/// Where values below the topic's own come from. Any may be nullptr.
struct ConfigSources {
  const Configs* dynamic_broker = nullptr;
  const Configs* dynamic_default_broker = nullptr;
  const Configs* static_broker = nullptr;  ///< settings that were given, by broker name
};

struct ConfigSynonym {
  std::string name;
  std::string value;
  ConfigSource source = ConfigSource::defaults;
  bool operator==(const ConfigSynonym&) const = default;
};

struct EffectiveConfig {
  std::string value;
  ConfigSource source = ConfigSource::defaults;
  std::vector<ConfigSynonym> synonyms;  ///< all that could have counted, the one that does first
};

EffectiveConfig effective_topic_config(const TopicConfigRow& row, const Configs& topic,
                                       const ConfigSources& sources);

}  // namespace partita::metadata
