#include "runtime/linux/linux_net.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "runtime/linux/errno_error.h"
#include "runtime/linux/socket_listener.h"
#include "runtime/linux/socket_stream.h"

namespace partita {

namespace {

constexpr int kBacklog = 1024;  // the kernel cuts it to net.core.somaxconn

Result<Descriptor> open_socket(const SocketAddress& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return errno_error("socket");
  return Descriptor(fd);
}

Result<> switch_on(const Descriptor& socket, int level, int option, const char* name) {
  const int on = 1;
  if (setsockopt(socket.get(), level, option, &on, sizeof on) < 0) return errno_error(name);
  return {};
}

/// Blocks; for the helpers.
Result<std::vector<std::string>> resolve_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    return fail(Errc::not_found, quoted(host) + ": " + gai_strerror(error));
  }
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
        0)
      continue;
    if (std::ranges::find(addresses, text) == addresses.end()) addresses.emplace_back(text);
  }
  freeaddrinfo(found);
  if (addresses.empty()) return fail(Errc::not_found, quoted(host) + " has no address");
  return addresses;
}

}  // namespace

/// One connection attempt: ends with the socket's first event or by its timer.
class Connecting final : private Loop::Watcher, private Timer {
 public:
  Connecting(LinuxNet& net, const SocketAddress& to,
             Completion<Result<std::unique_ptr<Stream>>>& done)
      : net_(net), to_(to), done_(done) {}
  ~Connecting() { net_.loop_.timers().cancel(*this); }

  Result<> start() {
    TRY(socket_, open_socket(to_));
    CHECKED(switch_on(socket_, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"));
    if (connect(socket_.get(), &to_.any, to_.size) < 0 && errno != EINPROGRESS) {
      return errno_error("connect to " + to_.endpoint().to_string());
    }
    // Registered after connect: before it, a socket reports a hang-up.
    CHECKED(net_.loop_.watch(socket_.get(), *this, EPOLLOUT | EPOLLET));
    net_.loop_.timers().set(*this, net_.loop_.clock().now() + kConnectTimeout);
    return {};
  }

 private:
  void on_events(uint32_t) override { end(connected()); }
  void fire() override {
    end(fail(Errc::deadline_exceeded, "connect to " + to_.endpoint().to_string()));
  }

  Result<std::unique_ptr<Stream>> connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) < 0)
      return errno_error("SO_ERROR");
    if (error != 0) return errno_error("connect to " + to_.endpoint().to_string(), error);
    net_.loop_.unwatch(socket_.get());
    auto stream = std::make_unique<SocketStream>(std::move(socket_), to_);
    CHECKED(stream->watch(net_.loop_));
    return stream;
  }

  /// Destroys this.
  void end(Result<std::unique_ptr<Stream>> result) {
    done_.complete(std::move(result));
    std::erase_if(net_.connecting_, [this](const auto& each) { return each.get() == this; });
  }

  LinuxNet& net_;
  const SocketAddress to_;
  Completion<Result<std::unique_ptr<Stream>>>& done_;
  Descriptor socket_;
};

LinuxNet::LinuxNet(Loop& loop, HelperPool& helpers) : loop_(loop), helpers_(helpers) {}

LinuxNet::~LinuxNet() {
  CHECK(connecting_.empty());
}

Result<std::unique_ptr<Listener>> LinuxNet::listen(const Endpoint& at, bool shared) {
  TRY(SocketAddress address, socket_address(at));
  TRY(Descriptor socket, open_socket(address));
  CHECKED(switch_on(socket, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
  if (shared) CHECKED(switch_on(socket, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT"));
  if (address.family() == AF_INET6)
    CHECKED(switch_on(socket, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"));
  if (bind(socket.get(), &address.any, address.size) < 0)
    return errno_error("bind " + at.to_string());
  if (::listen(socket.get(), kBacklog) < 0) return errno_error("listen on " + at.to_string());
  SocketAddress real;
  if (getsockname(socket.get(), &real.any, &real.size) < 0) return errno_error("getsockname");
  auto listener = std::make_unique<SocketListener>(loop_, std::move(socket), real.endpoint());
  CHECKED(listener->watch());
  return listener;
}

void LinuxNet::start_connect(const Endpoint& to,
                             Completion<Result<std::unique_ptr<Stream>>>& done) {
  auto address = socket_address(to);
  if (!address) return done.complete(std::unexpected(std::move(address).error()));
  connecting_.push_back(std::make_unique<Connecting>(*this, *address, done));
  if (auto started = connecting_.back()->start(); !started) {
    connecting_.pop_back();
    done.complete(std::unexpected(std::move(started).error()));
  }
}

void LinuxNet::start_resolve(std::string_view host,
                             Completion<Result<std::vector<std::string>>>& done) {
  const std::string name(host);
  if (socket_address({.address = name})) return done.complete(std::vector{name});
  if (name == "localhost") return done.complete(std::vector<std::string>{"127.0.0.1", "::1"});
  helpers_.submit(HelperKind::resolve, [&loop = loop_, name, &done] {
    auto result = resolve_host(name);
    loop.post([&done, result = std::move(result)]() mutable { done.complete(std::move(result)); });
  });
}

}  // namespace partita
