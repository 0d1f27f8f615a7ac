#include "runtime/scope.h"

#include "base/check.h"
#include "runtime/shard.h"

namespace partita {

Wait::Wait(Scope& scope, Deadline deadline) : scope_(scope), deadline_(deadline) {
  if (scope.closed()) {
    error_ = Errc::stopped;
    ended_ = true;
  } else {
    scope.waits_.push_back(*this);
  }
}

Wait::~Wait() {
  scope_.shard().timers().cancel(*this);
}

void Wait::end(std::optional<Errc> error) {
  if (ended_) return;
  ended_ = true;
  error_ = error;
  if (scope_link_.is_linked()) scope_link_.unlink();
  if (queue_link_.is_linked()) queue_link_.unlink();
  scope_.shard().timers().cancel(*this);
  if (waiting_) scope_.shard().executor().ready(std::exchange(waiting_, nullptr));
}

bool Wait::await_ready() {
  if (!ended_ && deadline_ <= scope_.shard().now()) end(Errc::deadline_exceeded);
  return ended_;
}

void Wait::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  if (deadline_ != kNoDeadline) scope_.shard().timers().set(*this, deadline_);
}

Result<> Wait::await_resume() {
  CHECK(ended_);
  if (error_) return fail(*error_);
  return {};
}

/// The outermost frame of a spawned task: starts at once, frees itself and tells the scope.
struct Scope::Runner {
  struct promise_type {
    Scope& scope;
    promise_type(Scope& owner, Task<void>&) : scope(owner) {}
    Runner get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        Scope& scope = self.promise().scope;
        self.destroy();
        scope.task_finished();
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Scope::Runner Scope::run(Scope&, Task<void> task) {
  co_await std::move(task);
}

Scope::~Scope() {
  CHECK(task_count_ == 0);
  CHECK(waits_.empty());
}

void Scope::spawn(Task<void> task) {
  if (closed_) return;
  spawn_always(std::move(task));
}

void Scope::spawn_always(Task<void> task) {
  task_count_++;
  run(*this, std::move(task));
}

void Scope::close() {
  closed_ = true;
  while (!waits_.empty()) waits_.front().end(Errc::stopped);
}

void Scope::task_finished() {
  CHECK(task_count_ > 0);
  task_count_--;
  if (task_count_ == 0 && joining_) shard_.executor().ready(std::exchange(joining_, nullptr));
}

Task<void> Scope::join() {
  struct Joined {
    Scope& scope;
    bool await_ready() const { return scope.task_count_ == 0; }
    void await_suspend(std::coroutine_handle<> joining) {
      CHECK(!scope.joining_);
      scope.joining_ = joining;
    }
    void await_resume() const {}
  };
  while (task_count_ > 0) co_await Joined{*this};
}

WaitQueue::~WaitQueue() {
  CHECK(waits_.empty());
}

Task<Result<>> WaitQueue::wait(Scope& scope, Deadline deadline) {
  Wait wait(scope, deadline);
  add(wait);
  co_return co_await wait;
}

void WaitQueue::add(Wait& wait) {
  if (!wait.ended()) waits_.push_back(wait);
}

bool WaitQueue::wake_one() {
  if (waits_.empty()) return false;
  waits_.front().wake();
  return true;
}

void WaitQueue::wake_all() {
  while (wake_one()) {
  }
}

Task<Result<>> sleep_until(Scope& scope, Instant when) {
  Wait wait(scope, when);
  Result<> ended = co_await wait;
  if (!ended && ended.error().code == Errc::deadline_exceeded) co_return Result<>();
  co_return ended;
}

Task<Result<>> sleep_for(Scope& scope, Duration duration) {
  co_return co_await sleep_until(scope, scope.shard().now() + duration);
}

}  // namespace partita
