#pragma once
// Producer: records into batches, batches to the leaders of their partitions, and for each record
// what became of it. Belongs to one shard; its Cluster outlives it.
//
// Invariants:
//  1. Every record that send() took gets exactly one answer: where it is, or an Error; close()
//     gives `stopped` to what is unfinished.
//  2. Records of one partition arrive in the order of send(). Idempotent (the default), none
//     arrives twice: a batch is tried again with the same sequence, and one whose fate cannot be
//     known any more is given up together with every other of its partition whose fate is unknown,
//     never sent under another sequence.
//  3. At most max_in_flight batches of a partition, and requests of a node, are under way.
//  4. No more than buffer_bytes wait for an answer: send() waits for room, try_send() says no.
//
//     Producer producer(cluster, settings, sticky_partitioner(random, settings.batch_bytes));
//     CO_TRY(const Delivery at, co_await producer.deliver({.topic = "t", .value = ...}));
//     co_await producer.close();

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster.h"
#include "client/partitioner.h"
#include "client/producer_partition.h"

namespace partita::client {

struct ProducerSettings {
  size_t batch_bytes = 16'384;         ///< batch.size, before compression
  Duration linger = 5ms;               ///< linger.ms
  size_t buffer_bytes = 32 << 20;      ///< buffer.memory
  size_t request_bytes_max = 1 << 20;  ///< max.request.size
  int16_t acks = -1;                   ///< 0, 1 or -1 (all)
  bool idempotent = true;              ///< REQUIRED where true: acks is -1
  records::Codec codec = records::Codec::none;
  std::optional<int> compression_level = {};
  Duration delivery_timeout = 120s;  ///< delivery.timeout.ms, from send() to the answer
  Duration block_max = 60s;          ///< max.block.ms: for metadata and room
  uint32_t retries = INT32_MAX;
  size_t max_in_flight = 5;  ///< max.in.flight.requests.per.connection
};

/// Headers' values and keys and values may be null, as in Kafka.
struct ProducerRecord {
  std::string topic;
  std::optional<PartitionIndex> partition = {};  ///< else the partitioner's choice
  std::optional<std::string> key = {};
  std::optional<std::string> value = {};
  std::optional<WallTime> timestamp = {};  ///< else now
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
};

class Producer {
 public:
  Producer(Cluster& cluster, ProducerSettings settings, std::unique_ptr<Partitioner> partitioner);
  ~Producer();
  Producer(const Producer&) = delete;

  /// Puts the record into a batch, waiting for metadata and room up to block_max; `done` is called
  /// later with what became of it, or not at all where this answers an Error.
  Task<Result<>> send(ProducerRecord record, DeliveryCallback done);
  /// The same where it needs no waiting; else false, and both arguments are untouched.
  Result<bool> try_send(ProducerRecord& record, DeliveryCallback& done);
  /// send() and its answer.
  Task<Result<Delivery>> deliver(ProducerRecord record);
  /// Sends without lingering, and returns when every record sent before has its answer.
  Task<Result<>> flush(Deadline deadline);
  /// Gives up what is unfinished (flush() before, where that matters). REQUIRED before destruction.
  Task<void> close();

  size_t bytes_waiting() const { return bytes_waiting_; }

 private:
  using Batches = std::vector<ProducerBatch*>;
  struct Node {
    size_t requests_in_flight = 0;
  };

  // Taking records in.
  Result<int32_t> partition_of(const TopicView& topic, const ProducerRecord& record);
  void append(ProducerPartition& partition, ProducerRecord record, DeliveryCallback done,
              size_t bytes);
  ProducerPartition& partition_at(const TopicView& topic, int32_t index);

  // The sender.
  Task<void> run_sender();
  /// The sender looks again at what there is to do.
  void note_change();
  bool needs_identity() const;
  Task<void> obtain_identity();
  /// Starts what may start; answers when to look again.
  Instant send_what_is_ready();
  bool start_requests(Instant now, Instant& look_again);
  ProducerBatch* next_of(ProducerPartition& partition, Instant now, Instant& look_again);
  Task<void> send_request(NodeId node, Batches batches);
  Task<void> refresh_metadata();

  // Answers.
  void take_answer(const Answer& answer, const Batches& batches);
  void succeed(ProducerBatch& batch, Offset base_offset, WallTime append_time);
  void handle_error(ProducerBatch& batch, Error error);
  void try_again(ProducerBatch& batch, Error error, bool fate_unknown);
  void give_up(ProducerBatch& batch, Error error);
  void give_up_all(const Error& error);
  void expire(Instant now);
  void reset(ProducerPartition& partition);
  void finish(ProducerBatch& batch, const std::function<Result<Delivery>(size_t)>& answer);

  Cluster& cluster_;
  Shard& shard_;
  const ProducerSettings settings_;
  const std::unique_ptr<Partitioner> partitioner_;
  Scope scope_;
  records::Compressor compressor_;
  std::map<TopicPartition, std::unique_ptr<ProducerPartition>> partitions_;
  std::map<NodeId, Node> nodes_;
  std::optional<ProducerIdentity> identity_;
  Instant identity_not_before_;
  std::optional<Error> fatal_;
  size_t bytes_waiting_ = 0;
  size_t records_unfinished_ = 0;
  size_t flushes_ = 0;
  size_t waiting_for_room_ = 0;
  bool refreshing_ = false;
  uint64_t changes_ = 0;
  TopicPartition served_last_;
  WaitQueue changed_;   // the sender waits for something to do
  WaitQueue room_;      // send() waits for room
  WaitQueue finished_;  // flush() waits for answers
};

}  // namespace partita::client
