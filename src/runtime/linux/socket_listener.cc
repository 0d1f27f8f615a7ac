#include "runtime/linux/socket_listener.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/check.h"
#include "runtime/linux/errno_error.h"
#include "runtime/linux/linux_net.h"
#include "runtime/linux/socket_stream.h"

namespace partita {

namespace {

/// Errors of one connection that never came to be: the next one may be well (accept(2)).
bool passes_by(int number) {
  switch (number) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EPERM: return true;
    default: return false;
  }
}

}  // namespace

SocketListener::SocketListener(Loop& loop, Descriptor socket, Endpoint local)
    : loop_(loop), socket_(std::move(socket)), local_(std::move(local)) {}

SocketListener::~SocketListener() {
  CHECK(waiting_ == nullptr);
  loop_.timers().cancel(*this);
}

Result<> SocketListener::watch() {
  return loop_.watch(socket_.get(), *this, EPOLLIN | EPOLLET);
}

void SocketListener::on_events(uint32_t) {
  ready_ = true;
  if (!is_set()) try_accept();
}

void SocketListener::start_accept(Completion<Result<std::unique_ptr<Stream>>>& done) {
  CHECK(waiting_ == nullptr);
  waiting_ = &done;
  if (!socket_.is_open()) return answer(fail(Errc::stopped));
  if (paused_until_ > loop_.clock().now()) return loop_.timers().set(*this, paused_until_);
  try_accept();
}

void SocketListener::try_accept() {
  if (waiting_ == nullptr || !ready_) return;
  auto accepted = accept_one();
  if (!accepted && accepted.error().code == Errc::would_block) {
    ready_ = false;
    return;
  }
  if (!accepted && accepted.error().code == Errc::limit_exceeded) {
    paused_until_ = loop_.clock().now() + kAcceptPause;
  }
  answer(std::move(accepted));
}

Result<std::unique_ptr<Stream>> SocketListener::accept_one() {
  while (true) {
    SocketAddress peer;
    const int fd = retry_interrupted([&] {
      return accept4(socket_.get(), &peer.any, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    if (fd < 0 && passes_by(errno)) continue;
    if (fd < 0) return errno_error("accept");
    Descriptor socket(fd);
    const int on = 1;
    // A peer that is gone already shows itself at the first read.
    static_cast<void>(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    auto stream = std::make_unique<SocketStream>(std::move(socket), peer);
    CHECKED(stream->watch(loop_));
    return stream;
  }
}

void SocketListener::answer(Result<std::unique_ptr<Stream>> result) {
  std::exchange(waiting_, nullptr)->complete(std::move(result));
}

void SocketListener::close() {
  socket_.reset();
  loop_.timers().cancel(*this);
  if (waiting_ != nullptr) answer(fail(Errc::stopped));
}

}  // namespace partita
