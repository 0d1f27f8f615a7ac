#pragma once
// What a leader knows about who has how much of its partition, and the high watermark that follows.
// Pure: no I/O, no clock. Rules: semantics 3.1 (KIP-101, KIP-497, KIP-966) with R1: the leader's
// own end counts as far as the durability setting says that it may be acknowledged.
//
// Invariants:
//  1. The high watermark never goes back while the leader epoch lasts, and lies within [log start,
//     log end].
//  2. It does not move while fewer than min(min.insync.replicas, replicas) are in sync.
//  3. A replica whose end is unknown (-1, not fetched in this epoch) holds it back while it counts.

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace partita::replication {

struct LeaderView {
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  PartitionEpoch partition_epoch{-1};
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
};

class LeaderMachine {
 public:
  LeaderMachine(NodeId self, int32_t min_insync_replicas, Duration replica_lag_time_max)
      : self_(self), min_insync_replicas_(min_insync_replicas), lag_max_(replica_lag_time_max) {}

  /// Takes over a view from metadata. A new leader epoch forgets what followers had;
  /// `high_watermark` is where the replica starts then, `log_end` the start of the epoch.
  void lead(const LeaderView& view, Offset high_watermark, Offset log_end, Instant now);
  /// A follower has everything below `end`; `leader_end` is the leader's end as its read began.
  void follower_fetched(NodeId follower, Offset end, Offset leader_end, Instant now);
  /// The leader's own records below `own_end` may count. Answers true where the high watermark
  /// moved.
  bool advance(Offset own_end, Instant now);
  void set_min_insync_replicas(int32_t count) { min_insync_replicas_ = count; }

  Offset high_watermark() const { return high_watermark_; }
  Offset epoch_start() const { return epoch_start_; }
  LeaderEpoch leader_epoch() const { return view_.leader_epoch; }
  PartitionEpoch partition_epoch() const { return view_.partition_epoch; }
  const std::vector<NodeId>& isr() const { return view_.isr; }
  /// Whether acks=all may be accepted at all.
  bool enough_in_sync() const;
  void check_invariants() const;

 private:
  struct Follower {
    Offset end{-1};
    Offset leader_end_at_last_fetch{-1};
    Instant last_fetch;
    Instant last_caught_up;
  };
  int32_t effective_min_isr() const;
  bool counts(NodeId id, const Follower& follower, Instant now) const;

  const NodeId self_;
  int32_t min_insync_replicas_;
  const Duration lag_max_;
  LeaderView view_;
  std::map<NodeId, Follower> followers_;
  Offset high_watermark_;
  Offset epoch_start_;
};

}  // namespace partita::replication
