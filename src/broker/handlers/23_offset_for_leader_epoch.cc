// OffsetForLeaderEpoch (KIP-101, KIP-320): where a leader epoch ended in the leader's log.

#include "broker/handlers/handlers.h"
#include "broker/shard_of.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/offset_for_leader_epoch.h"

namespace partita::broker {
namespace {

using PartitionView = wire::OffsetForLeaderEpochRequestView::OffsetForLeaderPartition;
using EpochEnd = storage::PartitionLog::EpochEnd;

Task<Result<EpochEnd>> look_up_on(BrokerShard& owner,
                                  std::shared_ptr<const metadata::TopicImage> topic,
                                  PartitionView asked) {
  CO_TRY(replication::Partition * partition,
         owner.partition(*topic, PartitionIndex(asked.partition)));
  co_return co_await partition->end_offset_for_epoch(LeaderEpoch(asked.leader_epoch),
                                                     LeaderEpoch(asked.current_leader_epoch));
}

Task<Result<EpochEnd>> look_up(HandlerContext& context, std::string_view name,
                               PartitionView asked) {
  const auto topic = context.here.image()->topic(name);
  const PartitionIndex index(asked.partition);
  if (topic == nullptr || topic->partition(index) == nullptr) {
    co_return fail(Errc::unknown_topic_or_partition);
  }
  if (topic->partition(index)->leader != context.here.self()) {
    co_return fail(Errc::not_leader_or_follower);
  }
  const auto& shards = context.services.shards;
  BrokerShard& owner = *shards[shard_of(topic->id, index, shards.size())];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&] { return look_up_on(owner, topic, asked); });
}

}  // namespace

Task<rpc::Response> handle_offset_for_leader_epoch(HandlerContext& context, rpc::Request request) {
  const auto body = wire::OffsetForLeaderEpochRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::OffsetForLeaderEpochResponse response;
  for (const auto& topic : body->topics) {
    auto& out = response.topics.emplace_back();
    out.topic = topic.topic;
    for (const PartitionView& asked : topic.partitions) {
      const Result<EpochEnd> end = co_await look_up(context, topic.topic, asked);
      auto& answer = out.partitions.emplace_back();
      answer.partition = asked.partition;
      answer.error_code = wire::error_code(end);
      if (!end) continue;
      answer.leader_epoch = end->epoch.value();
      answer.end_offset = end->end_offset.value();
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
