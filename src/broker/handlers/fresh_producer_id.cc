#include "broker/handlers/fresh_producer_id.h"

#include "broker/controller_link.h"
#include "runtime/cross_shard.h"

namespace partita::broker {

Task<Result<ProducerId>> fresh_producer_id(HandlerContext& context) {
  ControllerLink& link = context.services.controller;
  Result<ProducerId> id = co_await call_on(context.here.shard(), link.scope(),
                                           [&link] { return link.next_producer_id(); });
  if (id) co_return id;
  context.log.warn("no producer id: {}", describe(id.error()));
  co_return fail(Errc::coordinator_load_in_progress);
}

}  // namespace partita::broker
