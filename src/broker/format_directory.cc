#include "broker/format_directory.h"

#include "controller/format.h"
#include "storage/meta_properties.h"

namespace partita::broker {
namespace {

constexpr int32_t kFirstNodeId = 1;
constexpr std::string_view kDefaultListener = "CONTROLLER";

bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == name) return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

/// Where the controller is found: its own listener, or the broker's first where it has none.
raft::VoterEndpoint controller_endpoint(const Settings& settings, const std::string& host_name) {
  raft::VoterEndpoint endpoint{.listener = std::string(kDefaultListener), .host = host_name};
  std::vector<ListenerAddress> all = settings.listeners;
  if (const auto given = settings.given.find("listeners"); given != settings.given.end()) {
    if (auto parsed = parse_listeners(given->second.value)) all = *std::move(parsed);
  }
  if (all.empty()) return endpoint;
  const ListenerAddress* best = &all.front();
  for (const ListenerAddress& each : all) {
    if (!names(settings.controller_listener_names, each.name)) continue;
    best = &each;
    endpoint.listener = each.name;
    break;
  }
  if (!best->host.empty()) endpoint.host = best->host;
  endpoint.port = best->port;
  return endpoint;
}

std::vector<raft::Voter> initial_voters(const Settings& settings, NodeId node,
                                        const DirectoryFormat& format) {
  if (format.quorum == DirectoryFormat::Quorum::untold) return {};
  const raft::VoterEndpoint here = controller_endpoint(settings, format.host_name);
  if (format.quorum == DirectoryFormat::Quorum::this_node)
    return {{.key = {node, format.directory_id}, .endpoints = {here}}};
  std::vector<raft::Voter> voters;
  for (const InitialController& each : format.controllers) {
    voters.push_back({.key = {each.id, each.directory_id},
                      .endpoints = {{here.listener, each.host, each.port}}});
  }
  return voters;
}

}  // namespace

Task<Result<>> format_directory(Shard& shard, const Settings& settings, DirectoryFormat format) {
  Disk& disk = shard.disk();
  const std::string& directory = settings.log_dir;
  const Result<> made = disk.make_directory(directory);
  if (!made && made.error().code != Errc::already_exists) co_return made;
  if (made) {
    CO_CHECKED(co_await sync_directory(shard.executor(), disk, parent_path(directory)));
  }
  storage::MetaProperties properties;
  properties.node_id = NodeId(settings.node_id >= 0 ? settings.node_id : kFirstNodeId);
  properties.cluster_id = format.cluster_id;
  properties.directory_id = format.directory_id;
  const WallTime now = shard.clock().wall();
  CO_CHECKED(co_await controller::format_directory(
      shard.executor(), disk,
      {.directory = directory,
       .voters = initial_voters(settings, *properties.node_id, format),
       .features = std::move(format.features)},
      now));
  co_return co_await replace_file(shard.executor(), disk,
                                  join_path(directory, storage::kMetaPropertiesFile),
                                  storage::encode_meta_properties(properties, now));
}

}  // namespace partita::broker
