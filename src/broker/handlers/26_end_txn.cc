// EndTxn: a transaction's commit or abort. From version 5 on the producer goes on with the epoch,
// and now and then the producer id, of the answer (KIP-890).

#include "broker/coordination.h"
#include "broker/handlers/fresh_producer_id.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/transaction_errors.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/end_txn.h"

namespace partita::broker {
namespace {

constexpr int16_t kFirstWithFenced = 2;
constexpr int16_t kFirstThatBumps = 5;

Task<Result<coordinators::ProducerTag>> end_txn(HandlerContext& context,
                                                const wire::EndTxnRequestView& body,
                                                int16_t version) {
  if (body.transactional_id.empty()) co_return fail(Errc::invalid_request);
  const coordinators::TransactionClaim claim{
      .transactional_id = body.transactional_id,
      .producer = {.id = ProducerId(body.producer_id),
                   .epoch = ProducerEpoch(body.producer_epoch)}};
  const auto ask = [&](ProducerId fresh) {
    return on_transaction(context, body.transactional_id,
                          [&claim, &body, version, fresh](TransactionMachine& machine, Now now,
                                                          TransactionMachine::Effects& out) {
                            return machine.end_txn({.claim = claim,
                                                    .commit = body.committed,
                                                    .bumps_epoch = version >= kFirstThatBumps,
                                                    .fresh = fresh},
                                                   now, out);
                          });
  };
  co_return co_await with_fresh_producer_id(context, ask);
}

}  // namespace

Task<rpc::Response> handle_end_txn(HandlerContext& context, rpc::Request request) {
  const auto body = wire::EndTxnRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const auto ended = co_await end_txn(context, *body, request.version);
  wire::EndTxnResponse response;
  if (!ended) {
    response.error_code = transaction_error(ended.error(), request.version >= kFirstWithFenced);
  } else if (request.version >= kFirstThatBumps) {
    response.producer_id = ended->id.value();
    response.producer_epoch = ended->epoch.value();
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
