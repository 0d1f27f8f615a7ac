#include "broker/handlers/produce_plan.h"

#include <algorithm>

#include "broker/handlers/topic_names.h"
#include "broker/shard_of.h"

namespace partita::broker {
namespace {

using TopicView = wire::ProduceRequestView::TopicProduceData;
using PartitionView = wire::ProduceRequestView::PartitionProduceData;

constexpr int16_t kFirstWithZstd = 7;
constexpr int16_t kFirstWithTopicIds = 13;
constexpr int16_t kFirstWithAbortable = 11;
constexpr int16_t kFirstThatAddsPartitions = 12;

Result<std::shared_ptr<const metadata::TopicImage>> find_topic(const HandlerContext& context,
                                                               int16_t version,
                                                               const TopicView& view) {
  const metadata::Image& image = *context.here.image();
  if (version >= kFirstWithTopicIds) {
    auto topic = image.topic(view.topic_id);
    if (topic == nullptr) return fail(Errc::unknown_topic_id);
    return topic;
  }
  if (!is_legal_topic_name(view.name)) return fail(Errc::invalid_topic_exception);
  auto topic = image.topic(view.name);
  if (topic == nullptr) return fail(Errc::unknown_topic_or_partition);
  return topic;
}

Result<> check_place(const HandlerContext& context, const ProduceEntry& entry) {
  if (is_internal_topic(entry.topic->name)) return fail(Errc::invalid_topic_exception);
  const auto* partition = entry.topic->partition(PartitionIndex(entry.partition));
  if (partition == nullptr) return fail(Errc::unknown_topic_or_partition);
  if (partition->leader != context.here.self()) return fail(Errc::not_leader_or_follower);
  return {};
}

void plan_entry(const HandlerContext& context, const rpc::Request& request, int16_t acks,
                const PartitionView& view, ProduceEntry& entry) {
  if (const Result<> place = check_place(context, entry); !place) {
    entry.rejection.emplace(place.error());
    return;
  }
  const ByteView data = view.records.value_or(ByteView());
  auto checked = records::check_produced(data, {.zstd_allowed = request.version >= kFirstWithZstd});
  if (!checked) {
    entry.rejection.emplace(std::move(checked).error());
    return;
  }
  entry.transactional = checked->batch.attributes().is_transactional();
  entry.append.emplace(replication::AppendRequest{
      .bytes = request.frame.slice_of(data), .checked = *checked, .acks = acks});
}

/// The same partition twice in one request: neither is appended.
void reject_repeated(std::vector<ProduceEntry>& entries) {
  if (entries.size() < 2) return;
  std::vector<ProduceEntry*> sorted;
  for (ProduceEntry& entry : entries) {
    if (entry.topic != nullptr) sorted.push_back(&entry);
  }
  const auto key = [](const ProduceEntry* e) { return std::pair(e->topic->id, e->partition); };
  std::ranges::sort(sorted, {}, key);
  for (size_t i = 1; i < sorted.size(); i++) {
    if (key(sorted[i - 1]) != key(sorted[i])) continue;
    for (ProduceEntry* entry : {sorted[i - 1], sorted[i]}) {
      entry->append.reset();
      entry->rejection.emplace(Error{Errc::invalid_request, "the partition is named twice"});
    }
  }
}

void reject_all(std::vector<ProduceEntry>& entries, const Error& why) {
  for (ProduceEntry& entry : entries) {
    entry.append.reset();
    entry.rejection.emplace(why);
  }
}

/// One request writes to one transaction, which it names.
void plan_transaction(const wire::ProduceRequestView& body, ProducePlan& plan) {
  for (const ProduceEntry& entry : plan.entries) {
    if (!entry.append || !entry.transactional) continue;
    const records::BatchView& batch = entry.append->checked.batch;
    const coordinators::ProducerTag producer{.id = batch.producer_id(),
                                             .epoch = batch.producer_epoch()};
    if (!body.transactional_id || body.transactional_id->empty()) {
      reject_all(plan.entries, Error{Errc::transactional_id_authorization_failed});
      return;
    }
    if (plan.transaction && plan.transaction->producer != producer) {
      reject_all(plan.entries, Error{Errc::invalid_producer_id_mapping,
                                     "transactional records of more than one producer id"});
      return;
    }
    plan.transaction = {.transactional_id = *body.transactional_id,
                        .producer = producer,
                        .bumps_epoch = body.version >= kFirstThatAddsPartitions};
  }
}

}  // namespace

bool ProducePlan::has_rejection() const {
  return std::ranges::any_of(entries,
                             [](const auto& entry) { return entry.rejection.has_value(); });
}

ProducePlan plan_produce(const HandlerContext& context, const rpc::Request& request,
                         const wire::ProduceRequestView& body) {
  const bool acks_known = body.acks >= -1 && body.acks <= 1;
  ProducePlan plan;
  for (const TopicView& topic_view : body.topic_data) {
    const auto topic = find_topic(context, request.version, topic_view);
    for (const PartitionView& view : topic_view.partition_data) {
      ProduceEntry& entry = plan.entries.emplace_back();
      entry.partition = view.index;
      if (!acks_known) {
        entry.rejection.emplace(Error{Errc::invalid_required_acks});
      } else if (!topic) {
        entry.rejection.emplace(topic.error());
      } else {
        entry.topic = *topic;
        entry.shard =
            shard_of(entry.topic->id, PartitionIndex(view.index), context.services.shards.size());
        plan_entry(context, request, body.acks, view, entry);
      }
    }
  }
  reject_repeated(plan.entries);
  plan.knows_abortable = body.version >= kFirstWithAbortable;
  plan_transaction(body, plan);
  return plan;
}

}  // namespace partita::broker
