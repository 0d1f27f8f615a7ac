#include "broker/broker.h"

#include <algorithm>

#include "base/check.h"
#include "broker/maintenance.h"
#include "broker/shard_of.h"
#include "metadata/features.h"
#include "runtime/cross_shard.h"

namespace partita::broker {
namespace {

constexpr const char* kSecurityProtocol = "PLAINTEXT";

rpc::ServerSettings server_settings(const Settings& settings, size_t shards) {
  const auto share = [shards](int32_t whole) {
    const auto count = static_cast<size_t>(whole);
    return whole == INT32_MAX ? SIZE_MAX : (count + shards - 1) / shards;
  };
  rpc::ServerSettings out;
  out.frame_bytes_max = static_cast<size_t>(settings.request_bytes_max);
  out.idle_max = settings.connections_idle_max;
  out.connections_max = share(settings.connections_max);
  out.connections_per_ip_max = share(settings.connections_max_per_ip);
  return out;
}

std::vector<wire::BrokerRegistrationRequest::Feature> registered_features() {
  std::vector<wire::BrokerRegistrationRequest::Feature> features;
  for (const auto& [name, range] : metadata::supported_features()) {
    features.push_back(
        {.name = name, .min_supported_version = range.min, .max_supported_version = range.max});
  }
  return features;
}

}  // namespace

Broker::Broker(std::vector<Shard*> shards, const Settings& settings, BrokerOptions options,
               storage::LogDirectory& directory, metadata::ControllerChannel& channel, Log log)
    : shards_(std::move(shards)),
      settings_(settings),
      options_(std::move(options)),
      directory_(directory),
      log_(log),
      incarnation_(shards_.front()->random().uuid()),
      scope_(*shards_.front()) {
  CHECK(settings_.node_id == options_.node.value());
  link_ = std::make_unique<ControllerLink>(scope_, channel, settings_, options_.node, log_);
  services_ = std::make_unique<Services>(
      Services{settings_, options_.node, options_.cluster_id, {}, *link_});
  for (Shard* shard : shards_) {
    auto& part = parts_.emplace_back(std::make_unique<Part>(*shard));
    part->state = std::make_unique<BrokerShard>(part->scope, settings_, options_.node, directory_,
                                                shards_.size(), log_);
    services_->shards.push_back(part->state.get());
    part->coordinators = std::make_unique<Coordinators>(*part->state, *services_, log_);
    services_->coordinators.push_back(part->coordinators.get());
  }
  for (auto& part : parts_) {
    part->dispatch = std::make_unique<Dispatch>(HandlerContext{*part->state, *services_, log_},
                                                settings_.old_versions);
    part->server = std::make_unique<rpc::Server>(part->scope.shard(),
                                                 server_settings(settings_, shards_.size()),
                                                 *part->dispatch, log_.in("rpc"));
  }
  observer_ = std::make_unique<MetadataObserver>(scope_, channel, *this, options_.node, log_);
  lifecycle_ = std::make_unique<Lifecycle>(scope_, channel, *observer_, settings_, log_);
}

Broker::~Broker() = default;

Task<Result<>> Broker::start(std::vector<storage::FoundPartition> found) {
  found_ = std::move(found);
  scope_.spawn(follow_metadata());
  // A port that the system chooses must be known before it can be told to anyone.
  const bool choose_ports = std::ranges::any_of(
      settings_.listeners, [](const ListenerAddress& one) { return one.port == 0; });
  if (choose_ports) CO_CHECKED(co_await listen());
  CO_CHECKED(co_await register_broker());
  CO_CHECKED(co_await on_every_shard([this](Part& part) -> Task<Result<>> {
    return [](Part& here, Log log) -> Task<Result<>> {
      start_maintenance(*here.state, log);
      co_return Result<>();
    }(part, log_);
  }));
  if (!choose_ports) CO_CHECKED(co_await listen());
  scope_.spawn(lifecycle_->keep_alive());
  co_return Result<>();
}

Task<void> Broker::follow_metadata() {
  const Result<> followed = co_await observer_->follow();
  if (followed || followed.error().code == Errc::stopped) co_return;
  failure_ = followed.error();
  log_.error("the metadata log cannot be followed: {}", describe(*failure_));
}

Task<Result<>> Broker::register_broker() {
  Registration registration{.node = options_.node,
                            .cluster_id = options_.cluster_id,
                            .incarnation = incarnation_,
                            .directory = options_.directory_id,
                            .advertised = advertised(),
                            .features = registered_features(),
                            .rack = settings_.rack};
  if (const auto clean = directory_.clean_shutdown_epoch()) registration.previous_epoch = *clean;
  CO_CHECKED(co_await lifecycle_->start(std::move(registration)));
  link_->set_broker_epoch(lifecycle_->epoch());
  co_return Result<>();
}

std::vector<ListenerAddress> Broker::advertised() const {
  std::vector<ListenerAddress> told;
  for (const ListenerAddress& listener : settings_.listeners) {
    const auto named =
        std::ranges::find(settings_.advertised_listeners, listener.name, &ListenerAddress::name);
    ListenerAddress one = named == settings_.advertised_listeners.end() ? listener : *named;
    if (one.host.empty()) one.host = options_.host_name;
    if (one.port == 0) one.port = bound_port(listener.name);
    told.push_back(std::move(one));
  }
  return told;
}

uint16_t Broker::bound_port(const std::string& listener) const {
  const auto bound = std::ranges::find(bindings_, listener, &Binding::listener);
  return bound == bindings_.end() ? 0 : bound->at.front().port;
}

Task<void> Broker::image_changed(std::shared_ptr<const metadata::Image> image,
                                 const metadata::Changes& changes) {
  const metadata::BrokerImage* self = image->broker(options_.node);
  if (!sorted_ && self != nullptr && self->incarnation == incarnation_) sort_found(*image);
  const auto published = co_await on_every_shard([&image, &changes](Part& part) {
    return [](Part& here, std::shared_ptr<const metadata::Image> now,
              const metadata::Changes& what) -> Task<Result<>> {
      co_await here.coordinators->leave(*now);
      co_await here.state->publish(std::move(now), what);
      here.coordinators->enter();
      co_return Result<>();
    }(part, image, changes);
  });
  CHECK(published.has_value());
  link_->published(std::move(image));
}

void Broker::sort_found(const metadata::Image& image) {
  // The image shows this very start: it has every topic whose files may lie here.
  sorted_ = true;
  std::vector<std::vector<storage::FoundPartition>> by_shard(parts_.size());
  for (storage::FoundPartition& found : found_) {
    const auto topic = image.topic(found.name.topic);
    const TopicId id = topic != nullptr ? topic->id : found.topic_id;
    by_shard[shard_of(id, found.name.partition, parts_.size())].push_back(std::move(found));
  }
  found_.clear();
  for (size_t i = 0; i < parts_.size(); i++) parts_[i]->state->take_found(std::move(by_shard[i]));
}

Task<Result<>> Broker::listen() {
  for (const ListenerAddress& listener : settings_.listeners) {
    CO_TRY(std::vector<Endpoint> addresses, co_await addresses_of(*shards_.front(), listener));
    std::optional<Binding> first;
    for (auto& part : parts_) {
      if (first) addresses = first->at;
      const auto bind = [&]() -> Task<Result<Binding>> {
        return [](Part& here, std::string name, std::vector<Endpoint> at,
                  bool shared) -> Task<Result<Binding>> {
          co_return bind_listener(*here.server, name, at, shared);
        }(*part, listener.name, addresses, parts_.size() > 1);
      };
      CO_TRY(Binding binding, co_await call_on(*shards_.front(), part->scope, bind));
      if (!first) first = std::move(binding);
    }
    if (std::ranges::any_of(first->at, is_beyond_loopback)) {
      log_.warn(
          "listener {} is reachable from other machines and has no encryption ({}): anyone "
          "who can connect may read and write",
          first->listener, kSecurityProtocol);
    }
    bindings_.push_back(std::move(*first));
  }
  co_return Result<>();
}

Task<Result<>> Broker::on_every_shard(std::function<Task<Result<>>(Part&)> work) {
  Result<> first;
  for (auto& part : parts_) {
    const Result<> done =
        co_await call_on(*shards_.front(), part->scope, [&work, &part] { return work(*part); });
    if (!done && first) first = done;
  }
  co_return first;
}

Task<Result<>> Broker::stop(Deadline deadline) {
  co_await lifecycle_->leave(deadline);
  CO_CHECKED(co_await stop_serving(deadline));
  const Result<> closed = co_await on_every_shard([](Part& part) {
    return [](Part& here) -> Task<Result<>> {
      CO_CHECKED(co_await here.state->logs().close_cleanly());
      CO_CHECKED(co_await here.state->logs().write_checkpoints());
      co_return co_await here.state->logs().write_high_watermarks();
    }(part);
  });
  co_return closed;
}

Task<void> Broker::abandon() {
  const Instant now = scope_.shard().now();
  const Result<> closed = co_await on_every_shard([](Part& part) {
    return [](Part& here) -> Task<Result<>> {
      here.scope.close();
      co_return Result<>();
    }(part);
  });
  CHECK(closed.has_value());
  const Result<> stopped = co_await stop_serving(now);
  CHECK(stopped.has_value());
}

Task<Result<>> Broker::stop_serving(Deadline deadline) {
  // Connections of every shard first: their requests may be for partitions of any.
  CO_CHECKED(co_await on_every_shard([deadline](Part& part) {
    return [](Part& here, Deadline until) -> Task<Result<>> {
      co_await here.server->stop(until);
      co_return Result<>();
    }(part, deadline);
  }));
  co_return co_await on_every_shard([](Part& part) {
    return [](Part& here) -> Task<Result<>> {
      co_await here.coordinators->stop();
      co_await here.state->retire_all();
      co_return Result<>();
    }(part);
  });
}

Task<void> Broker::end() {
  scope_.close();
  co_await scope_.join();
  const Result<> ended = co_await on_every_shard([](Part& part) {
    return [](Part& here) -> Task<Result<>> {
      here.scope.close();
      co_return Result<>();
    }(part);
  });
  CHECK(ended.has_value());
  for (auto& part : parts_) {
    co_await call_on(*shards_.front(), part->joining, [&part]() -> Task<bool> {
      return [](Scope& scope) -> Task<bool> {
        co_await scope.join();
        co_return true;
      }(part->scope);
    });
  }
}

}  // namespace partita::broker
