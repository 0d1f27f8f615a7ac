#pragma once
// The timers of one shard: a binary heap of intrusive nodes, so that adding and removing allocates
// nothing but the heap's own growth. The world's loop asks for the next deadline and fires what is
// due.

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace partita {

class Timers;

/// Something to do at an instant. Must not be destroyed while it is set.
class Timer {
 public:
  bool is_set() const { return index_ != kUnset; }
  Instant when() const { return when_; }

 protected:
  Timer() = default;
  Timer(const Timer&) = delete;
  ~Timer();
  /// Called on the shard, with the timer no longer set.
  virtual void fire() = 0;

 private:
  friend class Timers;
  static constexpr size_t kUnset = static_cast<size_t>(-1);
  Instant when_;
  uint64_t sequence_ = 0;
  size_t index_ = kUnset;
};

/// One per shard. Timers of one instant fire in the order in which they were set.
class Timers {
 public:
  /// REQUIRED: not set.
  void set(Timer& timer, Instant when);
  /// No effect on one that is not set.
  void cancel(Timer& timer);
  std::optional<Instant> next() const;
  /// Fires all that are due at `now`; answers how many.
  size_t fire_due(Instant now);
  size_t size() const { return heap_.size(); }

 private:
  bool before(const Timer& a, const Timer& b) const;
  void place(size_t index, Timer* timer);
  void sift_up(size_t index);
  void sift_down(size_t index);

  std::vector<Timer*> heap_;
  uint64_t next_sequence_ = 0;
};

}  // namespace partita
