#include "storage/offset_index.h"

#include <vector>

#include "records/batch.h"
#include "runtime/sim/sim_test.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

constexpr uint32_t kBytesMax = 10 << 20;

class OffsetIndexTest : public runtime::sim::SimTest {
 protected:
  OffsetIndexTest() : file_(*disk().open("/0.index", OpenMode::create)) {}

  Result<OffsetIndex> open(Offset base, uint64_t segment_bytes,
                           IndexCheck check = IndexCheck::every) {
    return run(OffsetIndex::open(executor(), *file_, base, kBytesMax, segment_bytes, check));
  }
  OffsetPosition lookup(const OffsetIndex& index, int64_t target) {
    const Result<OffsetPosition> found = run(index.lookup(executor(), *file_, Offset(target)));
    EXPECT_TRUE(found) << target;
    return found.value_or(OffsetPosition{.offset = kNoOffset});
  }
  /// Entries (base + 10 i, 100 i) for i from 1.
  OffsetIndex filled(Offset base, uint32_t count) {
    OffsetIndex index(base, kBytesMax);
    for (uint32_t i = 1; i <= count; i++) {
      EXPECT_TRUE(index.append(*file_, base + OffsetDelta(int64_t{10} * i), 100 * i));
    }
    return index;
  }
  void put(ByteView bytes) {
    ASSERT_TRUE(file_->truncate(0));
    ASSERT_TRUE(file_->write(0, bytes));
  }
  Errc open_error(uint64_t segment_bytes) {
    const Result<OffsetIndex> index = open(Offset(0), segment_bytes);
    EXPECT_FALSE(index);
    return index ? Errc::stopped : index.error().code;
  }

  std::unique_ptr<File> file_;
};

std::vector<uint8_t> entries(std::initializer_list<std::pair<int32_t, int32_t>> list) {
  std::vector<uint8_t> bytes(list.size() * kOffsetIndexEntryBytes);
  uint8_t* at = bytes.data();
  for (const auto& [offset, position] : list) {
    store_be(at, offset);
    store_be(at + 4, position);
    at += kOffsetIndexEntryBytes;
  }
  return bytes;
}

TEST_F(OffsetIndexTest, FindsTheLargestEntryAtOrBelow) {
  for (const uint32_t count : {0u, 1u, 2u, 191u, 192u, 193u, 194u, 385u, 3000u}) {
    ASSERT_TRUE(file_->truncate(0));
    const OffsetIndex index = filled(Offset(5000), count);
    EXPECT_EQ(index.entry_count(), count);
    for (int64_t target = 5000; target <= 5000 + 10 * int64_t{count} + 15; target++) {
      if (count > 500 && target % 7 != 0) continue;
      const uint32_t below = std::min<uint32_t>(static_cast<uint32_t>((target - 5000) / 10), count);
      const OffsetPosition expected{.offset = Offset(5000 + int64_t{10} * below),
                                    .position = 100 * below};
      ASSERT_EQ(lookup(index, target), expected) << target << " of " << count;
    }
  }
}

TEST_F(OffsetIndexTest, ReopenedItIsTheSame) {
  const OffsetIndex index = filled(Offset(7), 300);
  const auto again = open(Offset(7), 30001);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->entry_count(), 300u);
  EXPECT_EQ(again->last_entry(), index.last_entry());
  EXPECT_EQ(lookup(*again, 7 + 1234), (OffsetPosition{Offset(7 + 1230), 12300}));
}

TEST_F(OffsetIndexTest, MemoryAnswersBothEnds) {
  const OffsetIndex index = filled(Offset(0), 10);
  EXPECT_EQ(index.lookup_in_memory(Offset(100)), (OffsetPosition{Offset(100), 1000}));
  EXPECT_EQ(index.lookup_in_memory(Offset(0)), (OffsetPosition{Offset(0), 0}));
  EXPECT_EQ(index.lookup_in_memory(Offset(99)), std::nullopt);
}

TEST_F(OffsetIndexTest, IsBoundedBySizeAndByDistance) {
  OffsetIndex index(Offset(0), 20);  // two entries and a half
  EXPECT_TRUE(index.append(*file_, Offset(1), 1));
  EXPECT_FALSE(index.is_full());
  EXPECT_TRUE(index.append(*file_, Offset(2), 2));
  EXPECT_TRUE(index.is_full());
  EXPECT_EQ(index.append(*file_, Offset(3), 3).error().code, Errc::limit_exceeded);

  OffsetIndex far(Offset(10), kBytesMax);
  const Offset farthest = Offset(10) + OffsetDelta(0x7fffffff);
  EXPECT_TRUE(far.can_hold(farthest));
  EXPECT_FALSE(far.can_hold(farthest.next()));
  EXPECT_EQ(far.append(*file_, farthest.next(), 1).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(far.append(*file_, farthest, 1));
  EXPECT_EQ(lookup(far, farthest.value()), (OffsetPosition{farthest, 1}));
}

TEST_F(OffsetIndexTest, TruncationBelowTheBaseLeavesNothing) {
  for (const int64_t offset : {int64_t{1000}, int64_t{0}, int64_t{INT64_MIN}}) {
    ASSERT_TRUE(file_->truncate(0));
    OffsetIndex index = filled(Offset(1000), 30);
    ASSERT_TRUE(run(index.truncate_to(executor(), *file_, Offset(offset))));
    EXPECT_EQ(index.entry_count(), 0u) << offset;
  }
}

TEST_F(OffsetIndexTest, TruncationKeepsWhatLiesBelow) {
  for (const int64_t offset : {3001, 3000, 2999, 1985, 1980, 1920, 11, 10, 9, 0}) {
    ASSERT_TRUE(file_->truncate(0));
    OffsetIndex index = filled(Offset(0), 300);
    ASSERT_TRUE(run(index.truncate_to(executor(), *file_, Offset(offset))));
    const auto count =
        static_cast<uint32_t>(std::min<int64_t>(300, std::max<int64_t>(0, offset - 1) / 10));
    EXPECT_EQ(index.entry_count(), count) << offset;
    EXPECT_EQ(index.last_entry(), (OffsetPosition{Offset(int64_t{10} * count), 100 * count}));
    EXPECT_EQ(*file_->size(), index.size_bytes());
    EXPECT_TRUE(index.append(*file_, Offset(5000), 50000));
    EXPECT_EQ(open(Offset(0), 50001)->entry_count(), count + 1);
  }
}

TEST_F(OffsetIndexTest, ResetForgetsEverything) {
  OffsetIndex index = filled(Offset(3), 20);
  ASSERT_TRUE(index.reset(*file_));
  EXPECT_EQ(*file_->size(), 0u);
  EXPECT_EQ(lookup(index, 100), (OffsetPosition{Offset(3), 0}));
}

TEST_F(OffsetIndexTest, APreallocatedFileEndsWithItsEntries) {
  for (const uint32_t count : {0u, 1u, 5u, 1000u}) {
    ASSERT_TRUE(file_->truncate(0));
    filled(Offset(0), count);
    ASSERT_TRUE(file_->truncate(64 << 10));
    auto index = open(Offset(0), 1 << 30);
    ASSERT_TRUE(index);
    EXPECT_EQ(index->entry_count(), count);
    ASSERT_TRUE(index->append(*file_, Offset(100000), 200000));
    ASSERT_TRUE(index->trim(*file_));
    EXPECT_EQ(*file_->size(), (count + 1) * kOffsetIndexEntryBytes);
  }
}

TEST_F(OffsetIndexTest, WhatCannotBeIsRefused) {
  const std::vector<uint8_t> good = entries({{10, 100}, {20, 200}, {30, 300}});
  put(good);
  EXPECT_TRUE(open(Offset(0), 301));
  EXPECT_EQ(open_error(300), Errc::corrupt_data);  // points behind the segment
  put(ByteView(good).first(23));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(entries({{10, 100}, {30, 200}, {20, 300}}));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(entries({{10, 300}, {20, 200}, {30, 400}}));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(entries({{10, 100}, {20, 200}, {-1, 300}}));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(entries({{10, 100}, {20, 200}, {30, -300}}));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(entries({{0, 0}, {0, 0}, {30, 300}}));
  EXPECT_EQ(open_error(1000), Errc::corrupt_data);
  put(good);
  EXPECT_TRUE(open(Offset(0), 1000, IndexCheck::ends));
}

TEST_F(OffsetIndexTest, AnIoErrorIsNotCorruption) {
  filled(Offset(0), 300);
  sim_disk().faults().read_error_one_in = 1;
  EXPECT_EQ(open_error(1 << 30), Errc::io_error);
}

TEST_F(OffsetIndexTest, BytesThatChangedLaterDoNotMislead) {
  const OffsetIndex index = filled(Offset(0), 300);
  ASSERT_TRUE(file_->write(8 * 100, entries({{5000, 20000}})));
  for (int64_t target = 1; target < 3000; target += 3) {
    const auto found = run(index.lookup(executor(), *file_, Offset(target)));
    if (found) {
      EXPECT_LE(found->offset, Offset(target));
    } else {
      EXPECT_EQ(found.error().code, Errc::corrupt_data);
    }
  }
}

TEST_F(OffsetIndexTest, KafkasEntriesPointToTheBatchesTheyName) {
  put(kafka_file("storage/testdata/codecs-0.00000000000000000000.index").view());
  const Bytes log = kafka_file("records/testdata/codecs-0.00000000000000000000.log");
  const auto index = open(Offset(0), log.size());
  ASSERT_TRUE(index);
  ASSERT_EQ(index->entry_count(), 2u);
  for (int64_t target = 0; target < 1000; target++) {
    const OffsetPosition found = lookup(*index, target);
    const auto batch = records::BatchView::parse(log.view().subspan(found.position));
    ASSERT_TRUE(batch);
    ASSERT_LE(batch->base_offset(), Offset(target));
    if (found.position > 0) ASSERT_EQ(batch->last_offset(), found.offset);
  }
}

TEST_F(OffsetIndexTest, KafkasIndexIsReadPreallocatedAsAKilledBrokerLeavesIt) {
  const Bytes kafka = kafka_file("storage/testdata/segments-0.00000000000000001000.index");
  put(kafka.view());
  ASSERT_TRUE(file_->truncate(kBytesMax));
  auto index = open(Offset(1000), 1018821);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->entry_count(), kafka.size() / kOffsetIndexEntryBytes);
  EXPECT_EQ(index->last_entry().offset, Offset(1999));
}

TEST_F(OffsetIndexTest, MutantOffByOneIsVisible) {
  const OffsetIndex index = filled(Offset(0), 300);
  const WithMutant mutant("storage.index_off_by_one");
  EXPECT_GT(lookup(index, 1234).offset, Offset(1234));
}

}  // namespace
}  // namespace partita::storage
