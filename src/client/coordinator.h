#pragma once
// The broker that looks after a group or a transactional id: found by FindCoordinator, asked until
// it answers for itself. A Coordinator belongs to the shard of its Cluster, which outlives it.
//
// Invariants:
//  1. A coordinator that says that it is none, or whose connection fails, is looked up again before
//     anything more is asked.
//  2. ask() tries again what a coordinator has not acted on, and what is the same when it happens
//     twice; whoever asks for more tries once, with find().

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster.h"

namespace partita::client {

/// Kafka's numbers.
enum class CoordinatorType : int8_t { group = 0, transaction = 1 };

/// Another broker, or the same a little later, may be the coordinator.
bool is_coordinator_moved(Errc code);

using Coordinators = std::map<std::string, Result<BrokerView>>;
/// All at once; asks again about those whose coordinator is only just being made, until the
/// deadline. An outer Error says that nothing is known of any.
Task<Result<Coordinators>> find_coordinators(Cluster& cluster, Scope& scope, CoordinatorType type,
                                             std::vector<std::string> keys, Deadline deadline);

class Coordinator {
 public:
  Coordinator(Cluster& cluster, CoordinatorType type, std::string key)
      : cluster_(cluster), type_(type), key_(std::move(key)) {}

  const std::string& key() const { return key_; }
  /// What was found before, else asks until it is found or the deadline passes.
  Task<Result<NodeId>> find(Scope& scope, Deadline deadline);
  void forget() { node_.reset(); }

  /// One request until an answer comes that `read` takes. What `read` says of the answer as a whole
  /// decides: is_coordinator_moved() and coordinator_load_in_progress are tried again, as lost
  /// connections are.
  template <class T, class Request>
  Task<Result<T>> ask(Scope& scope, Request request, std::function<Result<T>(const Answer&)> read,
                      Deadline deadline, int16_t version_max = INT16_MAX) {
    Backoff pauses = cluster_.backoff();
    while (true) {
      Result<T> result = fail(Errc::coordinator_not_available);
      const Result<NodeId> node = co_await find(scope, deadline);
      if (!node) co_return std::unexpected(node.error());
      const Result<Answer> answer =
          co_await cluster_.ask(scope, *node, request, deadline, version_max);
      result = answer ? read(*answer) : Result<T>(std::unexpected(answer.error()));
      if (result || !may_try_again(result.error().code)) co_return result;
      const Duration pause = pauses.next();
      if (cluster_.shard().now() + pause >= deadline) co_return result;
      CO_CHECKED(co_await sleep_for(scope, pause));
    }
  }

 private:
  /// Forgets the coordinator where that is what has to be looked up again.
  bool may_try_again(Errc code);

  Cluster& cluster_;
  const CoordinatorType type_;
  const std::string key_;
  std::optional<NodeId> node_;
};

}  // namespace partita::client
