#pragma once
// Flusher: group commit for all logs of one shard in one directory (DESIGN decision 8). There is no
// timer: a flush starts when a log is dirty and none is under way, at the end of the loop's turn;
// whatever is appended meanwhile rides the next. Few dirty files are synced each, more by one sync
// of the filesystem.
//
// Invariants:
//  1. A log's durable_end() moves only after everything in the FlushWork that was taken with that
//     end has been synced.
//  2. A failed sync fails the log for the rest of the process: no append, no read, no later sync
//     makes it good (semantics R3); a failed sync of the filesystem fails every log that had
//     unflushed bytes there.
//  3. Between begin and end of a flush the log's files may be appended to and rolled, but not
//     truncated or deleted: whoever does that calls quiesce() first.
// One per shard and directory, owned by ShardLogs. Tasks run in the scope given.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::storage {

class PartitionLog;

inline constexpr size_t kFileSyncsMax = 3;

struct FlusherMetrics {
  uint64_t flushes = 0;       ///< rounds of group commit
  uint64_t logs_flushed = 0;  ///< summed over rounds
  uint64_t file_syncs = 0;
  uint64_t directory_syncs = 0;
  uint64_t filesystem_syncs = 0;
  uint64_t failures = 0;
};

class Flusher {
 public:
  /// `directory` names the filesystem. With at most file_syncs_max dirty files (or directories)
  /// each is synced by itself.
  Flusher(Scope& scope, std::string directory, size_t file_syncs_max = kFileSyncsMax);
  ~Flusher();
  Flusher(const Flusher&) = delete;

  /// What the log's durability asks for after an append (called by the log): fsync: mark_dirty;
  /// interval: mark_dirty after its time or bytes; os: nothing unless the log rolled.
  void appended(PartitionLog& log, size_t bytes);
  /// The log is flushed as soon as possible; no waiting.
  void mark_dirty(PartitionLog& log);
  /// Answers when all that the log holds at the call is durable: kafka_storage_error where it
  /// failed, stopped when the scope closes before.
  Task<Result<>> flush_now(PartitionLog& log);
  /// Answers when no flush of this log is under way or asked for. Nothing may append to the log
  /// meanwhile.
  Task<Result<>> quiesce(PartitionLog& log);
  /// The log is about to be destroyed. REQUIRED: quiesced, or the scope is closed and joined.
  void forget(PartitionLog& log);

  const FlusherMetrics& metrics() const { return metrics_; }

 private:
  struct Round;
  struct DueTimer;
  friend struct DueTimer;

  void start();
  Task<void> run();
  Task<void> flush_round(Round& round);
  Task<void> sync_files(Round& round);
  Task<void> rename_files(Round& round);
  Task<void> sync_directories(Round& round);
  Task<Result<>> sync_filesystem();
  Result<> open_files(Round& round);
  void end_round(Round& round);
  void flush_later(PartitionLog& log, Instant when);
  void flush_due(Instant now);

  Scope& scope_;
  Shard& shard_;
  const std::string directory_;
  const size_t file_syncs_max_;
  std::vector<PartitionLog*> dirty_;
  std::multimap<Instant, PartitionLog*> due_;  // durability by interval
  std::unique_ptr<DueTimer> timer_;
  bool running_ = false;
  WaitQueue round_ended_;
  FlusherMetrics metrics_;
};

}  // namespace partita::storage
