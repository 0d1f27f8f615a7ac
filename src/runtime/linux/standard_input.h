#pragma once
// Standard input without blocking the loop: a pipe or terminal is waited for by epoll, a file is
// always ready. The descriptor's own flags, which the terminal's other users share, stay as they
// are. Belongs to one shard; one in a process.

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/completion.h"
#include "runtime/linux/loop.h"

namespace partita {

class StandardInput final : private Loop::Watcher {
 public:
  explicit StandardInput(Loop& loop);
  /// REQUIRED: no wait is under way.
  ~StandardInput();
  StandardInput(const StandardInput&) = delete;

  /// Completes with the count read, 0 at the end, or with stopped after close(). `into` must live
  /// until then. One at a time.
  void start_read(ByteSpan into, Completion<Result<size_t>>& done);
  void close();

 private:
  void on_events(uint32_t epoll_events) override;
  void read_now();

  Loop& loop_;
  ByteSpan into_;
  Completion<Result<size_t>>* waiting_ = nullptr;
  bool watched_ = false;
  bool closed_ = false;
};

/// Whether a person sits at standard input.
bool standard_input_is_terminal();

}  // namespace partita
