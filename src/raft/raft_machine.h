#pragma once
// RaftMachine: one replica of the metadata quorum (KRaft, KIP-595, KIP-996). Pure: events and time
// in, effects out.
//
// clang-format off
// | state       | on                                        | becomes                             |
// |-------------|-------------------------------------------|-------------------------------------|
// | Unattached  | election timeout (voter)                  | Prospective                         |
// |             | BeginQuorumEpoch, or any word of a leader | Follower                            |
// | Prospective | majority of pre-votes                     | Candidate, epoch + 1, vote is saved |
// |             | majority refuses, or timeout              | Follower of the leader it knew, or  |
// |             |                                           | Unattached                          |
// |             | a peer has no pre-vote                    | Candidate                           |
// | Candidate   | majority of votes                         | Leader: LeaderChange appended       |
// |             | majority refuses, or timeout              | Prospective, after a full timeout   |
// | Leader      | no Fetch of a majority for 1.5 timeouts   | Resigned                            |
// |             | Resign                                    | Resigned, EndQuorumEpoch sent       |
// | Follower    | fetch timeout, or EndQuorumEpoch          | Prospective (observer: Unattached)  |
// |             | diverging epoch                           | Follower, log truncated             |
// | Resigned    | election timeout                          | Unattached, epoch + 1               |
// | any         | a higher epoch                            | Unattached or Follower in it        |
// clang-format on
// EndQuorumEpoch counts where it names us. The only voter of a quorum elects itself at once and
// never resigns for lack of fetches; nothing else tells it apart. Observers know Unattached and
// Follower only.
//
// Invariants:
//  1. The epoch never goes down; a vote or a leader is persisted before any message that rests
//     on it.
//  2. In one epoch a replica votes for at most one candidate, and knows at most one leader.
//  3. The high watermark never goes down; a leader's rises only past records of its own epoch.
//  4. What counts for the high watermark is flushed, on the leader as on the others (semantics R1).

#include <optional>
#include <variant>

#include "base/time.h"
#include "raft/epoch_starts.h"
#include "raft/messages.h"

namespace partita::raft {

struct RaftSettings {
  ReplicaKey self;
  Duration election_timeout = 1000ms;  ///< plus a random part of the same size
  Duration fetch_timeout = 2000ms;
  Duration request_retry = 500ms;  ///< after this an unanswered vote request is sent again
  Duration fetch_backoff = 100ms;  ///< between a follower's failed fetches
  int32_t epoch_jump_max =
      1 << 30;  ///< a peer's epoch further ahead than this is refused, not followed
};

/// The log and what it says, as the driver found them at boot.
struct BootState {
  ElectionState election;
  Offset log_start;
  Offset log_end;  ///< all of it flushed
  EpochStarts epochs;
  std::optional<OffsetAndEpoch> snapshot;  ///< the latest that may be sent to others: never 0-0
  VoterSet voters;
  bool voters_only_in_bootstrap = false;  ///< neither log nor snapshot but 0-0 names them
};

// Roles.
struct Unattached {
  std::optional<ReplicaKey> voted;
  NodeId last_leader = kNoNode;
  Instant election_at;
};
struct Votes {
  std::map<NodeId, std::optional<bool>> by_voter;  ///< nothing: not answered
  size_t count(bool granted) const;
};
struct Prospective {
  Votes votes;
  std::optional<ReplicaKey> voted;
  NodeId leader = kNoNode;
  Instant until;
  Instant resend_at;
};
struct Candidate {
  Votes votes;
  Instant until;
  Instant resend_at;
  bool rejected = false;
};
struct Progress {
  ReplicaKey key;
  Offset end = kNoOffset;  ///< its fetch offset: all below is on its disk
  Instant last_fetch;
  Instant last_caught_up;
  bool acknowledged = false;  ///< it knows of this epoch
};
struct Leader {
  Offset epoch_start;
  std::map<NodeId, Progress> voters;         ///< without self
  std::map<ReplicaKey, Progress> observers;  ///< forgotten after five minutes of silence
  Instant check_quorum_at;
  Instant begin_epoch_at;
};
struct Follower {
  NodeId leader;
  std::optional<ReplicaKey> voted;
  Instant fetch_timeout_at;
  Instant fetch_at;
  bool fetched = false;  ///< at least one good Fetch in this epoch
  bool waiting = false;  ///< a Fetch, an append or a download is under way
};
struct Resigned {
  Instant until;
};
using Role = std::variant<Unattached, Prospective, Candidate, Leader, Follower, Resigned>;

class RaftMachine {
 public:
  /// `random_seed` feeds the election timeouts.
  RaftMachine(RaftSettings settings, BootState boot, uint64_t random_seed);

  /// To be called once, first.
  Effects start(Instant now);
  Effects step(const Event& event, Instant now);
  /// When Tick is due next.
  Instant next_tick() const;

  LeaderEpoch epoch() const { return epoch_; }
  NodeId leader() const;
  bool is_leader() const { return std::holds_alternative<Leader>(role_); }
  const Role& role() const { return role_; }
  const VoterSet& voters() const { return voters_; }
  Offset log_start() const { return log_start_; }
  Offset log_end() const { return log_end_; }
  Offset flushed() const { return flushed_; }
  /// kNoOffset until it is known.
  Offset high_watermark() const { return high_watermark_; }
  LeaderEpoch last_epoch() const { return epochs_.last(); }
  LeaderEpoch epoch_at(Offset offset) const;

  /// CHECKs what must hold between steps.
  void check_invariants() const;

 private:
  // Elections (raft_machine.cc).
  void become_unattached(LeaderEpoch epoch, NodeId last_leader);
  void become_prospective();
  void become_candidate();
  void become_follower(LeaderEpoch epoch, NodeId leader);
  void become_resigned();
  void persist();
  void request_votes(bool pre_vote, const Votes& votes);
  Votes fresh_votes() const;
  void on_vote_answer(const VoteAnswer& answer);
  void on_quorum_epoch_answer(const QuorumEpochAnswer& answer);
  void on_tick();
  void on_resign();
  VoteResponse vote(const VoteRequest& request);
  bool grants(const VoteRequest& request, bool up_to_date) const;
  QuorumEpochResponse begin_quorum_epoch(const BeginQuorumEpochRequest& request);
  QuorumEpochResponse end_quorum_epoch(const EndQuorumEpochRequest& request);
  std::optional<Standing> refuse_epoch(LeaderEpoch epoch) const;
  /// Follows a peer's word of epoch and leader. Answers whether the message still concerns this
  /// epoch.
  bool follow(const Standing& standing);
  Standing standing(std::optional<Errc> error = {}) const { return {error, epoch_, leader()}; }
  std::optional<ReplicaKey> voted() const;
  bool is_voter() const { return voters_.contains(settings_.self); }
  Duration election_timeout();
  ReplicaKey key_of(NodeId id) const;

  // Leading and following (raft_machine_replication.cc).
  void become_leader(std::vector<NodeId> granting);
  void on_append(const Append& append);
  void on_flushed(Offset end);
  void advance_high_watermark();
  FetchResponse fetch(const FetchRequest& request);
  FetchResponse read_for(const FetchRequest& request, bool voter) const;
  void note_progress(const FetchRequest& request);
  void note(Progress& progress, const FetchRequest& request);
  QuorumEpochResponse fetch_snapshot(const FetchSnapshotRequest& request);
  std::optional<Standing> refuse_leader_only(LeaderEpoch epoch) const;
  void on_fetch_answer(const FetchAnswer& answer);
  void take_records(Follower& self, const FetchAnswer& answer);
  void send_fetch(Follower& self);
  void raise_high_watermark(Offset offset);
  void leader_tick(Leader& self);
  bool heard_from_majority(const Leader& self, Instant since) const;
  void on_snapshot_loaded(const SnapshotLoaded& loaded);
  void on_snapshot_taken(const SnapshotTaken& taken);

  template <class E>
  void emit(E effect) {
    effects_.emplace_back(std::move(effect));
  }

  const RaftSettings settings_;
  LeaderEpoch epoch_;
  ElectionState persisted_;
  Role role_;
  VoterSet voters_;
  bool voters_only_in_bootstrap_;
  EpochStarts epochs_;
  Offset log_start_;
  Offset log_end_;
  Offset flushed_;
  Offset high_watermark_ = kNoOffset;
  std::optional<OffsetAndEpoch> snapshot_;
  uint64_t random_;

  // Of the step under way.
  Instant now_;
  Effects effects_;
};

}  // namespace partita::raft
