// ListOffsets: the offset of a timestamp, of the ends, or of the largest timestamp.

#include <map>

#include "broker/handlers/handlers.h"
#include "broker/shard_of.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"
#include "wire/messages/list_offsets.h"

namespace partita::broker {
namespace {

using TopicView = wire::ListOffsetsRequestView::ListOffsetsTopic;
using PartitionView = wire::ListOffsetsRequestView::ListOffsetsPartition;
using PartitionResponse = wire::ListOffsetsResponse::ListOffsetsPartitionResponse;
using Listed = replication::Partition::ListedOffset;

/// From which version on each special timestamp is known; others are times from 0 on.
bool is_known_timestamp(int64_t timestamp, int16_t version) {
  constexpr int16_t kSince[] = {0, 0, 7, 8, 9, 11};  // -1, -2, -3, -4, -5, -6
  if (timestamp >= 0) return true;
  return timestamp >= -6 && version >= kSince[-timestamp - 1];
}

Task<Result<Listed>> list_on(BrokerShard& owner, std::shared_ptr<const metadata::TopicImage> topic,
                             PartitionView asked, std::optional<replication::Isolation> isolation) {
  CO_TRY(replication::Partition * partition,
         owner.partition(*topic, PartitionIndex(asked.partition_index)));
  co_return co_await partition->list_offset(asked.timestamp,
                                            LeaderEpoch(asked.current_leader_epoch), isolation);
}

Task<Result<Listed>> list_one(HandlerContext& context, std::string_view name, PartitionView asked,
                              int16_t version, std::optional<replication::Isolation> isolation) {
  if (!is_known_timestamp(asked.timestamp, version)) co_return fail(Errc::unsupported_version);
  const auto topic = context.here.image()->topic(name);
  const PartitionIndex index(asked.partition_index);
  if (topic == nullptr || topic->partition(index) == nullptr) {
    co_return fail(Errc::unknown_topic_or_partition);
  }
  if (topic->partition(index)->leader != context.here.self()) {
    co_return fail(Errc::not_leader_or_follower);
  }
  const auto& shards = context.services.shards;
  BrokerShard& owner = *shards[shard_of(topic->id, index, shards.size())];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&] { return list_on(owner, topic, asked, isolation); });
}

PartitionResponse partition_response(const PartitionView& asked, int16_t version,
                                     const Result<Listed>& listed) {
  PartitionResponse out{.partition_index = asked.partition_index};
  if (!listed) {
    out.error_code = wire::error_code(listed.error().code);
    return out;
  }
  if (version == 0) {
    if (listed->offset >= Offset(0) && asked.max_num_offsets > 0) {
      out.old_style_offsets.push_back(listed->offset.value());
    }
    return out;
  }
  out.timestamp = listed->timestamp.ms();
  out.offset = listed->offset.value();
  constexpr int16_t kFirstWithEpoch = 4;
  if (version >= kFirstWithEpoch) out.leader_epoch = listed->leader_epoch.value();
  return out;
}

}  // namespace

Task<rpc::Response> handle_list_offsets(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ListOffsetsRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  constexpr int32_t kConsumer = -1;
  std::optional<replication::Isolation> isolation;
  if (body->replica_id == kConsumer) {
    isolation = body->isolation_level == 1 ? replication::Isolation::read_committed
                                           : replication::Isolation::read_uncommitted;
  }
  std::map<std::pair<std::string_view, int32_t>, int> times_named;
  for (const TopicView& topic : body->topics) {
    for (const PartitionView& asked : topic.partitions) {
      times_named[{topic.name, asked.partition_index}]++;
    }
  }
  wire::ListOffsetsResponse response;
  for (const TopicView& topic : body->topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (const PartitionView& asked : topic.partitions) {
      const bool repeated = times_named[{topic.name, asked.partition_index}] > 1;
      const Result<Listed> listed =
          repeated ? Result<Listed>(fail(Errc::invalid_request))
                   : co_await list_one(context, topic.name, asked, request.version, isolation);
      out.partitions.push_back(partition_response(asked, request.version, listed));
    }
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
