// FindCoordinator: the leader of the internal topic's partition that keeps a group or a
// transactional id. The topic is made when somebody first asks.

#include "broker/controller_link.h"
#include "broker/handlers/handlers.h"
#include "broker/internal_topics.h"
#include "coordinators/record.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/find_coordinator.h"

namespace partita::broker {
namespace {

using Coordinator = wire::FindCoordinatorResponse::Coordinator;

constexpr int8_t kGroup = 0;
constexpr int8_t kTransaction = 1;
constexpr int16_t kFirstBatched = 4;
/// Keys of one request.
constexpr size_t kKeysMax = 10'000;

Coordinator refusal(std::string_view key, Errc why, std::string words) {
  return {.key = std::string(key),
          .node_id = -1,
          .port = -1,
          .error_code = wire::error_code(why),
          .error_message = std::move(words)};
}

Coordinator unavailable(std::string_view key) {
  return refusal(key, Errc::coordinator_not_available, "The coordinator is not available.");
}

/// Returns when the image has the topic, or when that could not be had.
Task<bool> make_topic(HandlerContext& context, std::string_view topic) {
  ControllerLink& link = context.services.controller;
  const size_t alive = brokers_alive(*context.here.image());
  wire::CreateTopicsRequest request =
      internal_topic_request(topic, context.services.settings, alive);
  const auto response = co_await call_on(context.here.shard(), link.scope(), [&link, &request] {
    return link.create_topics(std::move(request));
  });
  for (const auto& made : response.topics) {
    const auto error = wire::errc_of(made.error_code);
    if (!error || *error == Errc::topic_already_exists) continue;
    context.log.warn("cannot create topic {}: {}", topic, made.error_message.value_or(""));
  }
  co_return true;
}

Coordinator find(const HandlerContext& context, const rpc::Request& request, std::string_view topic,
                 std::string_view key) {
  const metadata::Image& image = *context.here.image();
  const auto found = image.topic(topic);
  if (found == nullptr || found->partitions.empty()) return unavailable(key);
  const auto count = static_cast<int32_t>(found->partitions.size());
  const metadata::PartitionImage* partition =
      found->partition(coordinators::partition_for_key(key, count));
  const metadata::BrokerImage* leader = image.broker(partition->leader);
  if (leader == nullptr || !leader->active()) return unavailable(key);
  const metadata::Endpoint* at = leader->endpoint(request.connection->listener_name);
  if (at == nullptr) return unavailable(key);
  return {
      .key = std::string(key), .node_id = leader->id.value(), .host = at->host, .port = at->port};
}

wire::FindCoordinatorResponse single(Coordinator found) {
  wire::FindCoordinatorResponse response;
  response.error_code = found.error_code;
  response.error_message = std::move(found.error_message);
  if (response.error_code == wire::kNoError) response.error_message = "NONE";
  response.node_id = found.node_id;
  response.host = std::move(found.host);
  response.port = found.port;
  return response;
}

}  // namespace

Task<rpc::Response> handle_find_coordinator(HandlerContext& context, rpc::Request request) {
  const auto body = wire::FindCoordinatorRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const bool batched = request.version >= kFirstBatched;
  const bool known = body->key_type == kGroup || body->key_type == kTransaction;
  if (!known || (batched && body->coordinator_keys.size() > kKeysMax)) {
    const std::string words = known ? "Too many keys." : "This coordinator type is not served.";
    wire::FindCoordinatorResponse response;
    if (!batched) {
      response = single(refusal(body->key, Errc::invalid_request, words));
    } else if (known) {
      co_return close_malformed(request, Error{Errc::malformed, words});
    } else {
      for (const std::string_view key : body->coordinator_keys) {
        response.coordinators.push_back(refusal(key, Errc::invalid_request, words));
      }
    }
    co_return rpc::reply(request, response);
  }
  const std::string_view topic = body->key_type == kGroup ? kOffsetsTopic : kTransactionsTopic;
  const bool asks = !batched || !body->coordinator_keys.empty();
  if (asks && context.here.image()->topic(topic) == nullptr) {
    co_await make_topic(context, topic);
  }
  if (!batched) co_return rpc::reply(request, single(find(context, request, topic, body->key)));
  wire::FindCoordinatorResponse response;
  for (const std::string_view key : body->coordinator_keys) {
    response.coordinators.push_back(find(context, request, topic, key));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
