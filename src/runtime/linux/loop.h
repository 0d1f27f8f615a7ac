#pragma once
// The loop of one shard in the real world: a run queue, timers, work posted by other threads, and
// readiness from epoll. Belongs to the thread that calls run().
//
// Invariants:
//  1. A turn is: fire due timers, run posted work, resume ready coroutines until there are none (or
//     many were), then ask epoll, without sleeping where something is left to do.
//  2. Watchers are told of a batch of events before anything is resumed, and only complete
//     Completions: so no watcher goes away within a batch.
//  3. At most one eventfd write wakes a sleeping loop, however much is posted to it; a loop that is
//     awake is not woken.
//  4. Deadlines are slept to with nanosecond timeouts where the kernel has them, else rounded up to
//     milliseconds.

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "runtime/clock.h"
#include "runtime/executor.h"
#include "runtime/timers.h"

namespace partita {

class Loop final : public Executor {
 public:
  /// Is told when a file descriptor becomes ready. Lives until unwatch() or the descriptor's close.
  class Watcher {
   public:
    virtual void on_events(uint32_t epoll_events) = 0;

   protected:
    ~Watcher() = default;
  };

  explicit Loop(Clock& clock);
  ~Loop() override;
  Loop(const Loop&) = delete;

  void ready(std::coroutine_handle<> coroutine) override { ready_.push_back(coroutine); }
  void post(Work work) override;

  Clock& clock() { return clock_; }
  Timers& timers() { return timers_; }

  /// Registers once, for the descriptor's life; closing the descriptor ends it. limit_exceeded
  /// where the kernel has no more.
  [[nodiscard]] Result<> watch(int fd, Watcher& watcher, uint32_t epoll_events);
  void unwatch(int fd);

  /// Turns until stop(). May be run again afterwards.
  void run();
  /// Makes run() return at the end of its turn. Thread-safe.
  void stop();

 private:
  void turn();
  void run_posted();
  void run_ready();
  void wait_for_events();
  int poll(std::optional<Duration> timeout);
  bool may_sleep();
  void awake();
  void wake();

  Clock& clock_;
  Timers timers_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  bool has_precise_wait_ = true;
  bool stopping_ = false;
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<std::coroutine_handle<>> running_;
  std::vector<Work> posted_running_;

  std::mutex mutex_;  // guards posted_ and sleeping_
  std::vector<Work> posted_;
  bool sleeping_ = false;
  std::atomic<bool> has_posted_ = false;
};

}  // namespace partita
