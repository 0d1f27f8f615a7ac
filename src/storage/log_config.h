#pragma once
// LogConfig: the settings that take effect for one topic's logs, with Kafka's names and defaults.
// Made by the broker from topic and broker configs, immutable, shared by all logs of a topic on a
// shard. Sizes are bytes; times are milliseconds as in Kafka's configs, where -1 or the largest
// number often means "never", and so says the comment.

#include <cstdint>
#include <limits>
#include <optional>

#include "base/time.h"
#include "records/batch.h"

namespace partita::storage {

/// When a record counts as appended (DESIGN decision 8).
enum class Durability {
  fsync,     ///< it is on disk
  interval,  ///< it is in the page cache, and on disk within flush_interval or its bytes
  os,        ///< it is in the page cache
};

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct LogConfig {
  int32_t segment_bytes = 1 << 30;                       ///< segment.bytes
  int64_t segment_ms = int64_t{7} * 24 * 3600 * 1000;    ///< segment.ms
  int64_t segment_jitter_ms = 0;                         ///< segment.jitter.ms
  int32_t segment_index_bytes = 10 << 20;                ///< segment.index.bytes
  int32_t index_interval_bytes = 4096;                   ///< index.interval.bytes
  int64_t retention_bytes = -1;                          ///< retention.bytes; -1 keeps all
  int64_t retention_ms = int64_t{7} * 24 * 3600 * 1000;  ///< retention.ms; -1 keeps all
  int32_t max_message_bytes = 1048588;                   ///< max.message.bytes
  records::TimestampType message_timestamp_type = records::TimestampType::create_time;
  int64_t message_timestamp_before_max_ms = kNever;      ///< message.timestamp.before.max.ms
  int64_t message_timestamp_after_max_ms = 3600 * 1000;  ///< message.timestamp.after.max.ms
  std::optional<records::Codec> compression_type;        ///< nothing is `producer`: as it came
  std::optional<int> compression_level;                  ///< of that codec
  bool cleanup_delete = true;                            ///< cleanup.policy has delete
  bool cleanup_compact = false;                          ///< cleanup.policy has compact
  int64_t file_delete_delay_ms = 60'000;                 ///< file.delete.delay.ms
  bool preallocate = false;                              ///< accepted; files grow as written
  int32_t min_insync_replicas = 1;                       ///< min.insync.replicas

  Durability durability = Durability::fsync;
  Duration flush_interval = std::chrono::milliseconds(100);  ///< for Durability::interval
  int64_t flush_interval_bytes = 262144;                     ///< the same: whichever comes first
  int64_t flush_interval_messages = kNever;                  ///< the same

  int64_t producer_id_expiration_ms = 86'400'000;  ///< producer.id.expiration.ms, of the broker

  bool operator==(const LogConfig&) const = default;
};

/// What Kafka's flush.messages and flush.ms say where a topic sets them, over the broker's own.
struct FlushConfig {
  std::optional<int64_t> flush_messages;
  std::optional<int64_t> flush_ms;
};
/// flush.messages=1 (or flush.ms=0) is fsync; a larger one, or flush.ms, is interval with that
/// bound; the largest number of both is os; without either the config stays.
void apply_flush_config(LogConfig& config, const FlushConfig& flush);

/// How much earlier than segment.ms a segment rolls, drawn by `random`: in [0, min(jitter, ms)).
int64_t segment_jitter(const LogConfig& config, uint64_t random);

}  // namespace partita::storage
