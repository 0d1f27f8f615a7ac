#pragma once
// Driven<T>: one task started from outside any coroutine, and its result. Must not be destroyed
// between start and end.

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace partita::runtime::sim {

namespace detail {

/// The outermost frame: starts through an executor and frees itself.
struct Driver {
  struct promise_type {
    Driver get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<> handle;
};

template <class T, class Slot>
Driver drive(Task<T> task, Slot& result) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    result.emplace();
  } else {
    result.emplace(co_await std::move(task));
  }
}

}  // namespace detail

template <class T>
class Driven {
 public:
  Driven() = default;
  Driven(const Driven&) = delete;
  ~Driven() { CHECK(!started_ || ended()); }

  void start(Executor& executor, Task<T> task) {
    CHECK(!started_);
    started_ = true;
    executor.ready(detail::drive(std::move(task), result_).handle);
  }
  bool ended() const { return result_.has_value(); }
  /// REQUIRED: ended.
  T take() {
    CHECK(ended());
    if constexpr (!std::is_void_v<T>) return *std::move(result_);
  }

 private:
  struct Nothing {};
  bool started_ = false;
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> result_;
};

}  // namespace partita::runtime::sim
