#pragma once
// What the raft machine is told and what it asks for. The driver (raft_node.h) translates these to
// and from Kafka's messages, files and timers; the machine sees nothing else of the world.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "raft/voter_set.h"

namespace partita::raft {

struct OffsetAndEpoch {
  Offset offset;
  LeaderEpoch epoch;
  bool operator==(const OffsetAndEpoch&) const = default;
};

/// quorum-state: what a replica must never forget.
struct ElectionState {
  LeaderEpoch epoch;
  NodeId leader = kNoNode;
  std::optional<ReplicaKey> voted;
  bool operator==(const ElectionState&) const = default;
};

// Requests, as this replica receives and sends them.
struct VoteRequest {
  ReplicaKey candidate;
  std::optional<ReplicaKey> voter;  ///< who the sender means to ask
  LeaderEpoch epoch;
  OffsetAndEpoch last;  ///< the candidate's log: end offset, and the epoch of its last record
  bool pre_vote = false;
  bool operator==(const VoteRequest&) const = default;
};
struct BeginQuorumEpochRequest {
  NodeId leader;
  LeaderEpoch epoch;
  std::optional<ReplicaKey> voter;
  bool operator==(const BeginQuorumEpochRequest&) const = default;
};
struct EndQuorumEpochRequest {
  NodeId leader;
  LeaderEpoch epoch;
  std::vector<ReplicaKey> preferred_successors;
  bool operator==(const EndQuorumEpochRequest&) const = default;
};
struct FetchRequest {
  ReplicaKey replica;  ///< id -1: nobody that is counted
  LeaderEpoch current_leader_epoch;
  Offset fetch_offset;
  LeaderEpoch last_fetched_epoch;
  bool operator==(const FetchRequest&) const = default;
};
/// Of FetchSnapshot, what decides whether the sender may have it.
struct FetchSnapshotRequest {
  ReplicaKey replica;
  LeaderEpoch current_leader_epoch;
  bool operator==(const FetchSnapshotRequest&) const = default;
};

/// What every answer of the quorum carries.
struct Standing {
  std::optional<Errc> error;
  LeaderEpoch epoch;
  NodeId leader = kNoNode;
  bool operator==(const Standing&) const = default;
};
struct VoteResponse {
  Standing standing;
  bool granted = false;
};
struct QuorumEpochResponse {  ///< of BeginQuorumEpoch, EndQuorumEpoch and FetchSnapshot's check
  Standing standing;
};
/// What a Fetch may be answered with: one of diverging, snapshot and records below `read_end`.
struct FetchResponse {
  Standing standing;
  Offset high_watermark = kNoOffset;  ///< kNoOffset: not known yet
  std::optional<OffsetAndEpoch> diverging;
  std::optional<OffsetAndEpoch> snapshot;
  Offset read_end;  ///< exclusive
};
/// Records that came with a FetchResponse: batches in order, by epoch and what lies behind their
/// last record.
struct FetchedBatch {
  LeaderEpoch epoch;
  Offset base;
  Offset next;
};

// Events.
struct VoteAnswer {  ///< a peer answered our Vote
  NodeId from;
  LeaderEpoch asked_in;  ///< the epoch of the request
  bool pre_vote = false;
  VoteResponse response;
};
struct QuorumEpochAnswer {  ///< a peer answered our BeginQuorumEpoch or EndQuorumEpoch
  NodeId from;
  QuorumEpochResponse response;
};
struct FetchAnswer {  ///< the leader answered our Fetch
  NodeId from;
  LeaderEpoch asked_in;
  FetchResponse response;
  std::vector<FetchedBatch> batches;
};
struct Incoming {  ///< a request to answer; `id` is the driver's, and comes back in Reply
  uint64_t id = 0;
  std::variant<VoteRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest,
               FetchSnapshotRequest>
      request;
};
struct Append {  ///< the leader's owner appends `count` records in the epoch it believes in
  LeaderEpoch epoch;
  int32_t count = 0;
};
struct Flushed {  ///< everything below `end` is on the disk
  Offset end;
};
struct SnapshotLoaded {  ///< a snapshot replaced the log
  OffsetAndEpoch snapshot;
};
struct SnapshotTaken {  ///< a snapshot of the log's own records is durable; the log may now start
                        ///< at `log_start`
  OffsetAndEpoch snapshot;
  Offset log_start;
};
struct Tick {};
struct Resign {};  ///< the node is stopping
using Event = std::variant<VoteAnswer, QuorumEpochAnswer, FetchAnswer, Incoming, Append, Flushed,
                           SnapshotLoaded, SnapshotTaken, Tick, Resign>;

// Effects. They are carried out in order; one begins when the one before is done.
struct Persist {  ///< write quorum-state, durably, before anything that follows
  ElectionState state;
};
struct AppendEpochStart {  ///< append the control batch that opens a leader's epoch
  LeaderEpoch epoch;
  Offset base;
  std::vector<NodeId> granting_voters;
  bool with_voters = false;  ///< also KRaftVersion and KRaftVoters: so far only the bootstrap
                             ///< checkpoint tells them
  int32_t record_count() const { return with_voters ? 3 : 1; }
};
struct AppendRecords {  ///< append what the Append event spoke of
  LeaderEpoch epoch;
  Offset base;
};
struct AppendFetched {  ///< append the batches of the FetchAnswer, flush, then fetch on
  Offset end;
};
struct Truncate {  ///< drop everything from `end` on
  Offset end;
};
struct DownloadSnapshot {
  NodeId leader;
  OffsetAndEpoch snapshot;
};
struct Send {
  ReplicaKey to;
  std::variant<VoteRequest, BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest> request;
};
struct Reply {
  uint64_t id = 0;
  std::variant<VoteResponse, QuorumEpochResponse, FetchResponse> response;
};
struct HighWatermark {
  Offset offset;
};
struct RoleChanged {
  LeaderEpoch epoch;
  NodeId leader = kNoNode;
};
struct Fail {  ///< a rule of the quorum is broken: the replica must stop
  Error error;
};
using Effect = std::variant<Persist, AppendEpochStart, AppendRecords, AppendFetched, Truncate,
                            DownloadSnapshot, Send, Reply, HighWatermark, RoleChanged, Fail>;
using Effects = std::vector<Effect>;

}  // namespace partita::raft
