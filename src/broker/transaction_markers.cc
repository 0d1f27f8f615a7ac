#include "broker/transaction_markers.h"

#include <algorithm>

#include "broker/coordinators.h"
#include "broker/internal_topics.h"
#include "broker/shard_of.h"
#include "runtime/cross_shard.h"

namespace partita::broker {
namespace {

using coordinators::MarkerOrder;
using coordinators::TransactionPartitions;
using coordinators::TransactionRelease;

constexpr Duration kTryFor = 30s;  ///< Kafka's request.timeout.ms
constexpr Duration kFirstPause = 20ms;
constexpr Duration kLongestPause = 1s;
/// Markers of one order under way at once.
constexpr size_t kAtOnceMax = 256;

Task<Result<>> write_on(BrokerShard& owner, std::shared_ptr<const metadata::TopicImage> topic,
                        PartitionIndex index, storage::EndTxnMarker marker, Deadline deadline) {
  CO_TRY(replication::Partition * partition, owner.partition(*topic, index));
  const replication::Partition::Use use(*partition);
  CO_TRY(const Offset end, co_await use->append_marker(marker));
  constexpr int16_t kAllInSync = -1;
  co_return co_await use->acknowledged(end, kAllInSync, deadline);
}

Task<Result<>> write_to_groups(Coordinators& on, PartitionIndex index,
                               storage::EndTxnMarker marker) {
  CO_TRY(auto* const hosted, on.groups().find(index));
  co_return co_await hosted->coordinator->end_transaction(marker);
}

/// A group coordinator that is not ready looks to others like a leader that is not there yet.
Result<> as_leader_error(Result<> written) {
  if (written) return written;
  switch (written.error().code) {
    case Errc::coordinator_load_in_progress:
    case Errc::coordinator_not_available:
    case Errc::not_coordinator: return fail(Errc::not_leader_or_follower);
    default: return written;
  }
}

/// One partition of an order.
struct Marking {
  std::string topic;
  PartitionIndex index;
  bool done = false;
};

bool is_gone(const HandlerContext& context, const Marking& one) {
  const auto topic = context.here.image()->topic(one.topic);
  return topic == nullptr || topic->partition(one.index) == nullptr;
}

Task<void> mark(HandlerContext& context, const MarkerOrder& order, Marking& one) {
  const storage::EndTxnMarker marker{.producer_id = order.producer.id,
                                     .producer_epoch = order.producer.epoch,
                                     .coordinator_epoch = order.coordinator_epoch,
                                     .is_commit = order.is_commit,
                                     .transaction_version = order.transaction_version};
  const Deadline deadline = context.here.shard().now() + kTryFor;
  const Result<> written = co_await write_marker(context, one.topic, one.index, marker, deadline);
  // A higher epoch than the marker's writes there: the transaction has ended in this partition, or
  // never came to it.
  one.done = written || written.error().code == Errc::invalid_producer_epoch;
  if (one.done) co_return;
  context.log.info("no marker yet for {} in {}-{}: {}", quoted(order.transactional_id), one.topic,
                   one.index.value(), describe(written.error()));
}

}  // namespace

Task<Result<>> write_marker(HandlerContext& context, std::string topic, PartitionIndex index,
                            storage::EndTxnMarker marker, Deadline deadline) {
  const auto image = context.here.image()->topic(topic);
  const metadata::PartitionImage* partition = image == nullptr ? nullptr : image->partition(index);
  if (partition == nullptr) co_return fail(Errc::unknown_topic_or_partition);
  if (partition->leader != context.here.self()) co_return fail(Errc::not_leader_or_follower);
  const size_t shard = shard_of(image->id, index, context.services.shards.size());
  if (topic == kOffsetsTopic) {
    Coordinators& on = *context.services.coordinators[shard];
    co_return as_leader_error(
        co_await call_on(context.here.shard(), on.scope(),
                         [&on, index, marker] { return write_to_groups(on, index, marker); }));
  }
  BrokerShard& owner = *context.services.shards[shard];
  co_return co_await call_on(context.here.shard(), owner.scope(),
                             [&owner, image, index, marker, deadline] {
                               return write_on(owner, image, index, marker, deadline);
                             });
}

TransactionMarkers::TransactionMarkers(HandlerContext context, Coordinator coordinator)
    : context_(std::move(context)),
      coordinator_(std::move(coordinator)),
      scope_(context_.here.shard()) {}

void TransactionMarkers::released(TransactionRelease release) {
  scope_.spawn(write(std::get<MarkerOrder>(std::move(release)), generation_));
}

void TransactionMarkers::refused(TransactionRelease release, const Error&) {
  scope_.spawn(confirm_and_write(std::get<MarkerOrder>(std::move(release)), generation_));
}

void TransactionMarkers::forgotten(const Error&) {
  generation_++;
  forgotten_.wake_all();
}

Task<void> TransactionMarkers::stop() {
  generation_++;
  scope_.close();
  co_await scope_.join();
}

Task<bool> TransactionMarkers::pause(Duration how_long, uint64_t generation) {
  if (generation != generation_) co_return false;
  // A task that begins inside refused() sees here that the coordinator starts over.
  static_cast<void>(co_await forgotten_.wait(scope_, scope_.shard().now() + how_long));
  co_return generation == generation_ && !scope_.closed();
}

Task<void> TransactionMarkers::confirm_and_write(MarkerOrder order, uint64_t generation) {
  bool confirmed = false;
  while (!confirmed) {
    if (!co_await pause(kFirstPause, generation)) co_return;
    confirmed = (co_await coordinator_.confirm()).has_value();
  }
  co_await write(std::move(order), generation);
}

Task<void> TransactionMarkers::write(MarkerOrder order, uint64_t generation) {
  TransactionPartitions left = order.partitions;
  Duration next = kFirstPause;
  while (true) {
    left = co_await try_all(order, std::move(left));
    if (left.empty()) break;
    if (!co_await pause(next, generation)) co_return;
    next = std::min(2 * next, kLongestPause);
  }
  if (generation != generation_) co_return;
  const auto told = co_await coordinator_.complete(order.id);
  if (told || generation != generation_) co_return;
  // What it wrote stands in its log, or it starts over and gives the order anew.
  context_.log.info("the end of {} is not confirmed: {}", quoted(order.transactional_id),
                    describe(told.error()));
}

Task<TransactionPartitions> TransactionMarkers::try_all(const MarkerOrder& order,
                                                        TransactionPartitions left) {
  std::vector<Marking> all;
  for (const auto& [topic, indexes] : left) {
    for (const int32_t index : indexes) all.push_back({topic, PartitionIndex(index)});
  }
  for (size_t at = 0; at < all.size(); at += kAtOnceMax) {
    Scope some(scope_.shard());
    for (size_t i = at; i < std::min(at + kAtOnceMax, all.size()); i++) {
      all[i].done = is_gone(context_, all[i]);
      if (!all[i].done) some.spawn(mark(context_, order, all[i]));
    }
    co_await some.join();
  }
  TransactionPartitions without;
  for (const Marking& one : all) {
    if (!one.done) without[one.topic].insert(one.index.value());
  }
  co_return without;
}

}  // namespace partita::broker
