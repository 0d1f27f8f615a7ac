#pragma once
// MetadataLog: what a replica of the quorum keeps on disk: the log of __cluster_metadata-0 over
// storage's PartitionLog, the snapshots beside it, and quorum-state. Lives on one shard; owned by
// RaftNode. Formats: docs/formats/metadata-log.md.
//
// Invariants:
//  1. A snapshot that is listed here is whole and durable: written as .part, synced, renamed, its
//     name synced.
//  2. The log starts at 0 or at the end of a snapshot that is here.
//  3. The log is always flushed by fsync, whatever the broker's durability.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "raft/control_batches.h"
#include "raft/raft_machine.h"
#include "runtime/scope.h"
#include "storage/log_directory.h"
#include "storage/shard_logs.h"

namespace partita::raft {

inline constexpr const char* kMetadataTopic = "__cluster_metadata";
inline constexpr const char* kMetadataDirectory = "__cluster_metadata-0";

/// "00000000000000000007-0000000002.checkpoint".
std::string snapshot_name(OffsetAndEpoch id);
std::optional<OffsetAndEpoch> parse_snapshot_name(std::string_view name);

class MetadataLog {
 public:
  /// `found` is the log's directory where LogDirectory found one. `static_voters` count where
  /// neither log nor snapshot tells any (kraft.version 0).
  static Task<Result<std::unique_ptr<MetadataLog>>> open(
      Scope& scope, storage::LogDirectory& directory, std::optional<storage::FoundPartition> found,
      VoterSet static_voters, Log log);
  ~MetadataLog();
  MetadataLog(const MetadataLog&) = delete;

  /// What was found; taken once.
  BootState take_boot_state() { return std::move(boot_); }
  int16_t kraft_version() const { return kraft_version_; }
  void set_listener(storage::FlushListener* listener) { log_->set_listener(listener); }

  Offset log_start() const { return log_->log_start_offset(); }
  Offset log_end() const { return log_->log_end_offset(); }
  Offset durable_end() const { return log_->durable_end(); }

  /// In the page cache on return; a flush follows by itself. REQUIRED: the batch's offsets begin at
  /// log_end().
  Result<> append(Bytes batch, LeaderEpoch epoch);
  Result<> append_fetched(const Bytes& batches);
  /// Whole batches from `from` on, below `end`.
  Task<Result<storage::ReadResult>> read(Offset from, size_t bytes_max, Offset end);
  Task<Result<>> truncate(Offset end);
  /// Durable on return.
  Task<Result<>> persist(ElectionState state);

  // Snapshots.
  /// The newest that may be sent to others: not 0-0.
  std::optional<OffsetAndEpoch> latest_snapshot() const;
  bool has_snapshot(OffsetAndEpoch id) const;
  Task<Result<>> save_snapshot(OffsetAndEpoch id, Buffer file);
  /// Drops the log below the snapshot, and older snapshots. REQUIRED: committed, saved.
  Task<Result<>> trim(OffsetAndEpoch snapshot);
  /// The log becomes empty at the snapshot's end. REQUIRED: saved.
  Task<Result<>> start_at(OffsetAndEpoch snapshot);
  Task<Result<uint64_t>> snapshot_size(OffsetAndEpoch id);
  /// Up to bytes_max from `position` on.
  Task<Result<Bytes>> read_snapshot(OffsetAndEpoch id, uint64_t position, size_t bytes_max);

  /// Flushes, and notes for a clean start how far the log goes.
  Task<Result<>> close();

 private:
  MetadataLog(Scope& scope, storage::LogDirectory& directory, Log log);
  Task<Result<>> load(std::optional<storage::FoundPartition> found, VoterSet static_voters);
  Task<Result<>> load_quorum_state();
  Task<Result<>> find_snapshots(QuorumRecords& quorum);
  Task<Result<>> open_log(std::optional<storage::FoundPartition> found);
  Task<Result<>> scan(QuorumRecords& quorum);
  Task<Result<Bytes>> whole_snapshot(OffsetAndEpoch id);
  std::string path_of(std::string_view name) const;

  Scope& scope_;
  Shard& shard_;
  storage::LogDirectory& directory_;
  Log lines_;
  const std::string path_;
  storage::ShardLogs logs_;
  storage::PartitionLog* log_ = nullptr;
  std::vector<OffsetAndEpoch> snapshots_;  ///< ascending
  bool has_segments_ = false;              ///< at open
  BootState boot_;
  int16_t kraft_version_ = 0;
};

}  // namespace partita::raft
