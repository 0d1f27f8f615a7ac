// Fetch: read what is there; where that is too little, wait for more until the client's patience
// ends.

#include <set>

#include "broker/handlers/fetch_context.h"
#include "broker/handlers/fetch_read.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/leader_hints.h"
#include "broker/shard_of.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"

namespace partita::broker {
namespace {

using TopicResponse = wire::FetchResponse::FetchableTopicResponse;
using PartitionData = wire::FetchResponse::PartitionData;

/// However patient a client says that it is.
constexpr Duration kWaitMax = 5min;

int32_t replica_of(const wire::FetchRequestView& body, int16_t version) {
  constexpr int16_t kFirstWithReplicaState = 15;
  return version >= kFirstWithReplicaState ? body.replica_state.replica_id : body.replica_id;
}

FetchSlot make_slot(const HandlerContext& context, std::list<FetchPartition>::iterator asked,
                    bool by_follower) {
  const metadata::Image& image = *context.here.image();
  FetchSlot slot{.asked = asked};
  const bool by_id = !asked->topic_id.is_zero();
  slot.topic = by_id ? image.topic(asked->topic_id) : image.topic(asked->topic);
  const PartitionIndex index(asked->partition);
  if (by_follower) {
    slot.error = Error{Errc::topic_authorization_failed};  // no other node replicates from here
  } else if (slot.topic == nullptr) {
    slot.error = Error{by_id ? Errc::unknown_topic_id : Errc::unknown_topic_or_partition};
  } else if (slot.topic->partition(index) == nullptr) {
    slot.error = Error{Errc::unknown_topic_or_partition};
  } else if (slot.topic->partition(index)->leader != context.here.self()) {
    slot.error = Error{Errc::not_leader_or_follower};
  } else {
    slot.shard = shard_of(slot.topic->id, index, context.services.shards.size());
  }
  return slot;
}

bool has_news(const FetchSlot& slot) {
  const FetchPartition& told = *slot.asked;
  if (slot.error || slot.answer.diverging || slot.answer.size > 0 || told.told_error) return true;
  return told.told_high_watermark != slot.answer.high_watermark ||
         told.told_log_start != slot.answer.log_start_offset;
}

void remember_told(const FetchSlot& slot) {
  FetchPartition& told = *slot.asked;
  told.told_error = slot.error.has_value();
  told.told_high_watermark = slot.answer.high_watermark;
  told.told_log_start = slot.answer.log_start_offset;
}

constexpr int16_t kFirstWithHints = 12;
constexpr int16_t kFirstWithEndpoints = 16;

PartitionData partition_data(const HandlerContext& context, int16_t version, FetchSlot& slot) {
  PartitionData out{.partition_index = slot.asked->partition};
  if (slot.error) {
    out.error_code = wire::error_code(slot.error->code);
    out.high_watermark = -1;
    out.records.emplace();
    const bool hint = version >= kFirstWithHints && needs_leader_hint(slot.error->code);
    if (slot.topic != nullptr && hint) {
      hint_leader(context, *slot.topic, PartitionIndex(slot.asked->partition), out.current_leader);
    }
    return out;
  }
  out.high_watermark = slot.answer.high_watermark.value();
  out.last_stable_offset = slot.answer.last_stable_offset.value();
  out.log_start_offset = slot.answer.log_start_offset.value();
  if (slot.answer.diverging) {
    out.diverging_epoch.epoch = slot.answer.diverging->epoch.value();
    out.diverging_epoch.end_offset = slot.answer.diverging->end_offset.value();
  }
  out.records = std::move(slot.answer.records);
  return out;
}

std::vector<wire::FetchResponse::AbortedTransaction> aborted_transactions(const FetchSlot& slot) {
  std::vector<wire::FetchResponse::AbortedTransaction> out;
  if (slot.error) return out;
  out.reserve(slot.answer.aborted.size());
  for (const storage::AbortedTxn& txn : slot.answer.aborted) {
    out.push_back(
        {.producer_id = txn.producer_id.value(), .first_offset = txn.first_offset.value()});
  }
  return out;
}

/// The topic's part of the response; neighbours of one topic share it.
TopicResponse& topic_part(wire::FetchResponse& response, const FetchPartition& asked) {
  const bool same = !response.responses.empty() && response.responses.back().topic == asked.topic &&
                    response.responses.back().topic_id == asked.topic_id;
  if (same) return response.responses.back();
  TopicResponse& part = response.responses.emplace_back();
  part.topic = asked.topic;
  part.topic_id = asked.topic_id;
  return part;
}

wire::FetchResponse make_response(const HandlerContext& context, const rpc::Request& request,
                                  FetchContext& fetch, std::vector<FetchSlot>& slots,
                                  replication::Isolation isolation) {
  wire::FetchResponse response;
  response.session_id = fetch.session_id();
  std::set<int32_t> leaders;
  for (FetchSlot& slot : slots) {
    if (fetch.incremental() && !has_news(slot)) continue;
    remember_told(slot);
    if (slot.answer.size > 0) fetch.move_to_back(slot.asked);
    PartitionData data = partition_data(context, request.version, slot);
    if (isolation == replication::Isolation::read_committed) {
      data.aborted_transactions = aborted_transactions(slot);
    }
    if (data.current_leader.leader_id >= 0) leaders.insert(data.current_leader.leader_id);
    topic_part(response, *slot.asked).partitions.push_back(std::move(data));
  }
  if (request.version >= kFirstWithEndpoints) add_endpoints(context, request, leaders, response);
  return response;
}

Task<void> read_enough(HandlerContext& context, const rpc::Request& request,
                       const wire::FetchRequestView& body, std::vector<FetchSlot>& slots,
                       FetchBudget budget) {
  const Duration patience = std::min(from_ms(std::max(body.max_wait_ms, 0)), kWaitMax);
  const Deadline deadline = request.received + patience;
  const auto wanted = std::min(static_cast<size_t>(std::max(body.min_bytes, 0)), budget.bytes_max);
  while (true) {
    const FetchPass pass = co_await read_slots(context, slots, budget);
    if (pass.must_answer || pass.bytes >= wanted || slots.empty()) co_return;
    if (patience == Duration::zero()) co_return;
    if (!co_await wait_for_more(context, *request.patience, slots, budget.isolation, deadline)) {
      co_return;
    }
  }
}

}  // namespace

Task<rpc::Response> handle_fetch(HandlerContext& context, rpc::Request request) {
  const auto body = wire::FetchRequestView::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  auto fetch =
      FetchContext::open(context.here.fetch_sessions(), *body, request.version, request.received);
  if (!fetch) {
    wire::FetchResponse refusal;
    refusal.error_code = wire::error_code(fetch.error().code);
    co_return rpc::reply(request, refusal);
  }
  const bool by_follower = replica_of(*body, request.version) >= 0;
  std::vector<FetchSlot> slots;
  for (auto at = fetch->partitions().begin(); at != fetch->partitions().end(); ++at) {
    slots.push_back(make_slot(context, at, by_follower));
  }
  const FetchBudget budget{.bytes_max = static_cast<size_t>(std::clamp(
                               body->max_bytes, 0, context.here.settings().fetch_bytes_max)),
                           .isolation = body->isolation_level == 1
                                            ? replication::Isolation::read_committed
                                            : replication::Isolation::read_uncommitted};
  co_await read_enough(context, request, *body, slots, budget);
  co_return rpc::reply(request, make_response(context, request, *fetch, slots, budget.isolation));
}

}  // namespace partita::broker
