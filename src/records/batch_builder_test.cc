#include "records/batch_builder.h"

#include <gtest/gtest.h>

#include <string>

#include "records/batch_records.h"
#include "records/control.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

TEST(BatchBuilder, MakesTheBytesThatAnotherClientMakes) {
  // The batch of kForeignBatch in batch_test.cc: its records, and the CRC that kafka-python 2.0.2
  // gave it.
  BatchBuilder builder({.partition_leader_epoch = LeaderEpoch(0),
                        .producer_id = ProducerId(77),
                        .producer_epoch = ProducerEpoch(5),
                        .base_sequence = 9,
                        .transactional = true});
  const RecordHeader headers[] = {{"h", as_bytes("x")}, {"n", std::nullopt}};
  builder.append({as_bytes("k"), as_bytes("v"), WallTime(1700000000000), headers});
  builder.append({std::nullopt, as_bytes(""), WallTime(1700000000005)});
  builder.append({as_bytes(""), std::nullopt, WallTime(1699999999000)});
  const Result<Bytes> batch = builder.build();
  ASSERT_TRUE(batch.has_value());
  const BatchView view = *BatchView::parse(batch->view());
  EXPECT_EQ(view.crc(), 0x90c3923bu);
  EXPECT_TRUE(view.verify().has_value());
}

TEST(BatchBuilder, SizeIsKnownBeforehand) {
  BatchBuilder builder;
  EXPECT_EQ(builder.size(), kBatchHeaderBytes);
  EXPECT_TRUE(builder.empty());
  std::string value;
  for (int i = 0; i < 200; i++) {
    const NewRecord record{.key = i % 2 == 0 ? std::optional(as_bytes("key")) : std::nullopt,
                           .value = as_bytes(value),
                           .timestamp = WallTime(1000 + 1000 * i * i)};
    const size_t promised = builder.size_with(record);
    builder.append(record);
    ASSERT_EQ(builder.size(), promised) << i;
    value.resize(value.size() + 77, 'v');
  }
  EXPECT_EQ(builder.record_count(), 200);
  const size_t size = builder.size();
  EXPECT_EQ(builder.build()->size(), size);
  EXPECT_EQ(builder.size(), kBatchHeaderBytes) << "empty after build()";
}

TEST(BatchBuilder, CanBeFilledAgain) {
  Compressor compressor;
  BatchBuilder builder({.codec = Codec::lz4});
  for (int turn = 0; turn < 3; turn++) {
    builder.options().base_offset = Offset(turn);
    builder.append({.value = as_bytes("value"), .timestamp = WallTime(100 * (turn + 1))});
    const Result<Bytes> batch = builder.build(compressor);
    const BatchView view = *BatchView::parse(batch->view());
    EXPECT_TRUE(view.verify().has_value());
    EXPECT_EQ(view.base_offset(), Offset(turn));
    EXPECT_EQ(view.record_count(), 1);
    EXPECT_EQ(view.base_timestamp(), WallTime(100 * (turn + 1)));
    EXPECT_EQ(view.max_timestamp(), WallTime(100 * (turn + 1)));
    EXPECT_TRUE(builder.empty());
  }
}

TEST(BatchBuilder, AppendTimeIsTheTypeAndTheMaximum) {
  BatchBuilder builder({.append_time = WallTime(5000)});
  builder.append({.value = as_bytes("v"), .timestamp = WallTime(9000)});
  const Result<Bytes> batch = builder.build();
  const BatchView view = *BatchView::parse(batch->view());
  EXPECT_EQ(view.attributes().timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(view.max_timestamp(), WallTime(5000));
  EXPECT_EQ(view.timestamp_at(0), WallTime(5000));
}

TEST(BatchBuilder, ControlBatchesCarryTheirMarkers) {
  BatchBuilder builder({.base_offset = Offset(40),
                        .producer_id = ProducerId(3),
                        .producer_epoch = ProducerEpoch(1),
                        .transactional = true,
                        .control = true});
  builder.append_control(encode_control_key(ControlType::commit), encode_end_txn_marker(12),
                         WallTime(1000));
  const Result<Bytes> batch = builder.build();
  const BatchView view = *BatchView::parse(batch->view());
  EXPECT_TRUE(view.attributes().is_control());
  EXPECT_TRUE(view.attributes().is_transactional());
  EXPECT_EQ(view.base_sequence(), kNoSequence);
  RecordIterator records(view.records(), 1);
  Record record;
  ASSERT_TRUE(*records.next(record));
  EXPECT_EQ(*decode_control_key(*record.key), ControlType::commit);
  EXPECT_EQ(*decode_end_txn_marker(*record.value), 12);
}

TEST(Control, ShortAndNegativeAreErrorsLongerAreNot) {
  const uint8_t key[] = {0, 1, 0, 4, 9};
  EXPECT_EQ(*decode_control_key(key), ControlType::snapshot_footer);
  EXPECT_FALSE(decode_control_key(ByteView(key).first(3)).has_value());
  const uint8_t negative[] = {0xff, 0xff, 0, 0, 0, 0};
  EXPECT_FALSE(decode_control_key(negative).has_value());
  EXPECT_FALSE(decode_end_txn_marker(negative).has_value());
  EXPECT_FALSE(decode_end_txn_marker(ByteView(key)).has_value());
}

TEST(BatchBuilder, CompactionKeepsWhatTheBatchWas) {
  BatchBuilder builder({.base_offset = Offset(100),
                        .producer_id = ProducerId(3),
                        .producer_epoch = ProducerEpoch(0),
                        .base_sequence = 20,
                        .last_offset_delta = 9,
                        .base_timestamp = WallTime(777),
                        .delete_horizon = true});
  builder.append_at(3, {.key = as_bytes("a"), .timestamp = WallTime(500)});
  builder.append_at(7, {.key = as_bytes("b"), .timestamp = WallTime(400)});
  const Result<Bytes> batch = builder.build();
  const BatchView view = *BatchView::parse(batch->view());
  EXPECT_TRUE(view.verify().has_value());
  EXPECT_EQ(view.last_offset(), Offset(109));
  EXPECT_EQ(view.last_sequence(), 29);
  EXPECT_EQ(view.delete_horizon(), WallTime(777));
  EXPECT_EQ(view.max_timestamp(), WallTime(500));
  RecordIterator records(view.records(), view.record_count());
  Record record;
  ASSERT_TRUE(*records.next(record));
  EXPECT_EQ(view.offset_at(record.offset_delta), Offset(103));
  EXPECT_EQ(view.timestamp_at(record.timestamp_delta), WallTime(500));
  ASSERT_TRUE(*records.next(record));
  EXPECT_EQ(view.offset_at(record.offset_delta), Offset(107));
}

TEST(BatchBuilder, MakesBatchesWithoutRecords) {
  Compressor compressor;
  BatchBuilder builder(
      {.codec = Codec::zstd, .last_offset_delta = 4, .max_timestamp = WallTime(9)});
  const Result<Bytes> batch = builder.build(compressor);
  const BatchView view = *BatchView::parse(batch->view());
  EXPECT_EQ(view.total_size(), kBatchHeaderBytes);
  EXPECT_TRUE(view.verify().has_value());
  EXPECT_EQ(view.base_timestamp(), kNoTimestamp);
  EXPECT_EQ(view.max_timestamp(), WallTime(9));
  Decompressor decompressor;
  Record record;
  EXPECT_FALSE(*BatchRecords::open(view, decompressor)->iterate().next(record));
}

TEST(BatchBuilder, ImpossibleLevelsAreErrors) {
  Compressor compressor;
  BatchBuilder builder({.codec = Codec::gzip, .compression_level = 11});
  builder.append({.value = as_bytes("v")});
  EXPECT_EQ(builder.build(compressor).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace partita::records
