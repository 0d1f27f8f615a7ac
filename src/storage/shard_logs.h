#pragma once
// ShardLogs: the logs that live on one shard in one LogDirectory, and what they share: open files,
// tail ring, flusher, files to be unlinked later.
//
// Invariants:
//  1. A partition has one PartitionLog at a time; it lives until remove() has answered or this is
//     destroyed.
//  2. A partition that was removed does not come back after a crash: its directory is renamed
//     durably first.
// Owned by the broker's shard, which creates it after LogDirectory::open and stops it before the
// directory.

#include <map>
#include <memory>
#include <vector>

#include "base/log.h"
#include "runtime/scope.h"
#include "storage/flusher.h"
#include "storage/log_directory.h"
#include "storage/open_files.h"
#include "storage/partition_log.h"
#include "storage/tail_ring.h"

namespace partita::storage {

class DeletedFiles;

struct ShardLogsOptions {
  size_t open_files_max = 1000;
  size_t tail_ring_bytes = kTailRingBytes;
  size_t file_syncs_max = kFileSyncsMax;
};

/// What every PartitionLog of the shard is given.
struct LogContext {
  Shard& shard;
  Scope& scope;
  LogDirectory& directory;  ///< on its home shard; reached through call_on
  OpenFiles& files;
  TailRing& tail;
  Flusher& flusher;
  DeletedFiles& deleted;
  records::Decompressor& decompressor;
  std::vector<ByteView> parts;   ///< scratch of one append
  std::optional<Error> offline;  ///< why the directory takes no new logs, as this shard knows
  Log log;
};

class ShardLogs {
 public:
  /// Tasks run in `scope`, which is closed and joined before this is destroyed.
  ShardLogs(Scope& scope, LogDirectory& directory, ShardLogsOptions options, Log log);
  ~ShardLogs();
  ShardLogs(const ShardLogs&) = delete;

  /// Metadata only: nothing is written before the first append. REQUIRED: not there yet.
  PartitionLog& create(TopicPartition name, TopicId topic_id,
                       std::shared_ptr<const LogConfig> config);
  /// Over a directory that was found, whose topic id is the right one (or zero). Not loaded yet.
  PartitionLog& open(const FoundPartition& found, TopicId topic_id,
                     std::shared_ptr<const LogConfig> config);
  PartitionLog* find(const TopicPartition& name);
  const std::map<TopicPartition, std::unique_ptr<PartitionLog>>& logs() const { return logs_; }

  /// Renames the partition's directory to Kafka's `<topic>-<partition>.<uuid>-delete`, durably, and
  /// forgets the log; its files are removed file_delete_delay later by delete_due_files().
  Task<Result<>> remove(TopicPartition name);
  /// A found directory that belongs to no partition (topic deleted or made anew): Kafka's
  /// `<topic>-<partition>.<uuid>-stray`, kept for the operator.
  Task<Result<>> set_aside(FoundPartition found);

  /// Unlinks files and directories whose delay has passed. Call every few seconds.
  Task<Result<>> delete_due_files(Instant now);
  /// Retention of every loaded or unloaded log. A wall clock that stepped by more than a minute
  /// since the last call deletes nothing this time (semantics R8). Answers how many segments went.
  Task<Result<size_t>> delete_old_segments(Instant now, WallTime wall);
  /// Forgets idle producers in every log that is loaded; answers how many.
  size_t expire_producers(Instant now);
  /// Entries of all logs with files, for LogDirectory::write_checkpoints and write_high_watermarks.
  std::vector<CheckpointEntry> checkpoint_entries() const;
  /// Both checkpoints that a restart needs / the high watermarks, through the directory's home
  /// shard. Durable on return.
  Task<Result<>> write_checkpoints();
  Task<Result<>> write_high_watermarks();
  /// Closes every log cleanly, flushing all together.
  Task<Result<>> close_cleanly();

  Flusher& flusher() { return flusher_; }
  TailRing& tail() { return tail_; }
  OpenFiles& files() { return files_; }

 private:
  Task<Result<>> retire(TopicPartition name, std::string from, std::string_view suffix,
                        bool removed_later);

  Scope& scope_;
  LogDirectory& directory_;
  OpenFiles files_;
  TailRing tail_;
  Flusher flusher_;
  std::unique_ptr<DeletedFiles> deleted_;
  records::Decompressor decompressor_;
  LogContext context_;
  std::map<TopicPartition, std::unique_ptr<PartitionLog>> logs_;
  std::optional<std::pair<Instant, WallTime>> last_retention_;
};

}  // namespace partita::storage
