#pragma once
// LogWorld: one simulated machine with a log directory and the logs of one shard, for tests: start,
// append, read back, stop, kill, cut the power.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "records/batch_builder.h"
#include "records/batch_records.h"
#include "records/control.h"
#include "runtime/sim/world.h"
#include "storage/log_config.h"
#include "storage/producer_state.h"
#include "storage/shard_logs.h"
#include "storage/transaction_index.h"

namespace partita::storage {

inline const TopicPartition kTestPartition{.topic = "orders", .partition = PartitionIndex(0)};
inline const TopicId kTestTopicId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
inline constexpr WallTime kTestTime{1'700'000'000'000};
inline constexpr LeaderEpoch kTestEpoch{0};

struct BatchSpec {
  std::vector<std::string> values;
  WallTime timestamp = kTestTime;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = records::kNoSequence;
  bool transactional = false;
  Offset base_offset = Offset(0);
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

inline Bytes make_batch(const BatchSpec& spec) {
  records::BatchBuilder builder({.base_offset = spec.base_offset,
                                 .partition_leader_epoch = spec.leader_epoch,
                                 .producer_id = spec.producer_id,
                                 .producer_epoch = spec.producer_epoch,
                                 .base_sequence = spec.base_sequence,
                                 .transactional = spec.transactional});
  for (const std::string& value : spec.values) {
    builder.append({.value = as_bytes(value), .timestamp = spec.timestamp});
  }
  return *builder.build();
}

inline LeaderBatch leader_batch(const BatchSpec& spec) {
  Bytes bytes = make_batch(spec);
  const auto prefix = records::BatchPrefix::of(*records::BatchView::parse(bytes.view()));
  return {.bytes = std::move(bytes), .prefix = prefix};
}

/// A transaction marker as its coordinator has it written.
inline LeaderBatch marker_batch(ProducerId id, bool commit, int32_t coordinator_epoch = 0,
                                WallTime timestamp = kTestTime) {
  records::BatchBuilder builder({.producer_id = id,
                                 .producer_epoch = ProducerEpoch(0),
                                 .transactional = true,
                                 .control = true});
  const auto key = records::encode_control_key(commit ? records::ControlType::commit
                                                      : records::ControlType::abort);
  builder.append_control(key, records::encode_end_txn_marker(coordinator_epoch), timestamp);
  Bytes bytes = *builder.build();
  const auto prefix = records::BatchPrefix::of(*records::BatchView::parse(bytes.view()));
  return {.bytes = std::move(bytes), .prefix = prefix};
}

struct LogRecord {
  Offset offset;
  WallTime timestamp;
  LeaderEpoch epoch;
  std::string value;
  bool operator==(const LogRecord&) const = default;
};

inline std::vector<LogRecord> parse_records(const ByteChain& chain) {
  Buffer all;
  for (const Bytes& part : chain) all.append(part.view());
  std::vector<LogRecord> records;
  records::BatchIterator batches(all.view());
  records::Decompressor decompressor;
  while (true) {
    const auto batch = batches.next();
    CHECK(batch);
    if (!batch || !*batch) return records;
    CHECK((**batch).verify());
    const auto inside = records::BatchRecords::open(**batch, decompressor);
    CHECK(inside);
    auto iterator = inside->iterate();
    records::Record record;
    while (*iterator.next(record)) {
      records.push_back({.offset = (**batch).offset_at(record.offset_delta),
                         .timestamp = (**batch).timestamp_at(record.timestamp_delta),
                         .epoch = (**batch).partition_leader_epoch(),
                         .value = std::string(as_text(record.value.value_or(ByteView())))});
    }
  }
}

class LogWorld {
 public:
  explicit LogWorld(runtime::sim::DiskImage image = {}, uint64_t seed = 1)
      : world_(seed), node_(world_.add_node({.image = std::move(image)})) {
    node_.disk().faults().sync = {.least = 80us, .most = 400us};
    node_.disk().faults().read = {.least = 40us, .most = 200us};
    config.segment_bytes = 1 << 20;
  }
  ~LogWorld() { drop(); }
  LogWorld(const LogWorld&) = delete;

  /// Opens the directory and every partition in it. Not loaded.
  Result<> start() {
    scope_ = std::make_unique<Scope>(shard());
    auto opened = run(LogDirectory::open(*scope_, {.path = "/data"}, Log(null_log_sink(), "test")));
    if (!opened) return std::unexpected(opened.error());
    directory_ = *std::move(opened);
    logs_ =
        std::make_unique<ShardLogs>(*scope_, *directory_, options, Log(null_log_sink(), "test"));
    for (const FoundPartition& found : directory_->take_found()) {
      if (!found.topic_id.is_zero() && found.topic_id != kTestTopicId) {
        strays.push_back(found);
        continue;
      }
      logs_->open(found, kTestTopicId, shared_config());
    }
    return {};
  }

  /// What a graceful stop does.
  Result<> stop() {
    Result<> closed = run(logs_->close_cleanly());
    if (closed) closed = run(directory_->close_cleanly(BrokerEpoch(7)));
    drop();
    return closed;
  }
  /// The process dies, the page cache lives.
  void kill() {
    node_.crash(runtime::sim::CrashMode::kill);
    drop();
    node_.restart();
  }
  void power_cut() {
    node_.crash(runtime::sim::CrashMode::power_cut);
    drop();
    node_.restart();
  }

  /// The test partition, made where it is not there.
  PartitionLog& log(const TopicPartition& name = kTestPartition) {
    PartitionLog* found = logs_->find(name);
    return found != nullptr ? *found : logs_->create(name, kTestTopicId, shared_config());
  }

  Result<AppendResult> append(const BatchSpec& spec, LeaderEpoch epoch = kTestEpoch,
                              const TopicPartition& name = kTestPartition) {
    return log(name).append_as_leader(leader_batch(spec), epoch, kTestTime);
  }
  Result<AppendResult> append(std::string value, LeaderEpoch epoch = kTestEpoch) {
    return append(BatchSpec{.values = {std::move(value)}}, epoch);
  }
  /// A batch of this producer's transaction, which its coordinator has been asked about.
  Result<AppendResult> append_in_txn(ProducerId id, std::vector<std::string> values,
                                     WallTime timestamp = kTestTime) {
    const ProducerEpoch epoch(0);
    LeaderBatch batch = leader_batch({.values = std::move(values),
                                      .timestamp = timestamp,
                                      .producer_id = id,
                                      .producer_epoch = epoch,
                                      .transactional = true});
    batch.guard = log().producers().begin_verification({.producer_id = id, .producer_epoch = epoch},
                                                       false, shard().now());
    return log().append_as_leader(std::move(batch), kTestEpoch, kTestTime,
                                  AppendOrigin::coordinator);
  }
  Result<AppendResult> end_txn(ProducerId id, bool commit, int32_t coordinator_epoch = 0,
                               WallTime timestamp = kTestTime) {
    return log().append_as_leader(marker_batch(id, commit, coordinator_epoch, timestamp),
                                  kTestEpoch, kTestTime, AppendOrigin::coordinator);
  }
  /// Of [from, upper_bound).
  Result<std::vector<AbortedTxn>> aborted(Offset from, Offset upper_bound) {
    CHECKED(run(log().load()));
    return run(log().aborted_transactions(from, upper_bound));
  }
  Result<> flush(const TopicPartition& name = kTestPartition) {
    return run(logs_->flusher().flush_now(log(name)));
  }
  /// Appends single records with distinct values: "<prefix><offset>".
  void fill(size_t count, size_t value_bytes = 20, LeaderEpoch epoch = kTestEpoch) {
    for (size_t i = 0; i < count; ++i) {
      std::string value = value_at(log().log_end_offset());
      value.resize(std::max(value.size(), value_bytes), '.');
      CHECK(append(value, epoch));
    }
  }
  static std::string value_at(Offset offset) { return "r" + std::to_string(offset.value()); }

  /// All records from log start to end, read in small pieces. Stops at an error.
  Result<std::vector<LogRecord>> read_all(const TopicPartition& name = kTestPartition,
                                          size_t bytes_max = 4096) {
    PartitionLog& from = log(name);
    CHECKED(run(from.load()));
    std::vector<LogRecord> all;
    Offset at = from.log_start_offset();
    while (at < from.log_end_offset()) {
      TRY(const ReadResult result, run(from.read(at, bytes_max, from.log_end_offset(), true)));
      CHECK(chain_size(result.bytes) == result.size);
      if (result.size == 0) break;
      const auto records = parse_records(result.bytes);
      all.insert(all.end(), records.begin(), records.end());
      CHECK(result.next_offset > at);
      at = result.next_offset;
    }
    return all;
  }

  template <class T>
  T run(Task<T> task) {
    return world_.run(shard(), std::move(task));
  }
  Shard& shard() { return node_.shard(); }
  runtime::sim::SimWorld& world() { return world_; }
  runtime::sim::SimNode& node() { return node_; }
  runtime::sim::SimDisk& disk() { return node_.disk(); }
  const runtime::sim::DiskRecording& disk_recording() const { return node_.disk().recording(); }
  bool started() const { return logs_ != nullptr; }
  LogDirectory& directory() { return *directory_; }
  ShardLogs& logs() { return *logs_; }
  Scope& scope() { return *scope_; }
  std::shared_ptr<const LogConfig> shared_config() {
    return std::make_shared<const LogConfig>(config);
  }
  /// Forgets what is in memory; nothing reaches the disk but what was on its way.
  void drop() {
    if (!scope_) return;
    scope_->close();
    run(scope_->join());
    logs_.reset();
    directory_.reset();
    scope_.reset();
  }

  LogConfig config;
  ShardLogsOptions options;
  std::vector<FoundPartition> strays;

 private:
  runtime::sim::SimWorld world_;
  runtime::sim::SimNode& node_;
  std::unique_ptr<Scope> scope_;
  std::unique_ptr<LogDirectory> directory_;
  std::unique_ptr<ShardLogs> logs_;
};

/// The records that fill() appended at [first, end).
inline std::vector<std::string> filled_values(Offset first, Offset end, size_t value_bytes = 20) {
  std::vector<std::string> values;
  for (Offset at = first; at < end; at = at.next()) {
    std::string value = LogWorld::value_at(at);
    value.resize(std::max(value.size(), value_bytes), '.');
    values.push_back(value);
  }
  return values;
}

inline std::vector<std::string> values_of(const std::vector<LogRecord>& records) {
  std::vector<std::string> values;
  for (const LogRecord& record : records) values.push_back(record.value);
  return values;
}

}  // namespace partita::storage
