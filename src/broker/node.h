#pragma once
// Node: one process of a cluster: a log directory, the metadata quorum's replica, a controller and
// a broker over them (process.roles=broker,controller). What each needs of the others goes through
// the controller's channel, as it would between processes.

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/broker.h"
#include "broker/settings.h"
#include "controller/controller.h"
#include "controller/local_channel.h"
#include "raft/raft_node.h"
#include "storage/log_directory.h"

namespace partita::broker {

class Node {
 public:
  /// `shards` and `settings` outlive the node. `host_name` is told to clients for listeners without
  /// a host.
  Node(std::vector<Shard*> shards, Settings& settings, std::string host_name, Log log);
  ~Node();
  Node(const Node&) = delete;

  /// Formats an empty directory, and returns when clients are served. After an Error: abandon().
  Task<Result<>> start();
  Task<Result<>> stop(Deadline deadline);
  /// Ends everything without another write.
  Task<void> abandon();

  /// Answers when the node cannot go on (its metadata log failed or makes no sense), or with
  /// stopped when `scope` closes. abandon() follows.
  Task<Error> failed(Scope& scope);

  NodeId node_id() const { return node_id_; }
  const std::string& cluster_id() const { return cluster_id_; }
  const std::vector<Binding>& bindings() const { return broker_->bindings(); }
  Broker& broker() { return *broker_; }

 private:
  Task<Result<>> start_directory();
  Task<Result<>> format();
  Task<Result<>> start_quorum();
  Task<Result<>> start_broker();
  Task<void> end();

  const std::vector<Shard*> shards_;
  Settings& settings_;
  const std::string host_name_;
  Log log_;
  Scope scope_;  // shard 0: directory, quorum, controller
  NodeId node_id_;
  std::string cluster_id_;
  DirectoryId directory_id_;
  std::unique_ptr<storage::LogDirectory> directory_;
  std::vector<storage::FoundPartition> found_;
  std::unique_ptr<raft::RaftNode> raft_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<controller::LocalChannel> channel_;
  std::unique_ptr<Broker> broker_;
};

}  // namespace partita::broker
