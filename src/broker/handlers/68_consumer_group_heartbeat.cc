// ConsumerGroupHeartbeat: the one request of a consumer group's member (KIP-848).

#include "broker/coordination.h"
#include "broker/handlers/group_caller.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/consumer_group_heartbeat.h"

namespace partita::broker {

Task<rpc::Response> handle_consumer_group_heartbeat(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ConsumerGroupHeartbeatRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const std::string host = host_of(request);
  const coordinators::Caller caller{.client_id = request.client_id, .host = host};
  const auto said = co_await on_group(
      context, body->group_id, [&](GroupMachine& machine, Now now, GroupMachine::Effects& out) {
        return machine.consumer_heartbeat(caller, *body, now, out);
      });
  if (said) co_return rpc::reply(request, *said);
  wire::ConsumerGroupHeartbeatResponse refusal;
  refusal.error_code = wire::error_code(said.error().code);
  if (!said.error().detail.empty()) refusal.error_message = said.error().detail;
  co_return rpc::reply(request, refusal);
}

}  // namespace partita::broker
