// ListGroups: all groups that this broker coordinates.

#include <iterator>

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/list_groups.h"

namespace partita::broker {

Task<rpc::Response> handle_list_groups(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ListGroupsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const wire::ListGroupsRequest wanted = wire::materialise(*body);
  wire::ListGroupsResponse response;
  auto listed = co_await on_every_group_coordinator(context, [&](const GroupMachine& machine) {
    return machine.list_groups(wanted.states_filter, wanted.types_filter);
  });
  for (auto& part : listed) {
    if (part) {
      std::ranges::move(*part, std::back_inserter(response.groups));
    } else if (part.error().code != Errc::not_coordinator) {
      // Half a list would look like a whole one.
      wire::ListGroupsResponse refusal;
      refusal.error_code = wire::error_code(part.error().code);
      co_return rpc::reply(request, refusal);
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
