#pragma once
// SimWorld: many machines in one thread under virtual time. Everything that happens is settled by
// the seed: the order in which ready coroutines run, how long posts, disks and links take, which
// faults strike.
//
//     SimWorld world(seed);
//     SimNode& node = world.add_node({.shards = 2});
//     Result<Bytes> contents = world.run(node.shard(), read_file(...));
//
// Invariants:
//  1. True time never goes back; every event happens at or after the instant it was planned for.
//     Nodes see true time through their own clocks only.
//  2. Work posted from one shard to another runs in the order it was posted, after a drawn delay.
//  3. Each resumption costs step_cost of true time, so that a loop which yields for ever meets its
//     deadline.
//  4. trace_hash() folds every event with its time, place and bytes: one seed gives one hash. What
//     a test does between steps (crash, cut, faults) is part of the scenario and must come from the
//     seed too.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sim/drive.h"
#include "runtime/sim/sim_net.h"
#include "runtime/sim/sim_node.h"
#include "runtime/sim/sim_random.h"

namespace partita::runtime::sim {

struct SimOptions {
  Duration step_cost = 500ns;
  Latency post = {.least = 1us, .most = 40us, .tail_one_in = 50, .tail = 1ms};
  NetOptions net = {};
};

/// What an event is about, for the trace.
enum class EventKind : uint8_t { ready, timer, post, disk, net, fault };

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed, SimOptions options = {});
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;

  SimNode& add_node(SimNodeOptions options = {});
  SimNode& node(size_t index) { return *nodes_.at(index); }
  size_t node_count() const { return nodes_.size(); }
  SimNet& net() { return net_; }
  const SimOptions& options() const { return options_; }
  uint64_t seed() const { return seed_; }

  /// True time since the beginning.
  const Instant& now() const { return now_; }
  /// Does one thing: resumes one coroutine, fires one shard's due timers or handles one event.
  /// False where nothing is left.
  bool step();
  /// Steps until `done()` or nothing is left or `limit` of true time is reached; answers done().
  bool run_until(const std::function<bool()>& done, Instant limit = kNoDeadline);
  /// Steps through all that falls into the next `duration`, and ends exactly then.
  void run_for(Duration duration);
  /// Starts `task` on `shard` and steps until it ends, for an hour of true time at most: a task
  /// that does not end by then, or has nothing left to wait for, fails a CHECK.
  template <class T>
  T run(Shard& shard, Task<T> task);
  /// Calls `work` at an instant of true time, outside every shard: for scenarios.
  void at(Instant when, Work work) {
    schedule(when, nullptr, EventKind::fault, 0, std::move(work));
  }

  /// A stream of its own for the scenario, settled by the seed and `tag`.
  SimRandom random(uint64_t tag) const { return seed_random_.split(tag); }
  uint64_t trace_hash() const { return trace_hash_; }
  /// How many things step() has done.
  uint64_t steps() const { return steps_; }

  // For the parts of the world.
  void schedule(Instant when, SimShard* target, EventKind kind, uint64_t payload, Work work);
  void trace(EventKind kind, uint64_t place, uint64_t payload);
  void make_runnable(SimShard& shard);
  void post(SimShard& to, Work work);
  uint32_t take_shard_index() { return next_shard_index_++; }
  void node_resumed(SimNode& node);

 private:
  struct Event {
    Instant when;
    uint64_t sequence;
    SimShard* target;
    EventKind kind;
    uint64_t payload;
    Work work;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
  };
  struct DueTimers {
    Instant when = kNoDeadline;
    SimShard* shard = nullptr;
  };

  DueTimers next_timers();
  void run_ready();
  void run_event();
  void fire_timers(DueTimers due);
  bool step_before(Instant limit);

  const uint64_t seed_;
  const SimOptions options_;
  const SimRandom seed_random_;
  SimRandom schedule_random_;
  Instant now_;
  uint64_t trace_hash_ = 0;
  uint64_t steps_ = 0;
  uint64_t next_sequence_ = 0;
  uint32_t next_shard_index_ = 0;
  SimShard* current_ = nullptr;      // whose code runs now
  std::vector<Event> events_;        // a heap by Later
  std::vector<Event> held_;          // events of paused nodes, in order
  std::vector<SimShard*> runnable_;  // shards with ready coroutines
  SimNet net_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
};

template <class T>
T SimWorld::run(Shard& shard, Task<T> task) {
  Driven<T> driven;
  driven.start(shard.executor(), std::move(task));
  const bool ended = run_until([&] { return driven.ended(); }, now_ + Duration(1h));
  CHECK(ended);
  return driven.take();
}

}  // namespace partita::runtime::sim
