#include "runtime/linux/standard_input.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"
#include "runtime/linux/descriptor.h"
#include "runtime/linux/errno_error.h"

namespace partita {

StandardInput::StandardInput(Loop& loop) : loop_(loop) {
  // Level-triggered with one event at a time would need a call before each wait: edges and a look
  // with poll() before each read do not. Files refuse epoll.
  watched_ = loop_.watch(STDIN_FILENO, *this, EPOLLIN | EPOLLET).has_value();
}

StandardInput::~StandardInput() {
  CHECK(waiting_ == nullptr);
  if (watched_) loop_.unwatch(STDIN_FILENO);
}

void StandardInput::start_read(ByteSpan into, Completion<Result<size_t>>& done) {
  CHECK(waiting_ == nullptr);
  into_ = into;
  waiting_ = &done;
  read_now();
}

void StandardInput::close() {
  closed_ = true;
  read_now();
}

void StandardInput::on_events(uint32_t) {
  read_now();
}

void StandardInput::read_now() {
  if (waiting_ == nullptr) return;
  if (closed_) return std::exchange(waiting_, nullptr)->complete(fail(Errc::stopped));
  if (watched_) {
    pollfd ready{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (retry_interrupted([&] { return ::poll(&ready, 1, 0); }) == 0) return;
  }
  const ssize_t count =
      retry_interrupted([&] { return ::read(STDIN_FILENO, into_.data(), into_.size()); });
  Completion<Result<size_t>>& done = *std::exchange(waiting_, nullptr);
  if (count < 0) {
    done.complete(errno_error("standard input"));
  } else {
    done.complete(static_cast<size_t>(count));
  }
}

bool standard_input_is_terminal() {
  return ::isatty(STDIN_FILENO) == 1;
}

}  // namespace partita
