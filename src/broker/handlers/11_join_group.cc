// JoinGroup: answered when the group's members have all joined.

#include "broker/coordination.h"
#include "broker/handlers/group_caller.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/join_group.h"

namespace partita::broker {
namespace {

wire::JoinGroupResponse refusal(const wire::JoinGroupRequestView& request, Errc error) {
  wire::JoinGroupResponse response;
  response.error_code = wire::error_code(error);
  response.member_id = request.member_id;
  return response;
}

}  // namespace

Task<rpc::Response> handle_join_group(HandlerContext& context, rpc::Request request) {
  const auto body = wire::JoinGroupRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  if (body->group_id.empty()) {
    co_return rpc::reply(request, refusal(*body, Errc::invalid_group_id));
  }
  const std::string host = host_of(request);
  const coordinators::Caller caller{.client_id = request.client_id, .host = host};
  const auto joined = co_await await_group<coordinators::JoinAnswer>(
      context, request, body->group_id,
      [&](GroupMachine& machine, Ticket ticket, Now now, GroupMachine::Effects& out) {
        machine.join_group(caller, *body, ticket, now, out);
      });
  if (!joined) co_return rpc::reply(request, refusal(*body, joined.error().code));
  co_return rpc::reply(request, *joined);
}

}  // namespace partita::broker
