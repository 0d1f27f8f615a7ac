#pragma once
// What handlers of group requests have in common.

#include <string>

#include "coordinators/group/group.h"
#include "rpc/request_handler.h"

namespace partita::broker {

/// The sender's address as Kafka shows it: "/127.0.0.1".
inline std::string host_of(const rpc::Request& request) {
  return "/" + request.connection->peer.address;
}

}  // namespace partita::broker
