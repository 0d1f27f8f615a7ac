// DeleteGroups: groups without members go, with their offsets.

#include <set>

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/delete_groups.h"

namespace partita::broker {
namespace {

Task<Result<>> remove(HandlerContext& context, std::string_view group) {
  if (group.empty()) co_return fail(Errc::invalid_group_id);
  const auto said = co_await on_group(context, group,
                                      [&](GroupMachine& machine, Now, GroupMachine::Effects& out) {
                                        return machine.delete_group(group, out);
                                      });
  if (!said) co_return std::unexpected(said.error());
  co_return *said;
}

}  // namespace

Task<rpc::Response> handle_delete_groups(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DeleteGroupsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::DeleteGroupsResponse response;
  std::set<std::string_view> seen;
  for (const std::string_view group : body->groups_names) {
    if (!seen.insert(group).second) continue;
    const Result<> removed = co_await remove(context, group);
    response.results.push_back(
        {.group_id = std::string(group), .error_code = wire::error_code(removed)});
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
