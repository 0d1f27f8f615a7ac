// Producer: taking records in. What is sent, and what becomes of it, is producer_sender.cc's.

#include "client/producer.h"

#include <algorithm>

#include "base/fault_points.h"

namespace partita::client {
namespace {

constexpr size_t kRecordOverhead = 128;  // what a record's answer takes beside its bytes

std::optional<ByteView> view_of(const std::optional<std::string>& text) {
  return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

size_t payload_bytes(const ProducerRecord& record) {
  size_t bytes = record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& [key, value] : record.headers) bytes += key.size() + value.value_or("").size();
  return bytes;
}

}  // namespace

Producer::Producer(Cluster& cluster, ProducerSettings settings,
                   std::unique_ptr<Partitioner> partitioner)
    : cluster_(cluster),
      shard_(cluster.shard()),
      settings_(std::move(settings)),
      partitioner_(std::move(partitioner)),
      scope_(shard_) {
  CHECK(!settings_.idempotent || settings_.acks == -1);
  scope_.spawn(run_sender());
}

Producer::~Producer() {
  CHECK(records_unfinished_ == 0);
  CHECK(scope_.task_count() == 0);
}

Task<void> Producer::close() {
  scope_.close();
  co_await scope_.join();
  give_up_all({Errc::stopped, "the producer is closed"});
}

Result<int32_t> Producer::partition_of(const TopicView& topic, const ProducerRecord& record) {
  const int32_t index = record.partition ? record.partition->value()
                                         : partitioner_->choose(topic, view_of(record.key));
  if (topic.find(PartitionIndex(index)) != nullptr) return index;
  return fail(Errc::unknown_topic_or_partition, "Topic " + topic.name + " has no partition " +
                                                    std::to_string(index) + ": it has " +
                                                    std::to_string(topic.partitions.size()));
}

ProducerPartition& Producer::partition_at(const TopicView& topic, int32_t index) {
  TopicPartition name{topic.name, PartitionIndex(index)};
  auto& slot = partitions_[name];
  if (!slot) slot = std::make_unique<ProducerPartition>(std::move(name));
  return *slot;
}

Result<bool> Producer::try_send(ProducerRecord& record, DeliveryCallback& done) {
  if (scope_.closed()) return fail(Errc::stopped, "the producer is closed");
  if (fatal_) return std::unexpected(*fatal_);
  const size_t bytes = payload_bytes(record) + kRecordOverhead;
  if (bytes > settings_.request_bytes_max || bytes > settings_.buffer_bytes) {
    return fail(Errc::message_too_large,
                "The message is " + std::to_string(bytes) +
                    " bytes when serialized which is "
                    "larger than " +
                    std::to_string(settings_.request_bytes_max) +
                    ", which is the value of the max.request.size configuration.");
  }
  const TopicPtr topic = cluster_.known_topic(record.topic);
  if (!topic || topic->error || topic->partitions.empty()) return false;
  if (bytes_waiting_ + bytes > settings_.buffer_bytes) return false;
  TRY(const int32_t index, partition_of(*topic, record));
  append(partition_at(*topic, index), std::move(record), std::move(done), bytes);
  partitioner_->appended(*topic, bytes);
  return true;
}

void Producer::append(ProducerPartition& partition, ProducerRecord record, DeliveryCallback done,
                      size_t bytes) {
  std::vector<records::RecordHeader> headers;
  headers.reserve(record.headers.size());
  for (const auto& [key, value] : record.headers) headers.push_back({key, view_of(value)});
  const records::NewRecord fresh{.key = view_of(record.key),
                                 .value = view_of(record.value),
                                 .timestamp = record.timestamp.value_or(shard_.clock().wall()),
                                 .headers = headers};
  ProducerBatch* batch = partition.open_batch();
  if (batch != nullptr && batch->builder.size_with(fresh) > settings_.batch_bytes) {
    batch->closed = true;
    batch = nullptr;
    note_change();
  }
  if (batch == nullptr) {
    batch = &partition.add_batch(shard_.now());
    batch->builder.options().codec = settings_.codec;
    batch->builder.options().compression_level = settings_.compression_level;
    note_change();
  }
  batch->builder.append(fresh);
  batch->waiting.push_back({.done = std::move(done), .timestamp = fresh.timestamp});
  batch->bytes += bytes;
  bytes_waiting_ += bytes;
  records_unfinished_++;
  if (batch->builder.size() >= settings_.batch_bytes) {
    batch->closed = true;
    note_change();
  }
}

Task<Result<>> Producer::send(ProducerRecord record, DeliveryCallback done) {
  const Deadline deadline = shard_.now() + settings_.block_max;
  while (true) {
    CO_TRY(const bool taken, try_send(record, done));
    if (taken) co_return Result<>();
    const TopicPtr known = cluster_.known_topic(record.topic);
    if (!known || known->error || known->partitions.empty()) {
      CO_TRY([[maybe_unused]] const TopicPtr topic,
             co_await cluster_.topic(scope_, record.topic, deadline));
      continue;
    }
    COVERED("client.producer_full");
    waiting_for_room_++;
    note_change();
    const Result<> woken = co_await room_.wait(scope_, deadline);
    waiting_for_room_--;
    if (woken) continue;
    if (woken.error().code != Errc::deadline_exceeded) co_return woken;
    co_return fail(Errc::deadline_exceeded,
                   "Failed to allocate memory within the configured max blocking time");
  }
}

Task<Result<Delivery>> Producer::deliver(ProducerRecord record) {
  Completion<Result<Delivery>> done(shard_.executor());
  CO_CHECKED(co_await send(std::move(record),
                           [&done](Result<Delivery> result) { done.complete(std::move(result)); }));
  co_return co_await done;
}

Task<Result<>> Producer::flush(Deadline deadline) {
  flushes_++;
  note_change();
  Result<> waited;
  while (records_unfinished_ > 0 && waited) waited = co_await finished_.wait(scope_, deadline);
  flushes_--;
  co_return waited;
}

}  // namespace partita::client
