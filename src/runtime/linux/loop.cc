#include "runtime/linux/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "base/check.h"
#include "runtime/linux/errno_error.h"

namespace partita {

namespace {

constexpr size_t kEventsPerTurn = 256;
// Beyond these, sockets and timers get a look in before what is still ready runs on.
constexpr size_t kResumptionsPerTurn = 1024;
constexpr Duration kTurnMax = 500us;

}  // namespace

Loop::Loop(Clock& clock) : clock_(clock) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll_fd_ >= 0);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(wake_fd_ >= 0);
  // Edge-triggered: each write is an edge of its own, so the count is never read back.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) == 0);
}

Loop::~Loop() {
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

void Loop::post(Work work) {
  bool wake_it = false;
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
    has_posted_.store(true, std::memory_order_release);
    wake_it = std::exchange(sleeping_, false);
  }
  if (wake_it) wake();
}

void Loop::wake() {
  const uint64_t one = 1;
  while (::write(wake_fd_, &one, sizeof one) < 0) CHECK(errno == EINTR);
}

Result<> Loop::watch(int fd, Watcher& watcher, uint32_t epoll_events) {
  epoll_event event{.events = epoll_events, .data = {.ptr = &watcher}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) < 0) return errno_error("epoll_ctl");
  return {};
}

void Loop::unwatch(int fd) {
  epoll_event unused{};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, &unused) == 0);
}

void Loop::run() {
  stopping_ = false;
  while (!stopping_) turn();
}

void Loop::stop() {
  post([this] { stopping_ = true; });
}

void Loop::turn() {
  if (timers_.size() > 0) timers_.fire_due(clock_.now());
  run_posted();
  run_ready();
  if (!stopping_) wait_for_events();
}

void Loop::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  {
    std::lock_guard lock(mutex_);
    posted_running_.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (Work& work : posted_running_) work();
  posted_running_.clear();
}

void Loop::run_ready() {
  if (ready_.empty()) return;
  const Instant until = clock_.now() + kTurnMax;
  size_t resumed = 0;
  do {
    running_.swap(ready_);
    for (std::coroutine_handle<> coroutine : running_) coroutine.resume();
    resumed += running_.size();
    running_.clear();
  } while (!ready_.empty() && resumed < kResumptionsPerTurn && clock_.now() < until);
}

bool Loop::may_sleep() {
  if (!ready_.empty()) return false;
  std::lock_guard lock(mutex_);
  if (!posted_.empty()) return false;
  sleeping_ = true;
  return true;
}

void Loop::awake() {
  std::lock_guard lock(mutex_);
  sleeping_ = false;
}

void Loop::wait_for_events() {
  std::optional<Duration> timeout = Duration::zero();
  const bool sleeps = may_sleep();
  if (sleeps) {
    timeout = std::nullopt;
    if (const auto next = timers_.next()) {
      timeout = std::max(Duration::zero(), *next - clock_.now());
    }
  }
  poll(timeout);
  if (sleeps) awake();
}

int Loop::poll(std::optional<Duration> timeout) {
  std::array<epoll_event, kEventsPerTurn> events;
  int count = -1;
  if (has_precise_wait_) {
    timespec wait{};
    if (timeout) {
      wait.tv_sec = static_cast<time_t>(*timeout / 1s);
      wait.tv_nsec = static_cast<long>((*timeout % 1s).count());
    }
    count =
        epoll_pwait2(epoll_fd_, events.data(), kEventsPerTurn, timeout ? &wait : nullptr, nullptr);
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) has_precise_wait_ = false;
  }
  if (!has_precise_wait_) {
    constexpr Duration kLongest = 1h;  // fits an int of milliseconds; waking early is harmless
    const int wait_ms =
        timeout ? static_cast<int>(to_ms(std::min(*timeout, kLongest) + 999'999ns)) : -1;
    count = epoll_wait(epoll_fd_, events.data(), kEventsPerTurn, wait_ms);
  }
  if (count < 0) {
    CHECK(errno == EINTR);
    return 0;
  }
  for (int i = 0; i < count; i++) {
    auto* watcher = static_cast<Watcher*>(events[i].data.ptr);
    if (watcher != nullptr) watcher->on_events(events[i].events);
  }
  return count;
}

}  // namespace partita
