#pragma once
// Where each leader epoch begins in the metadata log: what divergence is found by. A plain value,
// kept by the machine in step with the log.

#include <vector>

#include "raft/messages.h"

namespace partita::raft {

class EpochStarts {
 public:
  /// Notes that records of `epoch` begin at `start`. REQUIRED: neither lies before the last noted.
  void append(LeaderEpoch epoch, Offset start);
  /// Forgets what begins at or behind `end`.
  void truncate(Offset end);
  /// The log begins at `snapshot` now and holds nothing.
  void reset(OffsetAndEpoch snapshot);
  /// The log begins at `start` now; the epoch in force there stays.
  void trim(Offset start);

  /// kNoLeaderEpoch's successor 0 where nothing was noted.
  LeaderEpoch last() const;
  /// The largest epoch that is not above `epoch`, and where it ends (`log_end` for the last). The
  /// log's start and the epoch before its first where all are above.
  OffsetAndEpoch end_of(LeaderEpoch epoch, Offset log_end) const;
  /// Where the log starts, and the epoch of the record before that.
  OffsetAndEpoch before_start() const { return before_; }
  const std::vector<OffsetAndEpoch>& entries() const { return entries_; }

 private:
  std::vector<OffsetAndEpoch>
      entries_;  ///< both strictly increasing but for a first one made by reset()
  OffsetAndEpoch before_{Offset(0), LeaderEpoch(0)};  ///< what lies before the log's start
};

}  // namespace partita::raft
