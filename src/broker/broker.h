#pragma once
// Broker: the serving side of a node: shards with partitions and connections, the image they go by,
// registration and heartbeats. It knows the controller by its channel only, wherever that runs.
//
// Start, in this order: shards; metadata observer (the first image that shows this start: what was
// found on disk is sorted onto shards); registration, until unfenced; listeners. Stop in reverse:
// no new connections; the controller lets go; requests end; logs are closed cleanly.
//
// Invariants:
//  1. Everything but the shards' own runs on shard 0, where start() and stop() are called.
//  2. An image counts as published when every shard goes by it.
//  3. REQUIRED: end() has returned before destruction.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/broker_shard.h"
#include "broker/controller_link.h"
#include "broker/coordinators.h"
#include "broker/dispatch.h"
#include "broker/lifecycle.h"
#include "broker/listening.h"
#include "broker/metadata_observer.h"
#include "broker/services.h"
#include "rpc/server.h"

namespace partita::broker {

struct BrokerOptions {
  NodeId node;
  std::string cluster_id;
  DirectoryId directory_id;
  std::string host_name;  ///< told to clients for listeners without a host
};

class Broker final : public ImageListener {
 public:
  /// All references outlive the broker. `settings.node_id` is the node's.
  Broker(std::vector<Shard*> shards, const Settings& settings, BrokerOptions options,
         storage::LogDirectory& directory, metadata::ControllerChannel& channel, Log log);
  ~Broker() override;
  Broker(const Broker&) = delete;

  /// Returns when clients are served.
  Task<Result<>> start(std::vector<storage::FoundPartition> found);
  /// Graceful: returns when logs and checkpoints are closed cleanly. end() follows.
  Task<Result<>> stop(Deadline deadline);
  /// As after a power cut: nothing is written any more. end() follows.
  Task<void> abandon();
  /// Returns when nothing of the broker runs. REQUIRED: the channel answers its calls soon (its own
  /// scope is closing).
  Task<void> end();

  /// What the cluster believes can no longer be known here: whoever runs the broker must end it.
  const std::optional<Error>& failure() const { return failure_; }
  const std::vector<Binding>& bindings() const { return bindings_; }
  BrokerEpoch epoch() const { return lifecycle_->epoch(); }
  BrokerShard& shard(size_t index) { return *parts_[index]->state; }
  size_t shard_count() const { return parts_.size(); }

  // ImageListener
  Task<void> image_changed(std::shared_ptr<const metadata::Image> image,
                           const metadata::Changes& changes) override;

 private:
  /// What runs on one shard.
  struct Part {
    explicit Part(Shard& on) : joining(on), scope(on) {}

    Scope joining;  // of the one task that joins `scope`
    Scope scope;
    std::unique_ptr<BrokerShard> state;
    std::unique_ptr<Coordinators> coordinators;
    std::unique_ptr<Dispatch> dispatch;
    std::unique_ptr<rpc::Server> server;
  };

  /// Runs work(part) on every part's shard at once; answers the first error.
  Task<Result<>> on_every_shard(std::function<Task<Result<>>(Part&)> work);
  Task<void> follow_metadata();
  void sort_found(const metadata::Image& image);
  Task<Result<>> listen();
  Task<Result<>> listen_on(ListenerAddress listener, size_t index);
  Task<Result<>> register_broker();
  /// No request is under way and no partition in use when it returns.
  Task<Result<>> stop_serving(Deadline deadline);
  std::vector<ListenerAddress> advertised() const;
  uint16_t bound_port(const std::string& listener) const;

  const std::vector<Shard*> shards_;
  const Settings& settings_;
  const BrokerOptions options_;
  storage::LogDirectory& directory_;
  Log log_;
  const Uuid incarnation_;
  Scope scope_;  // shard 0: observer, lifecycle, link
  std::vector<std::unique_ptr<Part>> parts_;
  std::unique_ptr<ControllerLink> link_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<MetadataObserver> observer_;
  std::unique_ptr<Lifecycle> lifecycle_;
  std::vector<storage::FoundPartition> found_;
  bool sorted_ = false;
  std::optional<Error> failure_;
  std::vector<Binding> bindings_;
};

}  // namespace partita::broker
