// ListPartitionReassignments: partitions whose replicas are on the move, as the image has them.

#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/list_partition_reassignments.h"

namespace partita::broker {
namespace {

using TopicAnswer = wire::ListPartitionReassignmentsResponse::OngoingTopicReassignment;

void add_if_moving(const metadata::TopicImage& topic, int32_t index, TopicAnswer& out) {
  const metadata::PartitionImage* partition = topic.partition(PartitionIndex(index));
  if (partition == nullptr) return;
  if (partition->adding_replicas.empty() && partition->removing_replicas.empty()) return;
  out.partitions.push_back({.partition_index = index,
                            .replicas = partition->replicas.values(),
                            .adding_replicas = partition->adding_replicas.values(),
                            .removing_replicas = partition->removing_replicas.values()});
}

}  // namespace

Task<rpc::Response> handle_list_partition_reassignments(HandlerContext& context,
                                                        rpc::Request request) {
  const auto body =
      wire::ListPartitionReassignmentsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::ListPartitionReassignmentsResponse response;
  const metadata::Image& image = *context.here.image();
  const auto add = [&response](TopicAnswer answer) {
    if (!answer.partitions.empty()) response.topics.push_back(std::move(answer));
  };
  if (!body->topics) {
    for (const auto& topic : image.topics_sorted_by_name()) {
      TopicAnswer answer{.name = topic->name};
      for (size_t i = 0; i < topic->partitions.size(); i++) {
        add_if_moving(*topic, static_cast<int32_t>(i), answer);
      }
      add(std::move(answer));
    }
    co_return rpc::reply(request, response);
  }
  for (const auto& asked : *body->topics) {
    const auto topic = image.topic(asked.name);
    if (topic == nullptr) continue;
    TopicAnswer answer{.name = topic->name};
    for (const int32_t index : asked.partition_indexes) add_if_moving(*topic, index, answer);
    add(std::move(answer));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
