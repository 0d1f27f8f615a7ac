// CreatePartitions: the controller decides; the answer waits until this broker goes by the outcome.

#include "broker/controller_link.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/messages/create_partitions.h"

namespace partita::broker {

Task<rpc::Response> handle_create_partitions(HandlerContext& context, rpc::Request request) {
  const auto body = wire::CreatePartitionsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  ControllerLink& link = context.services.controller;
  wire::CreatePartitionsRequest forwarded = wire::materialise(*body);
  co_return rpc::reply(request,
                       co_await call_on(context.here.shard(), link.scope(), [&link, &forwarded] {
                         return link.create_partitions(std::move(forwarded));
                       }));
}

}  // namespace partita::broker
