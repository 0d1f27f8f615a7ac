// OffsetFetch: how far groups have read.

#include <algorithm>
#include <utility>

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/offset_fetch.h"

namespace partita::broker {
namespace {

using AskedGroup = wire::OffsetFetchRequest::OffsetFetchRequestGroup;
using AskedTopic = wire::OffsetFetchRequest::OffsetFetchRequestTopics;
using AnsweredGroup = wire::OffsetFetchResponse::OffsetFetchResponseGroup;
using AnsweredTopic = wire::OffsetFetchResponse::OffsetFetchResponseTopics;

constexpr int16_t kGroupErrorsFrom = 2;
constexpr int16_t kManyGroupsFrom = 8;
constexpr int16_t kTopicIdsFrom = 10;

/// An answer with this error for every partition asked for.
AnsweredTopic refuse_topic(const AskedTopic& topic, int16_t error_code) {
  AnsweredTopic out;
  out.name = topic.name;
  out.topic_id = topic.topic_id;
  for (const int32_t index : topic.partition_indexes) {
    out.partitions.push_back({.partition_index = index,
                              .committed_offset = -1,
                              .committed_leader_epoch = -1,
                              .metadata = "",
                              .error_code = error_code});
  }
  return out;
}

/// The error of a whole group, where the version has one; else its partitions'.
AnsweredGroup refuse_group(const AskedGroup& asked, int16_t error_code, int16_t version) {
  AnsweredGroup out;
  out.group_id = asked.group_id;
  if (version >= kGroupErrorsFrom) {
    out.error_code = error_code;
    return out;
  }
  if (!asked.topics) return out;
  for (const AskedTopic& topic : *asked.topics) {
    out.topics.push_back(refuse_topic(topic, error_code));
  }
  return out;
}

/// Older consumers know coordinator_not_available as the end; not_coordinator makes them look
/// again.
int16_t code_for_clients(Errc code) {
  return wire::error_code(code == Errc::coordinator_not_available ? Errc::not_coordinator : code);
}

/// Gives topics the name or id that the request lacks; of those that nobody knows by their id
/// answers are left instead.
std::vector<AnsweredTopic> resolve_topics(const metadata::Image& image, bool by_id,
                                          std::vector<AskedTopic>& topics) {
  std::vector<AnsweredTopic> refused;
  for (AskedTopic& topic : std::exchange(topics, {})) {
    const auto found = by_id ? image.topic(topic.topic_id) : image.topic(topic.name);
    if (found == nullptr && by_id) {
      refused.push_back(refuse_topic(topic, wire::error_code(Errc::unknown_topic_id)));
      continue;
    }
    if (found != nullptr) {
      topic.name = found->name;
      topic.topic_id = found->id;
    }
    topics.push_back(std::move(topic));
  }
  return refused;
}

/// All that a group has, for a client that knows topics by their ids.
void add_topic_ids(const metadata::Image& image, std::vector<AnsweredTopic>& topics) {
  std::erase_if(topics, [&](AnsweredTopic& topic) {
    const auto found = image.topic(topic.name);
    if (found != nullptr) topic.topic_id = found->id;
    return found == nullptr;
  });
}

Task<AnsweredGroup> fetch_group(HandlerContext& context, AskedGroup asked, bool require_stable,
                                int16_t version) {
  const auto image = context.here.image();
  const bool by_id = version >= kTopicIdsFrom;
  std::vector<AnsweredTopic> refused;
  if (asked.topics) refused = resolve_topics(*image, by_id, *asked.topics);
  auto said = co_await on_group(context, asked.group_id,
                                [&](GroupMachine& machine, Now, GroupMachine::Effects&) {
                                  return machine.fetch_offsets(asked, require_stable);
                                });
  int16_t error = wire::kNoError;
  if (!said) error = code_for_clients(said.error().code);
  if (said && said->error_code != wire::kNoError) error = said->error_code;
  if (error != wire::kNoError) co_return refuse_group(asked, error, version);
  if (!asked.topics && by_id) add_topic_ids(*image, said->topics);
  std::ranges::move(refused, std::back_inserter(said->topics));
  co_return *std::move(said);
}

/// The group of a request before version 8, as one of version 8.
AskedGroup only_group(wire::OffsetFetchRequest& request) {
  AskedGroup out;
  out.group_id = std::move(request.group_id);
  if (!request.topics) {
    out.topics.reset();
    return out;
  }
  out.topics.emplace();
  for (auto& topic : *request.topics) {
    AskedTopic& one = out.topics->emplace_back();
    one.name = std::move(topic.name);
    one.partition_indexes = std::move(topic.partition_indexes);
  }
  return out;
}

void answer_only_group(AnsweredGroup group, wire::OffsetFetchResponse& response) {
  response.error_code = group.error_code;
  for (AnsweredTopic& topic : group.topics) {
    auto& out = response.topics.emplace_back();
    out.name = std::move(topic.name);
    for (auto& partition : topic.partitions) {
      out.partitions.push_back({.partition_index = partition.partition_index,
                                .committed_offset = partition.committed_offset,
                                .committed_leader_epoch = partition.committed_leader_epoch,
                                .metadata = std::move(partition.metadata),
                                .error_code = partition.error_code});
    }
  }
}

}  // namespace

Task<rpc::Response> handle_offset_fetch(HandlerContext& context, rpc::Request request) {
  const auto body = wire::OffsetFetchRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::OffsetFetchRequest asked = materialise(*body);
  wire::OffsetFetchResponse response;
  if (request.version < kManyGroupsFrom) {
    answer_only_group(
        co_await fetch_group(context, only_group(asked), asked.require_stable, request.version),
        response);
    co_return rpc::reply(request, response);
  }
  for (AskedGroup& group : asked.groups) {
    response.groups.push_back(
        co_await fetch_group(context, std::move(group), asked.require_stable, request.version));
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
