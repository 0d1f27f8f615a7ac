#pragma once
// Endpoint to and from the kernel's form.

#include <netinet/in.h>

#include "base/error.h"
#include "runtime/net.h"

namespace partita {

/// An IPv4 or IPv6 address with its port.
struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = sizeof(sockaddr_in6);

  SocketAddress() : v6{} {}
  int family() const { return any.sa_family; }
  Endpoint endpoint() const;
};

/// invalid_argument where the address is not numeric.
Result<SocketAddress> socket_address(const Endpoint& endpoint);

}  // namespace partita
