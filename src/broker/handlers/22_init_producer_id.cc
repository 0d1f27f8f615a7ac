// InitProducerId: a fresh producer id with epoch 0 for idempotent producers; for a transactional id
// what its coordinator says, which fences whoever had it before.

#include "broker/controller_link.h"
#include "broker/coordination.h"
#include "broker/handlers/fresh_producer_id.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/transaction_errors.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/init_producer_id.h"

namespace partita::broker {
namespace {

using coordinators::ProducerAnswer;
using coordinators::ProducerTag;

/// Nothing where one is named by half.
std::optional<ProducerTag> expected_producer(const wire::InitProducerIdRequestView& body) {
  const ProducerTag tag{.id = ProducerId(body.producer_id),
                        .epoch = ProducerEpoch(body.producer_epoch)};
  if ((tag.id == kNoProducerId) != (tag.epoch == kNoProducerEpoch)) return std::nullopt;
  return tag;
}

Task<Result<ProducerTag>> init_transactional(HandlerContext& context,
                                             const wire::InitProducerIdRequestView& body) {
  const std::optional<ProducerTag> expected = expected_producer(body);
  if (!expected || body.transactional_id->empty()) co_return fail(Errc::invalid_request);
  const auto ask = [&](ProducerId fresh) {
    return on_transaction(context, *body.transactional_id,
                          [&body, &expected, fresh](TransactionMachine& machine, Now now,
                                                    TransactionMachine::Effects& out) {
                            return machine.init_producer_id(
                                {.transactional_id = *body.transactional_id,
                                 .timeout_ms = body.transaction_timeout_ms,
                                 .expected = *expected,
                                 .fresh = fresh},
                                now, out);
                          });
  };
  co_return co_await with_fresh_producer_id(context, ask);
}

Task<Result<ProducerTag>> init_idempotent(HandlerContext& context) {
  CO_TRY(const ProducerId id, co_await fresh_producer_id(context));
  co_return ProducerTag{.id = id, .epoch = ProducerEpoch(0)};
}

}  // namespace

Task<rpc::Response> handle_init_producer_id(HandlerContext& context, rpc::Request request) {
  const auto body = wire::InitProducerIdRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const Result<ProducerTag> made = body->transactional_id
                                       ? co_await init_transactional(context, *body)
                                       : co_await init_idempotent(context);
  wire::InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (made) {
    response.producer_id = made->id.value();
    response.producer_epoch = made->epoch.value();
  } else {
    constexpr int16_t kFirstWithFenced = 4;
    response.error_code = transaction_error(made.error(), request.version >= kFirstWithFenced);
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
