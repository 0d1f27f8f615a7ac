#pragma once
// A broker's settings under Kafka's names: one row each in settings.cc (name, type, default, range,
// words). Sources, the later one wins: server.properties, the environment (as in Apache's image),
// flags.
//
// Invariants:
//  1. A Settings that parse() answered is complete and in range; it never changes afterwards.
//  2. The text of every setting that was given is kept, with where it came from, for
//     DescribeConfigs.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "storage/log_config.h"

namespace partita::broker {

/// A named address to listen on or to tell clients: "PLAINTEXT://localhost:9092".
struct ListenerAddress {
  std::string name;
  std::string host;  ///< empty: every interface
  uint16_t port = 0;

  bool operator==(const ListenerAddress&) const = default;
};

/// "A://host:1,B://[::1]:2"; invalid_argument with Kafka's sense where it makes none.
Result<std::vector<ListenerAddress>> parse_listeners(std::string_view text);

using storage::Durability;

struct Settings {
  int32_t node_id = -1;  ///< -1: as meta.properties says, else 1
  std::string cluster_id;
  std::string log_dir;
  std::vector<ListenerAddress> listeners;
  std::vector<ListenerAddress> advertised_listeners;
  std::string controller_listener_names;
  std::string rack;
  int32_t shards = 0;  ///< 0: max(1, cores / 2)

  int32_t num_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t min_insync_replicas = 1;
  bool auto_create_topics = true;
  bool delete_topics = true;
  int64_t partitions_max = 0;  ///< of the whole broker

  Durability durability = Durability::fsync;
  Duration durability_interval{};
  int64_t durability_interval_bytes = 0;

  int32_t request_bytes_max = 0;
  int32_t connections_max = 0;
  int32_t connections_max_per_ip = 0;
  Duration connections_idle_max{};
  int32_t fetch_bytes_max = 0;
  int32_t fetch_session_slots = 0;
  bool old_versions = true;

  Duration retention_check_interval{};
  Duration high_watermark_checkpoint_interval{};
  Duration recovery_point_checkpoint_interval{};
  Duration log_start_checkpoint_interval{};
  Duration producer_id_expiration{};
  Duration broker_heartbeat_interval{};
  Duration broker_session_timeout{};
  Duration replica_lag_time_max{};
  int64_t tail_ring_bytes = 0;
  bool transaction_partition_verification = true;
  Duration add_partitions_retry_max{};
  Duration add_partitions_retry_backoff{};

  enum class Source { defaults, file, environment, flag };
  struct Given {
    std::string value;
    Source source = Source::defaults;
  };
  /// What was given, by name, known or not.
  std::map<std::string, Given, std::less<>> given;
  /// The same without its sources: what topics fall back on.
  std::map<std::string, std::string> static_configs;
};

enum class SettingType { boolean, int32, int64, milliseconds, text, list };

struct SettingRow {
  std::string_view name;
  SettingType type;
  std::string_view default_value;
  int64_t least;
  int64_t most;
  std::string_view words;
};

/// Every setting that the broker knows, sorted by name.
const std::vector<SettingRow>& setting_rows();
const SettingRow* find_setting(std::string_view name);

/// The settings that `given` makes; invalid_argument with the name and the reason. Names that
/// nobody knows are kept and answered in `unknown`, as Kafka warns about them and goes on.
Result<Settings> parse_settings(std::map<std::string, Settings::Given, std::less<>> given,
                                std::vector<std::string>* unknown = nullptr);

/// "KAFKA_LOG_RETENTION_MS" -> "log.retention.ms"; `__` is `_`, `___` is `-`. Nothing for other
/// names.
std::optional<std::string> setting_of_environment(std::string_view variable);

/// A setting's value as text: what was given, else its default; nothing where no row has the name.
std::optional<std::string> setting_text(const Settings& settings, std::string_view name);

}  // namespace partita::broker
