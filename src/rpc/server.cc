#include "rpc/server.h"

#include "base/check.h"
#include "base/fault_points.h"
#include "rpc/server_connection.h"

namespace partita::rpc {

namespace {

// Before accepting again after an error that is not the connection's own.
constexpr Duration kAcceptPause = 100ms;

}  // namespace

Server::Server(Shard& shard, const ServerSettings& settings, RequestHandler& handler,
               const Log& log)
    : shard_(shard),
      scope_(shard),
      shared_(new ConnectionShared{
          .shard = shard, .settings = settings, .handler = handler, .log = log}),
      // The shard's number in the upper half keeps ids unique in the process.
      next_id_(uint64_t{shard.id().value()} << 32) {}

Server::~Server() {
  CHECK(connections_.empty());
  CHECK(scope_.task_count() == 0);
}

const ServerMetrics& Server::metrics() const {
  return shared_->metrics;
}

size_t Server::memory_used() const {
  return shared_->memory.used();
}

Result<Endpoint> Server::listen(std::string listener_name, const Endpoint& at, bool shared) {
  TRY(auto listener, shard_.net().listen(at, shared));
  const Endpoint real = listener->local();
  listening_.push_back({.name = std::move(listener_name), .listener = std::move(listener)});
  scope_.spawn(accept_connections(listening_.back()));
  return real;
}

Task<Result<std::unique_ptr<Stream>>> Server::accept_one(Listener& listener) {
  Completion<Result<std::unique_ptr<Stream>>> done(shard_.executor());
  listener.start_accept(done);
  co_return co_await done;
}

Task<void> Server::accept_connections(Listening& listening) {
  while (!scope_.closed()) {
    auto stream = co_await accept_one(*listening.listener);
    if (!stream && stream.error().code == Errc::stopped) co_return;
    if (!stream) {
      shared_->log.error("cannot accept on {}: {}", listening.name, describe(stream.error()));
      if (!co_await sleep_for(scope_, kAcceptPause)) co_return;
      continue;
    }
    // It waits for its place, and all that come after it in the kernel's queue.
    while (connections_.size() >= shared_->settings.connections_max) {
      COVERED("rpc.connections_max");
      if (!co_await one_ended_.wait(scope_)) co_return;
    }
    shared_->metrics.connections_accepted++;
    if (!admits((*stream)->peer().address)) continue;
    scope_.spawn(serve(*std::move(stream), listening.name));
  }
}

bool Server::admits(const std::string& address) {
  size_t& count = per_address_[address];
  if (count >= shared_->settings.connections_per_ip_max) {
    COVERED("rpc.connections_per_ip_max");
    shared_->metrics.connections_refused++;
    shared_->log.warn("refusing a connection of {}: it has {} already", address, count);
    return false;
  }
  count++;
  return true;
}

void Server::forget(const std::string& address) {
  const auto found = per_address_.find(address);
  CHECK(found != per_address_.end());
  if (--found->second == 0) per_address_.erase(found);
}

Task<void> Server::serve(std::unique_ptr<Stream> stream, std::string listener_name) {
  const Endpoint peer = stream->peer();
  const Endpoint local = stream->local();
  ServerConnection connection(
      *shared_, std::move(stream),
      {.id = next_id_++, .listener_name = std::move(listener_name), .peer = peer, .local = local});
  const auto place = connections_.insert(connections_.end(), &connection);
  co_await connection.run();
  connections_.erase(place);
  forget(peer.address);
  one_ended_.wake_all();
}

Task<void> Server::stop(Deadline deadline) {
  for (Listening& each : listening_) each.listener->close();
  for (ServerConnection* each : connections_) each->finish();
  while (!connections_.empty()) {
    const Result<> woken = co_await one_ended_.wait(scope_, deadline);
    if (!woken) break;
  }
  scope_.close();
  // abort() only resumes others later: the list does not change under the loop.
  for (ServerConnection* each : connections_) {
    COVERED("rpc.stop_deadline");
    each->abort("the broker stops");
  }
  co_await scope_.join();
}

}  // namespace partita::rpc
