#pragma once
// Controller: drives the ControllerMachine over this node's raft: follows what is committed,
// becomes active where this node leads, appends decisions and answers them when they are committed,
// takes snapshots. One per node with the controller role, on the raft node's shard.
//
// Invariants:
//  1. A decision, its append and its replay happen without suspending in between: decisions are
//     made one after the other on the state that all before them left.
//  2. An answer leaves when the quorum has committed its records, in the epoch they were decided
//     in; otherwise the caller gets not_controller and asks again.
//  3. The machine is activated on exactly what is committed, after everything of earlier epochs was
//     replayed.

#include <memory>
#include <string>

#include "base/log.h"
#include "controller/controller_machine.h"
#include "metadata/log_replay.h"
#include "raft/raft_node.h"
#include "runtime/scope.h"

namespace partita::controller {

struct ControllerOptions {
  ControllerSettings settings;
  uint64_t snapshot_bytes = uint64_t{20}
                            << 20;     ///< metadata.log.max.record.bytes.between.snapshots
  Duration snapshot_interval = 3600s;  ///< metadata.log.max.snapshot.interval.ms
  Duration idle_interval = 500ms;      ///< metadata.max.idle.interval.ms: NoOp while others follow
};

class Controller {
 public:
  Controller(Scope& scope, raft::RaftNode& raft, ControllerOptions options, Log log);
  ~Controller();
  Controller(const Controller&) = delete;

  /// Loads what is committed, and answers when this node is the active controller and its first
  /// records are committed, or when another node leads.
  Task<Result<>> start();

  bool active() const { return machine_.active(); }
  /// What is committed, as far as it was followed.
  const std::shared_ptr<const metadata::Image>& committed_image() const { return committed_; }
  const ControllerMachine& machine() const { return machine_; }
  raft::RaftNode& raft() { return raft_; }
  Scope& scope() { return scope_; }
  /// The log makes no sense, or the quorum's replica has failed: the node must stop.
  const std::optional<Error>& failure() const { return failure_; }

  // Requests, from this shard. See metadata/controller_channel.h for what the answers mean.
  Task<Result<wire::BrokerRegistrationResponse>> broker_registration(
      wire::BrokerRegistrationRequest request);
  Task<Result<wire::BrokerHeartbeatResponse>> broker_heartbeat(
      wire::BrokerHeartbeatRequest request);
  Task<Result<wire::AllocateProducerIdsResponse>> allocate_producer_ids(
      wire::AllocateProducerIdsRequest request);
  Task<Result<wire::CreateTopicsResponse>> create_topics(wire::CreateTopicsRequest request);
  Task<Result<wire::DeleteTopicsResponse>> delete_topics(wire::DeleteTopicsRequest request);
  Task<Result<wire::CreatePartitionsResponse>> create_partitions(
      wire::CreatePartitionsRequest request);
  Task<Result<wire::IncrementalAlterConfigsResponse>> incremental_alter_configs(
      wire::IncrementalAlterConfigsRequest request);
  Task<Result<wire::AlterConfigsResponse>> alter_configs(wire::AlterConfigsRequest request);

 private:
  struct Written {
    LeaderEpoch epoch;
    Offset end;
  };

  Result<> ready() const;
  Result<Written> write(const Records& records);
  Result<> append_batch(std::span<const metadata::Record> records);
  template <class Response>
  Task<Result<Response>> commit(Decision<Response> decision);

  Task<void> follow();
  Task<Result<>> follow_committed();
  Task<Result<>> load_snapshot();
  Result<> take_finished();
  Result<> follow_leadership();
  Task<Result<>> maybe_snapshot();
  Task<void> run_timers();
  Result<> fence_expired();
  Result<> maybe_no_op();
  void fail_with(const Error& error);

  Scope& scope_;
  Shard& shard_;
  raft::RaftNode& raft_;
  const ControllerOptions options_;
  Log log_;
  const Uuid incarnation_;
  ControllerMachine machine_;
  metadata::LogReplay replay_;
  std::shared_ptr<const metadata::Image> committed_;
  LeaderEpoch active_epoch_{-1};
  Instant last_snapshot_;
  Instant last_write_;
  std::optional<Error> failure_;
  WaitQueue changed_;
};

}  // namespace partita::controller
