#pragma once
// PartitionLog::State: what a log holds in memory once it has files (or a producer asked for it).
// Private to partition_log*.cc.
//
// Invariants:
//  1. Of a log with files `segments` is not empty, and the last one is active.
//  2. Nothing in `retired` is destroyed while `readers` count any: a suspended read may stand in
//     its coroutines.
//  3. pending_* and active_dirty are what durable_end does not cover yet, but for what a flush
//     under way has taken.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "storage/leader_epoch_cache.h"
#include "storage/log_config.h"
#include "storage/partition_log.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/shard_logs.h"

namespace partita::storage {

/// Where sequential readers go on without asking an index.
struct ReadCursor {
  Offset offset = kNoOffset;
  Offset segment_base = kNoOffset;
  uint64_t position = 0;
};

struct PartitionLog::State {
  State(LogContext& context, const LogConfig& config)
      : producer_options{.id_expiration = from_ms(config.producer_id_expiration_ms)},
        producers(producer_options),
        tail(context.tail) {}

  std::vector<std::unique_ptr<Segment>> segments;
  std::vector<std::unique_ptr<Segment>> retired;
  LeaderEpochCache epochs;
  const ProducerStateOptions producer_options;
  ProducerState producers;
  Offset snapshot_offset = kNoOffset;  // of the newest producer snapshot
  std::vector<Offset> snapshots;       // all of them, ascending
  LogTail tail;
  std::vector<OffsetRange> quarantined;

  bool active_dirty = false;
  std::vector<std::string> pending_files;
  std::vector<std::string> pending_directories;

  uint32_t readers = 0;
  uint32_t generation = 0;  // counts truncations
  std::array<ReadCursor, 4> cursors;
  size_t next_cursor = 0;
};

/// Counts one read for as long as it lives.
class PartitionLog::Reading {
 public:
  explicit Reading(PartitionLog& log) : log_(log) { ++log_.state_->readers; }
  Reading(const Reading&) = delete;
  ~Reading() {
    if (--log_.state_->readers > 0) return;
    log_.state_->retired.clear();
    log_.changed_.wake_all();
  }

 private:
  PartitionLog& log_;
};

}  // namespace partita::storage
