// OffsetCommit: how far a group has read.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/known_partitions.h"
#include "rpc/response_frame.h"
#include "wire/messages/offset_commit.h"

namespace partita::broker {
namespace {

constexpr int16_t kTopicIdsFrom = 10;
using Known = KnownPartitions<wire::OffsetCommitRequest, wire::OffsetCommitResponse>;

}  // namespace

Task<rpc::Response> handle_offset_commit(HandlerContext& context, rpc::Request request) {
  const auto body = wire::OffsetCommitRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const auto topics =
      request.version >= kTopicIdsFrom ? Known::Topics::by_id : Known::Topics::by_name;
  Known partitions(materialise(*body), *context.here.image(), topics);
  if (partitions.none_known()) co_return rpc::reply(request, partitions.response());
  const auto said = co_await on_group(
      context, body->group_id, [&](GroupMachine& machine, Now now, GroupMachine::Effects& out) {
        return machine.commit_offsets(partitions.known(), request.version, now, out);
      });
  if (said) {
    partitions.answer(*said);
  } else {
    partitions.refuse(said.error().code);
  }
  co_return rpc::reply(request, partitions.response());
}

}  // namespace partita::broker
