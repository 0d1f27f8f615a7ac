#pragma once
// What a process asks of the kernel and the C library beside its shards: signals, limits,
// allocator, environment.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/completion.h"
#include "runtime/linux/descriptor.h"
#include "runtime/linux/loop.h"

namespace partita {

/// SIGTERM and SIGINT as something to wait for on one shard. While one lives, they no longer end
/// the process. REQUIRED: made before any thread is started (threads inherit the mask), and one at
/// a time.
class StopSignals final : private Loop::Watcher {
 public:
  explicit StopSignals(Loop& loop);
  /// The signals act as before again. REQUIRED: no wait is under way.
  ~StopSignals();

  /// Completes with the number of the next signal, or with stopped after close(). One wait at a
  /// time.
  void start_wait(Completion<Result<int>>& done);
  void close();

 private:
  void on_events(uint32_t epoll_events) override;
  void try_take();

  Descriptor signals_;
  Completion<Result<int>>* waiting_ = nullptr;
};

/// A write to a closed pipe or socket is an error of that write and no signal.
void ignore_broken_pipes();

/// Raises the soft limit of open files to the hard one; answers what holds now.
Result<uint64_t> raise_open_files_limit();

/// Keeps freed receive buffers of up to 32 MiB in the heap instead of handing their pages back to
/// the kernel, whose first touch costs several times the copy into them; and as many arenas as
/// shards. REQUIRED: before threads start.
void tune_allocator(size_t shards);

/// Gives free heap pages back to the kernel; for a broker that has become idle.
void release_free_memory();

/// The name that this machine goes by; "localhost" where it has none.
std::string host_name();
/// Processors that this process may use, at least 1.
size_t processor_count();

/// Every NAME=VALUE of the environment, sorted by name.
std::vector<std::pair<std::string, std::string>> environment();

}  // namespace partita
