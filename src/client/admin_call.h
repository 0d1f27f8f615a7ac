#pragma once
// What the files of Admin share: trying again, and reading error fields.

#include "client/admin.h"
#include "wire/error_code.h"

namespace partita::client {

template <class Request>
Task<Result<Answer>> Admin::call(Request request, Deadline deadline) {
  return call_node(kAnyNode, std::move(request), deadline);
}

template <class Request>
Task<Result<Answer>> Admin::call_node(NodeId node, Request request, Deadline deadline) {
  Backoff pauses = cluster_.backoff();
  while (true) {
    if (node != kAnyNode && !cluster_.knows_broker(node)) {
      const Result<> refreshed = co_await cluster_.refresh(scope_, deadline);
      if (!refreshed && !is_transient(refreshed.error().code)) {
        co_return std::unexpected(refreshed.error());
      }
    }
    Result<Answer> answer = co_await cluster_.ask(scope_, node, request, deadline);
    const bool again = !answer && (is_connection_error(answer.error().code) ||
                                   answer.error().code == Errc::leader_not_available);
    const Duration pause = pauses.next();
    if (!again || cluster_.shard().now() + pause >= deadline) co_return answer;
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

/// What an item's error fields say.
inline Result<> result_of(int16_t code, std::optional<std::string_view> message) {
  const auto error = wire::errc_of(code);
  if (!error) return {};
  return fail(*error, std::string(message.value_or("")));
}

}  // namespace partita::client
