#pragma once
// What the tests of clients share: a broker on a simulated network that keeps logs in memory,
// judges sequences as Kafka does, and misbehaves by script.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "records/batch_records.h"
#include "rpc/response_frame.h"
#include "rpc/server.h"
#include "runtime/sim/world.h"
#include "wire/error_code.h"
#include "wire/messages/fetch.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"
#include "wire/messages/produce.h"

namespace partita::client {

/// What becomes of one Produce request.
enum class Fault {
  none,
  refuse,         ///< NOT_LEADER_OR_FOLLOWER, nothing is written
  lose_request,   ///< the connection ends, nothing is written
  lose_answer,    ///< written; the connection ends
  too_large,      ///< MESSAGE_TOO_LARGE, for good
  forget_writer,  ///< what was known of the producer is lost; then as none
  be_silent,      ///< no answer, ever
};

struct ProducerMemory {
  int16_t epoch = -1;
  struct Seen {
    int32_t first;
    int32_t last;
    int64_t offset;
  };
  std::deque<Seen> batches;  // the last five
};

struct ScriptedLog {
  std::vector<Bytes> batches;
  std::vector<std::string> values;  // by offset
  std::map<int64_t, ProducerMemory> producers;
  int64_t start = 0;
  std::vector<AbortedTransaction> aborted;

  int64_t end() const { return static_cast<int64_t>(values.size()); }
};

class ScriptedBroker final : public rpc::RequestHandler {
 public:
  explicit ScriptedBroker(std::string address) : address_(std::move(address)) {}

  void add_topic(const std::string& name, int32_t partitions) {
    topics[name] = {.id = Uuid::from_random(topics.size() + 1, 77), .partitions = partitions};
  }
  ScriptedLog& log(const std::string& topic, int32_t partition) {
    return logs[{topic, PartitionIndex(partition)}];
  }
  /// Appends records of these values at once, as if somebody had produced them.
  void append(const std::string& topic, int32_t partition, const std::vector<std::string>& values,
              records::BatchOptions options = {}) {
    records::BatchBuilder builder(options);
    for (const std::string& value : values) {
      builder.append({.value = as_bytes(value), .timestamp = WallTime(1000 + next_timestamp++)});
    }
    records::Compressor compressor;
    store(log(topic, partition), *builder.build(compressor), values);
  }

  Result<rpc::Overlap> admit(wire::ApiKey, int16_t) const override {
    return rpc::Overlap::with_others;
  }
  Task<rpc::Response> handle(rpc::Request request) override;

  struct Topic {
    TopicId id;
    int32_t partitions = 1;
  };
  std::map<std::string, Topic> topics;
  std::map<TopicPartition, ScriptedLog> logs;
  std::deque<Fault> faults;  // of Produce requests, in order
  std::vector<int16_t> requests;
  int64_t next_timestamp = 0;
  int32_t leader_epoch = 3;
  bool lose_session = false;
  bool takes_any_first_sequence =
      false;  // of a producer that is not known yet, as Kafka's brokers do
  std::map<TopicPartition, int64_t> session;  // what a fetch asks for
  size_t full_fetches = 0;

 private:
  static void store(ScriptedLog& log, Bytes batch, const std::vector<std::string>& values);
  rpc::Response versions(const rpc::Request& request) const;
  rpc::Response metadata(const rpc::Request& request) const;
  rpc::Response init_producer_id(const rpc::Request& request);
  rpc::Response list_offsets(const rpc::Request& request);
  Task<rpc::Response> produce(rpc::Request request);
  int16_t append_produced(const TopicPartition& name, ByteView data, int64_t& offset, Fault fault);
  Task<rpc::Response> fetch(rpc::Request request);
  std::string name_of(std::string_view name, const TopicId& id) const;

  const std::string address_;
  int64_t next_producer_id_ = 1000;
  int32_t session_id_ = 0;
  int32_t session_epoch_ = 0;
};

inline void ScriptedBroker::store(ScriptedLog& log, Bytes batch,
                                  const std::vector<std::string>& values) {
  Buffer copy(batch.size());
  copy.append(batch.view());
  store_be(copy.data(), log.end());
  store_be(copy.data() + 12, int32_t{3});
  log.batches.push_back(std::move(copy).freeze());
  log.values.insert(log.values.end(), values.begin(), values.end());
}

inline std::string ScriptedBroker::name_of(std::string_view name, const TopicId& id) const {
  if (!name.empty()) return std::string(name);
  for (const auto& [each, topic] : topics) {
    if (topic.id == id) return each;
  }
  return "";
}

inline Task<rpc::Response> ScriptedBroker::handle(rpc::Request request) {
  requests.push_back(static_cast<int16_t>(request.api_key));
  switch (request.api_key) {
    case wire::ApiKey::api_versions: co_return versions(request);
    case wire::ApiKey::metadata: co_return metadata(request);
    case wire::ApiKey::init_producer_id: co_return init_producer_id(request);
    case wire::ApiKey::list_offsets: co_return list_offsets(request);
    case wire::ApiKey::produce: co_return co_await produce(std::move(request));
    case wire::ApiKey::fetch: co_return co_await fetch(std::move(request));
    default: co_return rpc::Response::closing("not served");
  }
}

inline rpc::Response ScriptedBroker::versions(const rpc::Request& request) const {
  wire::ApiVersionsResponse response;
  const int16_t rows[][3] = {{0, 3, 13}, {1, 4, 17}, {2, 1, 10},
                             {3, 0, 13}, {18, 0, 4}, {22, 0, 5}};
  for (const auto& row : rows) {
    response.api_keys.push_back({.api_key = row[0], .min_version = row[1], .max_version = row[2]});
  }
  return rpc::reply(request, response);
}

inline rpc::Response ScriptedBroker::metadata(const rpc::Request& request) const {
  const auto asked = wire::MetadataRequestView::decode(request.body, request.version);
  wire::MetadataResponse response;
  response.brokers.push_back({.node_id = 1, .host = address_, .port = 9092});
  for (const auto& each : *asked->topics) {
    auto& out = response.topics.emplace_back();
    out.name = std::string(*each.name);
    const auto found = topics.find(*out.name);
    if (found == topics.end()) {
      out.error_code = wire::error_code(Errc::unknown_topic_or_partition);
      continue;
    }
    out.topic_id = found->second.id;
    for (int32_t i = 0; i < found->second.partitions; i++) {
      auto& partition = out.partitions.emplace_back();
      partition.partition_index = i;
      partition.leader_id = 1;
      partition.leader_epoch = leader_epoch;
      partition.replica_nodes = {1};
      partition.isr_nodes = {1};
    }
  }
  return rpc::reply(request, response);
}

inline rpc::Response ScriptedBroker::init_producer_id(const rpc::Request& request) {
  wire::InitProducerIdResponse response;
  response.producer_id = next_producer_id_++;
  return rpc::reply(request, response);
}

inline rpc::Response ScriptedBroker::list_offsets(const rpc::Request& request) {
  const auto asked = wire::ListOffsetsRequestView::decode(request.body, request.version);
  wire::ListOffsetsResponse response;
  for (const auto& topic : asked->topics) {
    auto& out = response.topics.emplace_back();
    out.name = std::string(topic.name);
    for (const auto& each : topic.partitions) {
      const ScriptedLog& which = log(out.name, each.partition_index);
      auto& partition = out.partitions.emplace_back();
      partition.partition_index = each.partition_index;
      // Record i of a log has the timestamp 1000 + i where one log is filled alone.
      partition.offset = each.timestamp == -1   ? which.end()
                         : each.timestamp == -2 ? which.start
                                                : std::max<int64_t>(each.timestamp - 1000, 0);
      if (partition.offset > which.end()) partition.offset = -1;
    }
  }
  return rpc::reply(request, response);
}

inline Task<rpc::Response> ScriptedBroker::produce(rpc::Request request) {
  Fault fault = Fault::none;
  if (!faults.empty()) {
    fault = faults.front();
    faults.pop_front();
  }
  if (fault == Fault::lose_request) co_return rpc::Response::closing("lost");
  if (fault == Fault::be_silent) {
    const Result<> slept = co_await sleep_for(*request.scope, 24h);
    static_cast<void>(slept);
    co_return rpc::Response::closing("silent");
  }
  const auto asked = wire::ProduceRequestView::decode(request.body, request.version);
  wire::ProduceResponse response;
  for (const auto& topic : asked->topic_data) {
    auto& out = response.responses.emplace_back();
    out.name = topic.name;
    out.topic_id = topic.topic_id;
    for (const auto& each : topic.partition_data) {
      auto& partition = out.partition_responses.emplace_back();
      partition.index = each.index;
      const TopicPartition name{name_of(topic.name, topic.topic_id), PartitionIndex(each.index)};
      partition.base_offset = -1;
      partition.error_code = append_produced(name, *each.records, partition.base_offset, fault);
    }
  }
  if (fault == Fault::lose_answer) co_return rpc::Response::closing("lost");
  if (asked->acks == 0) co_return rpc::Response::nothing();
  co_return rpc::reply(request, response);
}

inline int16_t ScriptedBroker::append_produced(const TopicPartition& name, ByteView data,
                                               int64_t& offset, Fault fault) {
  if (fault == Fault::refuse) return wire::error_code(Errc::not_leader_or_follower);
  if (fault == Fault::too_large) return wire::error_code(Errc::message_too_large);
  ScriptedLog& to = logs[name];
  const auto batch = records::BatchView::parse(data);
  if (!batch || !batch->verify()) return wire::error_code(Errc::corrupt_message);
  if (fault == Fault::forget_writer) to.producers.clear();
  if (batch->has_producer_id()) {
    ProducerMemory& memory = to.producers[batch->producer_id().value()];
    const int16_t epoch = batch->producer_epoch().value();
    if (epoch < memory.epoch) return wire::error_code(Errc::invalid_producer_epoch);
    for (const auto& seen : memory.batches) {
      if (epoch != memory.epoch || seen.first != batch->base_sequence()) continue;
      offset = seen.offset;
      return seen.last == batch->last_sequence()
                 ? wire::kNoError
                 : wire::error_code(Errc::out_of_order_sequence_number);
    }
    const bool unknown = memory.epoch < 0;
    const bool fresh = epoch != memory.epoch;
    const int32_t expected = fresh || memory.batches.empty() ? 0 : memory.batches.back().last + 1;
    const bool taken = takes_any_first_sequence && unknown;
    if (batch->base_sequence() != expected && !taken) {
      return wire::error_code(Errc::out_of_order_sequence_number);
    }
    if (fresh) memory = {.epoch = epoch};
    memory.batches.push_back({batch->base_sequence(), batch->last_sequence(), to.end()});
    if (memory.batches.size() > 5) memory.batches.pop_front();
  }
  offset = to.end();
  records::Decompressor decompressor;
  const auto records = records::BatchRecords::open(*batch, decompressor);
  std::vector<std::string> values;
  auto iterator = records->iterate();
  records::Record record;
  while (*iterator.next(record)) values.emplace_back(as_text(record.value.value_or(ByteView())));
  store(to, Bytes::copy_of(data), values);
  return wire::kNoError;
}

inline Task<rpc::Response> ScriptedBroker::fetch(rpc::Request request) {
  const auto asked = wire::FetchRequestView::decode(request.body, request.version);
  wire::FetchResponse response;
  if (asked->session_epoch == 0) {
    full_fetches++;
    session.clear();
    session_id_++;
    session_epoch_ = 0;
  } else if (lose_session || asked->session_id != session_id_ ||
             asked->session_epoch != session_epoch_) {
    lose_session = false;
    response.error_code = wire::error_code(Errc::fetch_session_id_not_found);
    co_return rpc::reply(request, response);
  }
  session_epoch_++;
  response.session_id = session_id_;
  for (const auto& topic : asked->topics) {
    for (const auto& each : topic.partitions) {
      session[{name_of(topic.topic, topic.topic_id), PartitionIndex(each.partition)}] =
          each.fetch_offset;
    }
  }
  for (const auto& topic : asked->forgotten_topics_data) {
    for (const int32_t each : topic.partitions) {
      session.erase({name_of(topic.topic, topic.topic_id), PartitionIndex(each)});
    }
  }
  for (int32_t waited = 0; response.responses.empty() && waited <= asked->max_wait_ms;
       waited += 10) {
    if (waited > 0 && !co_await sleep_for(*request.scope, 10ms)) {
      co_return rpc::Response::closing("stopped");
    }
    for (const auto& [name, offset] : session) {
      const ScriptedLog& from = logs[name];
      const bool outside = offset < from.start || offset > from.end();
      if (!outside && offset == from.end()) continue;
      auto& topic = response.responses.emplace_back();
      topic.topic = request.version < 13 ? name.topic : "";
      topic.topic_id = topics[name.topic].id;
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = name.partition.value();
      if (outside) {
        partition.error_code = wire::error_code(Errc::offset_out_of_range);
        continue;
      }
      auto& aborted = partition.aborted_transactions.emplace();
      for (const AbortedTransaction& each : from.aborted) {
        aborted.push_back({each.producer_id.value(), each.first_offset.value()});
      }
      ByteChain& records = partition.records.emplace();
      for (const Bytes& batch : from.batches) {
        if (records::BatchView::parse(batch.view())->last_offset() < Offset(offset)) continue;
        records.push_back(batch);
      }
    }
  }
  co_return rpc::reply(request, response);
}

/// A scripted broker on one node, a client on another.
class ClientTest : public testing::Test {
 protected:
  explicit ClientTest(uint64_t seed = 1)
      : world_(seed),
        server_node_(world_.add_node()),
        client_node_(world_.add_node()),
        broker_(server_node_.address()),
        log_(null_log_sink(), "client") {
    server_ =
        std::make_unique<rpc::Server>(server_node_.shard(), rpc::ServerSettings{}, broker_, log_);
    CHECK(server_->listen("PLAINTEXT", {"0.0.0.0", 9092}).has_value());
    ClusterSettings settings;
    settings.bootstrap = {{server_node_.address(), 9092}};
    settings.request_timeout = 2s;
    cluster_ = std::make_unique<Cluster>(shard(), settings, log_);
  }
  ~ClientTest() override {
    if (producer_) run(producer_->close());
    if (consumer_) run(consumer_->close());
    run(cluster_->close());
    world_.run(server_node_.shard(), server_->stop(server_node_.shard().now()));
  }

  Shard& shard() { return client_node_.shard(); }
  Deadline in(Duration time) { return shard().now() + time; }
  template <class T>
  T run(Task<T> task) {
    return world_.run(shard(), std::move(task));
  }

  Producer& producer(ProducerSettings settings = {}) {
    producer_ = std::make_unique<Producer>(
        *cluster_, settings, sticky_partitioner(shard().random(), settings.batch_bytes));
    return *producer_;
  }
  Consumer& consumer(ConsumerSettings settings = {}) {
    consumer_ = std::make_unique<Consumer>(*cluster_, settings);
    return *consumer_;
  }

  /// Sends `count` records "0", "1", ... to partition 0, waits for the answers, and keeps them.
  static Task<void> send_all(Producer& producer, Shard& shard, std::string topic, size_t count,
                             std::vector<std::optional<Result<Delivery>>>& answers) {
    answers.resize(count);
    for (size_t i = 0; i < count; i++) {
      auto* slot = &answers[i];
      const Result<> sent = co_await producer.send(
          {.topic = topic, .partition = PartitionIndex(0), .value = std::to_string(i)},
          [slot](Result<Delivery> result) { slot->emplace(std::move(result)); });
      if (!sent) slot->emplace(std::unexpected(sent.error()));
    }
    const Result<> flushed = co_await producer.flush(shard.now() + 10min);
    static_cast<void>(flushed);
  }
  /// Values by poll until there are `count` of them, or `limit` has passed.
  static Task<Result<std::vector<std::string>>> read(Consumer& consumer, Shard& shard, size_t count,
                                                     Duration limit) {
    std::vector<std::string> values;
    const Deadline deadline = shard.now() + limit;
    while (values.size() < count && shard.now() < deadline) {
      CO_TRY(const Polled polled, co_await consumer.poll(deadline));
      for (const ConsumedRecord& each : polled.records) {
        values.emplace_back(as_text(each.value.value_or(ByteView())));
      }
    }
    co_return values;
  }

  runtime::sim::SimWorld world_;
  runtime::sim::SimNode& server_node_;
  runtime::sim::SimNode& client_node_;
  ScriptedBroker broker_;
  const Log log_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<Consumer> consumer_;
};

inline std::vector<std::string> numbers(size_t count, size_t from = 0) {
  std::vector<std::string> all;
  for (size_t i = from; i < from + count; i++) all.push_back(std::to_string(i));
  return all;
}

}  // namespace partita::client
