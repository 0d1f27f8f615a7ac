#include "client/group_admin.h"

#include <algorithm>

#include "client/admin_call.h"
#include "client/group_description.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/delete_groups.h"
#include "wire/messages/describe_configs.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/list_groups.h"

namespace partita::client {
namespace {

Result<> take_listing(const Answer& answer, std::vector<GroupListing>& all) {
  TRY(const auto response,
      wire::ListGroupsResponseView::decode(answer.body.view(), answer.version));
  if (const auto error = wire::errc_of(response.error_code)) return fail(*error);
  for (const auto& each : response.groups) {
    all.push_back({.id = std::string(each.group_id),
                   .protocol_type = std::string(each.protocol_type),
                   .state = std::string(each.group_state),
                   .type = std::string(each.group_type)});
  }
  return {};
}

/// By the node that looks after them; those without one get their answer at once.
template <class T>
std::map<NodeId, std::pair<BrokerView, std::vector<std::string>>> by_coordinator(
    const Coordinators& found, Outcomes<T>& outcomes) {
  std::map<NodeId, std::pair<BrokerView, std::vector<std::string>>> nodes;
  for (const auto& [id, coordinator] : found) {
    if (!coordinator) {
      outcomes.push_back({.name = id, .result = std::unexpected(coordinator.error())});
      continue;
    }
    auto& [broker, ids] = nodes[coordinator->id];
    broker = *coordinator;
    ids.push_back(id);
  }
  return nodes;
}

/// Those whose coordinator was another one in truth, or is not ready: taken out of `outcomes`.
template <class T>
std::vector<std::string> take_misplaced(Outcomes<T>& outcomes) {
  std::vector<std::string> misplaced;
  std::erase_if(outcomes, [&](const Outcome<T>& each) {
    if (each.result) return false;
    const Errc code = each.result.error().code;
    if (!is_coordinator_moved(code) && code != Errc::coordinator_load_in_progress) return false;
    misplaced.push_back(each.name);
    return true;
  });
  return misplaced;
}

/// In the order of `ids`.
template <class T>
void sort_as(const std::vector<std::string>& ids, Outcomes<T>& outcomes) {
  std::ranges::sort(outcomes, {}, [&](const Outcome<T>& each) {
    return std::ranges::find(ids, each.name) - ids.begin();
  });
}

Result<std::string> read_report(const Answer& answer, std::string_view name) {
  TRY(const auto response,
      wire::DescribeConfigsResponseView::decode(answer.body.view(), answer.version));
  for (const auto& each : response.results) {
    CHECKED(result_of(each.error_code, each.error_message));
    for (const auto& config : each.configs) {
      if (config.name == name && config.value) return std::string(*config.value);
    }
  }
  return fail(Errc::unsupported_version, "the broker has no report " + std::string(name));
}

}  // namespace

Task<Result<std::string>> GroupAdmin::report(std::string group, std::string name,
                                             Deadline deadline) {
  wire::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = static_cast<int8_t>(ResourceType::group);
  resource.resource_name = group;
  resource.configuration_keys.emplace().push_back(name);
  Coordinator coordinator(cluster_, CoordinatorType::group, std::move(group));
  const auto read = [&name](const Answer& answer) { return read_report(answer, name); };
  co_return co_await coordinator.ask<std::string>(scope_, std::move(request), read, deadline);
}

Task<Result<std::vector<GroupListing>>> GroupAdmin::list(std::vector<std::string> states,
                                                         std::vector<std::string> types,
                                                         Deadline deadline) {
  Admin admin(scope_, cluster_);
  CO_TRY(const ClusterDescription cluster, co_await admin.describe_cluster(deadline));
  std::vector<GroupListing> all;
  for (const BrokerView& broker : cluster.brokers) {
    cluster_.learn_broker(broker);
    Backoff pauses = cluster_.backoff();
    while (true) {
      wire::ListGroupsRequest request;
      request.states_filter = states;
      request.types_filter = types;
      const Result<Answer> answer =
          co_await cluster_.ask(scope_, broker.id, std::move(request), deadline);
      const Result<> taken =
          answer ? take_listing(*answer, all) : Result<>(std::unexpected(answer.error()));
      if (taken) break;
      const Duration pause = pauses.next();
      const bool again = is_transient(taken.error().code);
      if (!again || cluster_.shard().now() + pause >= deadline) {
        co_return std::unexpected(taken.error());
      }
      CO_CHECKED(co_await sleep_for(scope_, pause));
    }
  }
  co_return all;
}

Task<Result<Outcomes<GroupDescription>>> GroupAdmin::describe(std::vector<std::string> ids,
                                                              Deadline deadline) {
  Outcomes<GroupDescription> all;
  std::vector<std::string> left = ids;
  Backoff pauses = cluster_.backoff();
  while (true) {
    CO_TRY(const Coordinators found,
           co_await find_coordinators(cluster_, scope_, CoordinatorType::group, left, deadline));
    Outcomes<GroupDescription> some;
    for (auto& [node, what] : by_coordinator(found, some)) {
      const Result<> described = co_await describe_at(what.first, what.second, some, deadline);
      if (!described && !is_connection_error(described.error().code)) {
        co_return std::unexpected(described.error());
      }
      if (described) continue;
      for (const std::string& id : what.second) {
        some.push_back({.name = id, .result = fail(Errc::coordinator_not_available)});
      }
    }
    const Duration pause = pauses.next();
    const bool in_time = cluster_.shard().now() + pause < deadline;
    if (in_time) left = take_misplaced(some);
    std::ranges::move(some, std::back_inserter(all));
    if (left.empty() || !in_time) break;
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
  sort_as(ids, all);
  co_return all;
}

Task<Result<>> GroupAdmin::describe_at(BrokerView coordinator, std::vector<std::string> ids,
                                       Outcomes<GroupDescription>& described, Deadline deadline) {
  wire::ConsumerGroupDescribeRequest request;
  request.group_ids = ids;
  const Result<Answer> answer =
      co_await cluster_.ask(scope_, coordinator.id, std::move(request), deadline);
  std::vector<std::string> classic;
  if (answer) {
    CO_TRY(classic, take_consumer_groups(*answer, coordinator, described));
  } else if (answer.error().code == Errc::unsupported_version) {
    classic = std::move(ids);
  } else {
    co_return std::unexpected(answer.error());
  }
  if (classic.empty()) co_return Result<>();
  wire::DescribeGroupsRequest old;
  old.groups = std::move(classic);
  CO_TRY(const Answer old_answer,
         co_await cluster_.ask(scope_, coordinator.id, std::move(old), deadline));
  co_return take_classic_groups(old_answer, coordinator, described);
}

Task<Result<Outcomes<>>> GroupAdmin::remove(std::vector<std::string> ids, Deadline deadline) {
  Outcomes<> all;
  std::vector<std::string> left = ids;
  Backoff pauses = cluster_.backoff();
  while (true) {
    CO_TRY(const Coordinators found,
           co_await find_coordinators(cluster_, scope_, CoordinatorType::group, left, deadline));
    Outcomes<> some;
    for (auto& [node, what] : by_coordinator(found, some)) {
      wire::DeleteGroupsRequest request;
      request.groups_names = what.second;
      CO_TRY(const Answer answer,
             co_await cluster_.ask(scope_, node, std::move(request), deadline));
      CO_TRY(const auto response,
             wire::DeleteGroupsResponseView::decode(answer.body.view(), answer.version));
      for (const auto& each : response.results) {
        some.push_back({.name = std::string(each.group_id),
                        .result = result_of(each.error_code, std::nullopt)});
      }
    }
    const Duration pause = pauses.next();
    const bool in_time = cluster_.shard().now() + pause < deadline;
    if (in_time) left = take_misplaced(some);
    std::ranges::move(some, std::back_inserter(all));
    if (left.empty() || !in_time) break;
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
  sort_as(ids, all);
  co_return all;
}

}  // namespace partita::client
