// Produce: judge every batch here, hand each to its partition's shard, wait as far as acks asks
// for.

#include <list>

#include "broker/handlers/handlers.h"
#include "broker/handlers/leader_hints.h"
#include "broker/handlers/produce_plan.h"
#include "rpc/response_frame.h"
#include "runtime/cross_shard.h"
#include "wire/error_code.h"

namespace partita::broker {
namespace {

using TopicResponse = wire::ProduceResponse::TopicProduceResponse;
using PartitionResponse = wire::ProduceResponse::PartitionProduceResponse;

/// One entry's append on the owning shard.
struct Placed {
  Placed(Executor& executor, ProduceEntry& what, replication::Partition& where)
      : entry(what), use(where), append(executor, *std::exchange(what.append, std::nullopt)) {}

  ProduceEntry& entry;
  replication::Partition::Use use;
  replication::PendingAppend append;
};

Task<void> finish(Placed& placed, int16_t acks, Deadline deadline) {
  replication::AppendOutcome outcome = co_await placed.append.done;
  if (!outcome) {
    placed.entry.rejection.emplace(std::move(outcome).error());
    co_return;
  }
  placed.entry.answer = *outcome;
  const Offset end = outcome->last_offset.next();
  if (acks == 0 || placed.use->is_acknowledged(end, acks)) co_return;
  const Result<> waited = co_await placed.use->acknowledged(end, acks, deadline);
  if (!waited) placed.entry.rejection.emplace(waited.error());
}

/// Runs on the shard of `owner`: every append enters its log, or the queue before it, before this
/// suspends, so that a connection's batches keep their order.
Task<bool> append_on(BrokerShard& owner, std::vector<ProduceEntry>& entries, int16_t acks,
                     Deadline deadline) {
  std::list<Placed> placed;
  const size_t shard = owner.shard().id().value();
  for (ProduceEntry& entry : entries) {
    if (!entry.append || entry.shard != shard) continue;
    const auto partition = owner.partition(*entry.topic, PartitionIndex(entry.partition));
    if (!partition) {
      entry.append.reset();
      entry.rejection.emplace(partition.error());
      continue;
    }
    Placed& one = placed.emplace_back(owner.shard().executor(), entry, **partition);
    (*partition)->start_append(one.append);
  }
  for (Placed& one : placed) co_await finish(one, acks, deadline);
  co_return true;
}

Task<void> append_from(Shard& home, BrokerShard& owner, std::vector<ProduceEntry>& entries,
                       int16_t acks, Deadline deadline) {
  co_await call_on(home, owner.scope(), [&owner, &entries, acks, deadline] {
    return append_on(owner, entries, acks, deadline);
  });
}

Task<void> append_all(HandlerContext& context, std::vector<ProduceEntry>& entries, int16_t acks,
                      Deadline deadline) {
  const std::vector<BrokerShard*>& shards = context.services.shards;
  if (shards.size() == 1) {
    co_await append_on(*shards[0], entries, acks, deadline);
    co_return;
  }
  Scope scope(context.here.shard());
  for (BrokerShard* owner : shards) {
    const size_t id = owner->shard().id().value();
    const bool wanted = std::ranges::any_of(
        entries, [id](const ProduceEntry& e) { return e.append && e.shard == id; });
    if (!wanted) continue;
    scope.spawn(append_from(context.here.shard(), *owner, entries, acks, deadline));
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
  const Deadline deadline = request.received + from_ms(std::max(body->timeout_ms, 0));
  co_await append_all(context, plan.entries, body->acks, deadline);
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
