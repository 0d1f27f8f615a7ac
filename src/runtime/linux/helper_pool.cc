#include "runtime/linux/helper_pool.h"

#include <algorithm>

#include "base/check.h"

namespace partita {

HelperPool::HelperPool(size_t threads_max) : threads_max_(threads_max) {
  CHECK(threads_max >= 2);
  lanes_[static_cast<size_t>(HelperKind::sync)].running_max = threads_max;
  lanes_[static_cast<size_t>(HelperKind::read)].running_max = threads_max - 1;
  lanes_[static_cast<size_t>(HelperKind::resolve)].running_max = 1;
}

HelperPool::~HelperPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void HelperPool::submit(HelperKind kind, Work job) {
  std::lock_guard lock(mutex_);
  CHECK(!stopping_);
  lanes_[static_cast<size_t>(kind)].jobs.push_back(std::move(job));
  if (startable() > idle_ && threads_.size() < threads_max_) {
    threads_.emplace_back([this] { thread_main(); });
  } else {
    changed_.notify_one();
  }
}

size_t HelperPool::startable() const {
  size_t count = 0;
  for (const Lane& lane : lanes_) {
    count += std::min(lane.jobs.size(), lane.running_max - lane.running);
  }
  return count;
}

HelperPool::Lane* HelperPool::next_lane() {
  for (Lane& lane : lanes_) {
    if (!lane.jobs.empty() && lane.running < lane.running_max) return &lane;
  }
  return nullptr;
}

void HelperPool::thread_main() {
  std::unique_lock lock(mutex_);
  while (true) {
    Lane* lane = next_lane();
    if (lane == nullptr) {
      if (stopping_) return;
      idle_++;
      changed_.wait(lock);
      idle_--;
      continue;
    }
    Work job = std::move(lane->jobs.front());
    lane->jobs.pop_front();
    lane->running++;
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    lane->running--;
  }
}

}  // namespace partita
