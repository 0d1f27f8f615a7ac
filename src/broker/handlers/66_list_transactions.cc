// ListTransactions: the transactional ids that this broker coordinates, filtered by state, producer
// id, age and (from version 2 on) a regular expression for the whole id, in RE2's syntax.

#include <re2/re2.h>

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/list_transactions.h"

namespace partita::broker {
namespace {

using coordinators::TransactionState;
using ListFilter = TransactionMachine::ListFilter;

/// Null where the request has none.
Result<std::unique_ptr<re2::RE2>> pattern_of(const wire::ListTransactionsRequestView& body) {
  const std::string_view text = body.transactional_id_pattern.value_or("");
  if (text.empty()) return nullptr;
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto pattern = std::make_unique<re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!pattern->ok()) return fail(Errc::invalid_regular_expression, pattern->error());
  return pattern;
}

ListFilter filter_of(const wire::ListTransactionsRequestView& body, const re2::RE2* pattern,
                     std::vector<std::string>& unknown_states) {
  ListFilter filter;
  for (const std::string_view name : body.state_filters) {
    const auto state = coordinators::transaction_state_named(name);
    if (state) filter.states.insert(*state);
    if (!state) unknown_states.emplace_back(name);
  }
  // Only unknown states: nothing is in any of them.
  if (filter.states.empty() && !unknown_states.empty())
    filter.states.insert(TransactionState::dead);
  for (const int64_t id : body.producer_id_filters) filter.producer_ids.insert(ProducerId(id));
  filter.duration_ms = body.duration_filter;
  if (pattern != nullptr) {
    filter.id_matches = [pattern](std::string_view id) {
      return re2::RE2::FullMatch(re2::StringPiece(id.data(), id.size()), *pattern);
    };
  }
  return filter;
}

}  // namespace

Task<rpc::Response> handle_list_transactions(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ListTransactionsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::ListTransactionsResponse response;
  const auto pattern = pattern_of(*body);
  if (!pattern) {
    response.error_code = wire::error_code(pattern.error().code);
    co_return rpc::reply(request, response);
  }
  const ListFilter filter = filter_of(*body, pattern->get(), response.unknown_state_filters);
  const WallTime now = context.here.shard().clock().wall();
  auto listed = co_await on_every_transaction_coordinator(
      context, [&](const TransactionMachine& machine) { return machine.list(filter, now); });
  for (auto& some : listed) {
    if (!some) {
      response.error_code = wire::error_code(some.error().code);
      response.transaction_states.clear();
      break;
    }
    for (auto& one : *some) response.transaction_states.push_back(std::move(one));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
