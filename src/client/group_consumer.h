#pragma once
// GroupConsumer: a Consumer whose partitions a group gives out: it joins, starts where the group
// committed, gives everything up while the group rebalances, and commits what poll() has answered.
// Belongs to one shard; its Cluster outlives it. poll() is called by one task at a time.
//
// Invariants:
//  1. Records come only of partitions that this member owns as far as it can know.
//  2. What is committed was answered by an earlier poll(): a record may come again after a failure,
//     and none is passed over.
//  3. on_revoked is called before anything is given up, on_assigned before anything of it is read.
//
//     GroupConsumer consumer(cluster, {.membership = {.group = "g"}, .topics = {"t"}});
//     CO_TRY(const Polled polled, co_await consumer.poll(deadline));
//     co_await consumer.close();   // commits and leaves

#include <functional>
#include <string>
#include <vector>

#include "client/consumer.h"
#include "client/group_membership.h"

namespace partita::client {

struct GroupConsumerSettings {
  GroupMembershipSettings membership;
  ConsumerSettings consumer = {};
  std::vector<std::string> topics = {};
  /// Which of the cluster's topics, where given, instead of `topics`; new ones are found.
  std::function<bool(const std::string&)> wanted = {};
  std::optional<Duration> auto_commit = 5s;  ///< how often; never where there is nothing
  std::function<void(const std::vector<TopicPartition>&)> on_assigned = {};
  std::function<void(const std::vector<TopicPartition>&)> on_revoked = {};
};

class GroupConsumer {
 public:
  GroupConsumer(Cluster& cluster, GroupConsumerSettings settings);
  ~GroupConsumer();
  GroupConsumer(const GroupConsumer&) = delete;

  /// Joins where that is due, then as Consumer::poll().
  Task<Result<Polled>> poll(Deadline deadline);
  /// Commits where poll() goes on, at once.
  Task<Result<>> commit(Deadline deadline);
  /// The next poll() of the partition begins here. REQUIRED: assigned.
  void seek(const TopicPartition& partition, StartAt at) { consumer_.seek(partition, at); }
  const std::vector<TopicPartition>& assignment() const { return assignment_; }
  const GroupMembership& membership() const { return membership_; }
  /// poll() answers `stopped` from now on.
  void stop();
  /// Commits, where that is done automatically, leaves and ends. REQUIRED before destruction.
  Task<void> close();
  /// Ends without a word to the coordinator, as if the process had died. Instead of close().
  Task<void> vanish();

 private:
  Task<Result<>> rebalance(Deadline deadline);
  Task<Result<>> find_topics(Deadline deadline);
  Task<void> commit_if_due();
  /// Where each assigned partition is to go on, as far as poll() has answered something.
  CommittedOffsets positions() const;

  Cluster& cluster_;
  Shard& shard_;
  const GroupConsumerSettings settings_;
  Cluster coordination_;  // of its own: a JoinGroup keeps a connection waiting
  GroupMembership membership_;
  Consumer consumer_;
  Scope scope_;
  std::vector<std::string> topics_;
  std::vector<TopicPartition> assignment_;
  std::map<TopicPartition, Offset> committed_;  ///< as far as it is known
  Instant next_commit_;
  Instant look_for_topics_;
  bool joined_ = false;
};

}  // namespace partita::client
