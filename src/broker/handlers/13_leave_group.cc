// LeaveGroup: members say goodbye, or an administrator says it for them.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/leave_group.h"

namespace partita::broker {

Task<rpc::Response> handle_leave_group(HandlerContext& context, rpc::Request request) {
  const auto body = wire::LeaveGroupRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::LeaveGroupResponse refusal;
  if (body->group_id.empty()) {
    refusal.error_code = wire::error_code(Errc::invalid_group_id);
    co_return rpc::reply(request, refusal);
  }
  const auto said = co_await on_group(
      context, body->group_id, [&](GroupMachine& machine, Now now, GroupMachine::Effects& out) {
        return machine.leave_group(*body, now, out);
      });
  if (said) co_return rpc::reply(request, *said);
  refusal.error_code = wire::error_code(said.error().code);
  co_return rpc::reply(request, refusal);
}

}  // namespace partita::broker
