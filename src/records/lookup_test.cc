#include "records/lookup.h"

#include <gtest/gtest.h>

#include "records/test_batches.h"

namespace partita::records {
namespace {

constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::vector<uint8_t> batch_of_times(std::initializer_list<int64_t> times, BatchOptions options) {
  BatchBuilder builder(options);
  for (const int64_t time : times) builder.append({.timestamp = WallTime(time)});
  Compressor compressor;
  const Result<Bytes> batch = builder.build(compressor);
  return {batch->view().begin(), batch->view().end()};
}

RecordPosition at(int64_t offset, int64_t timestamp) {
  return {Offset(offset), WallTime(timestamp)};
}

TEST(Lookup, FindsTheFirstRecordAtOrAfterATime) {
  Decompressor decompressor;
  for (const Codec codec : kCodecs) {
    const std::vector<uint8_t> bytes =
        batch_of_times({50, 90, 10, 90, 100}, {.codec = codec, .base_offset = Offset(1000)});
    const BatchView batch = *BatchView::parse(bytes);
    const auto find = [&](int64_t time, int64_t from) {
      return *find_timestamp(batch, WallTime(time), Offset(from), decompressor);
    };
    EXPECT_EQ(find(0, 0), at(1000, 50));
    EXPECT_EQ(find(50, 0), at(1000, 50));
    EXPECT_EQ(find(51, 0), at(1001, 90));
    EXPECT_EQ(find(51, 1002), at(1003, 90)) << "not before the wanted offset";
    EXPECT_EQ(find(0, 1002), at(1002, 10));
    EXPECT_EQ(find(100, 0), at(1004, 100));
    EXPECT_EQ(find(101, 0), std::nullopt);
    EXPECT_EQ(find(0, 1005), std::nullopt);
  }
}

TEST(Lookup, FindsTheFirstOfTheLatestRecords) {
  Decompressor decompressor;
  for (const Codec codec : kCodecs) {
    const std::vector<uint8_t> bytes =
        batch_of_times({50, 90, 10, 90}, {.codec = codec, .base_offset = Offset(1000)});
    EXPECT_EQ(*find_max_timestamp(*BatchView::parse(bytes), decompressor), at(1001, 90));
  }
  EXPECT_EQ(*find_max_timestamp(*BatchView::parse(batch_of_times({-1, -1}, {})), decompressor),
            at(0, -1));
}

TEST(Lookup, AppendTimeIsEveryRecordsTime) {
  Decompressor decompressor;
  const std::vector<uint8_t> bytes = batch_of_times(
      {50, 90}, {.codec = Codec::zstd, .base_offset = Offset(7), .append_time = WallTime(70)});
  const BatchView batch = *BatchView::parse(bytes);
  EXPECT_EQ(*find_timestamp(batch, WallTime(60), Offset(0), decompressor), at(7, 70));
  EXPECT_EQ(*find_timestamp(batch, WallTime(60), Offset(8), decompressor), at(8, 70));
  EXPECT_EQ(*find_timestamp(batch, WallTime(71), Offset(0), decompressor), std::nullopt);
  EXPECT_EQ(*find_max_timestamp(batch, decompressor), at(7, 70));
}

TEST(Lookup, CompactedBatchesKeepTheirOffsets) {
  Decompressor decompressor;
  BatchBuilder builder({.base_offset = Offset(100), .last_offset_delta = 9});
  builder.append_at(3, {.timestamp = WallTime(5)});
  builder.append_at(7, {.timestamp = WallTime(9)});
  const Result<Bytes> bytes = builder.build();
  const BatchView batch = *BatchView::parse(bytes->view());
  EXPECT_EQ(*find_timestamp(batch, WallTime(0), Offset(0), decompressor), at(103, 5));
  EXPECT_EQ(*find_max_timestamp(batch, decompressor), at(107, 9));
  const std::vector<uint8_t> empty = testing::make_batch(0, 0, {.last_offset_delta = 9});
  EXPECT_EQ(*find_max_timestamp(*BatchView::parse(empty), decompressor), std::nullopt);
  EXPECT_EQ(*find_timestamp(*BatchView::parse(empty), WallTime(0), Offset(0), decompressor),
            std::nullopt);
}

TEST(Lookup, BadInsidesAreErrors) {
  Decompressor decompressor;
  const std::vector<uint8_t> garbage(64, 0x5a);
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const std::vector<uint8_t> bad = testing::wrap_records(garbage, 1, {.codec = codec});
    const BatchView batch = *BatchView::parse(bad);
    EXPECT_EQ(find_timestamp(batch, WallTime(0), Offset(0), decompressor).error().code,
              Errc::corrupt_data);
    EXPECT_EQ(find_max_timestamp(batch, decompressor).error().code, Errc::corrupt_data);
    const std::vector<uint8_t> large = testing::make_batch(10, 1000, {.codec = codec});
    EXPECT_EQ(find_max_timestamp(*BatchView::parse(large), decompressor, 1000).error().code,
              Errc::limit_exceeded);
  }
  // Offsets outside of the batch, or not rising.
  for (const uint8_t second : {uint8_t{0}, uint8_t{1}, uint8_t{4}}) {
    const std::vector<uint8_t> records = {0x0c, 0, 0, 0, 1, 1, 0, 0x0c, 0, 0, second, 1, 1, 0};
    const std::vector<uint8_t> bad = testing::wrap_records(records, 2);
    EXPECT_EQ(find_max_timestamp(*BatchView::parse(bad), decompressor).error().code,
              Errc::corrupt_data)
        << int{second};
  }
}

}  // namespace
}  // namespace partita::records
