#pragma once
// The listeners of one shard and the connections that they accepted. Where several shards serve one
// address, each has a Server of its own and the kernel spreads the connections.
//
// Invariants:
//  1. max.connections pauses accepting (the kernel's queue fills); max.connections.per.ip closes
//     the surplus at once.
//  2. stop() returns when no connection is left and no request runs. It must be called before
//     destruction.

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rpc/request_handler.h"
#include "rpc/server_settings.h"
#include "runtime/scope.h"
#include "runtime/shard.h"

namespace partita {
class Log;
}

namespace partita::rpc {

struct ConnectionShared;
class ServerConnection;

class Server {
 public:
  Server(Shard& shard, const ServerSettings& settings, RequestHandler& handler, const Log& log);
  ~Server();
  Server(const Server&) = delete;

  /// Accepts from now on; answers where it listens (the port is real where 0 was asked for). May be
  /// called for several.
  [[nodiscard]] Result<Endpoint> listen(std::string listener_name, const Endpoint& at,
                                        bool shared = false);
  /// Accepts no more, takes no more requests, and lets those in flight end until the deadline.
  Task<void> stop(Deadline deadline);

  size_t connection_count() const { return connections_.size(); }
  const ServerMetrics& metrics() const;
  /// Bytes that connections hold now.
  size_t memory_used() const;

 private:
  struct Listening {
    std::string name;
    std::unique_ptr<Listener> listener;
  };

  Task<void> accept_connections(Listening& listening);
  Task<Result<std::unique_ptr<Stream>>> accept_one(Listener& listener);
  Task<void> serve(std::unique_ptr<Stream> stream, std::string listener_name);
  bool admits(const std::string& address);
  void forget(const std::string& address);

  Shard& shard_;
  Scope scope_;
  std::unique_ptr<ConnectionShared> shared_;
  std::list<Listening> listening_;
  std::list<ServerConnection*> connections_;
  std::map<std::string, size_t> per_address_;  // as many as connections
  WaitQueue one_ended_;
  uint64_t next_id_;
};

}  // namespace partita::rpc
