#pragma once
// SimNode: one simulated machine: a disk, a clock, addresses, and one process at a time with its
// shards.
//
// Crashing a whole broker in one thread. A broker is a tree of C++ objects and suspended coroutines
// that borrow the Shards of one SimProcess; nothing can destroy them from outside. So crash() does
// not touch them: it makes the process they live on inert, from that instant on:
//  1. every read, sync, connect, accept, resolve and readiness wait under way completes with
//     Errc::stopped;
//  2. every later call of its Disk, Files and Net answers Errc::stopped and changes nothing:
//     destructors of the old objects cannot reach the disk that survives; its directory locks are
//     free;
//  3. its streams are gone: after a kill the peers see what the operating system sends (end of
//     stream or reset), after a power cut they see silence, and a reset once the node is up again;
//  4. its executors, timers and clock go on, so that the owner can close its scopes, join them and
//     destroy the objects.
// restart() then makes a new SimProcess with new Shards on the disk as the crash left it, before or
// after the old objects are gone. Old processes are kept, empty, until the world ends.
//
//     node.crash(CrashMode::power_cut);
//     world.run(old_shard, broker->stop());   // closes its scopes, joins them
//     broker.reset();
//     node.restart();
//     broker = std::make_unique<Broker>(node.shard(0), ...);

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/shard.h"
#include "runtime/sim/sim_clock.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_net.h"
#include "runtime/sim/sim_random.h"
#include "runtime/sim/sim_shard_disk.h"

namespace partita::runtime::sim {

class SimWorld;
class SimNode;
class SimProcess;

/// The run queue and timers of one simulated shard; the world takes from them in an order drawn
/// from the seed.
class SimShard final : private Executor {
 public:
  SimShard(SimProcess& process, ShardId id, uint32_t world_index);
  SimShard(const SimShard&) = delete;

  Shard& shard() { return shard_; }
  SimProcess& process() { return process_; }
  SimNode& node();
  SimWorld& world();
  Random& random() { return random_; }
  /// Unique among all shards that the world ever had.
  uint32_t world_index() const { return world_index_; }

 private:
  friend class SimWorld;
  friend class SimNode;
  void ready(std::coroutine_handle<> coroutine) override;
  void post(Work work) override;

  SimProcess& process_;
  const uint32_t world_index_;
  SimRandom random_;
  Timers timers_;
  SimShardDisk disk_;
  SimShardNet net_;
  Shard shard_;
  std::vector<std::coroutine_handle<>> ready_;
  bool queued_ = false;                       // in the world's list of shards with something to run
  std::map<uint32_t, Instant> last_arrival_;  // by the posting shard: keeps its posts in order
};

/// One run of a node's program.
class SimProcess {
 public:
  SimProcess(SimNode& node, uint64_t generation, uint32_t shards);
  SimProcess(const SimProcess&) = delete;

  SimNode& node() { return node_; }
  uint64_t generation() const { return generation_; }
  bool alive() const { return alive_; }
  size_t shard_count() const { return shards_.size(); }
  SimShard& sim_shard(uint32_t index) { return *shards_.at(index); }

  /// How an operation under way ends: with stopped (true) or as the world had planned.
  using Finish = std::move_only_function<void(bool stopped)>;
  /// Notes an operation under way; ended at once with stopped, and 0 answered, where the process is
  /// dead.
  uint64_t begin(Finish finish);
  /// Ends it as planned. No effect where it has ended.
  void finish(uint64_t operation);
  /// Ends it with stopped. No effect where it has ended.
  void stop(uint64_t operation);

 private:
  friend class SimNode;
  void die();
  void end(uint64_t operation, bool stopped);

  SimNode& node_;
  const uint64_t generation_;
  bool alive_ = true;
  uint64_t next_operation_ = 1;
  std::map<uint64_t, Finish> under_way_;
  std::vector<std::unique_ptr<SimShard>> shards_;
};

struct SimNodeOptions {
  std::string name = {};     ///< resolvable; "node<index>" by default
  std::string address = {};  ///< "10.0.0.<index + 1>" by default
  uint32_t shards = 1;
  DiskImage image = {};
  Duration clock_origin =
      Duration(-1);  ///< what the monotonic clock shows at the world's beginning; drawn by default
};

enum class CrashMode {
  kill,       ///< the process is gone; the operating system and its page cache live
  power_cut,  ///< the machine is gone: unsynced writes and names are kept, lost or torn
};

class SimNode {
 public:
  SimNode(SimWorld& world, uint32_t index, SimNodeOptions options);
  SimNode(const SimNode&) = delete;

  uint32_t index() const { return index_; }
  const std::string& name() const { return name_; }
  const std::string& address() const { return address_; }
  SimWorld& world() { return world_; }
  SimDisk& disk() { return disk_; }
  SimClock& clock() { return clock_; }

  /// The running process's. REQUIRED: one was started; its Shards stay valid, and inert, after a
  /// crash.
  Shard& shard(uint32_t index = 0) { return sim_shard(index).shard(); }
  SimShard& sim_shard(uint32_t index = 0) { return process().sim_shard(index); }
  SimProcess& process() { return *processes_.back(); }

  /// REQUIRED: running.
  void crash(CrashMode mode);
  /// REQUIRED: crashed. The same count of shards for 0.
  void restart(uint32_t shards = 0);
  bool running() { return process().alive(); }
  /// False from a power cut to the restart.
  bool powered() const { return powered_; }

  /// Runs nothing of this node until resume(): what falls due meanwhile happens then.
  void pause();
  void resume();
  bool paused() const { return paused_; }

 private:
  friend class SimWorld;
  SimWorld& world_;
  const uint32_t index_;
  const std::string name_;
  const std::string address_;
  SimRandom random_;
  SimClock clock_;
  SimDisk disk_;
  bool powered_ = true;
  bool paused_ = false;
  std::vector<std::unique_ptr<SimProcess>> processes_;
};

}  // namespace partita::runtime::sim
