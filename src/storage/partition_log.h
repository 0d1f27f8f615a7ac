#pragma once
// PartitionLog: the log of one partition: segments, leader epochs, producer state, and the offsets
// that speak of them.
//
// Life: made without files (materialised by the first append) or over an existing directory (loaded
// by load(), which recovers where the last stop was not clean). Belongs to one shard; owned by
// ShardLogs.
//
// Invariants:
//  1. log_start <= high_watermark <= log_end, durable_end <= log_end; batches lie in offset order.
//  2. append_* never suspend. What they write is in the page cache on return; what else must be
//     durable before the offset counts as such (names, epoch file, snapshots, rolled segments) is
//     FlushWork for the next flush.
//  3. log_start moves only after its checkpoint is durable; so does anything below the recovery
//     point on its way down.
//  4. A log that failed answers kafka_storage_error to everything but its offsets, until the
//     process ends.
//  5. truncate, delete and retention are not called beside each other or beside an append by the
//     same owner; reads may run beside all of them.
// Formats: docs/formats/log-directory.md. Offsets ending in _end are exclusive. Sizes are bytes.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/uuid.h"
#include "records/batch.h"
#include "records/lookup.h"
#include "runtime/scope.h"
#include "runtime/task.h"
#include "storage/flush_work.h"
#include "storage/tail_ring.h"
#include "storage/topic_partition.h"
#include "storage/verification.h"

namespace partita::storage {

class BatchScan;
class LeaderEpochCache;
class ProducerState;
class Segment;
struct LogConfig;
struct LogContext;
struct AbortedTxn;
struct EndTxnMarker;

/// Who an append speaks for: what is checked of producers depends on it.
enum class AppendOrigin {
  client,       ///< sequences are checked, duplicates answered
  coordinator,  ///< transaction markers and group records: no sequence check
  raft,         ///< the metadata log's leader
};

/// One checked batch (records::check_produced): `prefix` replaces as many bytes at the front of
/// `bytes`.
struct LeaderBatch {
  Bytes bytes;
  records::BatchPrefix prefix;
  VerificationGuard guard = {};    ///< of a transactional batch
  int8_t transaction_version = 0;  ///< of a transaction marker
};

struct AppendResult {
  Offset first_offset;
  Offset last_offset;  ///< of the last batch; log_end follows it unless this is a duplicate
  Offset log_start_offset;
  WallTime log_append_time = kNoTimestamp;  ///< where the batch has that timestamp type
  size_t bytes = 0;                         ///< written: 0 for a duplicate
  bool duplicate =
      false;  ///< the offsets are those of the first time; wait for them as for new ones
};

struct ReadResult {
  ByteChain bytes;      ///< whole batches, one behind the other; may be empty
  Offset first_offset;  ///< base offset of the first batch, `from` where there is none
  Offset next_offset;   ///< the offset after the last batch, `from` where there is none
  size_t size = 0;
  bool from_memory = false;
};

struct TimestampOffset {
  WallTime timestamp;
  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;

  bool operator==(const TimestampOffset&) const = default;
};

/// Hears of a log's flushes. Called on the log's shard, never from inside an append; may append,
/// may not suspend.
class FlushListener {
 public:
  virtual ~FlushListener() = default;
  /// durable_end() has moved. Never from inside an append.
  virtual void log_flushed() = 0;
  /// The log has failed, maybe inside of the append that just wants to say so.
  virtual void log_failed(const Error& error) = 0;
};

/// Offsets from `first` up to, not including, `end`.
struct OffsetRange {
  Offset first;
  Offset end;

  bool contains(Offset offset) const { return first <= offset && offset < end; }
  bool operator==(const OffsetRange&) const = default;
};

/// What checkpoints say of a partition before its files are looked at.
struct LogOffsets {
  Offset log_start = Offset(0);
  Offset recovery_point = Offset(0);
  Offset high_watermark = Offset(0);
  bool clean =
      false;  ///< the last stop was clean: recovery_point is the log's end, nothing needs checking
};

class PartitionLog {
 public:
  /// A partition without files. `directory` is the path that the first append makes.
  PartitionLog(LogContext& context, TopicPartition name, TopicId topic_id, std::string directory,
               std::shared_ptr<const LogConfig> config);
  /// A partition whose directory exists.
  PartitionLog(LogContext& context, TopicPartition name, TopicId topic_id, std::string directory,
               std::shared_ptr<const LogConfig> config, const LogOffsets& offsets);
  ~PartitionLog();
  PartitionLog(const PartitionLog&) = delete;

  const TopicPartition& name() const { return name_; }
  TopicId topic_id() const { return topic_id_; }
  const std::string& directory() const { return directory_; }
  const LogConfig& config() const { return *config_; }
  void update_config(std::shared_ptr<const LogConfig> config);
  void set_listener(FlushListener* listener) { listener_ = listener; }

  // Loading. Everything below but the offsets needs a loaded log; one without files always is.
  bool loaded() const { return loaded_; }
  /// Loads and, after an unclean stop, recovers: what it kept above the recovery point is durable
  /// on return. Idempotent; several callers wait for one load. io_error and its like leave the
  /// files untouched (semantics R3).
  Task<Result<>> load();
  bool has_files() const { return has_files_; }
  /// Made without files, or found after a clean stop.
  bool clean() const { return clean_; }
  /// kafka_storage_error with the cause, once the log has failed.
  Result<> usable() const;
  /// The log is closed to everyone; after an io_error the whole directory goes offline.
  void fail_with(Error error);
  /// As fail_with(), with this very error and without telling the listener: the partition is going
  /// away.
  void retire(Error error);

  // Offsets. Before load() those of a cleanly stopped log are exact, others are lower bounds.
  Offset log_start_offset() const { return log_start_; }
  Offset log_end_offset() const { return log_end_; }
  /// Everything below is on disk.
  Offset durable_end() const { return durable_end_; }
  /// What an acknowledgement waits for by the log's durability: durable_end() for fsync, else
  /// log_end_offset().
  Offset acknowledged_end() const;
  Offset recovery_point() const { return durable_end_; }
  /// What a checkpoint of all logs must say: log_start, or where it is just being moved to.
  Offset checkpoint_log_start() const { return checkpoint_log_start_; }
  /// Kept for retention and the checkpoint; the replica's owner moves it. Clamped to [log_start,
  /// log_end].
  Offset high_watermark() const { return high_watermark_; }
  void set_high_watermark(Offset offset);
  /// First offset of the earliest open transaction, else the high watermark.
  Offset last_stable_offset() const;
  uint64_t size_bytes() const;
  size_t segment_count() const;
  /// Where reads answer kafka_storage_error: the quarantined ranges that recovery found.
  std::vector<OffsetRange> quarantined() const;

  // Appending.
  /// Assigns offsets and the epoch, and writes all batches with one write. Errors of the producer
  /// check come from the first batch that has one, with nothing written. no_space leaves the log as
  /// it was and usable; any other failed write fails the log. REQUIRED: loaded; batches passed
  /// records::check_produced and check_rules.
  Result<AppendResult> append_as_leader(std::span<LeaderBatch> batches, LeaderEpoch epoch,
                                        WallTime now, AppendOrigin origin = AppendOrigin::client);
  Result<AppendResult> append_as_leader(LeaderBatch batch, LeaderEpoch epoch, WallTime now,
                                        AppendOrigin origin = AppendOrigin::client);
  /// Appends batches that carry offsets and epochs. Verifies each (CRC, offsets at or above
  /// log_end, epochs not falling): corrupt_message, or offset_out_of_range below log_end, with
  /// nothing of the call written.
  Result<AppendResult> append_as_follower(const Bytes& batches, WallTime now);
  /// The log is led from log_end on by `epoch`: held in memory; the file is written with the first
  /// append.
  void begin_leader_epoch(LeaderEpoch epoch);
  /// Starts a new segment at log_end. No effect on an empty active segment.
  Result<> roll(WallTime now);

  // Reading.
  /// Whole batches from the one that holds `from`, all below upper_bound. offset_out_of_range where
  /// `from` is below log_start or above log_end; kafka_storage_error where the bytes do not check
  /// out. An empty answer at upper_bound.
  Task<Result<ReadResult>> read(Offset from, size_t bytes_max, Offset upper_bound,
                                bool at_least_one_batch);
  /// The same from memory alone, without suspending; would_block where that is not possible.
  Result<ReadResult> read_tail(Offset from, size_t bytes_max, Offset upper_bound,
                               bool at_least_one_batch) const;
  /// The first record with a timestamp of at least `timestamp`, below upper_bound; nothing where
  /// there is none.
  Task<Result<std::optional<TimestampOffset>>> offset_for_timestamp(WallTime timestamp,
                                                                    Offset upper_bound);
  /// The first record with the largest timestamp; nothing in an empty log.
  Task<Result<std::optional<TimestampOffset>>> offset_of_max_timestamp();
  /// aborted_transactions() may have something to answer for a read that begins at `from`.
  bool has_aborted_transactions(Offset from) const;
  /// The aborted transactions that have a part in [from, upper_bound), each with its first offset:
  /// what a read_committed reader of these batches must skip. offset_out_of_range where the log's
  /// start has passed `from`. REQUIRED: loaded, upper_bound at most the last stable offset.
  Task<Result<std::vector<AbortedTxn>>> aborted_transactions(Offset from, Offset upper_bound);
  /// Kafka's endOffsetFor: the largest epoch not above `epoch` and where it ends; (-1, -1) where
  /// nothing is known.
  struct EpochEnd {
    LeaderEpoch epoch = kNoLeaderEpoch;
    Offset end_offset = kNoOffset;
    bool operator==(const EpochEnd&) const = default;
  };
  EpochEnd end_offset_for_epoch(LeaderEpoch epoch) const;
  std::optional<LeaderEpoch> latest_epoch() const;
  /// The epoch of the batch at `offset`, as the epoch cache knows it.
  LeaderEpoch epoch_of(Offset offset) const;
  ProducerState& producers();
  /// Forgets producers that were idle for producer.id.expiration.ms; answers how many.
  size_t expire_producers(Instant now);
  const LeaderEpochCache& epochs();

  // Cutting off. All of these are durable on return.
  /// Removes every batch that reaches `offset` or beyond. No effect at or above log_end.
  Task<Result<>> truncate_to(Offset offset);
  /// Removes everything; the next offset is `offset`.
  Task<Result<>> truncate_fully_and_start_at(Offset offset);
  /// Moves log_start up to `offset` and deletes segments wholly below. offset_out_of_range above
  /// the high watermark.
  Task<Result<>> delete_records(Offset offset);
  /// Deletes what retention.ms and retention.bytes no longer keep, below the high watermark.
  /// Answers how many segments.
  Task<Result<size_t>> delete_old_segments(WallTime now);
  /// Snapshots the producers and completes the indexes; when flush_now() has answered after this,
  /// recovery_point is log_end and the log may be found clean. Nothing may append any more.
  Result<> prepare_close();
  /// Answers when no read is under way: before the log is destroyed.
  Task<Result<>> readers_gone();

  // For the Flusher.
  /// Takes what is unflushed. no_space leaves it where it was. REQUIRED: the previous flush has
  /// ended.
  Result<FlushWork> begin_flush();
  /// `end` as begin_flush() said; an error fails the log.
  void end_flush(Offset end, const Result<>& result);
  /// Something is unflushed.
  bool dirty() const;
  /// Of that, more than bytes of the active segment: names, rolled segments, epochs.
  bool rolled_since_flush() const;

  // A Flusher's own mark on the log.
  struct FlushMark {
    bool queued = false;     ///< stands in the list for the next round
    bool in_round = false;   ///< belongs to the round under way
    bool timer_set = false;  ///< a flush by time is asked for
    uint64_t unflushed_bytes = 0;
    uint64_t rounds = 0;  ///< flushes of this log that have ended
  };
  FlushMark flush_mark;

  /// For tests: everything that can be checked without reading files.
  void check_invariants() const;

 private:
  struct State;  // of a log that has files or producers: partition_log_state.h
  class Reading;

  State& state();
  Segment& active();
  Result<> ready_to_append() const;
  Result<> materialise(WallTime now);
  Result<> start_segment(Offset base, WallTime now);
  Result<> write_snapshot();

  Result<std::optional<AppendResult>> find_duplicate(std::span<LeaderBatch> batches,
                                                     AppendOrigin origin);
  Result<> make_room(Offset last_offset, WallTime max_timestamp, size_t bytes, WallTime now);
  Result<> write(std::span<const ByteView> parts, size_t bytes);
  Result<> batch_written(const records::BatchHeader& header, ByteView front, const Bytes& received);
  void note_appended(size_t bytes);
  Result<> note_producer(const records::BatchHeader& header, const Bytes& received);
  Result<> note_marker(const EndTxnMarker& marker);
  Result<> check_follower_batches(ByteView batches) const;
  Result<size_t> append_run(const Bytes& batches, size_t from, WallTime now, AppendResult& result);

  Task<Result<>> load_files();
  /// Called with each transaction that a replay finds aborted; may be empty.
  using Aborted = std::function<Result<>(const AbortedTxn&)>;
  Task<Result<>> load_producers(std::vector<Offset> snapshots);
  Task<Result<>> rebuild_txn_indexes(std::vector<Offset> bases);
  /// Loads the newest good one below `limit` and answers its offset; -1 where there is none.
  Task<Result<Offset>> load_snapshot_below(Offset limit, ProducerState& into);
  Task<Result<>> load_snapshot(Offset offset, ProducerState& into);
  Task<Result<>> replay_segment(Segment& segment, Offset from, ProducerState& into,
                                const Aborted& aborted);
  Task<Result<Offset>> replay_batches(BatchScan& scan, Offset from, ProducerState& into,
                                      const Aborted& aborted);

  Task<Result<ReadResult>> read_files(Offset from, size_t bytes_max, Offset upper_bound,
                                      bool at_least_one_batch);
  Result<> check_quarantine(Offset offset) const;
  size_t segment_index(Offset offset) const;

  Task<Result<>> move_log_start(Offset offset);
  Task<Result<>> lower_recovery_point(Offset offset);
  Result<> remove_segments(size_t first, size_t count);
  Task<Result<Offset>> retention_start(WallTime now);
  Task<Result<>> write_log_start(Offset offset);
  Result<> remove_snapshots_from(Offset offset);
  Result<> remove_old_snapshots();

  LogContext& context_;
  const TopicPartition name_;
  const TopicId topic_id_;
  const std::string directory_;
  std::shared_ptr<const LogConfig> config_;

  Offset log_start_ = Offset(0);
  Offset checkpoint_log_start_ = Offset(0);
  Offset log_end_ = Offset(0);
  Offset durable_end_ = Offset(0);
  Offset high_watermark_ = Offset(0);
  LeaderEpoch begun_epoch_ = kNoLeaderEpoch;  // without a batch yet
  Offset begun_at_ = Offset(0);
  bool loaded_ = false;
  bool loading_ = false;
  bool clean_ = false;
  bool has_files_ = false;
  FlushListener* listener_ = nullptr;
  std::unique_ptr<Error> failure_;
  std::unique_ptr<State> state_;
  WaitQueue changed_;  // loading ended, or the last reader went
};

}  // namespace partita::storage
