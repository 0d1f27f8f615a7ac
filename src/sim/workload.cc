#include "sim/workload.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "sim/operator.h"
#include "sim/prober.h"
#include "sim/retained.h"

namespace partita::sim {
namespace {

constexpr Duration kDeliveryTimeout = 60s;

client::ProducerSettings settings_of(const ProducerPlan& plan) {
  client::ProducerSettings settings;
  settings.batch_bytes = plan.batch_bytes;
  settings.linger = plan.linger;
  settings.acks = plan.acks;
  settings.idempotent = plan.idempotent;
  settings.codec = plan.codec;
  settings.delivery_timeout = kDeliveryTimeout;
  return settings;
}

}  // namespace

Workload::Workload(runtime::sim::SimNode& machine, const std::string& broker_address,
                   const Plan& plan, History& history, Log log)
    : context_{.world = machine.world(),
               .shard = machine.shard(),
               .scope = scope_,
               .plan = plan,
               .broker_address = broker_address,
               .log = log},
      plan_(plan),
      history_(history),
      scope_(machine.shard()),
      partitions_(plan.partitions) {}

Workload::~Workload() = default;

Workload::Client& Workload::add_client() {
  clients_.push_back(
      std::make_unique<Client>(context_.shard, context_.cluster_settings(), context_.log));
  return *clients_.back();
}

client::Consumer& Workload::add_consumer(client::ConsumerSettings settings) {
  Client& client = add_client();
  client.consumer = std::make_unique<client::Consumer>(client.cluster, settings);
  return *client.consumer;
}

client::Consumer::Assignment Workload::whole_topic(client::StartAt start) const {
  client::Consumer::Assignment all;
  for (int32_t i = 0; i < partitions_; i++) all.push_back({{kTopic, PartitionIndex(i)}, start});
  return all;
}

Task<Result<>> Workload::create_topic(Deadline deadline) {
  client::Admin admin(scope_, add_client().cluster);
  std::vector<client::NewTopic> topics;
  topics.push_back({.name = kTopic,
                    .partitions = plan_.partitions,
                    .replication_factor = 1,
                    .configs = {{"internal.segment.bytes", std::to_string(plan_.segment_bytes)}}});
  CO_TRY(const auto outcomes, co_await admin.create_topics(std::move(topics), false, deadline));
  for (const auto& outcome : outcomes) {
    if (!outcome.result && outcome.result.error().code != Errc::topic_already_exists) {
      co_return std::unexpected(outcome.result.error());
    }
  }
  co_return Result<>();
}

void Workload::start() {
  for (size_t i = 0; i < plan_.producers.size(); i++) {
    Client& client = add_client();
    client.producer = std::make_unique<client::Producer>(
        client.cluster, settings_of(plan_.producers[i]), client::round_robin_partitioner());
    producers_.push_back(client.producer.get());
  }
  watcher_ = &add_consumer({.reset = client::OffsetReset::none});
  if (plan_.operates) companions_.push_back(make_operator(context_));
  if (plan_.probes) companions_.push_back(make_prober(context_));
  if (plan_.retained) companions_.push_back(make_retained(context_));
  running_ = producers_.size() + companions_.size();
  // From the shard itself: what is spawned runs at once up to its first wait.
  context_.shard.executor().post([this] {
    for (size_t i = 0; i < producers_.size(); i++) scope_.spawn(produce(i));
    scope_.spawn(watch());
    scope_.spawn(grow());
    for (const auto& companion : companions_) scope_.spawn(accompany(*companion));
  });
}

Task<void> Workload::accompany(Companion& companion) {
  co_await companion.run();
  running_--;
}

uint64_t Workload::decisions() const {
  uint64_t all = 0;
  for (const auto& companion : companions_) all += companion->decisions();
  return all;
}

Task<void> Workload::produce(size_t index) {
  const ProducerPlan& plan = plan_.producers[index];
  client::Producer& producer = *producers_[index];
  Random& random = context_.shard.random();
  for (uint32_t number = 0; number < plan.records && !scope_.closed(); number++) {
    SentRecord record;
    record.name = {.producer = static_cast<uint32_t>(index), .number = number};
    record.partition =
        PartitionIndex(static_cast<int32_t>(random.below(static_cast<uint64_t>(partitions_))));
    record.timestamp = context_.shard.clock().wall();
    record.idempotent = plan.idempotent;
    record.value_bytes = random.below(plan.value_bytes_max) + 1;
    (void)co_await send_one(producer, record);
    (void)co_await context_.pause(plan.pause_max);
  }
  // Where the flush does not answer all, the liveness checker sees it.
  if (co_await producer.flush(kNoDeadline)) running_--;
}

Task<Result<>> Workload::send_one(client::Producer& producer, SentRecord record) {
  client::ProducerRecord out;
  out.topic = kTopic;
  out.partition = record.partition;
  out.value = value_of(record.name, record.value_bytes);
  out.timestamp = record.timestamp;
  const size_t at = history_.sent.size();
  history_.sent.push_back(std::move(record));
  const Result<> taken =
      co_await producer.send(std::move(out), [this, at](Result<client::Delivery> delivery) {
        SentRecord& sent = history_.sent[at];
        CHECK(!sent.answer);
        sent.answered = context_.world.now();
        if (delivery) {
          sent.answer = delivery->offset;
          acknowledged_++;
        } else {
          sent.answer = std::unexpected(std::move(delivery).error());
        }
      });
  if (!taken) history_.sent[at].answer = std::unexpected(taken.error());
  co_return taken;
}

Task<void> Workload::grow() {
  client::Admin admin(scope_, add_client().cluster);
  while (context_.goes_on() && partitions_ < plan_.partitions_max) {
    if (!co_await context_.pause(2s)) co_return;
    std::vector<client::NewPartitions> wanted;
    const int32_t count = partitions_ + 1;
    wanted.push_back({.topic = kTopic, .count = count});
    const auto grown =
        co_await admin.create_partitions(std::move(wanted), context_.shard.now() + Duration(10s));
    // Where it was done without an answer, the next attempt is refused, as there are so many.
    const bool done = grown && (grown->front().result ||
                                grown->front().result.error().code == Errc::invalid_partitions);
    if (done) partitions_ = std::max(partitions_, count);
  }
}

Task<Result<bool>> Workload::poll_into(client::Consumer& consumer, Deadline deadline,
                                       std::map<PartitionIndex, PartitionContents>& into) {
  const Result<client::Polled> polled = co_await consumer.poll(deadline);
  if (!polled) {
    // An error that stays comes at once every time.
    (void)co_await sleep_for(scope_, 50ms);
    co_return std::unexpected(polled.error());
  }
  for (const client::ConsumedRecord& record : polled->records) {
    const Result<RecordName> name = name_in(as_text(record.value.value_or(ByteView())));
    if (!name) {
      context_.findings.push_back(fmt::format("partition {}, offset {}: {}",
                                              record.partition.value(), record.offset.value(),
                                              describe(name.error())));
      continue;
    }
    into[record.partition].push_back({.offset = record.offset,
                                      .name = *name,
                                      .timestamp = record.timestamp,
                                      .leader_epoch = record.leader_epoch,
                                      .read = context_.world.now()});
  }
  co_return !polled->records.empty();
}

/// Some of the partitions, each from where its last record was seen: fetch sessions gain and lose
/// partitions that way.
client::Consumer::Assignment Workload::draw_watched() {
  client::Consumer::Assignment some;
  for (auto& [partition, start] : whole_topic(client::StartAt::beginning())) {
    if (context_.shard.random().below(4) == 0 && partitions_ > 1) continue;
    const auto seen = history_.seen.find(partition.partition);
    if (seen != history_.seen.end() && !seen->second.empty()) {
      start = client::StartAt::offset(seen->second.back().offset.next());
    }
    some.push_back({partition, start});
  }
  return some;
}

Task<void> Workload::watch() {
  watcher_->assign(whole_topic(client::StartAt::beginning()));
  while (!scope_.closed()) {
    if (context_.shard.random().below(8) == 0) watcher_->assign(draw_watched());
    const Result<bool> polled =
        co_await poll_into(*watcher_, context_.shard.now() + Duration(1s), history_.seen);
    if (polled) continue;
    if (polled.error().code == Errc::stopped) co_return;
    context_.log.info("the watching consumer: {}", describe(polled.error()));
    if (polled.error().code == Errc::offset_out_of_range && !history_.loss_allowed()) {
      context_.findings.push_back("what a consumer was shown is gone: " + describe(polled.error()));
    }
    if (polled.error().code == Errc::offset_out_of_range) co_return;
  }
}

Task<void> Workload::close() {
  scope_.close();
  for (const auto& companion : companions_) co_await companion->stop();
  for (const auto& client : clients_) {
    if (client->consumer) client->consumer->stop();
    if (client->producer) co_await client->producer->close();
    if (client->consumer) co_await client->consumer->close();
  }
  co_await scope_.join();
  for (const auto& companion : companions_) co_await companion->close();
  for (const auto& client : clients_) co_await client->cluster.close();
}

}  // namespace partita::sim
