#pragma once
// LogDirectory: one data directory of a broker: its lock, meta.properties, checkpoints and
// clean-shutdown marker, and what partitions were found in it. It lives on one shard (its home);
// ShardLogs on every shard hold the logs themselves and come here for what is one file for all.
//
// Invariants:
//  1. While it lives nobody else opens the directory.
//  2. The clean-shutdown marker is gone, durably, before open() answers; close_cleanly() writes it
//     last.
//  3. A checkpoint is replaced as a whole and durably; no entry claims more than was true when it
//     was collected.
//  4. The first I/O error makes the directory offline; nothing is written afterwards.
// Formats: docs/formats/log-directory.md.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/uuid.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "runtime/task.h"
#include "storage/meta_properties.h"
#include "storage/partition_log.h"

namespace partita::storage {

/// A partition's directory that was there at open().
struct FoundPartition {
  TopicPartition name;
  TopicId topic_id;       ///< zero where partition.metadata is missing or unreadable
  std::string directory;  ///< path
  LogOffsets offsets;
};

/// What one shard knows for the checkpoints of its logs.
struct CheckpointEntry {
  TopicPartition name;
  Offset recovery_point;
  Offset log_start;
  Offset high_watermark;
};

struct LogDirectoryOptions {
  std::string path;
  bool create = true;  ///< make the directory where it is missing
};

class LogDirectory {
 public:
  /// Locks, reads meta.properties, checkpoints and marker, lists partitions, removes what a crash
  /// left (`*.tmp`,
  /// `*-delete` directories), and removes the marker durably. Errc::locked where another process
  /// has it.
  static Task<Result<std::unique_ptr<LogDirectory>>> open(Scope& home, LogDirectoryOptions options,
                                                          Log log);
  ~LogDirectory();
  LogDirectory(const LogDirectory&) = delete;

  const std::string& path() const { return path_; }
  Scope& home() { return home_; }

  /// Nothing where the directory is not formatted.
  const std::optional<MetaProperties>& meta_properties() const { return meta_properties_; }
  /// Durable on return.
  Task<Result<>> write_meta_properties(MetaProperties properties);

  /// The broker epoch of the last clean stop; nothing after an unclean one. (An epoch of -1 was
  /// clean too.)
  std::optional<BrokerEpoch> clean_shutdown_epoch() const { return clean_shutdown_epoch_; }
  /// Partitions by name. Taken by the caller, who sorts them onto shards.
  std::vector<FoundPartition> take_found() { return std::move(found_); }

  /// Offline with the first error.
  const std::optional<Error>& failure() const { return failure_; }
  void fail_with(Error error);

  // Checkpoints; from any task of the home shard. Each call is durable on return; calls that come
  // while a write is under way share the next one. The entries are taken over at the call.
  /// recovery-point-offset-checkpoint and log-start-offset-checkpoint.
  Task<Result<>> write_checkpoints(std::vector<CheckpointEntry> entries);
  /// replication-offset-checkpoint.
  Task<Result<>> write_high_watermarks(std::vector<CheckpointEntry> entries);
  /// Before log_start moves up or a recovery point moves down: only this partition's entry changes.
  Task<Result<>> write_log_start(TopicPartition name, Offset log_start);
  Task<Result<>> lower_recovery_point(TopicPartition name, Offset recovery_point);
  /// The partition's directory has got another name: makes that durable, and that none of the files
  /// speaks of it any more.
  Task<Result<>> forget(TopicPartition name);
  /// fail_with() for other shards.
  Task<bool> report_failure(Error error);

  /// After every log was closed cleanly and write_checkpoints has answered: writes the marker. The
  /// last call.
  Task<Result<>> close_cleanly(BrokerEpoch epoch);

 private:
  struct Row {
    std::optional<Offset> offsets[3];  // by CheckpointFile
  };
  enum CheckpointFile : size_t { kRecoveryPoint = 0, kLogStart = 1, kHighWatermark = 2 };
  static constexpr size_t kFileCount = 3;
  static constexpr size_t kNames = kFileCount;  ///< the writer that only syncs the directory
  /// Of one file: how many writes were asked for and how many of those the last write has covered.
  struct Writer {
    uint64_t wanted = 0;
    uint64_t written = 0;
    bool running = false;
  };

  LogDirectory(Scope& home, LogDirectoryOptions options, Log log);
  Task<Result<>> load(bool create);
  Task<Result<>> load_meta_properties();
  Task<Result<>> load_checkpoint(CheckpointFile which);
  Task<Result<>> find_partitions();
  Task<Result<TopicId>> read_topic_id(std::string directory);
  /// Answers when a write that began after the call is durable; one write serves many callers.
  Task<Result<>> write(size_t which);
  /// The same where something changed or is on its way.
  Task<Result<>> write_if(bool changed, CheckpointFile which);
  Task<Result<>> replace(CheckpointFile which);
  bool set(const TopicPartition& name, CheckpointFile which, Offset offset);
  Result<> online() const;

  Scope& home_;
  const std::string path_;
  Log log_;
  std::unique_ptr<DirectoryLock> lock_;
  std::optional<MetaProperties> meta_properties_;
  std::optional<BrokerEpoch> clean_shutdown_epoch_;
  std::vector<FoundPartition> found_;
  std::map<TopicPartition, Row> rows_;
  Writer writers_[kFileCount + 1];
  WaitQueue written_;
  std::optional<Error> failure_;
};

}  // namespace partita::storage
