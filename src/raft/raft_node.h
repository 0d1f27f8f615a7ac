#pragma once
// RaftNode: drives one RaftMachine: its log, snapshots and quorum-state on disk, its timers, and
// the requests of those who read the log. One per node with the controller role; lives on one
// shard. All methods are called there. The machine knows quorums of any size; this driver carries
// no requests to other voters, and refuses to open a log whose quorum has any.
//
// Invariants:
//  1. Events reach the machine one at a time, and one event's effects are carried out in order
//     before the next event: nothing leaves this node before what it rests on is durable.
//  2. high_watermark() never goes back; what lies below it is durable on a majority.
//  3. The first error of the disk or of a quorum rule ends the node: failure() tells it, every wait
//     answers it.
//  4. Snapshots are made by the owner of the state (controller.h), who is told how much was
//     appended since the last.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "raft/metadata_log.h"
#include "raft/raft_machine.h"
#include "runtime/scope.h"
#include "wire/messages/describe_quorum.h"
#include "wire/messages/fetch.h"
#include "wire/messages/fetch_snapshot.h"

namespace partita::raft {

struct RaftNodeOptions {
  ReplicaKey self;
  std::string cluster_id;
  VoterSet static_voters =
      {};  ///< controller.quorum.voters, where neither log nor snapshot names any
};

class RaftNode final : private storage::FlushListener {
 public:
  /// Loads everything and starts the machine. `found` is the metadata log's directory where
  /// `directory` found one.
  static Task<Result<std::unique_ptr<RaftNode>>> open(Scope& scope,
                                                      storage::LogDirectory& directory,
                                                      std::optional<storage::FoundPartition> found,
                                                      RaftNodeOptions options, Log log);
  ~RaftNode() override;
  RaftNode(const RaftNode&) = delete;

  LeaderEpoch epoch() const { return machine_->epoch(); }
  NodeId leader() const { return machine_->leader(); }
  /// Leads, and nothing of becoming so is under way.
  bool is_leader() const { return machine_->is_leader() && !busy_; }
  Offset log_start() const { return machine_->log_start(); }
  Offset log_end() const { return machine_->log_end(); }
  /// 0 until it is known.
  Offset high_watermark() const;
  const RaftMachine& machine() const { return *machine_; }
  const std::optional<Error>& failure() const { return failure_; }
  bool has_remote_readers(Instant since) const;

  /// Appends a batch whose offsets begin at log_end(), in `epoch`. In the page cache on return;
  /// committed when wait_committed() says so. not_controller where this node does not lead that
  /// epoch.
  Result<> append(LeaderEpoch epoch, Bytes batch, int32_t count);
  /// Answers when all below `end` is committed: not_controller when the epoch has passed before.
  Task<Result<>> wait_committed(LeaderEpoch epoch, Offset end);
  /// Answers when the high watermark, the epoch or the leader is no longer what it was, or the
  /// deadline has passed.
  Task<Result<>> wait_change(Deadline deadline);

  /// Committed batches from `from` on, whole; empty at the high watermark.
  Task<Result<Bytes>> read_committed(Offset from, size_t bytes_max);

  // Snapshots.
  std::optional<OffsetAndEpoch> latest_snapshot() const { return log_->latest_snapshot(); }
  Task<Result<Bytes>> read_snapshot(OffsetAndEpoch id);
  uint64_t bytes_since_snapshot() const { return bytes_since_snapshot_; }
  /// The name of a snapshot of everything below `end`. REQUIRED: committed, a batch's end.
  OffsetAndEpoch snapshot_id(Offset end) const;
  /// With what the quorum is made of at its front.
  SnapshotBuilder start_snapshot(OffsetAndEpoch id, int64_t last_contained_timestamp_ms);
  /// Makes the snapshot durable, then trims the log to it.
  Task<Result<>> finish_snapshot(OffsetAndEpoch id, SnapshotBuilder builder);

  // Requests of those who read the log (raft_requests.cc).
  Task<Result<wire::FetchResponse>> fetch(wire::FetchRequest request);
  Task<Result<wire::FetchSnapshotResponse>> fetch_snapshot(wire::FetchSnapshotRequest request);
  wire::DescribeQuorumResponse describe_quorum(const wire::DescribeQuorumRequest& request) const;

  /// Flushes, and notes a clean end. The last call.
  Task<Result<>> close();

 private:
  struct TickTimer;
  using Response = decltype(Reply::response);
  struct Waiting {
    uint64_t id;
    Completion<Result<Response>>* done;
  };
  using Request = decltype(Incoming::request);

  RaftNode(Scope& scope, RaftNodeOptions options, std::unique_ptr<MetadataLog> log, Log lines);
  void start();
  void dispatch(Event event);
  Task<void> drain();
  Task<Result<>> carry_out(Effects effects);
  Task<Result<>> carry_out_slow(const Effect& effect);
  Task<void> run_start();
  Result<> append_epoch_start(const AppendEpochStart& start);
  void answer(Reply reply);
  void fail_with(Error error);
  void arm_timer();
  void note_change();

  void log_flushed() override;
  void log_failed(const Error& error) override;

  // raft_requests.cc
  Task<Result<Response>> ask(Request request);
  bool is_own_cluster(const std::optional<std::string>& cluster_id) const;

  Scope& scope_;
  Shard& shard_;
  const RaftNodeOptions options_;
  Log lines_;
  std::unique_ptr<MetadataLog> log_;
  std::unique_ptr<RaftMachine> machine_;
  std::unique_ptr<TickTimer> timer_;
  std::deque<Event> events_;
  bool busy_ = false;
  bool closed_ = false;
  std::optional<Error> failure_;
  WaitQueue changed_;
  std::vector<Waiting> waiting_;
  uint64_t next_request_ = 1;
  Bytes pending_batch_;     ///< of the Append event under way
  Result<> append_result_;  ///< what became of it
  uint64_t bytes_since_snapshot_ = 0;
  int16_t kraft_version_ = 0;
};

}  // namespace partita::raft
