// Heartbeat: a classic group's member lives, and hears of rebalances.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/heartbeat.h"

namespace partita::broker {

Task<rpc::Response> handle_heartbeat(HandlerContext& context, rpc::Request request) {
  const auto body = wire::HeartbeatRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::HeartbeatResponse refusal;
  if (body->group_id.empty()) {
    refusal.error_code = wire::error_code(Errc::invalid_group_id);
    co_return rpc::reply(request, refusal);
  }
  const auto said = co_await on_group(
      context, body->group_id, [&](GroupMachine& machine, Now now, GroupMachine::Effects& out) {
        return machine.heartbeat(*body, now, out);
      });
  if (said) co_return rpc::reply(request, *said);
  refusal.error_code = wire::error_code(said.error().code);
  co_return rpc::reply(request, refusal);
}

}  // namespace partita::broker
