// Produce: judge every batch here, hand each to its partition's shard, wait as far as acks asks
// for.

#include <algorithm>

#include "broker/handlers/handlers.h"
#include "broker/handlers/leader_hints.h"
#include "broker/handlers/produce_append.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"

namespace partita::broker {
namespace {

using TopicResponse = wire::ProduceResponse::TopicProduceResponse;
using PartitionResponse = wire::ProduceResponse::PartitionProduceResponse;

Task<void> append_from(HandlerContext& context, BrokerShard& owner, ProducePlan& plan,
                       ProduceWait wait) {
  co_await call_on(context.here.shard(), owner.scope(), [&context, &owner, &plan, wait] {
    return append_on(context.services, owner, plan, wait);
  });
}

Task<void> append_all(HandlerContext& context, ProducePlan& plan, ProduceWait wait) {
  const std::vector<BrokerShard*>& shards = context.services.shards;
  if (shards.size() == 1) {
    co_await append_on(context.services, *shards[0], plan, wait);
    co_return;
  }
  Scope scope(context.here.shard());
  for (BrokerShard* owner : shards) {
    const size_t id = owner->shard().id().value();
    const bool wanted = std::ranges::any_of(
        plan.entries, [id](const ProduceEntry& e) { return e.append && e.shard == id; });
    if (!wanted) continue;
    scope.spawn(append_from(context, *owner, plan, wait));
  }
  co_await scope.join();
}

void fill_rejection(PartitionResponse& out, const records::Rejection& rejection) {
  out.error_code = wire::error_code(rejection.error.code);
  out.base_offset = -1;
  if (!rejection.error.detail.empty()) out.error_message = rejection.error.detail;
  for (const records::RecordFault& fault : rejection.faults) {
    out.record_errors.push_back(
        {.batch_index = fault.batch_index, .batch_index_error_message = fault.message});
  }
}

constexpr int16_t kFirstWithHints = 10;

PartitionResponse partition_response(const HandlerContext& context, int16_t version,
                                     const ProduceEntry& entry) {
  PartitionResponse out{.index = entry.partition};
  if (!entry.rejection) {
    out.base_offset = entry.answer.base_offset.value();
    out.log_append_time_ms = entry.answer.log_append_time.ms();
    out.log_start_offset = entry.answer.log_start_offset.value();
    return out;
  }
  fill_rejection(out, *entry.rejection);
  const bool hint = version >= kFirstWithHints && needs_leader_hint(entry.rejection->error.code);
  if (entry.topic != nullptr && hint) {
    hint_leader(context, *entry.topic, PartitionIndex(entry.partition), out.current_leader);
  }
  return out;
}

wire::ProduceResponse make_response(const HandlerContext& context,
                                    const wire::ProduceRequestView& body, const ProducePlan& plan) {
  wire::ProduceResponse response;
  auto entry = plan.entries.begin();
  response.responses.reserve(body.topic_data.size());
  for (const auto& topic : body.topic_data) {
    TopicResponse& out = response.responses.emplace_back();
    out.name = topic.name;
    out.topic_id = topic.topic_id;
    out.partition_responses.reserve(topic.partition_data.size());
    for (size_t i = 0; i < topic.partition_data.size(); i++, ++entry) {
      out.partition_responses.push_back(partition_response(context, body.version, *entry));
    }
  }
  return response;
}

}  // namespace

Task<rpc::Response> handle_produce(HandlerContext& context, rpc::Request request) {
  const auto body = wire::ProduceRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  ProducePlan plan = plan_produce(context, request, *body);
  const ProduceWait wait{.connection = request.connection->id,
                         .acks = body->acks,
                         .deadline = request.received + from_ms(std::max(body->timeout_ms, 0))};
  co_await append_all(context, plan, wait);
  if (body->acks == 0) {
    // The client hears of an error in no other way.
    if (!plan.has_rejection()) co_return rpc::Response::nothing();
    co_return rpc::Response::closing("a produce request with acks=0 failed");
  }
  wire::ProduceResponse response = make_response(context, *body, plan);
  add_leader_endpoints(context, request, response);
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
