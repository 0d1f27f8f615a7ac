#pragma once
// The group coordinator's settings, by Kafka's names (broker/settings has the rows).

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace partita::coordinators {

struct GroupSettings {
  Duration session_timeout_min = 6s;                        ///< group.min.session.timeout.ms
  Duration session_timeout_max = std::chrono::minutes(30);  ///< group.max.session.timeout.ms
  Duration initial_rebalance_delay = 3s;                    ///< group.initial.rebalance.delay.ms
  int32_t size_max = INT32_MAX;                             ///< group.max.size
  size_t offset_metadata_bytes_max = 4096;                  ///< offset.metadata.max.bytes
  Duration offsets_retention = std::chrono::days(7);        ///< offsets.retention.minutes
  Duration offsets_check_interval =
      std::chrono::minutes(10);                    ///< offsets.retention.check.interval.ms
  Duration consumer_session_timeout = 45s;         ///< group.consumer.session.timeout.ms
  Duration consumer_session_timeout_min = 45s;     ///< group.consumer.min.session.timeout.ms
  Duration consumer_session_timeout_max = 60s;     ///< group.consumer.max.session.timeout.ms
  Duration consumer_heartbeat_interval = 5s;       ///< group.consumer.heartbeat.interval.ms
  Duration consumer_heartbeat_interval_min = 5s;   ///< group.consumer.min.heartbeat.interval.ms
  Duration consumer_heartbeat_interval_max = 15s;  ///< group.consumer.max.heartbeat.interval.ms
  int32_t consumer_size_max = INT32_MAX;           ///< group.consumer.max.size
  /// group.consumer.assignors: of `uniform` and `range`; the first is the default.
  std::vector<std::string> consumer_assignors = {"uniform", "range"};
  /// group.consumer.regex.refresh.interval.ms
  Duration consumer_regex_refresh_interval = std::chrono::minutes(10);
  enum class Migration { disabled, upgrade, downgrade, bidirectional };
  Migration consumer_migration = Migration::bidirectional;  ///< group.consumer.migration.policy
  /// Of one batch: what a partition of __consumer_offsets takes (its max.message.bytes).
  size_t batch_bytes_max = 1'048'588;
};

}  // namespace partita::coordinators
