#include "client/coordinator.h"

#include <algorithm>

#include "base/fault_points.h"
#include "client/admin_call.h"
#include "wire/messages/find_coordinator.h"

namespace partita::client {
namespace {

bool is_worth_waiting(Errc code) {
  return is_coordinator_moved(code) || code == Errc::coordinator_load_in_progress ||
         is_transient(code);
}

/// Into `found`; answers what to ask about once more.
Result<std::vector<std::string>> take_coordinators(const Answer& answer, Cluster& cluster,
                                                   Coordinators& found) {
  TRY(const auto response,
      wire::FindCoordinatorResponseView::decode(answer.body.view(), answer.version));
  std::vector<std::string> again;
  for (const auto& each : response.coordinators) {
    const std::string key(each.key);
    if (const auto failed = result_of(each.error_code, each.error_message); !failed) {
      if (is_worth_waiting(failed.error().code)) again.push_back(key);
      found.insert_or_assign(key, std::unexpected(failed.error()));
      continue;
    }
    BrokerView broker{.id = NodeId(each.node_id),
                      .address = {std::string(each.host), static_cast<uint16_t>(each.port)},
                      .rack = std::nullopt};
    cluster.learn_broker(broker);
    found.insert_or_assign(key, std::move(broker));
  }
  return again;
}

}  // namespace

bool is_coordinator_moved(Errc code) {
  return code == Errc::not_coordinator || code == Errc::coordinator_not_available;
}

Task<Result<Coordinators>> find_coordinators(Cluster& cluster, Scope& scope, CoordinatorType type,
                                             std::vector<std::string> keys, Deadline deadline) {
  Coordinators found;
  Backoff pauses = cluster.backoff();
  while (!keys.empty()) {
    wire::FindCoordinatorRequest request;
    request.key_type = static_cast<int8_t>(type);
    request.coordinator_keys = keys;
    const Result<Answer> answer =
        co_await cluster.ask(scope, kAnyNode, std::move(request), deadline);
    if (!answer && !is_connection_error(answer.error().code)) {
      co_return std::unexpected(answer.error());
    }
    if (answer) {
      CO_TRY(keys, take_coordinators(*answer, cluster, found));
    }
    const Duration pause = pauses.next();
    if (keys.empty()) break;
    if (cluster.shard().now() + pause >= deadline) {
      if (!answer && found.empty()) co_return std::unexpected(answer.error());
      break;
    }
    CO_CHECKED(co_await sleep_for(scope, pause));
  }
  co_return found;
}

Task<Result<NodeId>> Coordinator::find(Scope& scope, Deadline deadline) {
  if (node_) co_return *node_;
  CO_TRY(const Coordinators found,
         co_await find_coordinators(cluster_, scope, type_, {key_}, deadline));
  const auto at = found.find(key_);
  if (at == found.end()) co_return fail(Errc::malformed, "FindCoordinator lacks " + key_);
  if (!at->second) co_return std::unexpected(at->second.error());
  node_ = at->second->id;
  co_return *node_;
}

bool Coordinator::may_try_again(Errc code) {
  if (is_coordinator_moved(code) || is_connection_error(code) ||
      code == Errc::leader_not_available) {
    COVERED("client.coordinator_moved");
    forget();
    return true;
  }
  return code == Errc::coordinator_load_in_progress;
}

}  // namespace partita::client
