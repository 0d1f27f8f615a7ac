#pragma once
// Shard: what everything on one thread of a broker is given: the run queue, the timers and the four
// seams. The world (runtime/linux or runtime/sim) makes it; it outlives all that runs on it.

#include "base/ids.h"
#include "runtime/clock.h"
#include "runtime/disk.h"
#include "runtime/executor.h"
#include "runtime/net.h"
#include "runtime/random.h"
#include "runtime/timers.h"

namespace partita {

class Shard {
 public:
  Shard(ShardId id, Executor& executor, Timers& timers, Clock& clock, Disk& disk, Net& net,
        Random& random)
      : id_(id),
        executor_(executor),
        timers_(timers),
        clock_(clock),
        disk_(disk),
        net_(net),
        random_(random) {}
  Shard(const Shard&) = delete;

  ShardId id() const { return id_; }
  Executor& executor() { return executor_; }
  Timers& timers() { return timers_; }
  Clock& clock() { return clock_; }
  Disk& disk() { return disk_; }
  Net& net() { return net_; }
  Random& random() { return random_; }
  Instant now() { return clock_.now(); }

 private:
  const ShardId id_;
  Executor& executor_;
  Timers& timers_;
  Clock& clock_;
  Disk& disk_;
  Net& net_;
  Random& random_;
};

}  // namespace partita
