// DescribeGroups: classic groups with their members.

#include <set>

#include "broker/coordination.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/describe_groups.h"

namespace partita::broker {
namespace {

using DescribedGroup = wire::DescribeGroupsResponse::DescribedGroup;

constexpr int16_t kErrorMessageFrom = 6;

DescribedGroup refusal(std::string_view group, const Error& error, int16_t version) {
  DescribedGroup out;
  out.group_id = group;
  out.error_code = wire::error_code(error.code);
  if (version >= kErrorMessageFrom && !error.detail.empty()) out.error_message = error.detail;
  return out;
}

Task<DescribedGroup> describe(HandlerContext& context, std::string_view group, int16_t version) {
  if (group.empty()) co_return refusal(group, {Errc::invalid_group_id}, version);
  auto said =
      co_await on_group(context, group, [&](GroupMachine& machine, Now, GroupMachine::Effects&) {
        return machine.describe_group(group, version);
      });
  if (!said) co_return refusal(group, said.error(), version);
  co_return *std::move(said);
}

}  // namespace

Task<rpc::Response> handle_describe_groups(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DescribeGroupsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::DescribeGroupsResponse response;
  // Once each, so that an answer is never larger than what is known of all groups.
  std::set<std::string_view> described;
  for (const std::string_view group : body->groups) {
    if (!described.insert(group).second) continue;
    DescribedGroup one = co_await describe(context, group, request.version);
    if (body->include_authorized_operations && one.error_code == wire::kNoError) {
      one.authorized_operations = kGroupOperations;
    }
    response.groups.push_back(std::move(one));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
