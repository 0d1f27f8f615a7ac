#pragma once
// GroupMembership: one member of a classic consumer group: it joins, is given partitions, says that
// it lives, commits, joins again when the coordinator asks, and leaves. Belongs to the shard of its
// Cluster, which outlives it and is its own: a JoinGroup waits on its connection for all others.
//
//   unjoined --join()--> joining --SyncGroup answered--> stable
//   stable   --REBALANCE_IN_PROGRESS, a topic grew--> stable, is_rejoin_wanted()
//   stable   --the coordinator forgot this member, no heartbeat answered for a session--> unjoined
//
// Invariants:
//  1. Between two join() the assignment does not change; after is_lost() somebody else may own it,
//     and nothing of it is committed any more.
//  2. Every commit carries the generation that the member is in; the coordinator refuses others.
//  3. join() is called by one task at a time, and nothing else of the member meanwhile.
//
// All partitions are given up while the group rebalances (the eager protocol), and the leader
// assigns ranges, as Kafka's `range` does.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/coordinator.h"
#include "client/group_admin.h"

namespace partita::client {

struct GroupMembershipSettings {
  std::string group;
  std::optional<std::string> instance_id = {};  ///< static membership (KIP-345)
  Duration session_timeout = 45s;
  Duration rebalance_timeout = 300s;  ///< max.poll.interval.ms
  Duration heartbeat_interval = 3s;
};

class GroupMembership {
 public:
  GroupMembership(Cluster& cluster, GroupMembershipSettings settings);
  ~GroupMembership();
  GroupMembership(const GroupMembership&) = delete;

  /// Joins, or joins again, for these topics, and answers what was assigned. Goes on trying until
  /// the deadline; what cannot come right (a fenced instance, a group of another protocol) is an
  /// Error at once.
  Task<Result<std::vector<TopicPartition>>> join(std::vector<std::string> topics,
                                                 Deadline deadline);
  /// The coordinator, or a topic that grew, asks for join().
  bool is_rejoin_wanted() const { return rejoin_wanted_; }
  /// What was assigned may belong to another member by now.
  bool is_lost() const { return state_ != State::stable; }
  /// Called when one of the two becomes true.
  void on_change(std::function<void()> changed) { changed_ = std::move(changed); }
  /// The next is_rejoin_wanted() is true: for topics that came or went.
  void want_rejoin();

  /// REQUIRED: joined. A refusal because of the generation is an Error of the whole.
  Task<Result<>> commit(CommittedOffsets offsets, Deadline deadline);
  /// What the group has committed.
  Task<Result<CommittedOffsets>> committed(Deadline deadline);
  /// Gives up the place in the group at once; a static member keeps it until its session ends.
  Task<Result<>> leave(Deadline deadline);
  /// REQUIRED before destruction.
  Task<void> close();

  const std::string& member_id() const { return member_id_; }
  int32_t generation() const { return generation_; }

 private:
  enum class State { unjoined, joining, stable };
  struct Joined {
    std::string protocol;
    bool leads = false;
    std::map<std::string, Bytes> subscriptions;  ///< by member; only the leader has them
  };

  Task<Result<Joined>> join_once(std::vector<std::string> topics, Deadline deadline);
  Result<Joined> take_join(const Answer& answer);
  Task<Result<std::vector<TopicPartition>>> sync(Joined joined, Deadline deadline);
  Task<Result<std::map<std::string, std::vector<TopicPartition>>>> assign(Joined joined,
                                                                          Deadline deadline);
  Task<void> run_heartbeats();
  Task<void> heartbeat();
  Task<void> watch_topics();
  /// What an error of the coordinator means for the membership; whether join() may go on.
  bool take_error(Errc code);
  void lose();
  void note_change();

  Cluster& cluster_;
  Shard& shard_;
  const GroupMembershipSettings settings_;
  Scope scope_;
  Coordinator coordinator_;
  State state_ = State::unjoined;
  std::string member_id_;
  int32_t generation_ = -1;
  bool rejoin_wanted_ = false;
  bool running_ = false;
  Instant last_answer_;
  std::map<std::string, size_t> partition_counts_;  ///< that the leader assigned
  std::function<void()> changed_;
  WaitQueue woken_;
};

/// Who gets what of each topic: the members that want it, in the order of their ids, get ranges
/// that differ by one partition at most.
std::map<std::string, std::vector<TopicPartition>> assign_ranges(
    const std::map<std::string, std::vector<std::string>>& topics_by_member,
    const std::map<std::string, size_t>& partition_counts);

}  // namespace partita::client
