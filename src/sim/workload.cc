#include "sim/workload.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"

namespace partita::sim {
namespace {

constexpr uint32_t kProbeProducer = 1000;
constexpr Duration kRequestTimeout = 5s;
constexpr Duration kDeliveryTimeout = 60s;

client::ProducerSettings settings_of(const ProducerPlan& plan) {
  client::ProducerSettings settings;
  settings.batch_bytes = plan.batch_bytes;
  settings.linger = plan.linger;
  settings.acks = plan.acks;
  settings.idempotent = plan.idempotent;
  settings.delivery_timeout = kDeliveryTimeout;
  return settings;
}

}  // namespace

struct Workload::Client {
  explicit Client(Shard& shard, client::ClusterSettings settings, Log log)
      : cluster(shard, std::move(settings), log) {}
  client::Cluster cluster;
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<client::Consumer> consumer;
};

Workload::Workload(runtime::sim::SimNode& machine, const std::string& broker_address,
                   const Plan& plan, History& history, Log log)
    : world_(machine.world()),
      shard_(machine.shard()),
      broker_address_(broker_address),
      plan_(plan),
      history_(history),
      log_(log),
      scope_(shard_) {}

Workload::~Workload() = default;

Workload::Client& Workload::add_client() {
  client::ClusterSettings settings;
  settings.bootstrap = {{.host = broker_address_, .port = 9092}};
  settings.request_timeout = kRequestTimeout;
  settings.connection_timeout = kRequestTimeout;
  clients_.push_back(std::make_unique<Client>(shard_, std::move(settings), log_));
  return *clients_.back();
}

client::Consumer::Assignment Workload::whole_topic(client::StartAt start) const {
  client::Consumer::Assignment all;
  for (int32_t i = 0; i < plan_.partitions; i++) {
    all.push_back({{kTopic, PartitionIndex(i)}, start});
  }
  return all;
}

Task<Result<>> Workload::create_topic(Deadline deadline) {
  client::Admin admin(scope_, add_client().cluster);
  std::vector<client::NewTopic> topics;
  topics.push_back({.name = kTopic, .partitions = plan_.partitions, .replication_factor = 1});
  CO_TRY(const auto outcomes, co_await admin.create_topics(std::move(topics), false, deadline));
  for (const auto& outcome : outcomes) {
    if (!outcome.result && outcome.result.error().code != Errc::topic_already_exists) {
      co_return std::unexpected(outcome.result.error());
    }
  }
  co_return Result<>();
}

void Workload::start() {
  producers_left_ = plan_.producers.size();
  for (size_t i = 0; i < plan_.producers.size(); i++) {
    Client& client = add_client();
    client.producer = std::make_unique<client::Producer>(
        client.cluster, settings_of(plan_.producers[i]), client::round_robin_partitioner());
    producers_.push_back(client.producer.get());
  }
  Client& client = add_client();
  client.consumer = std::make_unique<client::Consumer>(
      client.cluster, client::ConsumerSettings{.reset = client::OffsetReset::none});
  watcher_ = client.consumer.get();
  // From the shard itself: what is spawned runs at once up to its first wait.
  shard_.executor().post([this] {
    for (size_t i = 0; i < producers_.size(); i++) scope_.spawn(produce(i));
    scope_.spawn(watch());
  });
}

Task<void> Workload::produce(size_t index) {
  const ProducerPlan& plan = plan_.producers[index];
  client::Producer& producer = *producers_[index];
  for (uint32_t number = 0; number < plan.records && !scope_.closed(); number++) {
    SentRecord record;
    record.name = {.producer = static_cast<uint32_t>(index), .number = number};
    record.partition =
        PartitionIndex(static_cast<int32_t>(shard_.random().below(uint64_t(plan_.partitions))));
    record.timestamp = shard_.clock().wall();
    record.idempotent = plan.idempotent;
    (void)co_await send_one(producer, record, shard_.random().below(plan.value_bytes_max) + 1);
    (void)co_await sleep_for(scope_,
                             Duration(shard_.random().below(uint64_t(plan.pause_max.count()))));
  }
  // Where the flush does not answer all, the liveness checker sees it.
  if (co_await producer.flush(kNoDeadline)) producers_left_--;
}

Task<Result<>> Workload::send_one(client::Producer& producer, SentRecord record,
                                  size_t value_bytes) {
  client::ProducerRecord out;
  out.topic = kTopic;
  out.partition = record.partition;
  out.value = value_of(record.name, value_bytes);
  out.timestamp = record.timestamp;
  const size_t at = history_.sent.size();
  history_.sent.push_back(std::move(record));
  const Result<> taken =
      co_await producer.send(std::move(out), [this, at](Result<client::Delivery> delivery) {
        SentRecord& sent = history_.sent[at];
        CHECK(!sent.answer);
        sent.answered = world_.now();
        if (delivery) {
          sent.answer = delivery->offset;
        } else {
          sent.answer = std::unexpected(std::move(delivery).error());
        }
      });
  if (!taken) history_.sent[at].answer = std::unexpected(taken.error());
  co_return taken;
}

Task<Result<bool>> Workload::poll_into(client::Consumer& consumer, Deadline deadline,
                                       std::map<PartitionIndex, PartitionContents>& into) {
  CO_TRY(const client::Polled polled, co_await consumer.poll(deadline));
  for (const client::ConsumedRecord& record : polled.records) {
    const Result<RecordName> name = name_in(as_text(record.value.value_or(ByteView())));
    if (!name) {
      findings_.push_back(fmt::format("partition {}, offset {}: {}", record.partition.value(),
                                      record.offset.value(), describe(name.error())));
      continue;
    }
    into[record.partition].push_back(
        {.offset = record.offset, .name = *name, .timestamp = record.timestamp});
  }
  co_return !polled.records.empty();
}

Task<void> Workload::watch() {
  watcher_->assign(whole_topic(client::StartAt::beginning()));
  while (!scope_.closed()) {
    const Result<bool> polled =
        co_await poll_into(*watcher_, shard_.now() + Duration(1s), history_.seen);
    if (polled) continue;
    if (polled.error().code == Errc::stopped) co_return;
    log_.info("the watching consumer: {}", describe(polled.error()));
    if (polled.error().code == Errc::offset_out_of_range && !history_.loss_allowed) {
      findings_.push_back("what a consumer was shown is gone: " + describe(polled.error()));
    }
    if (polled.error().code == Errc::offset_out_of_range) co_return;
    (void)co_await sleep_for(scope_, 50ms);
  }
}

Task<Result<>> Workload::probe(Deadline deadline) {
  Client& client = add_client();
  client.producer = std::make_unique<client::Producer>(
      client.cluster, client::ProducerSettings{.delivery_timeout = kDeliveryTimeout},
      client::round_robin_partitioner());
  for (int32_t i = 0; i < plan_.partitions; i++) {
    SentRecord record;
    record.name = {.producer = kProbeProducer, .number = probes_++};
    record.partition = PartitionIndex(i);
    record.timestamp = shard_.clock().wall();
    CO_CHECKED(co_await send_one(*client.producer, record, 20));
  }
  CO_CHECKED(co_await client.producer->flush(deadline));
  for (const SentRecord& sent : history_.sent) {
    if (sent.name.producer != kProbeProducer || !sent.answer || *sent.answer) continue;
    co_return std::unexpected(sent.answer->error());
  }
  co_return Result<>();
}

Task<Result<std::map<PartitionIndex, Offset>>> Workload::ends(Deadline deadline) {
  client::Admin admin(scope_, clients_.front()->cluster);
  std::vector<client::OffsetQuestion> questions;
  for (int32_t i = 0; i < plan_.partitions; i++) {
    questions.push_back({.partition = {kTopic, PartitionIndex(i)}});
  }
  CO_TRY(const auto answers, co_await admin.list_offsets(std::move(questions), false, deadline));
  std::map<PartitionIndex, Offset> all;
  for (const auto& [partition, answer] : answers) {
    CO_TRY(const client::ListedOffset listed, answer);
    all[partition.partition] = listed.offset;
  }
  co_return all;
}

Task<Result<>> Workload::read_all(Deadline deadline) {
  CO_TRY(const auto ends_now, co_await ends(deadline));
  Client& client = add_client();
  client.consumer = std::make_unique<client::Consumer>(
      client.cluster, client::ConsumerSettings{.reset = client::OffsetReset::none});
  client.consumer->assign(whole_topic(client::StartAt::beginning()));
  const auto complete = [&] {
    return std::ranges::all_of(ends_now, [&](const auto& end) {
      const PartitionContents& got = history_.final[end.first];
      return end.second == Offset(0) || (!got.empty() && got.back().offset.next() >= end.second);
    });
  };
  while (!complete()) {
    const Result<bool> polled =
        co_await poll_into(*client.consumer, shard_.now() + Duration(1s), history_.final);
    if (!polled && polled.error().code == Errc::stopped) co_return std::unexpected(polled.error());
    if (!polled) log_.info("the reader: {}", describe(polled.error()));
    if (shard_.now() > deadline) co_return fail(Errc::deadline_exceeded, "the log was not read");
  }
  CO_CHECKED(co_await look_up_offsets(deadline));
  co_return co_await look_up_times(deadline);
}

Task<Result<>> Workload::look_up_offsets(Deadline deadline) {
  Client& client = *clients_.back();
  for (const auto& [partition, contents] : history_.final) {
    for (int tries = 0; tries < 6 && !contents.empty(); tries++) {
      const ReadRecord& wanted = contents[shard_.random().below(contents.size())];
      client.consumer->assign({{{kTopic, partition}, client::StartAt::offset(wanted.offset)}});
      std::map<PartitionIndex, PartitionContents> got;
      while (got[partition].empty()) {
        (void)co_await poll_into(*client.consumer, shard_.now() + Duration(1s), got);
        if (shard_.now() > deadline) co_return fail(Errc::deadline_exceeded, "an offset");
      }
      const ReadRecord& first = got[partition].front();
      if (first.offset == wanted.offset && first.name == wanted.name) continue;
      findings_.push_back(fmt::format("partition {}: reading from {} began with {}",
                                      partition.value(), wanted.offset.value(),
                                      first.offset.value()));
    }
  }
  co_return Result<>();
}

Task<Result<>> Workload::look_up_times(Deadline deadline) {
  client::Admin admin(scope_, clients_.front()->cluster);
  for (const auto& [partition, contents] : history_.final) {
    for (int tries = 0; tries < 6 && !contents.empty(); tries++) {
      const WallTime wanted = contents[shard_.random().below(contents.size())].timestamp;
      const auto expected = std::ranges::find_if(
          contents, [&](const ReadRecord& record) { return record.timestamp >= wanted; });
      const client::TopicPartition name{kTopic, partition};
      std::vector<client::OffsetQuestion> questions;
      questions.push_back({.partition = name, .timestamp = wanted.ms()});
      CO_TRY(const auto answers,
             co_await admin.list_offsets(std::move(questions), false, deadline));
      CO_TRY(const client::ListedOffset listed, answers.at(name));
      if (listed.offset == expected->offset) continue;
      findings_.push_back(fmt::format("partition {}: time {} is answered with offset {}, not {}",
                                      partition.value(), wanted.ms(), listed.offset.value(),
                                      expected->offset.value()));
    }
  }
  co_return Result<>();
}

Task<void> Workload::close() {
  scope_.close();
  for (const auto& client : clients_) {
    if (client->consumer) client->consumer->stop();
    if (client->producer) co_await client->producer->close();
    if (client->consumer) co_await client->consumer->close();
  }
  co_await scope_.join();
  for (const auto& client : clients_) co_await client->cluster.close();
}

}  // namespace partita::sim
