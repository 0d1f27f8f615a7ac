#pragma once
// The bytes that the connections of one shard hold, against two bounds. One per shard; connections
// report to it.

#include <cstddef>

#include "base/check.h"
#include "runtime/scope.h"

namespace partita::rpc {

class MemoryBudget {
 public:
  /// REQUIRED: soft <= hard.
  MemoryBudget(size_t soft, size_t hard) : soft_(soft), hard_(hard) { CHECK(soft <= hard); }
  ~MemoryBudget() { CHECK(used_ == 0); }

  void change(size_t before, size_t after) {
    CHECK(before <= used_);
    used_ = used_ - before + after;
    if (after < before && !is_full()) room_.wake_all();
  }
  size_t used() const { return used_; }
  bool is_full() const { return used_ >= soft_; }
  bool is_exhausted() const { return used_ > hard_; }
  /// Woken when it is no longer full.
  WaitQueue& room() { return room_; }

 private:
  const size_t soft_;
  const size_t hard_;
  size_t used_ = 0;
  WaitQueue room_;
};

}  // namespace partita::rpc
