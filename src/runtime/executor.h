#pragma once
// The run queue of one shard: coroutines that are ready, and work handed over from other shards.
//
// Invariants:
//  1. Everything of a shard runs on its one thread; ready() is called from there only.
//  2. What ready() takes is resumed later, never inside the call. Order is not promised: the
//     simulator shuffles it.
//  3. Work that one shard posts to another arrives in the order it was posted.

#include <coroutine>
#include <functional>

#include "base/ids.h"

namespace partita {

using Work = std::move_only_function<void()>;

class Executor {
 public:
  virtual ~Executor() = default;
  virtual void ready(std::coroutine_handle<> coroutine) = 0;
  /// Runs `work` on this executor's shard. Thread-safe; never blocks.
  virtual void post(Work work) = 0;
};

}  // namespace partita
