#include "records/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "base/fault_points.h"
#include "records/batch_records.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

using testing::kFirstTimestamp;
using testing::make_batch;
using testing::seal;
using testing::wrap_records;
using Batch = std::vector<uint8_t>;

constexpr WallTime kNow(kFirstTimestamp + 1000);
constexpr int64_t kHourMs = 3600000;
constexpr int32_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

Batch change16(Batch batch, size_t at, int16_t value) {
  store_be<int16_t>(batch.data() + at, value);
  seal(batch);
  return batch;
}
Batch change32(Batch batch, size_t at, int32_t value) {
  store_be<int32_t>(batch.data() + at, value);
  seal(batch);
  return batch;
}
Batch change64(Batch batch, size_t at, int64_t value) {
  store_be<int64_t>(batch.data() + at, value);
  seal(batch);
  return batch;
}
/// Without making the CRC right.
Batch poke(Batch batch, size_t at, uint8_t value) {
  batch[at] = value;
  return batch;
}
Batch with_length(int32_t length) {
  Batch batch = make_batch(2, 20);
  store_be<int32_t>(batch.data() + 8, length);
  return batch;
}
Batch join(Batch first, const Batch& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
Batch cut(Batch batch, size_t size) {
  batch.resize(size);
  return batch;
}
Batch one_record_at(int64_t timestamp, Codec codec = Codec::none) {
  BatchBuilder builder({.codec = codec});
  builder.append(
      {.key = as_bytes("key"), .value = as_bytes("value"), .timestamp = WallTime(timestamp)});
  Compressor compressor;
  const Result<Bytes> batch = builder.build(compressor);
  return {batch->view().begin(), batch->view().end()};
}
Batch without_key(Codec codec = Codec::none) {
  BatchBuilder builder({.codec = codec});
  builder.append({.key = as_bytes("key"), .value = as_bytes("0"), .timestamp = kNow});
  builder.append({.value = as_bytes("1"), .timestamp = kNow});
  Compressor compressor;
  const Result<Bytes> batch = builder.build(compressor);
  return {batch->view().begin(), batch->view().end()};
}
Batch bomb(Codec codec) {
  const std::vector<uint8_t> zeros(size_t{100} << 20);
  Compressor compressor;
  Buffer small;
  EXPECT_TRUE(compressor.deflate(codec, {}, zeros, small).has_value());
  return wrap_records(small.view(), 1, {.codec = codec});
}

struct Row {
  const char* id;
  const char* what;
  Batch data;
  std::optional<Errc> expected;  // nothing: accepted
  TopicRules rules = {};
  ProduceVersion version = {};
  bool look_inside = false;
};

/// The whole judgement, as a broker passes it.
Judged<ProducedBatch> judge(const Row& row) {
  TRY(ProducedBatch produced, check_produced(row.data, row.version));
  Buffer inflated;
  if (row.look_inside) {
    Decompressor decompressor;
    CHECKED(check_inside(produced, decompressor, inflated_bytes_cap(row.rules.max_message_bytes),
                         &inflated));
  }
  CHECKED(check_rules(produced, row.rules, kNow, inflated.view()));
  return produced;
}

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Batch before = row.data;
    const Judged<ProducedBatch> verdict = judge(row);
    EXPECT_EQ(row.data, before);
    if (!row.expected) {
      EXPECT_TRUE(verdict.has_value())
          << row.id << " " << row.what << ": " << describe(verdict.error().error);
      continue;
    }
    ASSERT_FALSE(verdict.has_value()) << row.id << " " << row.what;
    EXPECT_EQ(verdict.error().error.code, *row.expected)
        << row.id << " " << row.what << ": " << verdict.error().error.detail;
    EXPECT_FALSE(verdict.error().error.detail.empty()) << row.id << " " << row.what;
  }
}

TEST(CheckProduced, Framing) {
  const Batch good = make_batch(2, 20);
  const auto size = static_cast<int32_t>(good.size());
  expect_rows({
      {"-", "a good batch", good, {}},
      {"B4", "no batch", {}, Errc::invalid_record},
      {"B4", "less than an offset and a length", cut(good, 11), Errc::invalid_record},
      {"B4", "two batches", join(good, good), Errc::invalid_record},
      {"B4", "bytes behind the batch", join(good, {0}), Errc::invalid_record},
      {"B4", "magic 0", poke(good, 16, 0), Errc::invalid_record},
      {"B4", "magic 1", poke(good, 16, 1), Errc::invalid_record},
      {"B5", "batch length 13", with_length(13), Errc::corrupt_message},
      {"B5", "batch length 14", with_length(14), Errc::corrupt_message},
      {"B5", "batch length 48", with_length(48), Errc::corrupt_message},
      {"B5", "batch length 0", with_length(0), Errc::corrupt_message},
      {"B5", "batch length -1", with_length(-1), Errc::corrupt_message},
      {"B5", "batch length INT_MIN", with_length(std::numeric_limits<int32_t>::min()),
       Errc::corrupt_message},
      {"B5", "one larger than the data", with_length(size - 12 + 1), Errc::corrupt_message},
      {"B5", "INT_MAX", with_length(kInt32Max), Errc::corrupt_message},
      {"B5", "cut in the header", cut(good, 30), Errc::corrupt_message},
      {"B5", "cut in the records", cut(good, good.size() - 1), Errc::corrupt_message},
      {"B6", "CRC wrong", poke(good, 20, static_cast<uint8_t>(good[20] + 1)),
       Errc::corrupt_message},
      {"B6", "record changed", poke(good, good.size() - 1, 0x55), Errc::corrupt_message},
      {"B7", "magic 3", poke(good, 16, 3), Errc::corrupt_message},
      {"B7", "magic -1", poke(good, 16, 0xff), Errc::corrupt_message},
      {"-", "the leader epoch is not judged", poke(good, 15, 9), {}},
  });
}

TEST(CheckProduced, HeaderFields) {
  const Batch good = make_batch(2, 20);
  const Batch compressed = make_batch(2, 20, {.codec = Codec::zstd});
  expect_rows({
      {"B8", "base offset 1", change64(good, 0, 1), Errc::invalid_record},
      {"B8", "base offset -1", change64(good, 0, -1), Errc::invalid_record},
      {"B9", "control bit", change16(good, 21, 0x20), Errc::invalid_record},
      {"B9", "control bit, transactional", change16(good, 21, 0x30), Errc::invalid_record},
      {"B10", "last offset delta is the count", change32(good, 23, 2), Errc::invalid_record},
      {"B10", "last offset delta 0", change32(good, 23, 0), Errc::invalid_record},
      {"B10", "last offset delta -1", change32(good, 23, -1), Errc::invalid_record},
      {"B10", "count 0", change32(good, 57, 0), Errc::invalid_record},
      {"B10", "count 0, delta -1", change32(change32(good, 57, 0), 23, -1), Errc::invalid_record},
      {"B10", "count -1", change32(good, 57, -1), Errc::invalid_record},
      {"B10", "count -1, delta -2", change32(change32(good, 57, -1), 23, -2), Errc::invalid_record},
      {"B10", "count INT_MAX", change32(good, 57, kInt32Max), Errc::invalid_record},
      {"B10", "count and delta INT_MAX", change32(change32(good, 57, kInt32Max), 23, kInt32Max - 1),
       Errc::invalid_record},
      {"B10", "the same, compressed",
       change32(change32(compressed, 57, kInt32Max), 23, kInt32Max - 1), Errc::invalid_record},
      {"B10", "count INT_MIN, delta INT_MAX",
       change32(change32(good, 57, -kInt32Max - 1), 23, kInt32Max), Errc::invalid_record},
      {"B15", "codec 5", change16(good, 21, 5), Errc::invalid_record},
      {"B15", "codec 6", change16(good, 21, 6), Errc::invalid_record},
      {"B15", "codec 7", change16(good, 21, 7), Errc::invalid_record},
      {"B16",
       "zstd before version 7",
       compressed,
       Errc::unsupported_compression_type,
       {},
       {.zstd_allowed = false}},
      {"B16", "zstd from version 7", compressed, {}},
      {"B16",
       "lz4 before version 7",
       make_batch(2, 20, {.codec = Codec::lz4}),
       {},
       {},
       {.zstd_allowed = false}},
      {"B23", "producer id without sequence", change64(good, 43, 7), Errc::invalid_record},
      {"B23", "producer id 0 without sequence", change64(good, 43, 0), Errc::invalid_record},
      {"B23", "producer id with sequence -2", change32(change64(good, 43, 7), 53, -2),
       Errc::invalid_record},
      {"B23", "producer id with sequence 0", change32(change64(good, 43, 7), 53, 0), {}},
      {"-", "append time is the broker's", change16(good, 21, 0x08), Errc::invalid_timestamp},
      {"-", "append time, compressed", change16(compressed, 21, 0x0c), Errc::invalid_timestamp},
  });
}

TEST(CheckProduced, Records) {
  // Length, attributes, timestamp delta, offset delta, key null, value null, no headers.
  const Batch first = {0x0c, 0, 0, 0, 1, 1, 0};
  const Batch second = {0x0c, 0, 0, 2, 1, 1, 0};
  const auto records = [&](Batch last) { return wrap_records(join(first, last), 2); };
  expect_rows({
      {"-", "two records", records(second), {}},
      {"B11", "record length -1", records({0x01, 0, 0, 2, 1, 1, 0}), Errc::invalid_record},
      {"B11", "record length past the batch", records({0x0e, 0, 0, 2, 1, 1, 0}),
       Errc::invalid_record},
      {"B11", "record length INT_MAX", records({0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 2, 1, 1, 0}),
       Errc::invalid_record},
      {"B11", "record length of six bytes",
       records({0x8c, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 2, 1, 1, 0}), Errc::invalid_record},
      {"B11", "bytes behind the last record", records(join(second, {0})), Errc::invalid_record},
      {"B11", "a third record", records(join(second, second)), Errc::invalid_record},
      {"B11", "one record missing", wrap_records(first, 2), Errc::invalid_record},
      {"B11", "no records", wrap_records({}, 2), Errc::invalid_record},
      {"B11", "bytes within a record", records({0x0e, 0, 0, 2, 1, 1, 0, 0}), Errc::invalid_record},
      {"B11", "key past the record", records({0x0c, 0, 0, 2, 0x40, 1, 0}), Errc::invalid_record},
      {"B11", "offset delta twice", records(first), Errc::invalid_record},
      {"B11", "offset delta skipped", records({0x0c, 0, 0, 4, 1, 1, 0}), Errc::invalid_record},
      {"B11", "offset delta -1", records({0x0c, 0, 0, 1, 1, 1, 0}), Errc::invalid_record},
      {"B12", "header count -1", records({0x0c, 0, 0, 2, 1, 1, 1}), Errc::invalid_record},
      {"B12", "header count INT_MAX", records({0x14, 0, 0, 2, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f}),
       Errc::invalid_record},
      {"B12", "header key length -1", records({0x10, 0, 0, 2, 1, 1, 2, 1, 1}),
       Errc::invalid_record},
      {"B12", "a header", records({0x12, 0, 0, 2, 1, 1, 2, 2, 'h', 1}), {}},
  });
}

TEST(CheckProduced, CompressedInsides) {
  const Batch garbage(100, 0xa5);
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Batch bad = wrap_records(garbage, 1, {.codec = codec});
    Batch short_inside = make_batch(3, 50, {.codec = codec});
    short_inside = change32(change32(short_inside, 57, 4), 23, 3);
    expect_rows({
        {"B13", "garbage passes through", bad, {}},
        {"B13", "garbage where it is read", bad, Errc::invalid_record, {}, {}, true},
        {"B13", "fewer records than counted", short_inside, Errc::invalid_record, {}, {}, true},
        {"B13", "good", make_batch(3, 50, {.codec = codec}), {}, {}, {}, true},
        {"B14", "bomb passes through", bomb(codec), {}, {.max_message_bytes = kInt32Max}},
        {"B14",
         "bomb where it is read",
         bomb(codec),
         Errc::invalid_record,
         {.max_message_bytes = kInt32Max},
         {},
         true},
        {"B14",
         "the cap follows max.message.bytes",
         make_batch(4, 2000, {.codec = codec}),
         Errc::invalid_record,
         {.max_message_bytes = 200},
         {},
         true},
    });
  }
}

TEST(CheckRules, Sizes) {
  const Batch batch = make_batch(10, 100);
  const auto size = static_cast<int32_t>(batch.size());
  expect_rows({
      {"B17", "max.message.bytes", batch, {}, {.max_message_bytes = size}},
      {"B17", "one byte more", batch, Errc::message_too_large, {.max_message_bytes = size - 1}},
      {"B18", "segment.bytes", batch, {}, {.segment_bytes = size}},
      {"B18", "one byte more", batch, Errc::record_list_too_large, {.segment_bytes = size - 1}},
  });
}

TEST(CheckRules, NullKeysOfCompactedTopics) {
  const TopicRules compacted{.keys_required = true};
  expect_rows({
      {"B19", "elsewhere", without_key(), {}},
      {"B19", "null key", without_key(), Errc::invalid_record, compacted},
      {"B19",
       "null key, compressed",
       without_key(Codec::gzip),
       Errc::invalid_record,
       compacted,
       {},
       true},
      {"B19", "keys", make_batch(3, 10), {}, compacted},
  });
  for (const Codec codec : {Codec::none, Codec::lz4}) {
    const Row row{"B19", "index", without_key(codec), Errc::invalid_record, compacted, {}, true};
    const Rejection rejection = judge(row).error();
    ASSERT_EQ(rejection.faults.size(), 1u);
    EXPECT_EQ(rejection.faults[0].batch_index, 1);
    EXPECT_FALSE(rejection.faults[0].message.empty());
  }
}

TEST(CheckRules, Timestamps) {
  const int64_t now = kNow.ms();
  const TopicRules before{.timestamp_before_max_ms = 1000};
  const TopicRules append_time{.timestamp_type = TimestampType::log_append_time};
  const TopicRules any{.timestamp_after_max_ms = kInt64Max};
  std::vector<Row> rows;
  for (const Codec codec : {Codec::none, Codec::snappy}) {
    const std::vector<Row> more = {
        {"B20", "an hour ahead", one_record_at(now + kHourMs, codec), {}},
        {"B20", "a millisecond more", one_record_at(now + kHourMs + 1, codec),
         Errc::invalid_timestamp},
        {"B20", "-2", one_record_at(-2, codec), Errc::invalid_timestamp},
        {"B20", "INT64_MIN", one_record_at(-kInt64Max - 1, codec), Errc::invalid_timestamp},
        {"B20", "INT64_MAX", one_record_at(kInt64Max, codec), Errc::invalid_timestamp},
        {"B20", "INT64_MAX where all are allowed", one_record_at(kInt64Max, codec), {}, any},
        {"B20", "no timestamp", one_record_at(-1, codec), {}},
        {"B20", "no timestamp where the past is bounded", one_record_at(-1, codec), {}, before},
        {"B20", "0", one_record_at(0, codec), {}},
        {"B20", "the past where it is bounded", one_record_at(now - 1000, codec), {}, before},
        {"B20", "a millisecond before", one_record_at(now - 1001, codec), Errc::invalid_timestamp,
         before},
        {"B20", "append time does not judge", one_record_at(kInt64Max, codec), {}, append_time},
    };
    rows.insert(rows.end(), more.begin(), more.end());
  }
  expect_rows(rows);
  for (Row& row : rows) row.look_inside = true;
  expect_rows(rows);
}

TEST(CheckRules, NamesTheRecordsWithWrongTimes) {
  BatchBuilder builder;
  for (const int64_t offset_ms : {int64_t{0}, 2 * kHourMs, int64_t{5}, 3 * kHourMs}) {
    builder.append({.timestamp = WallTime(kNow.ms() + offset_ms)});
  }
  const Result<Bytes> batch = builder.build();
  const Row row{"B20",
                "",
                {batch->view().begin(), batch->view().end()},
                Errc::invalid_timestamp,
                {.keys_required = true}};
  const Rejection rejection = judge(row).error();
  EXPECT_EQ(rejection.error.code, Errc::invalid_timestamp) << "before the missing keys";
  EXPECT_EQ(rejection.faults.size(), 4u);
  const Row times{"B20", "", row.data, Errc::invalid_timestamp};
  ASSERT_EQ(judge(times).error().faults.size(), 2u);
  EXPECT_EQ(judge(times).error().faults[0].batch_index, 1);
  EXPECT_EQ(judge(times).error().faults[1].batch_index, 3);
}

TEST(CheckRules, ListsABoundedNumberOfFaults) {
  BatchBuilder builder;
  for (int i = 0; i < 1000; i++) builder.append({.timestamp = kNow});
  const Result<Bytes> batch = builder.build();
  const Row row{
      "B19", "", {batch->view().begin(), batch->view().end()}, {}, {.keys_required = true}};
  EXPECT_EQ(judge(row).error().faults.size(), kRecordFaultsMax);
}

/// What the log would hold.
Batch stored(const ProducedBatch& produced, BatchPrefix prefix) {
  prefix.stamp(Offset(500), LeaderEpoch(3));
  Batch bytes(prefix.bytes().begin(), prefix.bytes().end());
  const ByteView rest = produced.batch.bytes().subspan(prefix.size());
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

TEST(MakePrefix, SixteenBytesWhereNothingChanges) {
  for (const Codec codec : {Codec::none, Codec::gzip}) {
    const Batch batch = make_batch(5, 50, {.codec = codec});
    const Judged<ProducedBatch> produced = check_produced(batch);
    const BatchPrefix prefix = make_prefix(*produced, TimestampType::create_time, kNow);
    EXPECT_EQ(prefix.size(), kPrefixBytes);
    const Batch bytes = stored(*produced, prefix);
    const BatchView view = *BatchView::parse(bytes);
    EXPECT_TRUE(view.verify().has_value());
    EXPECT_EQ(view.last_offset(), Offset(504));
  }
}

TEST(MakePrefix, LyingMaximumIsPutRightWhereRecordsAreRead) {  // B21
  for (const Codec codec : {Codec::none, Codec::zstd}) {
    for (const int64_t lie : {kFirstTimestamp - 5, kFirstTimestamp + 100000, int64_t{-1}}) {
      const Batch batch = change64(make_batch(5, 50, {.codec = codec}), 35, lie);
      Judged<ProducedBatch> produced = check_produced(batch);
      ASSERT_TRUE(produced.has_value());
      if (codec == Codec::zstd) {
        EXPECT_EQ(make_prefix(*produced, TimestampType::create_time, kNow).size(), kPrefixBytes)
            << "passes through";
        EXPECT_EQ(produced->max_timestamp, WallTime(lie));
        Decompressor decompressor;
        ASSERT_TRUE(check_inside(*produced, decompressor, kInflatedBytesMax).has_value());
      }
      EXPECT_EQ(produced->max_timestamp, WallTime(kFirstTimestamp + 40));
      EXPECT_EQ(produced->offset_of_max_timestamp, OffsetDelta(4));
      const Batch bytes =
          stored(*produced, make_prefix(*produced, TimestampType::create_time, kNow));
      const BatchView view = *BatchView::parse(bytes);
      EXPECT_TRUE(view.verify().has_value());
      EXPECT_EQ(view.max_timestamp(), WallTime(kFirstTimestamp + 40));
      EXPECT_EQ(view.attributes().codec(), codec);
      EXPECT_EQ(bytes.size(), batch.size());
    }
  }
}

#if PARTITA_FAULTS
TEST(MakePrefix, ABelievedMaximumIsStored) {
  const Batch batch = change64(make_batch(5, 50), 35, kFirstTimestamp + 100000);
  const Judged<ProducedBatch> produced = check_produced(batch);
  ASSERT_TRUE(produced.has_value());
  faults::set_mutant("records.max_timestamp_believed");
  const BatchPrefix prefix = make_prefix(*produced, TimestampType::create_time, kNow);
  faults::set_mutant("");
  const Batch bytes = stored(*produced, prefix);
  EXPECT_EQ(BatchView::parse(bytes)->max_timestamp(), WallTime(kFirstTimestamp + 100000));
}
#endif

TEST(MakePrefix, AppendTimeStampsWithoutReadingTheInside) {
  for (const Codec codec : {Codec::none, Codec::lz4}) {
    const Batch batch = make_batch(5, 50, {.codec = codec});
    const Judged<ProducedBatch> produced = check_produced(batch);
    const Batch bytes =
        stored(*produced, make_prefix(*produced, TimestampType::log_append_time, kNow));
    const BatchView view = *BatchView::parse(bytes);
    EXPECT_TRUE(view.verify().has_value());
    EXPECT_EQ(view.attributes().timestamp_type(), TimestampType::log_append_time);
    EXPECT_EQ(view.max_timestamp(), kNow);
  }
}

TEST(CheckProduced, TellsWhatTheLogNeeds) {
  BatchBuilder builder;
  for (const int64_t timestamp : {50, 90, 10, 90})
    builder.append({.timestamp = WallTime(timestamp)});
  const Result<Bytes> batch = builder.build();
  const Judged<ProducedBatch> produced = check_produced(batch->view());
  EXPECT_TRUE(produced->records_read);
  EXPECT_EQ(produced->record_count, 4);
  EXPECT_EQ(produced->codec, Codec::none);
  EXPECT_EQ(produced->min_timestamp, WallTime(10));
  EXPECT_EQ(produced->max_timestamp, WallTime(90));
  EXPECT_EQ(produced->offset_of_max_timestamp, OffsetDelta(1));
  EXPECT_EQ(produced->first_null_key, 0);
  EXPECT_EQ(produced->inflated_bytes, batch->size() - kBatchHeaderBytes);
}

}  // namespace
}  // namespace partita::records
