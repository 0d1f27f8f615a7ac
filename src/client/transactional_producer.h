#pragma once
// TransactionalProducer: records and offsets that become visible together, or never (KIP-98). A
// Producer whose identity comes from a transaction coordinator, and which tells that coordinator of
// every partition before it writes there. Belongs to one shard; its Cluster outlives it. One
// transaction at a time, driven by one task.
//
//   created --init()--> ready --begin()--> open --commit() or abort()--> ready
//   open --a record was refused, a timeout passed--> failed: only abort() goes on
//   any --fenced by another producer of the same id--> fenced: nothing goes on
//
// Invariants:
//  1. commit() answers well only when every record of the transaction was acknowledged and the
//     coordinator has decided to commit: it may then not turn out otherwise.
//  2. No batch goes to a partition that the coordinator does not know to be part of the
//  transaction.
//  3. After a failure the epoch is raised before the next transaction: nothing of the failed one
//     that is still under way can be taken for a part of it.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "client/coordinator.h"
#include "client/group_admin.h"
#include "client/producer.h"

namespace partita::client {

/// The member on whose behalf offsets are committed; empty for one outside of groups.
struct GroupIdentity {
  std::string group;
  std::string member_id = {};
  std::optional<std::string> instance_id = {};
  int32_t generation = -1;
};

class TransactionalProducer {
 public:
  TransactionalProducer(Cluster& cluster, std::string transactional_id, Duration timeout,
                        ProducerSettings settings, std::unique_ptr<Partitioner> partitioner);
  ~TransactionalProducer();
  TransactionalProducer(const TransactionalProducer&) = delete;

  /// Ends what an earlier producer of this id left open, and shuts it out.
  Task<Result<>> init(Deadline deadline);
  Result<> begin();
  /// REQUIRED: a transaction is open. As Producer::send().
  Task<Result<>> send(ProducerRecord record, DeliveryCallback done);
  /// The offsets become the group's when the transaction is committed.
  Task<Result<>> send_offsets(GroupIdentity member, CommittedOffsets offsets, Deadline deadline);
  /// An Error means that the outcome is abort, or with a connection error or a passed deadline that
  /// it is not known: commit() again tells.
  Task<Result<>> commit(Deadline deadline);
  Task<Result<>> abort(Deadline deadline);
  /// Leaves what is open to its timeout. REQUIRED before destruction.
  Task<void> close();

  const ProducerIdentity& identity() const { return identity_; }
  bool is_open() const { return state_ == State::open || state_ == State::failed; }

 private:
  enum class State { created, ready, open, failed, fenced };

  /// Producer ids and epochs of the coordinator; raises the epoch of the one that is had.
  Task<Result<>> obtain_identity(Deadline deadline);
  Task<Result<>> end(bool committed, Deadline deadline);
  bool may_send(const TopicPartition& partition);
  Task<void> add_partitions();
  Task<Result<>> add_once(std::vector<TopicPartition> partitions, Deadline deadline);
  void fail_with(const Error& error);
  Result<> check_open() const;

  Cluster& cluster_;
  Shard& shard_;
  const std::string id_;
  const Duration timeout_;
  Scope scope_;
  Coordinator coordinator_;
  Producer producer_;
  State state_ = State::created;
  ProducerIdentity identity_;
  std::set<TopicPartition> added_;   ///< the coordinator knows them
  std::set<TopicPartition> wanted_;  ///< it is to be told
  bool offsets_sent_ = false;
  bool adding_ = false;
  std::optional<Error> failure_;
};

}  // namespace partita::client
