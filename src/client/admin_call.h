#pragma once
// What the files of Admin share: trying again, and reading error fields.

#include "client/admin.h"
#include "wire/error_code.h"

namespace partita::client {

template <class Request>
Task<Result<Answer>> Admin::call(Request request, Deadline deadline) {
  Backoff pauses = cluster_.backoff();
  while (true) {
    Result<Answer> answer = co_await cluster_.ask(scope_, kAnyNode, request, deadline);
    if (answer || !is_connection_error(answer.error().code)) co_return answer;
    const Duration pause = pauses.next();
    if (cluster_.shard().now() + pause >= deadline) co_return answer;
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
