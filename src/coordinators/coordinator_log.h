#pragma once
// CoordinatorLog: the log side of one partition of an internal topic that this broker leads: reads
// it back into a machine, appends what the machine decides, and tells when that is committed.
//
// Invariants:
//  1. Batches enter the log in the order of append().
//  2. committed(end) answers well only when everything below `end` is below the high watermark.
//  3. Of a batch that no machine could have written nothing is replayed; the log goes on behind it.
// One per CoordinatorPartition, on the partition's shard.

#include <functional>

#include "base/log.h"
#include "coordinators/state_machine.h"
#include "records/batch.h"
#include "records/compress.h"
#include "records/record.h"
#include "replication/partition.h"

namespace partita::coordinators {

/// What load() tells of, in log order.
struct ReplayTarget {
  std::function<Result<>(const ReplayedRecord&)> record;
  std::function<void(const ReplayedMarker&)> marker;
};

class CoordinatorLog {
 public:
  CoordinatorLog(replication::Partition& partition, Log log) : partition_(partition), log_(log) {}
  CoordinatorLog(const CoordinatorLog&) = delete;

  /// Replays all of the log up to its end as it is now. Errors are those of the log's reads.
  Task<Result<>> load(const ReplayTarget& target);
  /// Appends the records as one batch and answers where it ends. Takes its place in the log before
  /// it suspends. REQUIRED: at least one record.
  Task<Result<Offset>> append(std::span<const CoordinatorRecord> records,
                              std::optional<ProducerTag> transaction, WallTime now);
  /// Waits until everything below `end` is committed.
  Task<Result<>> committed(Offset end, Deadline deadline);
  bool is_committed(Offset end) const { return partition_->is_acknowledged(end, -1); }
  Offset end() const { return partition_->log().log_end_offset(); }

  replication::Partition& partition() const { return *partition_; }

 private:
  void replay(ByteView batches, const ReplayTarget& target);
  Result<> replay(const records::BatchView& batch, const ReplayTarget& target);
  Result<> replay_control(const records::BatchView& batch, const records::Record& record,
                          const ReplayTarget& target);

  replication::Partition::Use partition_;
  Log log_;
  records::Decompressor decompressor_;
};

}  // namespace partita::coordinators
