#include "records/batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/fault_points.h"
#include "records/test_batches.h"

namespace partita::records {
namespace {

using testing::make_batch;
using testing::seal;

// What kafka-python 2.0.2 builds of three records for producer id 77, epoch 5, base sequence 9,
// transactional.
constexpr uint8_t kForeignBatch[] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00,
    0x02, 0x90, 0xc3, 0x92, 0x3b, 0x00, 0x10, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x01, 0x8b, 0xcf,
    0xe5, 0x68, 0x00, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x4d, 0x00, 0x05, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x03, 0x1e, 0x00, 0x00,
    0x00, 0x02, 0x6b, 0x02, 0x76, 0x04, 0x02, 0x68, 0x02, 0x78, 0x02, 0x6e, 0x01, 0x0c, 0x00, 0x0a,
    0x02, 0x01, 0x00, 0x00, 0x0e, 0x00, 0xcf, 0x0f, 0x04, 0x00, 0x01, 0x00};

Errc error_of(ByteView bytes) {
  const Result<BatchView> batch = BatchView::parse(bytes);
  EXPECT_FALSE(batch.has_value());
  return batch ? Errc::stopped : batch.error().code;
}

TEST(BatchView, ReadsEveryFieldOfAForeignBatch) {
  const Result<BatchView> batch = BatchView::parse(kForeignBatch);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->base_offset(), Offset(0));
  EXPECT_EQ(batch->length(), 80);
  EXPECT_EQ(batch->total_size(), sizeof(kForeignBatch));
  EXPECT_EQ(batch->partition_leader_epoch(), LeaderEpoch(0));
  EXPECT_EQ(batch->magic(), 2);
  EXPECT_EQ(batch->crc(), 0x90c3923bu);
  EXPECT_EQ(batch->attributes().codec(), Codec::none);
  EXPECT_EQ(batch->attributes().timestamp_type(), TimestampType::create_time);
  EXPECT_TRUE(batch->attributes().is_transactional());
  EXPECT_FALSE(batch->attributes().is_control());
  EXPECT_EQ(batch->delete_horizon(), std::nullopt);
  EXPECT_EQ(batch->last_offset_delta(), 2);
  EXPECT_EQ(batch->base_timestamp(), WallTime(1700000000000));
  EXPECT_EQ(batch->max_timestamp(), WallTime(1700000000005));
  EXPECT_EQ(batch->producer_id(), ProducerId(77));
  EXPECT_EQ(batch->producer_epoch(), ProducerEpoch(5));
  EXPECT_EQ(batch->base_sequence(), 9);
  EXPECT_EQ(batch->last_sequence(), 11);
  EXPECT_EQ(batch->record_count(), 3);
  EXPECT_EQ(batch->records().size(), sizeof(kForeignBatch) - 61);
  EXPECT_TRUE(batch->verify().has_value());
}

TEST(BatchView, AttributesDecode) {
  const BatchAttributes all(0x7c);
  EXPECT_EQ(all.codec(), Codec::zstd);
  EXPECT_EQ(all.timestamp_type(), TimestampType::log_append_time);
  EXPECT_TRUE(all.is_transactional() && all.is_control() && all.has_delete_horizon());
  EXPECT_EQ(BatchAttributes(5).codec(), std::nullopt);
  EXPECT_EQ(BatchAttributes(7).codec(), std::nullopt);
  EXPECT_EQ(all.with(Codec::gzip).with(TimestampType::create_time).with_control(false).bits(),
            0x51);
}

TEST(BatchView, EveryCutIsTruncatedAndNothingElse) {
  const std::vector<uint8_t> batch = make_batch(3, 20);
  for (size_t size = 0; size < batch.size(); size++) {
    EXPECT_EQ(error_of(ByteView(batch).first(size)), Errc::truncated_data) << size;
  }
  EXPECT_TRUE(BatchView::parse(batch).has_value());
}

TEST(BatchView, GarbageIsCorruptEvenWhereItIsCut) {
  std::vector<uint8_t> batch = make_batch(1, 20);
  for (const int32_t length : {0, -1, 13, 48, std::numeric_limits<int32_t>::min()}) {
    store_be<int32_t>(batch.data() + 8, length);
    EXPECT_EQ(error_of(batch), Errc::corrupt_data) << length;
    EXPECT_EQ(error_of(ByteView(batch).first(17)), Errc::corrupt_data) << length;
  }
  EXPECT_EQ(error_of(std::vector<uint8_t>(100)), Errc::corrupt_data);
  seal(batch);
  for (const int magic : {3, 127, 255, 128}) {
    batch[16] = static_cast<uint8_t>(magic);
    EXPECT_EQ(error_of(batch), Errc::corrupt_data) << magic;
  }
  batch[16] = 1;
  EXPECT_EQ(error_of(batch), Errc::unsupported_for_message_format);
  batch[16] = 0;
  EXPECT_EQ(error_of(batch), Errc::unsupported_for_message_format);
}

TEST(BatchView, VerifyFindsEveryChangedByteThatTheCrcCovers) {
  const std::vector<uint8_t> batch = make_batch(2, 10);
  for (size_t i = 17; i < batch.size(); i++) {
    std::vector<uint8_t> changed = batch;
    changed[i] ^= 0x40;
    const Result<BatchView> parsed = BatchView::parse(changed);
    ASSERT_TRUE(parsed.has_value());
    const Result<void> verdict = parsed->verify();
    ASSERT_FALSE(verdict.has_value()) << i;
    EXPECT_EQ(verdict.error().code, Errc::corrupt_data);
  }
}

TEST(BatchView, VerifyRefusesImpossibleOffsetsAndCounts) {
  struct Case {
    const char* what;
    int64_t base;
    int32_t delta;
    int32_t count;
    int16_t attributes;
    bool legal;
  };
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const Case cases[] = {
      {"whole", 5, 1, 2, 0, true},
      {"compacted", 5, 9, 2, 0, true},
      {"emptied by compaction", 5, 9, 0, 1, true},
      {"more records than offsets", 5, 0, 2, 0, false},
      {"negative count", 5, 1, -1, 0, false},
      {"negative delta", 5, -1, 0, 0, false},
      {"negative base", -1, 1, 2, 0, false},
      {"last possible", kMax - 2, 1, 2, 0, true},
      {"past the last offset", kMax - 1, 1, 2, 0, false},
      {"codec 5", 5, 1, 2, 5, false},
  };
  for (const Case& c : cases) {
    std::vector<uint8_t> batch = make_batch(2, 10);
    store_be<int64_t>(batch.data(), c.base);
    store_be<int16_t>(batch.data() + 21, c.attributes);
    store_be<int32_t>(batch.data() + 23, c.delta);
    store_be<int32_t>(batch.data() + 57, c.count);
    seal(batch);
    EXPECT_EQ(BatchView::parse(batch)->verify().has_value(), c.legal) << c.what;
  }
}

TEST(BatchHeader, IsReadWithoutTheRecords) {
  const std::vector<uint8_t> batch = make_batch(3, 20);
  const Result<BatchHeader> header = BatchHeader::parse(ByteView(batch).first(61));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->total_size(), batch.size());
  EXPECT_EQ(header->next_offset(), Offset(3));
}

TEST(BatchHeader, SequencesWrapPastTheLargest) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(add_sequence(kMax, 1), 0);
  EXPECT_EQ(add_sequence(kMax - 1, 1), kMax);
  const std::vector<uint8_t> batch =
      make_batch(3, 20, {.producer_id = ProducerId(1), .base_sequence = kMax - 1});
  EXPECT_EQ(BatchView::parse(batch)->last_sequence(), 0);
  EXPECT_EQ(BatchView::parse(make_batch(3, 20))->last_sequence(), kNoSequence);
}

TEST(BatchIterator, WalksToTheEndAndStopsAtATornTail) {
  std::vector<uint8_t> bytes = make_batch(2, 20);
  const size_t first = bytes.size();
  const std::vector<uint8_t> second = make_batch(3, 30, {.base_offset = Offset(2)});
  bytes.insert(bytes.end(), second.begin(), second.end());

  BatchIterator whole(bytes);
  EXPECT_EQ((*whole.next())->base_offset(), Offset(0));
  EXPECT_EQ(whole.position(), first);
  EXPECT_EQ((*whole.next())->base_offset(), Offset(2));
  EXPECT_FALSE(whole.next()->has_value());

  BatchIterator torn(ByteView(bytes).first(bytes.size() - 1));
  ASSERT_TRUE(torn.next()->has_value());
  for (int i = 0; i < 2; i++) EXPECT_EQ(torn.next().error().code, Errc::truncated_data);
  EXPECT_EQ(torn.position(), first);
}

TEST(BatchPrefix, StampsOffsetAndEpochAndNothingElse) {
  const std::vector<uint8_t> received = make_batch(3, 20);
  const std::vector<uint8_t> before = received;
  const BatchView batch = *BatchView::parse(received);
  BatchPrefix prefix = BatchPrefix::of(batch);
  prefix.stamp(Offset(1000), LeaderEpoch(7));
  EXPECT_EQ(received, before);
  ASSERT_EQ(prefix.size(), kPrefixBytes);

  std::vector<uint8_t> written(prefix.bytes().begin(), prefix.bytes().end());
  written.insert(written.end(), received.begin() + kPrefixBytes, received.end());
  const BatchView stored = *BatchView::parse(written);
  EXPECT_EQ(stored.base_offset(), Offset(1000));
  EXPECT_EQ(stored.last_offset(), Offset(1002));
  EXPECT_EQ(stored.partition_leader_epoch(), LeaderEpoch(7));
  EXPECT_TRUE(stored.verify().has_value());
}

TEST(BatchPrefix, AppendTimeMakesAHeaderWithItsCrc) {
  for (const Codec codec : {Codec::none, Codec::gzip}) {
    const std::vector<uint8_t> received =
        make_batch(3, 20, {.codec = codec, .transactional = true});
    BatchPrefix prefix = BatchPrefix::with_timestamps(
        *BatchView::parse(received), TimestampType::log_append_time, WallTime(1800000000000));
    prefix.stamp(Offset(50), LeaderEpoch(1));
    ASSERT_EQ(prefix.size(), kBatchHeaderBytes);
    std::vector<uint8_t> written(prefix.bytes().begin(), prefix.bytes().end());
    written.insert(written.end(), received.begin() + kBatchHeaderBytes, received.end());
    const BatchView stored = *BatchView::parse(written);
    EXPECT_TRUE(stored.verify().has_value());
    EXPECT_EQ(stored.attributes().timestamp_type(), TimestampType::log_append_time);
    EXPECT_EQ(stored.attributes().codec(), codec);
    EXPECT_TRUE(stored.attributes().is_transactional());
    EXPECT_EQ(stored.max_timestamp(), WallTime(1800000000000));
    EXPECT_EQ(stored.timestamp_at(10), WallTime(1800000000000));
    EXPECT_EQ(stored.base_timestamp(), WallTime(testing::kFirstTimestamp));
  }
}

TEST(Codec, NamesAreKafkas) {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    EXPECT_EQ(codec_from_name(codec_name(codec)), codec);
  }
  EXPECT_EQ(codec_from_name("uncompressed"), Codec::none);
  EXPECT_EQ(codec_from_name("producer"), std::nullopt);
  EXPECT_EQ(codec_from_name(""), std::nullopt);
}

}  // namespace
}  // namespace partita::records
