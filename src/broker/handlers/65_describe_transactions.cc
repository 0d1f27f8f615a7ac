// DescribeTransactions: what the coordinator knows of each transactional id.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/describe_transactions.h"

namespace partita::broker {
namespace {

using Described = wire::DescribeTransactionsResponse::TransactionState;

Task<Described> describe(HandlerContext& context, std::string_view transactional_id) {
  Errc why = Errc::invalid_request;
  if (!transactional_id.empty()) {
    auto found = co_await on_transaction(
        context, transactional_id,
        [transactional_id](TransactionMachine& machine, Now, TransactionMachine::Effects&) {
          return machine.describe(transactional_id);
        });
    if (found) co_return std::move(*found);
    why = found.error().code;
  }
  Described none;
  none.transactional_id = transactional_id;
  none.error_code = wire::error_code(why);
  co_return none;
}

}  // namespace

Task<rpc::Response> handle_describe_transactions(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DescribeTransactionsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::DescribeTransactionsResponse response;
  for (const std::string_view transactional_id : body->transactional_ids) {
    response.transaction_states.push_back(co_await describe(context, transactional_id));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
