#pragma once
// Producer ids from the controller, and the decisions of a transaction coordinator that need one.

#include "broker/coordination.h"
#include "broker/handler_table.h"

namespace partita::broker {

/// One that nobody has; coordinator_load_in_progress, which clients retry, where none can be had
/// now.
Task<Result<ProducerId>> fresh_producer_id(HandlerContext& context);

/// ask(fresh) is a decision of a coordinator, a Task<Result<ProducerAnswer>>. It is asked without a
/// producer id first, which is all that it needs as a rule.
template <class Ask>
Task<Result<coordinators::ProducerTag>> with_fresh_producer_id(HandlerContext& context, Ask ask) {
  CO_TRY(coordinators::ProducerAnswer answer, co_await ask(kNoProducerId));
  if (answer.need_producer_id) {
    CO_TRY(const ProducerId fresh, co_await fresh_producer_id(context));
    CO_TRY(answer, co_await ask(fresh));
  }
  if (answer.error) co_return fail(*answer.error);
  co_return answer.producer;
}

}  // namespace partita::broker
