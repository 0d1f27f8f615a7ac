#pragma once
// Scope: owns the tasks that run beside each other and ends them together. Stopping is closing the
// Scope: every wait that was made under it returns Errc::stopped, every later one does so at once,
// and join() returns when all its tasks have finished.
//
// Wait: one suspended coroutine that ends when it is woken, when its deadline passes or when its
// scope closes, whichever comes first. WaitQueue and sleep_until are made of it.
//
// Invariants:
//  1. A Scope is joined before it is destroyed, and has no tasks and no waits then.
//  2. A task spawned runs up to its first suspension inside spawn(); after close() nothing new is
//     started.
//  3. All of a Scope belongs to one shard.

#include <boost/intrusive/list.hpp>  // links inside Wait: a wait allocates nothing
#include <coroutine>
#include <optional>

#include "base/error.h"
#include "base/time.h"
#include "runtime/executor.h"
#include "runtime/task.h"
#include "runtime/timers.h"

namespace partita {

class Shard;
class Scope;

class Wait final : private Timer {
 public:
  Wait(Scope& scope, Deadline deadline);
  ~Wait();
  Wait(const Wait&) = delete;

  /// Ends the wait well. No effect once it has ended.
  void wake() { end(std::nullopt); }
  bool ended() const { return ended_; }

  // The awaitable: co_await answers nothing, deadline_exceeded or stopped.
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiting);
  Result<> await_resume();

 private:
  friend class Scope;
  friend class WaitQueue;
  using Link = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  void end(std::optional<Errc> error);
  void fire() override { end(Errc::deadline_exceeded); }

  Scope& scope_;
  const Deadline deadline_;
  std::coroutine_handle<> waiting_ = nullptr;
  std::optional<Errc> error_;
  bool ended_ = false;

 public:
  Link scope_link_;
  Link queue_link_;
};

class Scope {
 public:
  explicit Scope(Shard& shard) : shard_(shard) {}
  ~Scope();
  Scope(const Scope&) = delete;

  Shard& shard() { return shard_; }
  bool closed() const { return closed_; }

  /// Runs `task` under this scope. After close() the task is dropped unstarted.
  void spawn(Task<void> task);
  /// The same, but also after close(): for answers that someone on another shard waits for.
  void spawn_always(Task<void> task);
  /// Asks everything under the scope to stop. Idempotent.
  void close();
  /// Returns when no task is left. One caller at a time; not from a task of this scope.
  Task<void> join();
  size_t task_count() const { return task_count_; }

 private:
  friend class Wait;
  using Waits =
      boost::intrusive::list<Wait,
                             boost::intrusive::member_hook<Wait, Wait::Link, &Wait::scope_link_>,
                             boost::intrusive::constant_time_size<false>>;
  struct Runner;
  static Runner run(Scope& scope, Task<void> task);
  void task_finished();

  Shard& shard_;
  Waits waits_;
  size_t task_count_ = 0;
  bool closed_ = false;
  std::coroutine_handle<> joining_ = nullptr;
};

/// Those who wait for one thing, first come first woken. Belongs to one shard.
class WaitQueue {
 public:
  ~WaitQueue();
  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;

  /// co_await queue.wait(scope, deadline): answers nothing when woken.
  Task<Result<>> wait(Scope& scope, Deadline deadline = kNoDeadline);
  /// Puts a wait of the caller's own frame into the queue, for those who wait on several queues.
  void add(Wait& wait);
  bool wake_one();
  void wake_all();
  bool empty() const { return waits_.empty(); }

 private:
  using Waits =
      boost::intrusive::list<Wait,
                             boost::intrusive::member_hook<Wait, Wait::Link, &Wait::queue_link_>,
                             boost::intrusive::constant_time_size<false>>;
  Waits waits_;
};

/// Suspends until `when`: answers nothing then, or stopped.
Task<Result<>> sleep_until(Scope& scope, Instant when);
Task<Result<>> sleep_for(Scope& scope, Duration duration);

}  // namespace partita
