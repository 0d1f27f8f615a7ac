#include "runtime/linux/socket_address.h"

#include <arpa/inet.h>

#include "base/log.h"

namespace partita {

Endpoint SocketAddress::endpoint() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {.address = text, .port = ntohs(v4.sin_port)};
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {.address = text, .port = ntohs(v6.sin6_port)};
}

Result<SocketAddress> socket_address(const Endpoint& endpoint) {
  SocketAddress address;
  if (inet_pton(AF_INET, endpoint.address.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    address.size = sizeof(sockaddr_in);
    return address;
  }
  address = SocketAddress();
  if (inet_pton(AF_INET6, endpoint.address.c_str(), &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(endpoint.port);
    return address;
  }
  return fail(Errc::invalid_argument, "not a numeric address: " + quoted(endpoint.address));
}

}  // namespace partita
