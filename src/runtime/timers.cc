#include "runtime/timers.h"

#include <tuple>

#include "base/check.h"

namespace partita {

Timer::~Timer() {
  CHECK(!is_set());
}

void Timers::set(Timer& timer, Instant when) {
  CHECK(!timer.is_set());
  timer.when_ = when;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void Timers::cancel(Timer& timer) {
  if (!timer.is_set()) return;
  const size_t index = timer.index_;
  CHECK(heap_[index] == &timer);
  timer.index_ = Timer::kUnset;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

std::optional<Instant> Timers::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->when_;
}

size_t Timers::fire_due(Instant now) {
  size_t fired = 0;
  while (!heap_.empty() && heap_.front()->when_ <= now) {
    Timer& due = *heap_.front();
    cancel(due);
    due.fire();
    fired++;
  }
  return fired;
}

bool Timers::before(const Timer& a, const Timer& b) const {
  return std::tie(a.when_, a.sequence_) < std::tie(b.when_, b.sequence_);
}

void Timers::place(size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void Timers::sift_up(size_t index) {
  Timer* moving = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!before(*moving, *heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, moving);
}

void Timers::sift_down(size_t index) {
  Timer* moving = heap_[index];
  while (true) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) child++;
    if (!before(*heap_[child], *moving)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, moving);
}

}  // namespace partita
