#pragma once
// LinuxWorld: the real world of one process: per shard a loop with its clock, disk, net and random,
// and one helper pool.
//
//     LinuxWorld world({.shards = 2});
//     int code = world.run(serve(world));   // the task runs on shard 0, in the calling thread
//
// Invariants:
//  1. Shard 0 runs in the thread that calls run(); every other shard has a thread of its own while
//     run() is under way.
//  2. When run() returns, no shard runs. REQUIRED of the main task: what it started on other shards
//     has finished then.

#include <memory>
#include <utility>
#include <vector>

#include "runtime/linux/helper_pool.h"
#include "runtime/linux/linux_clock.h"
#include "runtime/linux/loop.h"
#include "runtime/scope.h"
#include "runtime/shard.h"

namespace partita {

class LinuxShard;

class LinuxWorld {
 public:
  struct Settings {
    size_t shards = 1;
    /// One for syncs alone, one for a resolver that may hang, one more for cold reads; started on
    /// demand.
    size_t helper_threads_max = 3;
  };

  LinuxWorld() : LinuxWorld(Settings{}) {}
  explicit LinuxWorld(Settings settings);
  ~LinuxWorld();
  LinuxWorld(const LinuxWorld&) = delete;

  size_t shard_count() const { return shards_.size(); }
  Shard& shard(size_t index);
  Loop& loop(size_t index);

  /// Runs `main` to its end and answers its value.
  template <class T>
  T run(Task<T> main) {
    std::optional<T> value;
    run_main(keep_value(std::move(main), value));
    return *std::move(value);
  }
  void run(Task<void> main) { run_main(std::move(main)); }

 private:
  template <class T>
  static Task<void> keep_value(Task<T> main, std::optional<T>& value) {
    value.emplace(co_await std::move(main));
  }
  static Task<void> stop_after(Task<void> main, Loop& loop);
  void run_main(Task<void> main);

  LinuxClock clock_;
  std::vector<std::unique_ptr<LinuxShard>> shards_;
  std::unique_ptr<HelperPool> helpers_;
};

}  // namespace partita
