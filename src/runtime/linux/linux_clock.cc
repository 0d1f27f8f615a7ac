#include "runtime/linux/linux_clock.h"

#include <ctime>

namespace partita {

namespace {

Duration read_clock(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
}

}  // namespace

Instant LinuxClock::now() {
  return Instant(read_clock(CLOCK_MONOTONIC));
}

WallTime LinuxClock::wall() {
  return WallTime(to_ms(read_clock(CLOCK_REALTIME)));
}

}  // namespace partita
