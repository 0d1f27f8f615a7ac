#pragma once
// Durations and the two kinds of time. Instant is monotonic and times everything; WallTime only
// labels records and ages retention (semantics R8). Both come from runtime/clock.h and from nowhere
// else.

#include <chrono>
#include <compare>
#include <cstdint>

namespace partita {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// A point on the monotonic clock of one process.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(Duration since_start) : since_start_(since_start) {}
  constexpr Duration since_start() const { return since_start_; }
  constexpr auto operator<=>(const Instant&) const = default;

  friend constexpr Instant operator+(Instant at, Duration by) {
    return Instant(at.since_start_ + by);
  }
  friend constexpr Instant operator-(Instant at, Duration by) {
    return Instant(at.since_start_ - by);
  }
  friend constexpr Duration operator-(Instant a, Instant b) {
    return a.since_start_ - b.since_start_;
  }

 private:
  Duration since_start_{0};
};

/// When a wait gives up. kNoDeadline never does.
using Deadline = Instant;
inline constexpr Deadline kNoDeadline{Duration::max()};

/// Milliseconds since 1970 UTC, as in Kafka's record timestamps; -1 is Kafka's "no timestamp".
class WallTime {
 public:
  constexpr WallTime() = default;
  constexpr explicit WallTime(int64_t ms) : ms_(ms) {}
  constexpr int64_t ms() const { return ms_; }
  constexpr auto operator<=>(const WallTime&) const = default;

 private:
  int64_t ms_ = 0;
};

inline constexpr WallTime kNoTimestamp{-1};

inline constexpr int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
inline constexpr Duration from_ms(int64_t ms) {
  return std::chrono::milliseconds(ms);
}

}  // namespace partita
