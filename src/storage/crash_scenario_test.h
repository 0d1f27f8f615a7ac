#pragma once
// A scenario on one log whose disk is recorded, and the judge of what a power cut may leave of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/sim/crash_enumerator.h"
#include "storage/clean_shutdown.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log_fixture_test.h"
#include "storage/meta_properties.h"
#include "storage/offset_checkpoint.h"
#include "storage/partition_metadata.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace partita::storage {

/// What was promised by the time the disk's log had reached a position.
struct Promise {
  uint64_t position = 0;
  Offset log_start = Offset(0);                ///< records below are gone for good
  Offset log_start_max = Offset(0);            ///< what the log may start with at most
  std::map<Offset, std::string> records = {};  ///< these are on disk
  bool removed = false;                        ///< the partition is gone
  bool running = true;                         ///< no clean-shutdown marker may be found
  bool stopped = false;                        ///< the marker is there
  bool formatted = false;                      ///< meta.properties is there
  std::optional<Offset> recovery_point = {};   ///< the checkpoint says at least this
  int32_t sequence = -1;                       ///< the producer is known up to here
};

/// A record that belongs to a transaction, or the marker that ends one.
struct TxnRecord {
  ProducerId producer;
  bool is_marker = false;
  bool is_commit = false;
};

/// What a log's transactions come to, replayed from its records one by one.
struct TxnModel {
  void add(Offset at, const TxnRecord& record) {
    const auto found = open.find(record.producer);
    if (!record.is_marker) {
      if (found == open.end()) open[record.producer] = at;
      return;
    }
    if (found == open.end()) return;
    const Offset first = found->second;
    open.erase(found);
    if (!record.is_commit) {
      aborted.push_back({.producer_id = record.producer,
                         .first_offset = first,
                         .last_offset = at,
                         .last_stable_offset = first_open().value_or(at.next())});
    }
  }
  std::optional<Offset> first_open() const {
    std::optional<Offset> first;
    for (const auto& [producer, at] : open) first = std::min(first.value_or(at), at);
    return first;
  }

  std::map<ProducerId, Offset> open = {};
  std::vector<AbortedTxn> aborted = {};
};

class Scenario {
 public:
  static constexpr ProducerId kProducer{9};

  explicit Scenario(size_t file_syncs_max = 100) {
    w.options.file_syncs_max = file_syncs_max;
    w.config.segment_bytes = 700;
    w.config.index_interval_bytes = 100;
    start();
  }

  void start() { ASSERT_TRUE(w.start()); }
  void record() {
    w.disk().start_recording();
    promise();
  }
  /// What the log says now is promised from here on.
  void promise() {
    Promise next = promises.empty() ? Promise() : promises.back();
    next.position = w.disk().log_position();
    const PartitionLog* log = w.started() ? w.logs().find(kTestPartition) : nullptr;
    if (log != nullptr && log->loaded()) {
      next.log_start = next.log_start_max = log->log_start_offset();
      next.records.clear();
      for (Offset at = next.log_start; at < log->durable_end(); at = at.next()) {
        next.records[at] = latest.at(at);
      }
      for (const auto& [offset, value] : latest) {
        if (offset >= log->durable_end() || !sequences.contains(value)) continue;
        next.sequence = std::max(next.sequence, sequences.at(value));
      }
    }
    promises.push_back(std::move(next));
  }
  /// An operation begins that takes back what stands at or above `offset`.
  void release(Offset offset) {
    Promise next = promises.back();
    next.position = w.disk().log_position() + 1;  // with its first operation
    next.records.erase(next.records.lower_bound(offset), next.records.end());
    next.sequence = -1;
    next.recovery_point.reset();
    latest.erase(latest.lower_bound(offset), latest.end());
    promises.push_back(std::move(next));
  }
  /// An operation begins that may move the log's start up to `offset`.
  void allow_start(Offset offset) {
    Promise next = promises.back();
    next.position = w.disk().log_position() + 1;  // with its first operation
    next.log_start_max = offset;
    next.records.erase(next.records.begin(), next.records.lower_bound(offset));
    promises.push_back(std::move(next));
  }

  void append(size_t count, LeaderEpoch epoch = kTestEpoch) {
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(append_spec({}, epoch));
  }
  /// From an idempotent producer.
  void append_numbered(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const BatchSpec spec{.producer_id = kProducer,
                           .producer_epoch = ProducerEpoch(0),
                           .base_sequence = next_sequence_};
      const Offset at = w.log().log_end_offset();
      ASSERT_TRUE(append_spec(spec, kTestEpoch));
      sequences[latest.at(at)] = next_sequence_++;
    }
  }
  /// Of a producer that has no sequences.
  void append_in_txn(int64_t producer) {
    const Offset at = w.log().log_end_offset();
    const std::string value = next_value(at);
    note(at, value, kTestEpoch);
    txn_records[{at, value}] = {.producer = ProducerId(producer)};
    ASSERT_TRUE(w.append_in_txn(ProducerId(producer), {value}, next_time()));
  }
  /// Each marker has a coordinator epoch of its own, by which it is known again.
  void end_txn(int64_t producer, bool commit) {
    const Offset at = w.log().log_end_offset();
    const auto bytes = records::encode_end_txn_marker(++coordinator_epoch_);
    const std::string value(as_text(bytes));
    note(at, value, kTestEpoch);
    txn_records[{at, value}] = {
        .producer = ProducerId(producer), .is_marker = true, .is_commit = commit};
    ASSERT_TRUE(w.end_txn(ProducerId(producer), commit, coordinator_epoch_, next_time()));
  }
  void flush() {
    ASSERT_TRUE(w.flush());
    promise();
  }
  void checkpoint() {
    ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
    promise();
    promises.back().recovery_point = w.log().recovery_point();
  }
  void truncate(Offset offset) {
    release(offset);
    ASSERT_TRUE(w.run(w.log().truncate_to(offset)));
    promise();
  }

  LogWorld w;
  std::vector<Promise> promises;
  std::map<Offset, std::set<std::string>> written;  ///< everything that ever stood there
  std::map<Offset, std::string> latest;
  Offset stopped_at = Offset(0);              ///< the log's end at the clean stop
  std::map<std::string, int32_t> sequences;   ///< by value
  std::map<std::string, LeaderEpoch> epochs;  ///< by value
  std::map<std::pair<Offset, std::string>, TxnRecord> txn_records;

 private:
  /// Timestamps rise.
  WallTime next_time() { return WallTime(kTestTime.ms() + ++next_value_); }
  std::string next_value(Offset at) {
    std::string value = "r" + std::to_string(at.value()) + "/" + std::to_string(next_value_++);
    value.resize(30, '.');
    return value;
  }
  void note(Offset at, const std::string& value, LeaderEpoch epoch) {
    written[at].insert(value);
    latest[at] = value;
    epochs[value] = epoch;
  }
  Result<AppendResult> append_spec(BatchSpec spec, LeaderEpoch epoch) {
    const Offset at = w.log().log_end_offset();
    const std::string value = next_value(at);
    note(at, value, epoch);
    spec.values = {value};
    spec.timestamp = WallTime(kTestTime.ms() + next_value_);
    return w.append(spec, epoch);
  }

  int next_value_ = 0;
  int32_t coordinator_epoch_ = 0;
  int32_t next_sequence_ = 0;
};

/// The index files that a segment must have.
struct ExpectedIndexes {
  void add(const records::BatchView& batch, size_t position, int32_t interval_bytes) {
    if (batch.max_timestamp() > largest) {
      largest = batch.max_timestamp();
      largest_offset = batch.last_offset();
    }
    if (since > static_cast<size_t>(interval_bytes)) {
      uint8_t entry[8];
      store_be(entry, static_cast<int32_t>((batch.last_offset() - base).value()));
      store_be(entry + 4, static_cast<int32_t>(position));
      index.append(entry);
      add_time();
      since = 0;
    }
    since += batch.total_size();
  }
  void add_time() {
    if (largest <= indexed) return;
    uint8_t entry[12];
    store_be(entry, largest.ms());
    store_be(entry + 8, static_cast<int32_t>((largest_offset - base).value()));
    times.append(entry);
    indexed = largest;
  }

  Offset base;
  Buffer index = {};
  Buffer times = {};
  size_t since = 0;
  WallTime largest = kNoTimestamp;
  Offset largest_offset = Offset(0);
  WallTime indexed = kNoTimestamp;
};

/// Judges one disk. complaints() says what is wrong with it.
class Judge {
 public:
  Judge(const Scenario& scenario, const runtime::sim::CrashPoint& point,
        const runtime::sim::DiskImage& image, bool twice)
      : scenario_(scenario), image_(image), twice_(twice) {
    for (const Promise& promise : scenario.promises) {
      if (promise.position <= point.log_position) promised_ = promise;
    }
    judge();
  }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  void judge() {
    check_files();
    if (!complaints_.empty()) return;
    LogWorld w(image_);
    w.config = scenario_.w.config;
    const Result<> started = w.start();
    if (!started) return complain("does not start: " + describe(started.error()));
    if (w.logs().find(kTestPartition) == nullptr) {
      if (!promised_.records.empty()) complain("the partition is gone");
      return;
    }
    check_log(w);
    if (!complaints_.empty() || !twice_) return;
    const auto first = w.read_all();
    // The process dies without the machine: recovering again finds the same.
    w.kill();
    if (!w.start()) return complain("does not start again");
    const auto second = w.read_all();
    if (!first || !second || *first != *second) complain("recovering twice changes the log");
  }

  void complain(std::string what) { complaints_.push_back(std::move(what)); }

  std::optional<Bytes> file(std::string_view path) const {
    const auto inode = image_.find(path);
    if (!inode) return std::nullopt;
    return Bytes::copy_of(image_.contents(*inode));
  }

  /// What table 3.11 demands of the files themselves, as another program would find them.
  void check_files() {
    if (promised_.removed) check_removed();
    if (promised_.running && image_.find("/data/.kafka_cleanshutdown")) {
      complain("the marker of an earlier clean stop is back");
    }
    if (promised_.formatted) {
      const auto meta = file("/data/meta.properties");
      const auto properties = meta ? decode_meta_properties(meta->view())
                                   : Result<MetaProperties>(fail(Errc::not_found));
      if (!properties || properties->node_id != NodeId(1)) complain("meta.properties is torn");
    }
    check_trusted_indexes();
    check_marker();
    if (promised_.records.empty()) return;
    const auto metadata = file("/data/orders-0/partition.metadata");
    const auto id = metadata ? decode_partition_metadata(metadata->view())
                             : Result<TopicId>(fail(Errc::not_found));
    if (!id || *id != kTestTopicId) complain("partition.metadata is not durable");
    const auto epochs = file("/data/orders-0/leader-epoch-checkpoint");
    const auto cache = epochs ? LeaderEpochCache::decode(epochs->view())
                              : Result<LeaderEpochCache>(fail(Errc::not_found));
    const auto& [last, value] = *promised_.records.rbegin();
    const auto epoch = cache ? cache->epoch_for_offset(last) : std::nullopt;
    if (epoch != scenario_.epochs.at(value)) {
      complain("the epoch of an acknowledged record is not durable");
    }
  }

  void check_removed() {
    if (image_.find("/data/orders-0")) complain("the partition is back");
    for (const std::string_view name :
         {kRecoveryPointCheckpoint, kLogStartCheckpoint, kHighWatermarkCheckpoint}) {
      const auto bytes = file("/data/" + std::string(name));
      const auto entries = bytes ? decode_offset_checkpoint(bytes->view())
                                 : Result<std::vector<OffsetCheckpointEntry>>();
      if (!entries || !entries->empty()) complain("a checkpoint still speaks of the partition");
    }
  }

  /// Where the recovery-point checkpoint says that a segment is behind, its indexes are trusted
  /// from then on.
  void check_trusted_indexes() {
    const auto bytes = file("/data/recovery-point-offset-checkpoint");
    const auto directory = image_.find("/data/orders-0");
    if (promised_.recovery_point && !bytes) complain("the checkpoint is not durable");
    if (!bytes || !directory) return;
    const auto entries = decode_offset_checkpoint(bytes->view());
    if (!entries) return complain("the recovery-point checkpoint is torn");
    std::vector<Offset> bases;
    for (const auto& [name, inode] : image_.entries(*directory)) {
      if (const auto base = parse_segment_file_name(name, kLogSuffix)) bases.push_back(*base);
    }
    for (const auto& entry : *entries) {
      for (size_t i = 0; i + 1 < bases.size(); ++i) {
        if (entry.topic == "orders" && bases[i + 1] < entry.offset) check_index(bases[i]);
      }
      if (promised_.recovery_point && entry.offset < *promised_.recovery_point) {
        complain("the checkpoint is not durable");
      }
    }
  }

  /// Where the marker is, everything else is.
  void check_marker() {
    const auto marker = file("/data/.kafka_cleanshutdown");
    const auto epoch =
        marker ? decode_clean_shutdown(marker->view()) : Result<BrokerEpoch>(fail(Errc::not_found));
    if (promised_.stopped && (!epoch || *epoch != BrokerEpoch(7))) complain("no clean stop");
    const auto directory = image_.find("/data/orders-0");
    if (!marker || !directory || scenario_.latest.empty()) return;
    const Offset end = scenario_.stopped_at;
    for (const std::string_view name : {kRecoveryPointCheckpoint, kHighWatermarkCheckpoint}) {
      const auto bytes = file("/data/" + std::string(name));
      const auto entries = bytes ? decode_offset_checkpoint(bytes->view())
                                 : Result<std::vector<OffsetCheckpointEntry>>();
      if (!entries || entries->size() != 1 || entries->front().offset != end) {
        complain("the marker came before a checkpoint");
      }
    }
    for (const auto& [name, inode] : image_.entries(*directory)) {
      if (const auto base = parse_segment_file_name(name, kLogSuffix)) check_index(*base, true);
    }
    const auto snapshot = file("/data/orders-0/" + producer_snapshot_name(end));
    if (!snapshot || !decode_producer_snapshot(snapshot->view())) {
      complain("the marker came before the snapshot");
    }
  }

  void check_index(Offset base, bool required = false) {
    const auto path = [&](std::string_view suffix) {
      return "/data/orders-0/" + segment_file_name(base, suffix);
    };
    const Bytes log = *file(path(kLogSuffix));
    ExpectedIndexes expected{.base = base};
    records::BatchIterator batches(log.view());
    while (true) {
      const size_t position = batches.position();
      const auto batch = batches.next();
      if (!batch) return complain("a segment below the recovery point is torn");
      if (!*batch) break;
      expected.add(**batch, position, scenario_.w.config.index_interval_bytes);
    }
    expected.add_time();
    check_txn_index(base);
    // One that is missing is made anew.
    const auto index = file(path(kOffsetIndexSuffix));
    const auto times = file(path(kTimeIndexSuffix));
    if (required && (!index || !times)) complain("an index is not durable");
    if (index && !equal(index->view(), expected.index.view())) complain("an index is not durable");
    if (times && !equal(times->view(), expected.times.view())) {
      complain("a time index is not durable");
    }
  }

  /// A start could not tell that entries are missing from it.
  void check_txn_index(Offset base) {
    if (!complaints_.empty()) return;
    TxnModel model = transactions_before(segments().front());
    for (const Offset segment : segments()) {
      if (segment < base) add_records_of(segment, model);
    }
    const size_t before = model.aborted.size();
    add_records_of(base, model);
    Buffer expected;
    for (size_t i = before; i < model.aborted.size(); ++i) {
      expected.append(encode_aborted_txn(model.aborted[i]));
    }
    const auto bytes = file("/data/orders-0/" + segment_file_name(base, kTxnIndexSuffix));
    if (!equal(bytes ? bytes->view() : ByteView(), expected.view())) {
      complain("a transaction index is not durable");
    }
  }

  void add_records_of(Offset base, TxnModel& model) const {
    const Bytes log = *file("/data/orders-0/" + segment_file_name(base, kLogSuffix));
    for (const LogRecord& record : parse_records({log})) {
      const auto known = scenario_.txn_records.find({record.offset, record.value});
      if (known != scenario_.txn_records.end()) model.add(record.offset, known->second);
    }
  }

  std::vector<Offset> segments() const {
    std::vector<Offset> bases;
    for (const auto& [name, inode] : image_.entries(*image_.find("/data/orders-0"))) {
      if (const auto base = parse_segment_file_name(name, kLogSuffix)) bases.push_back(*base);
    }
    return bases;
  }

  /// As the records below `offset` leave it. Of a scenario that cuts, none may be below.
  TxnModel transactions_before(Offset offset) const {
    TxnModel model;
    for (const auto& [where, record] : scenario_.txn_records) {
      if (where.first < offset) model.add(where.first, record);
    }
    return model;
  }

  void check_transactions(LogWorld& w, const std::map<Offset, std::string>& found) {
    PartitionLog& log = w.log();
    TxnModel model = transactions_before(log.log_start_offset());
    for (const auto& [offset, value] : found) {
      const auto known = scenario_.txn_records.find({offset, value});
      if (known != scenario_.txn_records.end()) model.add(offset, known->second);
    }
    std::erase_if(model.aborted,
                  [&](const AbortedTxn& txn) { return txn.last_offset < log.log_start_offset(); });
    const auto aborted = w.aborted(log.log_start_offset(), log.log_end_offset());
    if (!aborted || *aborted != model.aborted) complain("the aborted transactions are wrong");
    log.set_high_watermark(log.log_end_offset());
    const Offset stable =
        std::max(model.first_open().value_or(log.log_end_offset()), log.log_start_offset());
    if (log.last_stable_offset() != stable) complain("the last stable offset is wrong");
  }

  void check_log(LogWorld& w) {
    const auto records = w.read_all();
    if (!records) return complain("cannot be read: " + describe(records.error()));
    PartitionLog& log = w.log();
    log.check_invariants();
    if (!log.quarantined().empty()) complain("a checkpoint spoke of records that are not there");
    const Offset start = log.log_start_offset();
    if (start < promised_.log_start ||
        start > std::max(promised_.log_start_max, promised_.log_start)) {
      complain("starts with " + std::to_string(start.value()));
    }
    Offset at = start;
    std::map<Offset, std::string> found;
    for (const LogRecord& record : *records) {
      if (record.offset < start) continue;
      if (record.offset != at) complain("a gap at " + std::to_string(at.value()));
      at = record.offset.next();
      found[record.offset] = record.value;
      const auto known = scenario_.written.find(record.offset);
      if (known == scenario_.written.end() || !known->second.contains(record.value)) {
        complain("a phantom at " + std::to_string(record.offset.value()));
      }
      if (log.epoch_of(record.offset) != record.epoch) complain("a wrong epoch");
    }
    if (at != log.log_end_offset()) complain("the end is not where the records end");
    if (log.durable_end() != log.log_end_offset()) complain("served before it was synced");
    for (const auto& [offset, value] : promised_.records) {
      if (found[offset] != value) complain("record " + value + " is lost");
    }
    check_producer(log, found);
    check_transactions(w, found);
  }

  void check_producer(PartitionLog& log, const std::map<Offset, std::string>& found) {
    if (scenario_.sequences.empty()) return;
    const auto known = log.producers().find(Scenario::kProducer);
    int32_t expected = promised_.sequence;
    for (const auto& [offset, value] : found) {
      const auto sequence = scenario_.sequences.find(value);
      if (sequence != scenario_.sequences.end()) expected = std::max(expected, sequence->second);
    }
    const int32_t found_sequence = known ? known->last_sequence : -1;
    if (found_sequence != expected) {
      complain("a producer is remembered up to " + std::to_string(found_sequence) + ", not " +
               std::to_string(expected));
    }
  }

  const Scenario& scenario_;
  const runtime::sim::DiskImage& image_;
  const bool twice_;
  Promise promised_;
  std::vector<std::string> complaints_;
};

}  // namespace partita::storage
