// SyncGroup: the leader of a classic group hands its assignment in, everybody gets his share.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/sync_group.h"

namespace partita::broker {
namespace {

/// From this version on the protocol's type and name must be there.
constexpr int16_t kProtocolFrom = 5;

wire::SyncGroupResponse refusal(Errc error) {
  wire::SyncGroupResponse response;
  response.error_code = wire::error_code(error);
  return response;
}

}  // namespace

Task<rpc::Response> handle_sync_group(HandlerContext& context, rpc::Request request) {
  const auto body = wire::SyncGroupRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  if (request.version >= kProtocolFrom && (!body->protocol_type || !body->protocol_name)) {
    co_return rpc::reply(request, refusal(Errc::inconsistent_group_protocol));
  }
  if (body->group_id.empty()) co_return rpc::reply(request, refusal(Errc::invalid_group_id));
  const auto synced = co_await await_group<coordinators::SyncAnswer>(
      context, request, body->group_id,
      [&](GroupMachine& machine, Ticket ticket, Now now, GroupMachine::Effects& out) {
        machine.sync_group(*body, ticket, now, out);
      });
  if (!synced) co_return rpc::reply(request, refusal(synced.error().code));
  co_return rpc::reply(request, *synced);
}

}  // namespace partita::broker
