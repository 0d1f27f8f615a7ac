// Workload: what it does once everything is healed.

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "sim/workload.h"

namespace partita::sim {
namespace {

constexpr uint32_t kProbeProducer = 1000;
constexpr int kLookups = 6;  // of each kind, in each partition
constexpr Duration kRottenReadMax = 2s;

}  // namespace

Task<Result<>> Workload::learn_partitions(Deadline deadline) {
  client::Admin admin(scope_, clients_.front()->cluster);
  CO_TRY(const auto topics, co_await admin.describe_topics({kTopic}, deadline));
  CO_TRY(const client::TopicDescription& topic, topics.front().result);
  const auto count = static_cast<int32_t>(topic.partitions.size());
  if (count < partitions_) {
    context_.findings.push_back(
        fmt::format("{} partitions are left of {} that were acknowledged", count, partitions_));
  }
  partitions_ = count;
  co_return Result<>();
}

Task<Result<>> Workload::probe(Deadline deadline) {
  CO_CHECKED(co_await learn_partitions(deadline));
  Client& client = add_client();
  client.producer = std::make_unique<client::Producer>(
      client.cluster, client::ProducerSettings{.delivery_timeout = 60s},
      client::round_robin_partitioner());
  const size_t first = history_.sent.size();
  for (int32_t i = 0; i < partitions_; i++) {
    SentRecord record;
    record.name = {.producer = kProbeProducer, .number = probes_++};
    record.partition = PartitionIndex(i);
    record.timestamp = context_.shard.clock().wall();
    record.value_bytes = 20;
    CO_CHECKED(co_await send_one(*client.producer, record));
  }
  const Result<> flushed = co_await client.producer->flush(deadline);
  for (size_t i = first; i < history_.sent.size(); i++) {
    const SentRecord& sent = history_.sent[i];
    if (sent.answer && *sent.answer) continue;
    co_return fail(Errc::deadline_exceeded,
                   fmt::format("partition {} takes no record: {}", sent.partition.value(),
                               sent.answer ? describe(sent.answer->error()) : "no answer"));
  }
  CO_CHECKED(flushed);
  co_return Result<>();
}

Task<Result<std::map<PartitionIndex, client::ListedOffset>>> Workload::listed(int64_t which,
                                                                              Deadline deadline) {
  client::Admin admin(scope_, clients_.front()->cluster);
  std::vector<client::OffsetQuestion> questions;
  for (int32_t i = 0; i < partitions_; i++) {
    questions.push_back({.partition = {kTopic, PartitionIndex(i)}, .timestamp = which});
  }
  while (true) {
    CO_TRY(const auto answers, co_await admin.list_offsets(questions, false, deadline));
    std::map<PartitionIndex, client::ListedOffset> all;
    Result<> told;
    for (const auto& [partition, answer] : answers) {
      if (answer) {
        all[partition.partition] = *answer;
      } else {
        told = fail(answer.error().code, "the offset of " + partition.to_string());
      }
    }
    if (told) co_return all;
    // A shard may hear of a new partition a little later than another one.
    if (context_.shard.now() + Duration(50s) > deadline) co_return std::unexpected(told.error());
    CO_CHECKED(co_await sleep_for(scope_, 100ms));
  }
}

Task<Result<>> Workload::read_all(Deadline deadline) {
  CO_CHECKED(co_await learn_partitions(deadline));
  CO_TRY(const auto ends, co_await listed(client::kLatestTimestamp, deadline));
  client::Consumer& consumer = add_consumer({.reset = client::OffsetReset::none});
  consumer.assign(whole_topic(client::StartAt::beginning()));
  const auto complete = [&] {
    return std::ranges::all_of(ends, [&](const auto& end) {
      const PartitionContents& got = history_.final[end.first];
      return end.second.offset == Offset(0) ||
             (!got.empty() && got.back().offset.next() >= end.second.offset);
    });
  };
  while (!complete()) {
    const Result<bool> polled =
        co_await poll_into(consumer, context_.shard.now() + Duration(1s), history_.final);
    if (!polled && polled.error().code == Errc::stopped) co_return std::unexpected(polled.error());
    if (!polled) context_.log.info("the reader: {}", describe(polled.error()));
    if (context_.shard.now() >= deadline) {
      co_return fail(Errc::deadline_exceeded, "the log was not read");
    }
  }
  CO_CHECKED(co_await look_up_offsets(deadline));
  CO_CHECKED(co_await look_up_times(deadline));
  co_return co_await look_up_max_times(deadline);
}

Task<Result<>> Workload::look_up_offsets(Deadline deadline) {
  client::Consumer& consumer = *clients_.back()->consumer;
  for (const auto& [partition, contents] : history_.final) {
    for (int tries = 0; tries < kLookups && !contents.empty(); tries++) {
      const ReadRecord& wanted = contents[context_.shard.random().below(contents.size())];
      consumer.assign({{{kTopic, partition}, client::StartAt::offset(wanted.offset)}});
      std::map<PartitionIndex, PartitionContents> got;
      while (got[partition].empty()) {
        (void)co_await poll_into(consumer, context_.shard.now() + Duration(1s), got);
        if (context_.shard.now() >= deadline) co_return fail(Errc::deadline_exceeded, "an offset");
      }
      const ReadRecord& first = got[partition].front();
      if (first.offset == wanted.offset && first.name == wanted.name) continue;
      context_.findings.push_back(fmt::format("partition {}: reading from {} began with {}",
                                              partition.value(), wanted.offset.value(),
                                              first.offset.value()));
    }
  }
  co_return Result<>();
}

Task<Result<>> Workload::look_up_times(Deadline deadline) {
  client::Admin admin(scope_, clients_.front()->cluster);
  for (const auto& [partition, contents] : history_.final) {
    for (int tries = 0; tries < kLookups && !contents.empty(); tries++) {
      const WallTime wanted = contents[context_.shard.random().below(contents.size())].timestamp;
      const auto expected = std::ranges::find_if(
          contents, [&](const ReadRecord& record) { return record.timestamp >= wanted; });
      const client::TopicPartition name{kTopic, partition};
      std::vector<client::OffsetQuestion> questions;
      questions.push_back({.partition = name, .timestamp = wanted.ms()});
      CO_TRY(const auto answers,
             co_await admin.list_offsets(std::move(questions), false, deadline));
      CO_TRY(const client::ListedOffset listed, answers.at(name));
      if (listed.offset == expected->offset) continue;
      context_.findings.push_back(
          fmt::format("partition {}: time {} is answered with offset {}, not {}", partition.value(),
                      wanted.ms(), listed.offset.value(), expected->offset.value()));
    }
  }
  co_return Result<>();
}

Task<Result<>> Workload::look_up_max_times(Deadline deadline) {
  CO_TRY(const auto answers, co_await listed(client::kMaxTimestamp, deadline));
  for (const auto& [partition, contents] : history_.final) {
    if (contents.empty()) continue;
    const auto expected = std::ranges::max_element(contents, {}, &ReadRecord::timestamp);
    const client::ListedOffset& listed = answers.at(partition);
    if (listed.timestamp == expected->timestamp && listed.offset == expected->offset) continue;
    context_.findings.push_back(
        fmt::format("partition {}: the largest time is {} at offset {}, but {} at {} was answered",
                    partition.value(), expected->timestamp.ms(), expected->offset.value(),
                    listed.timestamp.ms(), listed.offset.value()));
  }
  co_return Result<>();
}

Task<Result<>> Workload::check_companions(Deadline deadline) {
  for (const auto& companion : companions_) CO_CHECKED(co_await companion->check(deadline));
  co_return Result<>();
}

Task<Result<>> Workload::read_rotten(PartitionIndex partition, Offset from, bool must_be) {
  client::Consumer& consumer =
      add_consumer({.check_crcs = false, .reset = client::OffsetReset::none});
  consumer.assign({{{kTopic, partition}, client::StartAt::offset(from)}});
  const Instant limit = context_.shard.now() + kRottenReadMax;
  std::map<PartitionIndex, PartitionContents> got;
  while (got[partition].empty() && context_.shard.now() < limit && !scope_.closed()) {
    (void)co_await poll_into(consumer, limit, got);
  }
  consumer.stop();
  const PartitionContents& before = history_.final[partition];
  for (const ReadRecord& record : got[partition]) {
    const auto at = std::ranges::find(before, record.offset, &ReadRecord::offset);
    if (at != before.end() && at->name == record.name) continue;
    context_.findings.push_back(fmt::format("after rot partition {} serves {} at offset {}",
                                            partition.value(), record.name.to_string(),
                                            record.offset.value()));
  }
  const bool is_there = std::ranges::find(before, from, &ReadRecord::offset) != before.end();
  const bool served = !got[partition].empty() && got[partition].front().offset == from;
  if (must_be && is_there && !served) {
    context_.findings.push_back(fmt::format("after rot elsewhere partition {} does not serve {}",
                                            partition.value(), from.value()));
  }
  co_return Result<>();
}

}  // namespace partita::sim
