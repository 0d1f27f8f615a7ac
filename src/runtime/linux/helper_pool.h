#pragma once
// A few threads for what blocks and has no readiness: syncs, cold reads, name resolution. One per
// process, shared by the shards; started on demand. Results go back by Executor::post.
//
// Invariants:
//  1. A kind runs on at most its share of the threads: reads leave one for syncs, and a name server
//     that hangs holds one.
//  2. Jobs of a kind start in the order in which they were submitted.
//  3. The queue is bounded by those who wait for the answers (each has one operation under way),
//     not here.

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/executor.h"

namespace partita {

enum class HelperKind { sync, read, resolve };

class HelperPool {
 public:
  /// REQUIRED: threads_max >= 2.
  explicit HelperPool(size_t threads_max);
  /// Finishes what was submitted, then ends the threads.
  ~HelperPool();
  HelperPool(const HelperPool&) = delete;

  /// Thread-safe.
  void submit(HelperKind kind, Work job);

 private:
  struct Lane {
    std::deque<Work> jobs;
    size_t running = 0;
    size_t running_max = 0;
  };

  void thread_main();
  Lane* next_lane();
  size_t startable() const;

  const size_t threads_max_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::array<Lane, 3> lanes_;
  size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace partita
