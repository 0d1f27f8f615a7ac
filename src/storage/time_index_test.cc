#include "storage/time_index.h"

#include <algorithm>
#include <vector>

#include "records/batch.h"
#include "runtime/sim/sim_test.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

constexpr uint32_t kBytesMax = 10 << 20;

class TimeIndexTest : public runtime::sim::SimTest {
 protected:
  TimeIndexTest() : file_(*disk().open("/0.timeindex", OpenMode::create)) {}

  Result<TimeIndex> open(Offset base, Offset end, IndexCheck check = IndexCheck::every) {
    return run(TimeIndex::open(executor(), *file_, base, kBytesMax, end, check));
  }
  TimestampEntry lookup(const TimeIndex& index, int64_t target) {
    const Result<TimestampEntry> found = run(index.lookup(executor(), *file_, WallTime(target)));
    EXPECT_TRUE(found) << target;
    return found.value_or(TimestampEntry{.offset = kNoOffset});
  }
  bool append(TimeIndex& index, int64_t timestamp, int64_t offset) {
    const uint32_t before = index.entry_count();
    EXPECT_TRUE(
        index.maybe_append(*file_, WallTime(timestamp), Offset(offset), TimeIndex::Closing::no));
    return index.entry_count() > before;
  }
  /// Entries (1000 + 10 i, base + i) for i from 1.
  TimeIndex filled(Offset base, uint32_t count) {
    TimeIndex index(base, kBytesMax);
    for (uint32_t i = 1; i <= count; i++) append(index, 1000 + 10 * int64_t{i}, base.value() + i);
    return index;
  }
  void put(ByteView bytes) {
    ASSERT_TRUE(file_->truncate(0));
    ASSERT_TRUE(file_->write(0, bytes));
  }

  std::unique_ptr<File> file_;
};

std::vector<uint8_t> entries(std::initializer_list<std::pair<int64_t, int32_t>> list) {
  std::vector<uint8_t> bytes(list.size() * kTimeIndexEntryBytes);
  uint8_t* at = bytes.data();
  for (const auto& [timestamp, offset] : list) {
    store_be(at, timestamp);
    store_be(at + 8, offset);
    at += kTimeIndexEntryBytes;
  }
  return bytes;
}

TEST_F(TimeIndexTest, OnlyGrowingTimestampsMakeEntries) {
  TimeIndex index(Offset(100), kBytesMax);
  EXPECT_FALSE(append(index, -1, 100));
  EXPECT_TRUE(append(index, 0, 100));
  EXPECT_TRUE(append(index, 50, 110));
  EXPECT_FALSE(append(index, 50, 120));
  EXPECT_FALSE(append(index, 49, 130));
  EXPECT_TRUE(append(index, 51, 130));
  EXPECT_EQ(index.last_entry(), (TimestampEntry{WallTime(51), Offset(130)}));
  EXPECT_EQ(*file_->size(), 3 * kTimeIndexEntryBytes);
}

TEST_F(TimeIndexTest, FindsTheLatestEntryAtOrBefore) {
  for (const uint32_t count : {0u, 1u, 127u, 128u, 129u, 1000u}) {
    ASSERT_TRUE(file_->truncate(0));
    const TimeIndex index = filled(Offset(5), count);
    for (int64_t target = 1000; target <= 1015 + 10 * int64_t{count}; target += 3) {
      const int64_t below = std::min<int64_t>((target - 1000) / 10, count);
      const TimestampEntry expected{below == 0 ? kNoTimestamp : WallTime(1000 + 10 * below),
                                    Offset(5 + below)};
      ASSERT_EQ(lookup(index, target), expected) << target << " of " << count;
    }
  }
}

TEST_F(TimeIndexTest, AnyTimestampMayBeAsked) {
  const TimeIndex index = filled(Offset(0), 200);
  const TimestampEntry none{kNoTimestamp, Offset(0)};
  EXPECT_EQ(lookup(index, -1), none);
  EXPECT_EQ(lookup(index, std::numeric_limits<int64_t>::min()), none);
  EXPECT_EQ(lookup(index, 0), none);
  EXPECT_EQ(lookup(index, std::numeric_limits<int64_t>::max()), index.last_entry());
}

TEST_F(TimeIndexTest, TheLastPlaceIsKeptForTheClosingEntry) {
  TimeIndex index(Offset(0), 3 * kTimeIndexEntryBytes);
  EXPECT_TRUE(append(index, 1, 1));
  EXPECT_FALSE(index.is_full());
  EXPECT_TRUE(append(index, 2, 2));
  EXPECT_TRUE(index.is_full());
  const auto more = [&](int64_t at, TimeIndex::Closing closing) {
    return index.maybe_append(*file_, WallTime(at), Offset(at), closing);
  };
  EXPECT_EQ(more(3, TimeIndex::Closing::no).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(more(3, TimeIndex::Closing::yes));
  EXPECT_EQ(more(4, TimeIndex::Closing::yes).error().code, Errc::limit_exceeded);
  EXPECT_EQ(index.entry_count(), 3u);
}

TEST_F(TimeIndexTest, TruncationBelowTheBaseLeavesNothing) {
  for (const int64_t offset : {int64_t{1000}, int64_t{0}, int64_t{INT64_MIN}}) {
    ASSERT_TRUE(file_->truncate(0));
    TimeIndex index = filled(Offset(1000), 30);
    ASSERT_TRUE(run(index.truncate_to(executor(), *file_, Offset(offset))));
    EXPECT_EQ(index.entry_count(), 0u) << offset;
  }
}

TEST_F(TimeIndexTest, TruncationGoesByOffset) {
  for (const int64_t offset : {501, 500, 300, 130, 2, 1, 0}) {
    ASSERT_TRUE(file_->truncate(0));
    TimeIndex index = filled(Offset(0), 500);
    ASSERT_TRUE(run(index.truncate_to(executor(), *file_, Offset(offset))));
    const int64_t count = std::min<int64_t>(500, std::max<int64_t>(0, offset - 1));
    EXPECT_EQ(index.entry_count(), count) << offset;
    EXPECT_EQ(*file_->size(), index.size_bytes());
    const auto again = open(Offset(0), Offset(1000));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->last_entry(), index.last_entry());
  }
}

TEST_F(TimeIndexTest, ZerosArePaddingButForAFirstEntryOfZeros) {
  put(entries({{0, 0}}));
  EXPECT_EQ(open(Offset(0), Offset(10))->entry_count(), 1u);
  put(entries({{0, 0}, {5, 1}}));
  EXPECT_EQ(open(Offset(0), Offset(10))->entry_count(), 2u);
  put(entries({{0, 0}, {5, 1}, {0, 0}, {0, 0}}));
  EXPECT_EQ(open(Offset(0), Offset(10))->entry_count(), 2u);
  put(entries({{0, 0}, {0, 0}, {0, 0}}));
  EXPECT_EQ(open(Offset(0), Offset(10))->entry_count(), 0u);
}

TEST_F(TimeIndexTest, WhatCannotBeIsRefused) {
  const auto error = [&](ByteView bytes, int64_t end = 100) {
    put(bytes);
    const auto index = open(Offset(0), Offset(end));
    return index ? Errc::stopped : index.error().code;
  };
  const std::vector<uint8_t> good = entries({{10, 1}, {20, 2}, {30, 2}});
  EXPECT_EQ(error(good), Errc::stopped);
  EXPECT_EQ(error(good, 2), Errc::corrupt_data);  // the log ends before
  EXPECT_EQ(error(ByteView(good).first(35)), Errc::corrupt_data);
  EXPECT_EQ(error(entries({{10, 1}, {30, 2}, {20, 3}})), Errc::corrupt_data);
  EXPECT_EQ(error(entries({{10, 1}, {10, 2}})), Errc::corrupt_data);
  EXPECT_EQ(error(entries({{10, 5}, {20, 3}, {30, 7}})), Errc::corrupt_data);
  EXPECT_EQ(error(entries({{10, 1}, {-5, 2}})), Errc::corrupt_data);
  EXPECT_EQ(error(entries({{10, 1}, {20, -2}})), Errc::corrupt_data);
}

TEST_F(TimeIndexTest, KafkasEntriesAreTheBatchesMaximumTimestamps) {
  put(kafka_file("storage/testdata/codecs-0.00000000000000000000.timeindex").view());
  const Bytes log = kafka_file("records/testdata/codecs-0.00000000000000000000.log");
  const auto index = open(Offset(0), Offset(1000));
  ASSERT_TRUE(index);
  ASSERT_EQ(index->entry_count(), 3u);
  records::BatchIterator batches(log.view());
  size_t matched = 0;
  for (auto batch = batches.next(); batch && *batch; batch = batches.next()) {
    const records::BatchView& view = **batch;
    const TimestampEntry found = lookup(*index, view.max_timestamp().ms());
    ASSERT_LE(found.timestamp, view.max_timestamp());
    if (found.timestamp == view.max_timestamp() && found.offset == view.last_offset()) matched++;
  }
  EXPECT_EQ(matched, 3u);
}

TEST_F(TimeIndexTest, KafkasIndexIsReadPreallocatedAsAKilledBrokerLeavesIt) {
  const Bytes kafka = kafka_file("storage/testdata/segments-0.00000000000000001000.timeindex");
  put(kafka.view());
  ASSERT_TRUE(file_->truncate(kBytesMax / kTimeIndexEntryBytes * kTimeIndexEntryBytes));
  const auto index = open(Offset(1000), Offset(2000));
  ASSERT_TRUE(index);
  EXPECT_EQ(index->entry_count(), kafka.size() / kTimeIndexEntryBytes);
  EXPECT_EQ(index->last_entry().offset, Offset(1999));
}

TEST_F(TimeIndexTest, MutantWrongEntryIsVisible) {
  const TimeIndex index = filled(Offset(0), 300);
  const WithMutant mutant("storage.time_index_wrong_entry");
  EXPECT_GT(lookup(index, 1234).timestamp, WallTime(1234));
}

}  // namespace
}  // namespace partita::storage
