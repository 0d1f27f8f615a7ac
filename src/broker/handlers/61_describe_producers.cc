// DescribeProducers (KIP-664): who has produced to a partition, and which transactions are open
// there: what an operator goes by who looks for one that hangs.

#include "broker/handlers/handlers.h"
#include "broker/shard_of.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/describe_producers.h"

namespace partita::broker {
namespace {

using Producers = std::vector<storage::ProducerSnapshotEntry>;
using PartitionAnswer = wire::DescribeProducersResponse::PartitionResponse;

Task<Result<Producers>> describe_on(BrokerShard& owner,
                                    std::shared_ptr<const metadata::TopicImage> topic,
                                    PartitionIndex index) {
  CO_TRY(replication::Partition * partition, owner.partition(*topic, index));
  co_return co_await partition->describe_producers();
}

Task<Result<Producers>> describe_one(HandlerContext& context, std::string_view name,
                                     PartitionIndex index) {
  const auto topic = context.here.image()->topic(name);
  if (topic == nullptr || topic->partition(index) == nullptr) {
    co_return fail(Errc::unknown_topic_or_partition);
  }
  if (topic->partition(index)->leader != context.here.self()) {
    co_return fail(Errc::not_leader_or_follower);
  }
  const auto& shards = context.services.shards;
  BrokerShard& owner = *shards[shard_of(topic->id, index, shards.size())];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&] { return describe_on(owner, topic, index); });
}

PartitionAnswer partition_answer(int32_t index, const Result<Producers>& producers) {
  PartitionAnswer out{.partition_index = index, .error_code = wire::error_code(producers)};
  if (!producers) {
    if (!producers.error().detail.empty()) out.error_message = producers.error().detail;
    return out;
  }
  out.active_producers.reserve(producers->size());
  for (const storage::ProducerSnapshotEntry& producer : *producers) {
    out.active_producers.push_back(
        {.producer_id = producer.producer_id.value(),
         .producer_epoch = producer.producer_epoch.value(),
         .last_sequence = producer.last_sequence,
         .last_timestamp = producer.timestamp.ms(),
         .coordinator_epoch = producer.coordinator_epoch,
         .current_txn_start_offset = producer.current_txn_first_offset.value()});
  }
  return out;
}

}  // namespace

Task<rpc::Response> handle_describe_producers(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DescribeProducersRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::DescribeProducersResponse response;
  for (const auto& topic : body->topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const int32_t index : topic.partition_indexes) {
      const auto producers = co_await describe_one(context, topic.name, PartitionIndex(index));
      out.partitions.push_back(partition_answer(index, producers));
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
