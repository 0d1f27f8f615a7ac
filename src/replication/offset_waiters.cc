#include "replication/offset_waiters.h"

namespace partita::replication {

void OffsetWaiters::add(OffsetWaiter& waiter) {
  // New marks are nearly always the highest: looking from the end finds the place at once.
  auto at = waiters_.end();
  while (at != waiters_.begin() && std::prev(at)->mark() > waiter.mark()) --at;
  waiters_.insert(at, waiter);
}

void OffsetWaiters::wake_reached(Offset reached) {
  while (!waiters_.empty() && waiters_.front().mark() <= reached) {
    OffsetWaiter& first = waiters_.front();
    waiters_.pop_front();
    first.wait_->wake();
  }
}

void OffsetWaiters::wake_all() {
  while (!waiters_.empty()) {
    OffsetWaiter& first = waiters_.front();
    waiters_.pop_front();
    first.wait_->wake();
  }
}

}  // namespace partita::replication
