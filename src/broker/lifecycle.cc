#include "broker/lifecycle.h"

#include "wire/error_code.h"
#include "wire/messages/broker_heartbeat.h"

namespace partita::broker {
namespace {

constexpr Duration kRetryAfter = 20ms;
constexpr Duration kStartMax = 60s;

wire::BrokerRegistrationRequest request_of(const Registration& registration) {
  wire::BrokerRegistrationRequest request;
  request.broker_id = registration.node.value();
  request.cluster_id = registration.cluster_id;
  request.incarnation_id = registration.incarnation;
  for (const ListenerAddress& at : registration.advertised) {
    request.listeners.push_back({.name = at.name, .host = at.host, .port = at.port});
  }
  request.features = registration.features;
  if (!registration.rack.empty()) request.rack = registration.rack;
  request.log_dirs.push_back(registration.directory);
  request.previous_broker_epoch = registration.previous_epoch.value();
  return request;
}

}  // namespace

Lifecycle::Lifecycle(Scope& scope, metadata::ControllerChannel& channel, MetadataObserver& observer,
                     const Settings& settings, Log log)
    : scope_(scope), channel_(channel), observer_(observer), settings_(settings), log_(log) {}

Task<Result<>> Lifecycle::start(Registration registration) {
  node_ = registration.node;
  const Deadline deadline = scope_.shard().now() + kStartMax;
  while (true) {
    const Result<> registered = co_await register_once(registration);
    if (registered) break;
    const Errc code = registered.error().code;
    const bool hopeless = code == Errc::stopped || code == Errc::inconsistent_cluster_id ||
                          code == Errc::invalid_registration || code == Errc::unsupported_version;
    if (hopeless || scope_.shard().now() > deadline) co_return registered;
    log_.debug("registration: {}", describe(registered.error()));
    CO_CHECKED(co_await sleep_for(scope_, kRetryAfter));
  }
  // The controller unfences a broker that has seen its own registration.
  CO_CHECKED(co_await observer_.wait_until(Offset(epoch_.value()).next(), deadline));
  while (true) {
    CO_TRY(const Beat answer, co_await beat(false));
    if (!answer.fenced) break;
    if (scope_.shard().now() > deadline) {
      co_return fail(Errc::deadline_exceeded, "the controller keeps the broker fenced");
    }
    CO_CHECKED(co_await sleep_for(scope_, kRetryAfter));
  }
  co_return Result<>();
}

Task<Result<>> Lifecycle::register_once(const Registration& registration) {
  CO_TRY(const auto response, co_await channel_.broker_registration(request_of(registration)));
  if (const auto error = wire::errc_of(response.error_code)) {
    co_return fail(*error, "the controller refuses the registration");
  }
  epoch_ = BrokerEpoch(response.broker_epoch);
  co_return Result<>();
}

Task<Result<Lifecycle::Beat>> Lifecycle::beat(bool want_shut_down) {
  wire::BrokerHeartbeatRequest request;
  request.broker_id = node_.value();
  request.broker_epoch = epoch_.value();
  request.current_metadata_offset = observer_.published_end().value() - 1;
  request.want_shut_down = want_shut_down;
  CO_TRY(const auto response, co_await channel_.broker_heartbeat(std::move(request)));
  if (const auto error = wire::errc_of(response.error_code)) co_return fail(*error);
  co_return Beat{.fenced = response.is_fenced, .may_stop = response.should_shut_down};
}

Task<void> Lifecycle::keep_alive() {
  while (!leaving_) {
    if (!co_await sleep_for(scope_, settings_.broker_heartbeat_interval)) co_return;
    if (leaving_) co_return;
    const Result<Beat> answer = co_await beat(false);
    if (!answer) {
      if (answer.error().code == Errc::stopped) co_return;
      log_.warn("heartbeat: {}", describe(answer.error()));
    } else if (answer->fenced) {
      log_.warn("the controller has fenced this broker");
    }
  }
}

Task<void> Lifecycle::leave(Deadline deadline) {
  leaving_ = true;
  while (scope_.shard().now() < deadline) {
    const Result<Beat> answer = co_await beat(true);
    if (answer && answer->may_stop) co_return;
    if (!co_await sleep_for(scope_, kRetryAfter)) co_return;
  }
  log_.warn("the controller did not let the broker go in time");
}

}  // namespace partita::broker
