#pragma once
// From the listeners of the settings to sockets: every shard listens on every address.

#include <string>
#include <vector>

#include "base/log.h"
#include "broker/settings.h"
#include "rpc/server.h"
#include "runtime/shard.h"

namespace partita::broker {

/// Where a listener is bound: numeric addresses, and the port once it is known.
struct Binding {
  std::string listener;
  std::vector<Endpoint> at;
};

/// The addresses of one listener: every interface for an empty host, both loopback addresses for
/// localhost, what the resolver says for other names.
Task<Result<std::vector<Endpoint>>> addresses_of(Shard& shard, ListenerAddress listener);

/// Binds `server` to one listener. Addresses of a family that the machine lacks are passed over, as
/// long as one can be bound. With port 0 the first address chooses the port of all.
Result<Binding> bind_listener(rpc::Server& server, const std::string& name,
                              const std::vector<Endpoint>& addresses, bool shared);

/// Whether clients beyond this machine can reach it.
bool is_beyond_loopback(const Endpoint& endpoint);

}  // namespace partita::broker
