#pragma once
// Partition: this broker's replica of one partition, as its leader: appends, reads, the high
// watermark, and everyone who waits for it. Lives on its shard, owned by the broker's shard; the
// log below it belongs to storage::ShardLogs.
//
//   state     meaning                                   next
//   loading   the log is being opened; appends queue    ready, failed
//   ready     leads in leader_epoch()                   failed, retired
//   failed    the log cannot be used: 56 to everyone    retired
//   retired   deleted or moved: 6 to everyone           -
//
// Invariants:
//  1. Appends enter the log in the order of start_append(), whatever suspends before or after.
//  2. Consumers see nothing at or above the high watermark; it moves only as LeaderMachine says.
//  3. Whoever holds a Use keeps the object alive; after retire() all waits end soon.

#include <memory>
#include <optional>
#include <vector>

#include "replication/append.h"
#include "replication/leader_machine.h"
#include "replication/offset_waiters.h"
#include "replication/prepare_batch.h"
#include "runtime/scope.h"
#include "storage/producer_state.h"
#include "storage/transaction_index.h"

namespace partita::replication {

struct PartitionSettings {
  NodeId self;
  int32_t min_insync_replicas = 1;
  Duration replica_lag_time_max = 30s;
};

enum class Isolation : int8_t { read_uncommitted = 0, read_committed = 1 };

struct FetchRead {
  Offset from;
  size_t bytes_max = 0;
  LeaderEpoch current_leader_epoch = kNoLeaderEpoch;  ///< -1: not checked
  LeaderEpoch last_fetched_epoch = kNoLeaderEpoch;    ///< -1: divergence is not looked for
  Isolation isolation = Isolation::read_uncommitted;
  bool at_least_one_batch = false;
};

struct FetchAnswer {
  Offset high_watermark = kNoOffset;
  Offset last_stable_offset = kNoOffset;
  Offset log_start_offset = kNoOffset;
  ByteChain records;
  size_t size = 0;
  /// What a reader of this isolation could see; it waits until this has moved.
  Offset readable_end;
  std::optional<storage::PartitionLog::EpochEnd> diverging;
  /// For read_committed: the aborted transactions among `records`.
  std::vector<storage::AbortedTxn> aborted;
};

class Partition final : public storage::FlushListener {
 public:
  Partition(Scope& scope, storage::PartitionLog& log, Codecs& codecs, PartitionSettings settings);
  ~Partition() override;
  Partition(const Partition&) = delete;

  /// Keeps a partition alive while a coroutine that may suspend works with it.
  class Use {
   public:
    explicit Use(Partition& partition) : partition_(&partition) { partition.uses_++; }
    Use(Use&& other) noexcept : partition_(std::exchange(other.partition_, nullptr)) {}
    ~Use();
    Partition& operator*() const { return *partition_; }
    Partition* operator->() const { return partition_; }

   private:
    Partition* partition_;
  };

  storage::PartitionLog& log() { return log_; }
  Executor& executor();
  LeaderEpoch leader_epoch() const { return machine_.leader_epoch(); }
  Offset high_watermark() const { return machine_.high_watermark(); }
  Offset last_stable_offset() const;

  /// Opens the log, then serves what has queued. Spawned once by the owner.
  Task<void> start();
  /// Metadata says that this broker leads with this view.
  void lead(LeaderView view);
  void update_config(std::shared_ptr<const storage::LogConfig> config, int32_t min_insync_replicas);
  /// The partition is no longer here. Ends all waits.
  void retire();
  /// Returns when nobody uses it any more. REQUIRED: retired.
  Task<void> released();

  /// Completes append.done with where the batch went, once it is in the page cache; at once where
  /// nothing is in the way. `append` lives until then.
  void start_append(PendingAppend& append);
  /// Before the coordinator is asked whether the producer's transaction has this partition, with
  /// the epoch and first sequence (-1: none) of the batch that is to be appended then. A guard
  /// without value: the transaction is open here, nobody needs to be asked.
  Task<Result<storage::VerificationGuard>> begin_verification(ProducerId id, ProducerEpoch epoch,
                                                              int32_t first_sequence,
                                                              bool bumps_epoch);
  /// Ends a transaction here, as its coordinator orders; offset and timestamp are given here.
  /// Answers where the log ends behind the marker, which is not committed yet: acknowledged() says
  /// when. A marker that stands in the log already is appended again. Errors:
  /// invalid_producer_epoch, transaction_coordinator_fenced, and those of an append with acks=all.
  Task<Result<Offset>> append_marker(storage::EndTxnMarker marker);
  /// Moves the log's start up to `offset`, -1: to the high watermark. Durable on return; answers
  /// where the log starts then. policy_violation where the topic is compacted only,
  /// offset_out_of_range above the high watermark.
  Task<Result<Offset>> delete_records(Offset offset);
  /// Who has produced here, sorted by producer id, with their open transactions.
  Task<Result<std::vector<storage::ProducerSnapshotEntry>>> describe_producers();

  /// Answers when the answer to `acks` may be given for records below `end`: kafka_storage_error,
  /// not_leader_or_follower, request_timed_out, not_enough_replicas_after_append.
  Task<Result<>> acknowledged(Offset end, int16_t acks, Deadline deadline);
  /// acknowledged() would answer at once, and well.
  bool is_acknowledged(Offset end, int16_t acks) const;

  /// Waits for the log to be open.
  Task<Result<>> ready();
  Task<Result<FetchAnswer>> fetch(FetchRead read);
  /// What a reader of this isolation may see now ends here.
  Offset readable_end(Isolation isolation) const;
  /// To be woken when readable_end() has reached `waiter`'s mark, and when the partition ends.
  void wait_readable(OffsetWaiter& waiter, Isolation isolation);

  struct ListedOffset {
    WallTime timestamp = kNoTimestamp;
    Offset offset = kNoOffset;
    LeaderEpoch leader_epoch = kNoLeaderEpoch;
  };
  /// Kafka's special timestamps -1 (latest), -2 (earliest), -3 (maximum), -4 (earliest local);
  /// others are times. An offset of -1 where there is no such record.
  Task<Result<ListedOffset>> list_offset(int64_t timestamp, LeaderEpoch current_leader_epoch,
                                         std::optional<Isolation> isolation);
  Task<Result<storage::PartitionLog::EpochEnd>> end_offset_for_epoch(LeaderEpoch epoch,
                                                                     LeaderEpoch current);

  // storage::FlushListener
  void log_flushed() override;
  void log_failed(const Error& error) override;

  void check_invariants() const;

 private:
  enum class State { loading, ready, failed, retired };

  Result<> serving() const;
  Result<> check_epoch(LeaderEpoch current) const;
  AppendOutcome append_now(AppendRequest& request);
  records::Judged<storage::LeaderBatch> prepare(AppendRequest& request, WallTime now);
  void drain_appends();
  void advance();
  Task<Result<ListedOffset>> list_special(int64_t timestamp, Offset upper_bound);

  Scope& scope_;
  Shard& shard_;
  storage::PartitionLog& log_;
  Codecs& codecs_;
  LeaderMachine machine_;

  State state_ = State::loading;
  std::optional<LeaderView> view_before_ready_;
  std::optional<Error> failure_;
  PendingAppends pending_appends_;
  OffsetWaiters committed_waiters_;  // for the high watermark
  OffsetWaiters stable_waiters_;     // for the last stable offset
  OffsetWaiters durable_waiters_;    // for the log's acknowledged end
  WaitQueue ready_waiters_;
  uint32_t uses_ = 0;
  WaitQueue released_;
};

}  // namespace partita::replication
