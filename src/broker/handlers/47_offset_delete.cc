// OffsetDelete: forgets how far a group has read topics that its members do not read.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known_partitions.h"
#include "rpc/response_frame.h"
#include "wire/messages/offset_delete.h"

namespace partita::broker {
namespace {

using Known = KnownPartitions<wire::OffsetDeleteRequest, wire::OffsetDeleteResponse>;

rpc::Response refuse_group(const rpc::Request& request, int16_t error_code) {
  return rpc::reply(request, wire::OffsetDeleteResponse{.error_code = error_code});
}

}  // namespace

Task<rpc::Response> handle_offset_delete(HandlerContext& context, rpc::Request request) {
  const auto body = wire::OffsetDeleteRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  if (body->group_id.empty()) {
    co_return refuse_group(request, wire::error_code(Errc::invalid_group_id));
  }
  Known partitions(materialise(*body), *context.here.image(), Known::Topics::by_name);
  // Also without any partition: the group may be unknown, which is the answer then.
  const auto said = co_await on_group(context, body->group_id,
                                      [&](GroupMachine& machine, Now, GroupMachine::Effects& out) {
                                        return machine.delete_offsets(partitions.known(), out);
                                      });
  if (!said) co_return refuse_group(request, wire::error_code(said.error().code));
  if (said->error_code != wire::kNoError) co_return refuse_group(request, said->error_code);
  partitions.answer(*said);
  co_return rpc::reply(request, partitions.response());
}

}  // namespace partita::broker
