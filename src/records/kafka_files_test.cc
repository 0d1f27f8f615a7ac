// Segments that Apache Kafka 4.3.1 wrote, batches by librdkafka and by Kafka itself, against what
// Kafka serves from them.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/source_path_test.h"
#include "records/batch_records.h"
#include "records/check.h"
#include "records/control.h"
#include "records/lookup.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

const std::filesystem::path kTestdata = source_path("src/records/testdata");

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

nlohmann::json json_text(const std::optional<ByteView>& bytes) {
  return bytes ? nlohmann::json(std::string(as_text(*bytes))) : nlohmann::json();
}

/// As in expected.json: offset, [timestamp type (1 create, 2 append), timestamp], key, value,
/// headers.
nlohmann::json as_json(const BatchView& batch, const Record& record) {
  nlohmann::json headers = nlohmann::json::array();
  for (const RecordHeader& header : record.headers)
    headers.push_back({header.key, json_text(header.value)});
  const bool append_time = batch.attributes().timestamp_type() == TimestampType::log_append_time;
  return {batch.offset_at(record.offset_delta).value(),
          {append_time ? 2 : 1, batch.timestamp_at(record.timestamp_delta).ms()},
          json_text(record.key),
          json_text(record.value),
          headers};
}

struct Seen {
  nlohmann::json records = nlohmann::json::array();
  std::set<Codec> codecs;
  std::map<ControlType, int> markers;
  int batches = 0;
};

void read_batch(const BatchView& batch, Decompressor& decompressor, Seen& seen) {
  seen.batches++;
  seen.codecs.insert(*batch.attributes().codec());
  const Result<BatchRecords> records = BatchRecords::open(batch, decompressor);
  ASSERT_TRUE(records.has_value()) << describe(records.error());
  RecordIterator iterator = records->iterate();
  Record record;
  for (;;) {
    const Result<bool> more = iterator.next(record);
    ASSERT_TRUE(more.has_value()) << describe(more.error());
    if (!*more) return;
    if (batch.attributes().is_control()) {
      seen.markers[*decode_control_key(*record.key)]++;
      EXPECT_TRUE(decode_end_txn_marker(*record.value).has_value());
    } else {
      seen.records.push_back(as_json(batch, record));
    }
  }
}

/// Every segment of the partition, in order.
Seen read_partition(const std::string& name) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kTestdata)) {
    if (entry.path().filename().string().starts_with(name + ".")) files.insert(entry.path());
  }
  EXPECT_FALSE(files.empty()) << name;
  Seen seen;
  Decompressor decompressor;
  for (const auto& file : files) {
    const std::vector<uint8_t> bytes = read_file(file);
    BatchIterator batches(bytes);
    for (;;) {
      const Result<std::optional<BatchView>> batch = batches.next();
      EXPECT_TRUE(batch.has_value()) << file << " " << describe(batch.error());
      if (!batch || !*batch) break;
      EXPECT_TRUE((*batch)->verify().has_value());
      read_batch(**batch, decompressor, seen);
    }
    EXPECT_EQ(batches.position(), bytes.size());
  }
  return seen;
}

TEST(KafkaFiles, HoldTheRecordsThatKafkaServes) {
  std::ifstream file(kTestdata / "expected.json");
  const nlohmann::json expected = nlohmann::json::parse(file);
  EXPECT_EQ(expected.size(), 9u);
  for (const auto& [name, served] : expected.items()) {
    Seen seen = read_partition(name);
    // The partition was trimmed to its offset 40 by DeleteRecords, which takes nothing from the
    // segment.
    while (name == "trimmed-0" && seen.records.front()[0] < 40)
      seen.records.erase(seen.records.begin());
    ASSERT_EQ(seen.records.size(), served.size()) << name;
    for (size_t i = 0; i < served.size(); i++)
      ASSERT_EQ(seen.records[i], served[i]) << name << " record " << i;
  }
}

TEST(KafkaFiles, HaveEveryCodecAndMarker) {
  EXPECT_EQ(read_partition("codecs-0").codecs,
            (std::set<Codec>{Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}));
  EXPECT_EQ(read_partition("recompressed-0").codecs, std::set<Codec>{Codec::gzip});
  const Seen txn = read_partition("txn-0");
  EXPECT_EQ(txn.markers.at(ControlType::commit), 2);
  EXPECT_EQ(txn.markers.at(ControlType::abort), 2);
  EXPECT_GT(read_partition("__transaction_state-1").batches, 3);
}

/// java-client: kafka-clients 4.3.1 made six batches of 700 records with 150 byte values, by each
/// codec and the highest levels of lz4 and zstd; its snappy comes in xerial's framing of several
/// blocks, its zstd streams announce no size.
TEST(KafkaFiles, HaveWhatTheJavaClientCompresses) {
  const Seen seen = read_partition("java-client");
  EXPECT_EQ(seen.batches, 6);
  EXPECT_EQ(seen.codecs.size(), 4u);
  ASSERT_EQ(seen.records.size(), 4200u);
  for (int64_t offset = 0; offset < 4200; offset++) {
    const int64_t i = offset % 700;
    std::string value = "value-" + std::to_string(i) + "-";
    value.resize(150, '.');
    const nlohmann::json expected = {offset,
                                     {1, 1700000000000 + 10 * i},
                                     "key-" + std::to_string(i),
                                     value,
                                     nlohmann::json::array()};
    ASSERT_EQ(seen.records[static_cast<size_t>(offset)], expected);
  }
}

/// A stored batch is what a client once produced, but for offset and epoch.
TEST(KafkaFiles, PassTheCheckOfProducedBatches) {
  Decompressor decompressor;
  int checked = 0;
  for (const char* name : {"codecs-0", "plain-0", "plain-1", "recompressed-0", "idempotent-0"}) {
    std::vector<uint8_t> bytes =
        read_file(kTestdata / (std::string(name) + ".00000000000000000000.log"));
    for (size_t at = 0; at < bytes.size();) {
      store_be<int64_t>(bytes.data() + at, 0);
      const BatchView batch = *BatchView::parse(ByteView(bytes).subspan(at));
      Judged<ProducedBatch> produced = check_produced(batch.bytes());
      ASSERT_TRUE(produced.has_value()) << name << " " << describe(produced.error().error);
      ASSERT_TRUE(check_inside(*produced, decompressor, kInflatedBytesMax).has_value()) << name;
      EXPECT_TRUE(check_rules(*produced, {.keys_required = name == std::string("codecs-0")},
                              batch.max_timestamp())
                      .has_value());
      EXPECT_EQ(produced->max_timestamp, batch.max_timestamp()) << name;
      EXPECT_EQ(make_prefix(*produced, TimestampType::create_time, WallTime(0)).size(),
                kPrefixBytes);
      at += batch.total_size();
      checked++;
    }
  }
  EXPECT_GT(checked, 10);
}

TEST(KafkaFiles, AreBuiltAgainByteForByte) {
  for (const char* name : {"plain-0", "plain-1", "idempotent-0", "compacted-0"}) {
    const std::vector<uint8_t> bytes =
        read_file(kTestdata / (std::string(name) + ".00000000000000000000.log"));
    BatchIterator batches(bytes);
    for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
      const BatchView& view = **batch;
      BatchBuilder builder({.base_offset = view.base_offset(),
                            .partition_leader_epoch = view.partition_leader_epoch(),
                            .producer_id = view.producer_id(),
                            .producer_epoch = view.producer_epoch(),
                            .base_sequence = view.base_sequence(),
                            .last_offset_delta = view.last_offset_delta(),
                            .base_timestamp = view.base_timestamp(),
                            .max_timestamp = view.max_timestamp(),
                            .delete_horizon = view.attributes().has_delete_horizon()});
      RecordIterator records(view.records(), view.record_count());
      Record record;
      while (*records.next(record)) {
        const std::vector<RecordHeader> headers(record.headers.begin(), record.headers.end());
        builder.append_at(
            record.offset_delta,
            {record.key, record.value, view.timestamp_at(record.timestamp_delta), headers});
      }
      const Result<Bytes> built = builder.build();
      EXPECT_TRUE(equal(built->view(), view.bytes()))
          << name << " at " << view.base_offset().value();
    }
  }
}

TEST(KafkaFiles, AnswerLookups) {
  Decompressor decompressor;
  const std::vector<uint8_t> bytes = read_file(kTestdata / "codecs-0.00000000000000000000.log");
  BatchIterator batches(bytes);
  for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
    const BatchView& view = **batch;
    // The records are ten milliseconds apart, by offset.
    const int64_t offset = (view.base_offset().value() + view.last_offset().value()) / 2;
    const int64_t timestamp = 1700000000000 + 10 * offset;
    const auto found = find_timestamp(view, WallTime(timestamp - 5), Offset(0), decompressor);
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ(**found, (RecordPosition{Offset(offset), WallTime(timestamp)}));
    const auto latest = find_max_timestamp(view, decompressor);
    EXPECT_EQ(**latest, (RecordPosition{view.last_offset(), view.max_timestamp()}));
  }
}

}  // namespace
}  // namespace partita::records
