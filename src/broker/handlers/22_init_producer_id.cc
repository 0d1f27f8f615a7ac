// InitProducerId: a fresh producer id with epoch 0 for idempotent producers. Transactional ids need
// a coordinator, which is not served.

#include "broker/controller_link.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/init_producer_id.h"

namespace partita::broker {

Task<rpc::Response> handle_init_producer_id(HandlerContext& context, rpc::Request request) {
  const auto body = wire::InitProducerIdRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (body->transactional_id) {
    const bool empty = body->transactional_id->empty();
    response.error_code =
        wire::error_code(empty ? Errc::invalid_request : Errc::coordinator_not_available);
    if (!empty) {
      context.log.info("{} asks for a transactional producer, which is not served",
                       quoted(request.client_id));
    }
    co_return rpc::reply(request, response);
  }
  ControllerLink& link = context.services.controller;
  const Result<ProducerId> id = co_await call_on(context.here.shard(), link.scope(),
                                                 [&link] { return link.next_producer_id(); });
  if (id) {
    response.producer_id = id->value();
    response.producer_epoch = 0;
  } else {
    // Clients retry this one.
    response.error_code = wire::error_code(Errc::coordinator_load_in_progress);
    context.log.warn("no producer id: {}", describe(id.error()));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
