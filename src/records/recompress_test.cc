#include "records/recompress.h"

#include <gtest/gtest.h>

#include "records/batch_records.h"
#include "records/check.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

TEST(Recompress, KeepsRecordsAndHeadersFromEveryCodecToEvery) {
  Compressor compressor;
  Decompressor decompressor;
  const BatchOptions options{.base_offset = Offset(0),
                             .partition_leader_epoch = LeaderEpoch(4),
                             .producer_id = ProducerId(5),
                             .producer_epoch = ProducerEpoch(6),
                             .base_sequence = 70,
                             .transactional = true};
  const std::vector<uint8_t> plain = testing::make_batch(300, 100, options);
  for (const Codec from : kCodecs) {
    BatchOptions with_codec = options;
    with_codec.codec = from;
    const std::vector<uint8_t> received = testing::make_batch(300, 100, with_codec);
    const BatchView batch = *BatchView::parse(received);
    for (const Codec to : kCodecs) {
      Judged<ProducedBatch> produced = check_produced(received);
      Buffer inflated;
      ASSERT_TRUE(check_inside(*produced, decompressor, kInflatedBytesMax, &inflated).has_value());
      const ByteView records = from == Codec::none ? batch.records() : inflated.view();
      const Result<Bytes> made = recompress(batch, records, {.codec = to}, compressor);
      ASSERT_TRUE(made.has_value());
      const BatchView view = *BatchView::parse(made->view());
      EXPECT_TRUE(view.verify().has_value());
      EXPECT_EQ(view.attributes().codec(), to);
      EXPECT_TRUE(check_produced(made->view()).has_value());
      const Result<BatchRecords> opened = BatchRecords::open(view, decompressor);
      EXPECT_TRUE(equal(opened->bytes(), ByteView(plain).subspan(kBatchHeaderBytes)));
      const Result<Bytes> back =
          recompress(view, opened->bytes(), {.codec = Codec::none}, compressor);
      EXPECT_TRUE(equal(back->view(), plain))
          << codec_name(from) << " by way of " << codec_name(to);
    }
  }
}

TEST(Recompress, AppendTimeAndMaximum) {
  Compressor compressor;
  const std::vector<uint8_t> received = testing::make_batch(3, 100);
  const BatchView batch = *BatchView::parse(received);
  const Result<Bytes> stamped = recompress(
      batch, batch.records(),
      {.codec = Codec::lz4, .append_time = WallTime(9), .max_timestamp = WallTime(8)}, compressor);
  const BatchView view = *BatchView::parse(stamped->view());
  EXPECT_TRUE(view.verify().has_value());
  EXPECT_EQ(view.attributes().timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(view.max_timestamp(), WallTime(9));
  const Result<Bytes> corrected = recompress(
      batch, batch.records(), {.codec = Codec::lz4, .max_timestamp = WallTime(8)}, compressor);
  EXPECT_EQ(BatchView::parse(corrected->view())->max_timestamp(), WallTime(8));
  // What a batch with append time says is the time of the append, whatever its records say.
  const std::vector<uint8_t> appended = testing::make_batch(3, 100, {.append_time = WallTime(77)});
  const BatchView old = *BatchView::parse(appended);
  const Result<Bytes> kept = recompress(
      old, old.records(), {.codec = Codec::gzip, .max_timestamp = WallTime(8)}, compressor);
  EXPECT_EQ(BatchView::parse(kept->view())->max_timestamp(), WallTime(77));
}

TEST(RecompressProduced, LeavesWhatTheLogCanTake) {
  Compressor compressor;
  Decompressor decompressor;
  for (const Codec from : kCodecs) {
    std::vector<uint8_t> received = testing::make_batch(100, 100, {.codec = from});
    store_be<int64_t>(received.data() + 35, 1);  // a lie
    testing::seal(received);
    for (const Codec to : kCodecs) {
      ProducedBatch produced = *check_produced(received);
      const Judged<Bytes> made =
          recompress_produced(produced, to, {}, kInflatedBytesMax, decompressor, compressor);
      ASSERT_TRUE(made.has_value());
      ASSERT_EQ(made->empty(), from == to);
      EXPECT_EQ(produced.codec, to);
      if (from == to) continue;
      EXPECT_EQ(produced.batch.bytes().data(), made->data());
      EXPECT_TRUE(produced.batch.verify().has_value());
      EXPECT_EQ(produced.batch.max_timestamp(), WallTime(testing::kFirstTimestamp + 990));
      EXPECT_EQ(make_prefix(produced, TimestampType::create_time, WallTime(5)).size(),
                kPrefixBytes);
      const TopicRules rules{.max_message_bytes = static_cast<int32_t>(made->size()),
                             .keys_required = true};
      EXPECT_TRUE(check_rules(produced, rules, WallTime(testing::kFirstTimestamp)).has_value());
    }
  }
  const std::vector<uint8_t> garbage(100, 0xa5);
  const std::vector<uint8_t> bad = testing::wrap_records(garbage, 1, {.codec = Codec::lz4});
  ProducedBatch produced = *check_produced(bad);
  const Judged<Bytes> refused =
      recompress_produced(produced, Codec::zstd, {}, kInflatedBytesMax, decompressor, compressor);
  EXPECT_EQ(refused.error().error.code, Errc::invalid_record);
}

TEST(Recompress, ImpossibleLevelsAreErrors) {
  Compressor compressor;
  const std::vector<uint8_t> received = testing::make_batch(3, 100);
  const BatchView batch = *BatchView::parse(received);
  EXPECT_EQ(recompress(batch, batch.records(), {.codec = Codec::zstd, .compression_level = 23},
                       compressor)
                .error()
                .code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace partita::records
