#pragma once
// TransactionMarkers: takes the marker orders of one transaction coordinator and sees them through:
// every partition of the transaction gets its marker from its leader, again and again until it is
// there, and then the machine is told. A partition that is deleted needs none.
//
// Invariants:
//  1. Nothing is written before the order is committed: an order that was refused waits until the
//     machine confirms that it stands.
//  2. The machine is told when every partition of the order has its marker, in sync, or is gone.
//  3. When the coordinator ends or starts over, its orders are dropped: the next one gives them
//  anew.
// One per transaction coordinator, on its shard. REQUIRED: stop() has returned before destruction.

#include <functional>

#include "broker/handler_table.h"
#include "coordinators/coordinator_partition.h"
#include "coordinators/txn/transaction_machine.h"
#include "storage/producer_state.h"

namespace partita::broker {

/// Appends a transaction's marker to a partition that this broker leads, wherever it lives; through
/// the group coordinator where the partition has groups' offsets. Answers when the marker is in
/// sync. Errors: unknown_topic_or_partition, not_leader_or_follower, invalid_producer_epoch,
/// transaction_coordinator_fenced, and those of an append with acks=all.
Task<Result<>> write_marker(HandlerContext& context, std::string topic, PartitionIndex index,
                            storage::EndTxnMarker marker, Deadline deadline);

class TransactionMarkers final
    : public coordinators::ReleaseSink<coordinators::TransactionRelease> {
 public:
  using MarkerOrder = coordinators::MarkerOrder;
  /// The coordinator that gives the orders, as this needs it.
  struct Coordinator {
    /// Answers well when everything that the machine has decided so far is committed.
    std::function<Task<Result<bool>>()> confirm;
    /// TransactionMachine::markers_written(order).
    std::function<Task<Result<bool>>(uint64_t order)> complete;
  };

  /// `context` is of the coordinator's shard.
  TransactionMarkers(HandlerContext context, Coordinator coordinator);
  TransactionMarkers(const TransactionMarkers&) = delete;

  // ReleaseSink
  void released(coordinators::TransactionRelease release) override;
  void refused(coordinators::TransactionRelease release, const Error& why) override;
  void forgotten(const Error& why) override;

  /// Drops everything. Returns when nothing of it runs.
  Task<void> stop();

 private:
  Task<void> confirm_and_write(MarkerOrder order, uint64_t generation);
  Task<void> write(MarkerOrder order, uint64_t generation);
  /// The partitions that have no marker yet after another try.
  Task<coordinators::TransactionPartitions> try_all(const MarkerOrder& order,
                                                    coordinators::TransactionPartitions left);
  /// Answers whether to go on.
  Task<bool> pause(Duration how_long, uint64_t generation);

  HandlerContext context_;
  const Coordinator coordinator_;
  Scope scope_;
  WaitQueue forgotten_;
  uint64_t generation_ = 0;  // of the coordinator's machine
};

}  // namespace partita::broker
