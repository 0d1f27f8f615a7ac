// DescribeCluster: the cluster's id, its brokers on the listener that was asked on, the controller.

#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/describe_cluster.h"

namespace partita::broker {

Task<rpc::Response> handle_describe_cluster(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DescribeClusterRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  constexpr int8_t kBrokers = 1;
  wire::DescribeClusterResponse response;
  response.endpoint_type = body->endpoint_type;
  if (body->endpoint_type != kBrokers) {
    response.error_code = wire::error_code(Errc::mismatched_endpoint_type);
    response.error_message = "The request was sent to an endpoint of type BROKER";
    co_return rpc::reply(request, response);
  }
  response.cluster_id = context.services.cluster_id;
  response.controller_id = context.here.self().value();
  if (body->include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  for (const auto& [id, broker] : context.here.image()->brokers()) {
    const metadata::Endpoint* at = broker.endpoint(request.connection->listener_name);
    if (at == nullptr || (!broker.active() && !body->include_fenced_brokers)) continue;
    response.brokers.push_back({.broker_id = id.value(),
                                .host = at->host,
                                .port = at->port,
                                .rack = broker.rack,
                                .is_fenced = broker.fenced});
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
