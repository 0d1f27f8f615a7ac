// ConsumerGroupDescribe: consumer groups with their members, what these have and shall have.

#include <set>

#include "broker/coordination.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/consumer_group_describe.h"

namespace partita::broker {
namespace {

using DescribedGroup = wire::ConsumerGroupDescribeResponse::DescribedGroup;

DescribedGroup refusal(std::string_view group, const Error& error) {
  DescribedGroup out;
  out.group_id = group;
  out.error_code = wire::error_code(error.code);
  if (!error.detail.empty()) out.error_message = error.detail;
  return out;
}

Task<DescribedGroup> describe(HandlerContext& context, std::string_view group) {
  if (group.empty()) co_return refusal(group, {Errc::invalid_group_id});
  auto said =
      co_await on_group(context, group, [&](GroupMachine& machine, Now, GroupMachine::Effects&) {
        return machine.describe_consumer_group(group);
      });
  if (!said) co_return refusal(group, said.error());
  co_return *std::move(said);
}

}  // namespace

Task<rpc::Response> handle_consumer_group_describe(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ConsumerGroupDescribeRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::ConsumerGroupDescribeResponse response;
  // Once each, so that an answer is never larger than what is known of all groups.
  std::set<std::string_view> described;
  for (const std::string_view group : body->group_ids) {
    if (!described.insert(group).second) continue;
    DescribedGroup one = co_await describe(context, group);
    if (body->include_authorized_operations && one.error_code == wire::kNoError) {
      one.authorized_operations = kGroupOperations;
    }
    response.groups.push_back(std::move(one));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
