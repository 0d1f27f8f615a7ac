#pragma once
// The process of a command that talks to a cluster: a world of one shard, a Cluster, and one main
// task. Log lines of warnings and errors go to standard error.

#include <functional>
#include <string>
#include <string_view>

#include "client/cluster.h"
#include "runtime/linux/world.h"

namespace partita::cli {

struct ClientContext {
  LinuxWorld& world;
  Scope& scope;  ///< closed when the main task has ended
  client::Cluster& cluster;

  Shard& shard() { return world.shard(0); }
  Instant now() { return world.shard(0).now(); }
};

/// What it answers is the process's exit code.
using ClientMain = std::function<Task<int>(ClientContext&)>;
int run_client(client::ClusterSettings settings, const ClientMain& main);

/// The settings for a --bootstrap-server.
Result<client::ClusterSettings> cluster_settings(std::string_view bootstrap, std::string client_id);

/// For people: the detail, or the code's name where there is none.
std::string words_of(const Error& error);

inline constexpr std::string_view kDefaultBootstrap = "localhost:9092";

}  // namespace partita::cli
