#pragma once
// Completion<T>: the place in a suspended coroutine's frame where one result of an operation
// arrives. Operations of the seams that cannot be cancelled (a read, an fsync, a socket that
// becomes readable) take one by reference.
//
//     Completion<Result<size_t>> done(executor);
//     file.start_read(position, into, done);
//     Result<size_t> count = co_await done;
//
// Invariants:
//  1. complete() is called exactly once for an operation, on the shard of the executor, before or
//     after the await.
//  2. The awaiting coroutine is resumed through the executor, never inside complete().

#include <coroutine>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/executor.h"

namespace partita {

template <class T>
class Completion {
 public:
  explicit Completion(Executor& executor) : executor_(executor) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  void complete(T value) {
    CHECK(!value_.has_value());
    value_.emplace(std::move(value));
    if (waiting_) executor_.ready(std::exchange(waiting_, nullptr));
  }

  bool await_ready() const { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiting) { waiting_ = waiting; }
  T await_resume() { return *std::exchange(value_, std::nullopt); }

 private:
  Executor& executor_;
  std::optional<T> value_;
  std::coroutine_handle<> waiting_ = nullptr;
};

}  // namespace partita
