// DescribeTopicPartitions (KIP-966): topics page by page, with the eligible leader replicas.

#include <algorithm>

#include "broker/handlers/authorized_operations.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/topic_names.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/describe_topic_partitions.h"

namespace partita::broker {
namespace {

using TopicAnswer = wire::DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;
using PartitionAnswer =
    wire::DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponsePartition;

constexpr int32_t kPartitionsMax = 2000;  ///< Kafka's max.request.partition.size.limit

PartitionAnswer describe(const metadata::Image& image, const metadata::PartitionImage& partition,
                         int32_t index) {
  PartitionAnswer out{.partition_index = index};
  const metadata::BrokerImage* leader = image.broker(partition.leader);
  const bool led = leader != nullptr && leader->active();
  out.error_code = led ? wire::kNoError : wire::error_code(Errc::leader_not_available);
  out.leader_id = led ? partition.leader.value() : -1;
  out.leader_epoch = partition.leader_epoch.value();
  out.replica_nodes = partition.replicas.values();
  out.isr_nodes = partition.isr.values();
  out.eligible_leader_replicas = partition.elr.values();
  out.last_known_elr = partition.last_known_elr.values();
  for (const NodeId id : partition.replicas) {
    const metadata::BrokerImage* broker = image.broker(id);
    if (broker == nullptr || !broker->active()) out.offline_replicas.push_back(id.value());
  }
  return out;
}

/// Names in order, from the cursor's on; all topics where none is named.
std::vector<std::string> names_from(const metadata::Image& image,
                                    const wire::DescribeTopicPartitionsRequestView& body) {
  std::vector<std::string> names;
  if (body.topics.empty()) {
    for (const auto& topic : image.topics_sorted_by_name()) names.push_back(topic->name);
  } else {
    for (const auto& asked : body.topics) names.emplace_back(asked.name);
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
  }
  if (body.cursor) {
    std::erase_if(names, [&](const std::string& name) { return name < body.cursor->topic_name; });
  }
  return names;
}

TopicAnswer missing(const std::string& name) {
  const Errc why =
      is_legal_topic_name(name) ? Errc::unknown_topic_or_partition : Errc::invalid_topic_exception;
  return {.error_code = wire::error_code(why), .name = name};
}

}  // namespace

Task<rpc::Response> handle_describe_topic_partitions(HandlerContext& context,
                                                     rpc::Request request) {
  const auto body = wire::DescribeTopicPartitionsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  const metadata::Image& image = *context.here.image();
  int32_t left = std::clamp(body->response_partition_limit, 1, kPartitionsMax);
  wire::DescribeTopicPartitionsResponse response;
  for (const std::string& name : names_from(image, *body)) {
    const auto topic = image.topic(name);
    if (topic == nullptr) {
      if (!body->topics.empty()) response.topics.push_back(missing(name));
      continue;
    }
    const bool resumed = body->cursor && body->cursor->topic_name == name;
    auto index = resumed ? static_cast<size_t>(std::max(body->cursor->partition_index, 0)) : 0;
    if (left > 0) {
      TopicAnswer& out = response.topics.emplace_back();
      out.name = name;
      out.topic_id = topic->id;
      out.is_internal = is_internal_topic(name);
      out.topic_authorized_operations = kTopicOperations;
      for (; index < topic->partitions.size() && left > 0; index++, left--) {
        out.partitions.push_back(
            describe(image, topic->partitions[index], static_cast<int32_t>(index)));
      }
    }
    if (index < topic->partitions.size()) {
      response.next_cursor.emplace();
      response.next_cursor->topic_name = name;
      response.next_cursor->partition_index = static_cast<int32_t>(index);
      break;
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
