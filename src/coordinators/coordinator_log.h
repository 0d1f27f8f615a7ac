#pragma once
// CoordinatorLog: the log side of one partition of an internal topic that this broker leads: reads
// it back into a machine, appends what the machine decides, and tells when that is committed.
//
// Invariants:
//  1. Batches enter the log in the order of append().
//  2. committed(end) answers well only when everything below `end` is below the high watermark.
// One per CoordinatorPartition, on the partition's shard.

#include <functional>

#include "base/log.h"
#include "coordinators/state_machine.h"
#include "replication/partition.h"

namespace partita::coordinators {

/// What load() tells of, in log order.
struct ReplayTarget {
  std::function<Result<>(const ReplayedRecord&)> record;
  std::function<void(const ReplayedMarker&)> marker;
};

class CoordinatorLog {
 public:
  CoordinatorLog(Scope& scope, replication::Partition& partition, Log log)
      : scope_(scope), partition_(partition), log_(log) {}
  CoordinatorLog(const CoordinatorLog&) = delete;

  /// Replays all of the log up to its end as it is now.
  Task<Result<>> load(const ReplayTarget& target);
  /// Appends one batch; answers where it ends. The first step, up to taking its place in the log,
  /// is done before this suspends.
  Task<Result<Offset>> append(std::vector<CoordinatorRecord> records,
                              std::optional<ProducerTag> transaction);
  Task<Result<Offset>> append_marker(ProducerTag producer, bool is_commit,
                                     int32_t coordinator_epoch);
  /// Waits until everything below `end` is committed: not_coordinator when the partition is no
  /// longer led here, request_timed_out at the deadline.
  Task<Result<>> committed(Offset end, Deadline deadline);
  bool is_committed(Offset end) const { return partition_.high_watermark() >= end; }

  LeaderEpoch leader_epoch() const { return partition_.leader_epoch(); }
  replication::Partition& partition() { return *partition_; }

 private:
  Task<Result<Offset>> append_batch(Bytes batch);
  Result<> replay_batch(const records::BatchView& batch, const ReplayTarget& target);

  Scope& scope_;
  replication::Partition::Use partition_;
  Log log_;
  records::Decompressor decompressor_;
};

}  // namespace partita::coordinators
