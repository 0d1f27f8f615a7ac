#include "runtime/linux/socket_stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "runtime/linux/errno_error.h"

namespace partita {

namespace {

constexpr size_t kPartsPerCall = 64;

void answer(Completion<Result<>>*& waiting, Result<> result) {
  if (waiting != nullptr) std::exchange(waiting, nullptr)->complete(std::move(result));
}

}  // namespace

SocketStream::SocketStream(Descriptor socket, const SocketAddress& peer)
    : socket_(std::move(socket)), peer_address_(peer) {}

SocketStream::~SocketStream() {
  CHECK(reader_ == nullptr);
  CHECK(writer_ == nullptr);
}

Result<> SocketStream::watch(Loop& loop) {
  return loop.watch(socket_.get(), *this, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

void SocketStream::on_events(uint32_t epoll_events) {
  if ((epoll_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((epoll_events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    readable_ = true;
    answer(reader_, {});
  }
  if ((epoll_events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    writable_ = true;
    answer(writer_, {});
  }
}

Result<size_t> SocketStream::read_some(ByteSpan into) {
  if (!socket_.is_open()) return fail(Errc::stopped);
  if (!readable_) return fail(Errc::would_block);
  const ssize_t count =
      retry_interrupted([&] { return recv(socket_.get(), into.data(), into.size(), 0); });
  if (count < 0 && errno == EAGAIN) {
    readable_ = false;
    return fail(Errc::would_block);
  }
  if (count < 0) return errno_error("recv");
  // A short read has emptied the socket: what comes later makes an edge of its own.
  if (static_cast<size_t>(count) < into.size() && !hung_up_) readable_ = false;
  return static_cast<size_t>(count);
}

Result<size_t> SocketStream::write_some(std::span<const ByteView> parts, bool more) {
  if (!socket_.is_open()) return fail(Errc::stopped);
  if (!writable_) return fail(Errc::would_block);
  std::array<iovec, kPartsPerCall> vectors;
  const size_t part_count = std::min(parts.size(), kPartsPerCall);
  size_t offered = 0;
  for (size_t i = 0; i < part_count; i++) {
    vectors[i] = {.iov_base = const_cast<uint8_t*>(parts[i].data()), .iov_len = parts[i].size()};
    offered += parts[i].size();
  }
  if (offered == 0) return 0;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = part_count;
  const int flags = MSG_NOSIGNAL | (more || part_count < parts.size() ? MSG_MORE : 0);
  const ssize_t count = retry_interrupted([&] { return sendmsg(socket_.get(), &message, flags); });
  if (count < 0 && errno == EAGAIN) {
    writable_ = false;
    return fail(Errc::would_block);
  }
  if (count < 0) return errno_error("send");
  if (static_cast<size_t>(count) < offered) writable_ = false;
  return static_cast<size_t>(count);
}

void SocketStream::when_readable(Completion<Result<>>& done) {
  CHECK(reader_ == nullptr);
  if (!socket_.is_open()) return done.complete(fail(Errc::stopped));
  if (readable_) return done.complete({});
  reader_ = &done;
}

void SocketStream::when_writable(Completion<Result<>>& done) {
  CHECK(writer_ == nullptr);
  if (!socket_.is_open()) return done.complete(fail(Errc::stopped));
  if (writable_) return done.complete({});
  writer_ = &done;
}

void SocketStream::close() {
  socket_.reset();
  answer(reader_, fail(Errc::stopped));
  answer(writer_, fail(Errc::stopped));
}

const Endpoint& SocketStream::local() const {
  if (!local_) {
    SocketAddress address;
    const bool known =
        socket_.is_open() && getsockname(socket_.get(), &address.any, &address.size) == 0;
    local_ = known ? address.endpoint() : Endpoint{};
  }
  return *local_;
}

const Endpoint& SocketStream::peer() const {
  if (!peer_) peer_ = peer_address_.endpoint();
  return *peer_;
}

}  // namespace partita
