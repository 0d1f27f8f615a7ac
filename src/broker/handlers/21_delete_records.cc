// DeleteRecords (KIP-107): a partition's log begins later from now on. The answer waits until that
// is durable, so that a deleted record does not come back.

#include "broker/handlers/handlers.h"
#include "broker/handlers/topic_names.h"
#include "broker/shard_of.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/delete_records.h"

namespace partita::broker {
namespace {

using PartitionView = wire::DeleteRecordsRequestView::DeleteRecordsPartition;

Task<Result<Offset>> delete_on(BrokerShard& owner,
                               std::shared_ptr<const metadata::TopicImage> topic,
                               PartitionView asked) {
  CO_TRY(replication::Partition * partition,
         owner.partition(*topic, PartitionIndex(asked.partition_index)));
  co_return co_await partition->delete_records(Offset(asked.offset));
}

Task<Result<Offset>> delete_one(HandlerContext& context, std::string_view name,
                                PartitionView asked) {
  const auto topic = context.here.image()->topic(name);
  const PartitionIndex index(asked.partition_index);
  if (topic == nullptr || topic->partition(index) == nullptr) {
    co_return fail(Errc::unknown_topic_or_partition);
  }
  if (is_internal_topic(name)) co_return fail(Errc::invalid_topic_exception);
  if (topic->partition(index)->leader != context.here.self()) {
    co_return fail(Errc::not_leader_or_follower);
  }
  const auto& shards = context.services.shards;
  BrokerShard& owner = *shards[shard_of(topic->id, index, shards.size())];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&] { return delete_on(owner, topic, asked); });
}

}  // namespace

Task<rpc::Response> handle_delete_records(HandlerContext& context, rpc::Request request) {
  const auto body = wire::DeleteRecordsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  constexpr int64_t kNoLowWatermark = -1;
  wire::DeleteRecordsResponse response;
  for (const auto& topic : body->topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const PartitionView& asked : topic.partitions) {
      const Result<Offset> start = co_await delete_one(context, topic.name, asked);
      out.partitions.push_back({.partition_index = asked.partition_index,
                                .low_watermark = start ? start->value() : kNoLowWatermark,
                                .error_code = wire::error_code(start)});
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
