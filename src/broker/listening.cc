#include "broker/listening.h"

namespace partita::broker {

Task<Result<std::vector<Endpoint>>> addresses_of(Shard& shard, ListenerAddress listener) {
  std::vector<std::string> numeric;
  if (listener.host.empty()) {
    numeric = {"0.0.0.0", "::"};
  } else if (listener.host == "localhost") {
    numeric = {"127.0.0.1", "::1"};
  } else {
    Completion<Result<std::vector<std::string>>> done(shard.executor());
    shard.net().start_resolve(listener.host, done);
    CO_TRY(numeric, co_await done);
  }
  std::vector<Endpoint> endpoints;
  for (std::string& address : numeric) endpoints.push_back({std::move(address), listener.port});
  co_return endpoints;
}

Result<Binding> bind_listener(rpc::Server& server, const std::string& name,
                              const std::vector<Endpoint>& addresses, bool shared) {
  Binding binding{.listener = name};
  Error last{Errc::not_found, "no address"};
  for (Endpoint at : addresses) {
    if (!binding.at.empty()) at.port = binding.at.front().port;
    const auto bound = server.listen(name, at, shared);
    if (bound) {
      binding.at.push_back(*bound);
    } else if (bound.error().code == Errc::already_exists) {
      return fail(Errc::already_exists,
                  fmt::format("{} is in use: another broker may be running", at.to_string()));
    } else {
      last = bound.error();
    }
  }
  if (binding.at.empty()) return std::unexpected(last);
  return binding;
}

bool is_beyond_loopback(const Endpoint& endpoint) {
  return !endpoint.address.starts_with("127.") && endpoint.address != "::1";
}

}  // namespace partita::broker
