#pragma once
// KIP-951: an answer that says "not the leader" also says who is, so that the client need not ask.

#include <set>

#include "broker/handler_table.h"

namespace partita::broker {

inline bool needs_leader_hint(Errc code) {
  return code == Errc::not_leader_or_follower || code == Errc::fenced_leader_epoch;
}

/// `out` is any message's LeaderIdAndEpoch.
template <class Hint>
void hint_leader(const HandlerContext& context, const metadata::TopicImage& topic,
                 PartitionIndex index, Hint& out) {
  const metadata::PartitionImage* now = context.here.image()->partition(topic.id, index);
  if (now == nullptr) return;
  out.leader_id = now->leader.value();
  out.leader_epoch = now->leader_epoch.value();
}

/// Adds the endpoints of all leaders that `response` hints at.
template <class Response>
void add_endpoints(const HandlerContext& context, const rpc::Request& request,
                   const std::set<int32_t>& leaders, Response& response) {
  for (const int32_t id : leaders) {
    const metadata::BrokerImage* broker = context.here.image()->broker(NodeId(id));
    if (broker == nullptr) continue;
    const metadata::Endpoint* at = broker->endpoint(request.connection->listener_name);
    if (at == nullptr) continue;
    response.node_endpoints.push_back(
        {.node_id = id, .host = at->host, .port = at->port, .rack = broker->rack});
  }
}

/// For produce responses from version 10 on; earlier ones have no place for it.
template <class Response>
void add_leader_endpoints(const HandlerContext& context, const rpc::Request& request,
                          Response& response) {
  std::set<int32_t> leaders;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.current_leader.leader_id >= 0)
        leaders.insert(partition.current_leader.leader_id);
    }
  }
  if (!leaders.empty()) add_endpoints(context, request, leaders, response);
}

}  // namespace partita::broker
