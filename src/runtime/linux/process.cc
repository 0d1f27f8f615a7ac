#include "runtime/linux/process.h"

#include <malloc.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string_view>

#include "base/check.h"
#include "runtime/linux/errno_error.h"

namespace partita {

namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals(Loop& loop) {
  const sigset_t set = stop_signals();
  CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signals_ = Descriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK(signals_.is_open());
  CHECK(loop.watch(signals_.get(), *this, EPOLLIN | EPOLLET).has_value());
}

StopSignals::~StopSignals() {
  CHECK(waiting_ == nullptr);
  const sigset_t set = stop_signals();
  CHECK(pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

void StopSignals::start_wait(Completion<Result<int>>& done) {
  CHECK(waiting_ == nullptr);
  waiting_ = &done;
  try_take();
}

void StopSignals::close() {
  signals_.reset();
  if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->complete(fail(Errc::stopped));
}

void StopSignals::on_events(uint32_t) {
  try_take();
}

void StopSignals::try_take() {
  if (waiting_ == nullptr) return;
  if (!signals_.is_open()) return std::exchange(waiting_, nullptr)->complete(fail(Errc::stopped));
  signalfd_siginfo info;
  const ssize_t count = retry_interrupted([&] { return read(signals_.get(), &info, sizeof info); });
  if (count < 0) {
    CHECK(errno == EAGAIN);
    return;
  }
  CHECK(count == sizeof info);
  std::exchange(waiting_, nullptr)->complete(static_cast<int>(info.ssi_signo));
}

void ignore_broken_pipes() {
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

Result<uint64_t> raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return errno_error("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return errno_error("setrlimit");
  return limit.rlim_cur;
}

void tune_allocator(size_t shards) {
  constexpr int kKeptBytes = 32 << 20;  // the largest threshold that the allocator accepts
  // Hints: an allocator in the C library's place (a sanitizer's) knows nothing of them.
  static_cast<void>(mallopt(M_MMAP_THRESHOLD, kKeptBytes));
  static_cast<void>(mallopt(M_TRIM_THRESHOLD, 2 * kKeptBytes));
  static_cast<void>(mallopt(M_ARENA_MAX, static_cast<int>(shards)));
}

void release_free_memory() {
  malloc_trim(0);
}

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** at = environ; at != nullptr && *at != nullptr; at++) {
    const std::string_view line(*at);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    all.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  std::ranges::sort(all);
  return all;
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

size_t processor_count() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace partita
