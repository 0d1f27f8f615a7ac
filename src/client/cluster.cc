#include "client/cluster.h"

#include <algorithm>

#include "base/fault_points.h"

namespace partita::client {

const PartitionView* TopicView::find(PartitionIndex index) const {
  const auto at = std::ranges::lower_bound(partitions, index, {}, &PartitionView::index);
  return at != partitions.end() && at->index == index ? &*at : nullptr;
}

Cluster::Cluster(Shard& shard, ClusterSettings settings, Log log)
    : shard_(shard), settings_(std::move(settings)), log_(log.in("client")), scope_(shard) {}

Cluster::~Cluster() {
  CHECK(links_.empty());
}

Task<void> Cluster::close() {
  scope_.close();
  co_await scope_.join();
  for (const auto& link : links_) {
    CHECK(link->uses == 0);
    if (link->connection) co_await link->connection->close();
  }
  links_.clear();
}

// --- Connections ---

Result<int16_t> Cluster::Lease::version_for(const wire::MessageDescriptor& request,
                                            int16_t version_max) const {
  TRY(const int16_t newest, connection().version_of(request));
  return std::min(newest, version_max);
}

Task<Result<Cluster::Lease>> Cluster::lease_node(Scope& scope, NodeId node, Deadline deadline) {
  if (node == kAnyNode) co_return co_await lease_any(scope, deadline);
  const auto found = brokers_.find(node);
  if (found == brokers_.end()) {
    co_return fail(Errc::leader_not_available,
                   "node " + std::to_string(node.value()) + " is not known");
  }
  co_return co_await lease_address(scope, found->second.address, deadline);
}

Task<Result<Cluster::Lease>> Cluster::lease_any(Scope& scope, Deadline deadline) {
  for (const auto& link : links_) {
    if (!link->retired && link->connection && !link->connection->error()) co_return Lease(*link);
  }
  std::vector<BrokerAddress> candidates;
  for (const auto& [id, broker] : brokers_) candidates.push_back(broker.address);
  for (const BrokerAddress& address : settings_.bootstrap) {
    if (std::ranges::find(candidates, address) == candidates.end()) candidates.push_back(address);
  }
  Error last{Errc::connection_reset, "there is no address to connect to"};
  for (const BrokerAddress& address : candidates) {
    Result<Lease> lease = co_await lease_address(scope, address, deadline);
    if (lease) co_return lease;
    last = std::move(lease).error();
    if (scope.closed() || shard_.now() >= deadline) break;
  }
  co_return std::unexpected(std::move(last));
}

Cluster::Link& Cluster::link_at(const BrokerAddress& address) {
  for (const auto& link : links_) {
    if (!link->retired && link->address == address) return *link;
  }
  links_.push_back(std::make_unique<Link>());
  links_.back()->address = address;
  return *links_.back();
}

Task<Result<Cluster::Lease>> Cluster::lease_address(Scope& scope, BrokerAddress address,
                                                    Deadline deadline) {
  while (true) {
    Lease lease(link_at(address));
    Link& link = lease.link();
    if (link.connection) {
      if (!link.connection->error()) co_return lease;
      retire(link);
      continue;
    }
    if (link.connecting) {
      CO_CHECKED(co_await link.changed.wait(scope, deadline));
      continue;
    }
    CO_CHECKED(co_await connect(scope, link, deadline));
  }
}

Task<Result<>> Cluster::connect(Scope& scope, Link& link, Deadline deadline) {
  link.connecting = true;
  const Deadline limit = std::min(deadline, shard_.now() + settings_.connection_timeout);
  rpc::ClientSettings settings;
  settings.client_id = settings_.client_id;
  auto connection = co_await rpc::ClientConnection::connect(
      scope, link.address.host, link.address.port, std::move(settings), limit);
  link.connecting = false;
  link.changed.wake_all();
  if (!connection) {
    log_.debug("no connection to {}: {}", link.address.to_string(), describe(connection.error()));
    co_return std::unexpected(std::move(connection).error());
  }
  link.connection = std::move(*connection);
  co_return Result<>();
}

void Cluster::retire(Link& link) {
  if (std::exchange(link.retired, true)) return;
  COVERED("client.link_retired");
  // After close() the link stays for close() to end.
  scope_.spawn(reap(link));
}

Task<void> Cluster::reap(Link& link) {
  if (link.connection) co_await link.connection->close();
  while (link.uses > 0) {
    if (!co_await link.changed.wait(scope_)) co_return;
  }
  links_.remove_if([&](const auto& each) { return each.get() == &link; });
}

}  // namespace partita::client
