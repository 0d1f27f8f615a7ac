// Metadata: brokers and topics as the image has them; topics that are missing are made where the
// client and the settings allow it, and answered when this broker can serve them.

#include <algorithm>

#include "broker/controller_link.h"
#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/topic_names.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/metadata.h"

namespace partita::broker {
namespace {

using TopicResponse = wire::MetadataResponse::MetadataResponseTopic;
using PartitionResponse = wire::MetadataResponse::MetadataResponsePartition;
using TopicPtr = std::shared_ptr<const metadata::TopicImage>;

constexpr int16_t kFirstWithNull = 1;
constexpr int16_t kFirstWithNullName = 12;
/// Topics that one request may bring into being.
constexpr size_t kAutoCreatedMax = 1000;

std::vector<int32_t> node_ids(const metadata::NodeList& nodes) {
  std::vector<int32_t> ids;
  for (const NodeId id : nodes) ids.push_back(id.value());
  return ids;
}

PartitionResponse partition_response(const metadata::Image& image,
                                     const metadata::PartitionImage& partition, int32_t index,
                                     const std::string& listener) {
  PartitionResponse out{.partition_index = index};
  out.replica_nodes = node_ids(partition.replicas);
  out.isr_nodes = node_ids(partition.isr);
  for (const NodeId id : partition.replicas) {
    const metadata::BrokerImage* broker = image.broker(id);
    if (broker == nullptr || !broker->active()) out.offline_replicas.push_back(id.value());
  }
  out.leader_epoch = partition.leader_epoch.value();
  const metadata::BrokerImage* leader = image.broker(partition.leader);
  if (leader == nullptr || !leader->active()) {
    out.error_code = wire::error_code(Errc::leader_not_available);
    out.leader_id = -1;
  } else if (leader->endpoint(listener) == nullptr) {
    out.error_code = wire::error_code(Errc::listener_not_found);
    out.leader_id = -1;
  } else {
    out.leader_id = partition.leader.value();
  }
  return out;
}

TopicResponse topic_response(const metadata::Image& image, const metadata::TopicImage& topic,
                             const std::string& listener, bool with_operations) {
  TopicResponse out;
  out.name = topic.name;
  out.topic_id = topic.id;
  out.is_internal = is_internal_topic(topic.name);
  out.partitions.reserve(topic.partitions.size());
  for (size_t i = 0; i < topic.partitions.size(); i++) {
    out.partitions.push_back(
        partition_response(image, topic.partitions[i], static_cast<int32_t>(i), listener));
  }
  if (with_operations) out.topic_authorized_operations = kTopicOperations;
  return out;
}

TopicResponse missing_topic(std::string_view name, const TopicId& id, Errc why, int16_t version) {
  TopicResponse out;
  out.error_code = wire::error_code(why);
  if (!id.is_zero() && version >= kFirstWithNullName) {
    out.name = std::nullopt;
  } else {
    out.name = std::string(name);
  }
  out.topic_id = id;
  return out;
}

/// Names that are asked for and missing, and that may be made.
std::vector<std::string> names_to_create(const metadata::Image& image,
                                         const wire::MetadataRequestView& body) {
  std::vector<std::string> names;
  if (!body.topics) return names;
  for (const auto& topic : *body.topics) {
    if (!topic.name || !topic.topic_id.is_zero()) continue;
    if (!is_legal_topic_name(*topic.name) || image.topic(*topic.name) != nullptr) continue;
    if (is_internal_topic(*topic.name)) continue;
    names.emplace_back(*topic.name);
    if (names.size() == kAutoCreatedMax) break;
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

Task<void> create_missing(HandlerContext& context, const wire::MetadataRequestView& body,
                          Instant received) {
  if (!context.services.settings.auto_create_topics || !body.allow_auto_topic_creation) co_return;
  std::vector<std::string> names = names_to_create(*context.here.image(), body);
  if (names.empty()) co_return;
  ControllerLink& link = context.services.controller;
  const Deadline deadline = received + 30s;
  co_await call_on(context.here.shard(), link.scope(),
                   [&link, &names, deadline] { return link.auto_create(names, deadline); });
}

TopicResponse asked_topic(const HandlerContext& context,
                          const wire::MetadataRequestView::MetadataRequestTopic& asked,
                          const std::string& listener, const wire::MetadataRequestView& body,
                          int16_t version) {
  const metadata::Image& image = *context.here.image();
  const std::string_view name = asked.name.value_or("");
  const bool by_id = !asked.topic_id.is_zero();
  const TopicPtr topic = by_id ? image.topic(asked.topic_id) : image.topic(name);
  if (topic != nullptr) {
    return topic_response(image, *topic, listener, body.include_topic_authorized_operations);
  }
  Errc why = by_id ? Errc::unknown_topic_id : Errc::unknown_topic_or_partition;
  if (!by_id && !is_legal_topic_name(name)) why = Errc::invalid_topic_exception;
  return missing_topic(name, asked.topic_id, why, version);
}

void add_topics(const HandlerContext& context, const wire::MetadataRequestView& body,
                const std::string& listener, int16_t version, wire::MetadataResponse& response) {
  const bool all = !body.topics || (version < kFirstWithNull && body.topics->empty());
  const metadata::Image& image = *context.here.image();
  if (!all) {
    for (const auto& asked : *body.topics) {
      response.topics.push_back(asked_topic(context, asked, listener, body, version));
    }
    return;
  }
  response.topics.reserve(image.topic_count());
  for (const TopicPtr& topic : image.topics_sorted_by_name()) {
    response.topics.push_back(
        topic_response(image, *topic, listener, body.include_topic_authorized_operations));
  }
}

}  // namespace

Task<rpc::Response> handle_metadata(HandlerContext& context, rpc::Request request) {
  const auto body = wire::MetadataRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  co_await create_missing(context, *body, request.received);
  const std::string& listener = request.connection->listener_name;
  wire::MetadataResponse response;
  for (const auto& [id, broker] : context.here.image()->brokers()) {
    const metadata::Endpoint* at = broker.endpoint(listener);
    if (at == nullptr || !broker.active()) continue;
    response.brokers.push_back(
        {.node_id = id.value(), .host = at->host, .port = at->port, .rack = broker.rack});
  }
  response.cluster_id = context.services.cluster_id;
  response.controller_id = context.here.self().value();
  if (body->include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  add_topics(context, *body, listener, request.version, response);
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
