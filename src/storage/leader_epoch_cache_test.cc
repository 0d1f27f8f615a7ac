#include "storage/leader_epoch_cache.h"

#include <gtest/gtest.h>

#include "runtime/sim/sim_random.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

EpochEntry entry(int32_t epoch, int64_t start) {
  return {.epoch = LeaderEpoch(epoch), .start_offset = Offset(start)};
}

LeaderEpochCache cache_of(std::initializer_list<EpochEntry> entries) {
  LeaderEpochCache cache;
  for (const EpochEntry& e : entries) cache.assign(e.epoch, e.start_offset);
  cache.mark_written();
  return cache;
}

LeaderEpochCache::EpochEnd end_of(const LeaderEpochCache& cache, int32_t epoch, int64_t log_end) {
  return cache.end_offset_for(LeaderEpoch(epoch), Offset(log_end));
}

LeaderEpochCache::EpochEnd answer(int32_t epoch, int64_t end) {
  return {.epoch = LeaderEpoch(epoch), .end_offset = Offset(end)};
}

using List = std::vector<EpochEntry>;

TEST(LeaderEpochCache, AssignsAndFinds) {
  LeaderEpochCache cache;
  EXPECT_FALSE(cache.needs_write());
  EXPECT_TRUE(cache.assign(LeaderEpoch(2), Offset(10)));
  EXPECT_TRUE(cache.needs_write());
  cache.mark_written();
  EXPECT_FALSE(cache.assign(LeaderEpoch(2), Offset(15)));
  EXPECT_FALSE(cache.needs_write());
  EXPECT_TRUE(cache.assign(LeaderEpoch(5), Offset(20)));
  EXPECT_EQ(cache.entries(), (List{entry(2, 10), entry(5, 20)}));
  EXPECT_EQ(cache.latest(), entry(5, 20));
  EXPECT_EQ(cache.earliest(), entry(2, 10));
  EXPECT_EQ(cache.epoch_for_offset(Offset(9)), std::nullopt);
  EXPECT_EQ(cache.epoch_for_offset(Offset(10)), LeaderEpoch(2));
  EXPECT_EQ(cache.epoch_for_offset(Offset(19)), LeaderEpoch(2));
  EXPECT_EQ(cache.epoch_for_offset(Offset(20)), LeaderEpoch(5));
  EXPECT_EQ(cache.previous_epoch(LeaderEpoch(5)), LeaderEpoch(2));
  EXPECT_EQ(cache.previous_epoch(LeaderEpoch(4)), LeaderEpoch(2));
  EXPECT_EQ(cache.previous_epoch(LeaderEpoch(2)), std::nullopt);
}

TEST(LeaderEpochCache, AssigningRemovesWhatContradicts) {
  auto cache = cache_of({entry(1, 0), entry(3, 10), entry(4, 20)});
  EXPECT_TRUE(cache.assign(LeaderEpoch(5), Offset(20)));  // 4 had no records
  EXPECT_EQ(cache.entries(), (List{entry(1, 0), entry(3, 10), entry(5, 20)}));
  EXPECT_TRUE(cache.assign(LeaderEpoch(5), Offset(15)));  // begins earlier than was known
  EXPECT_EQ(cache.entries(), (List{entry(1, 0), entry(3, 10), entry(5, 15)}));
  EXPECT_TRUE(cache.assign(LeaderEpoch(2), Offset(30)));
  EXPECT_EQ(cache.entries(), (List{entry(1, 0), entry(2, 30)}));
  EXPECT_TRUE(cache.assign(LeaderEpoch(9), Offset(0)));
  EXPECT_EQ(cache.entries(), (List{entry(9, 0)}));
  EXPECT_FALSE(cache.assign(LeaderEpoch(-1), Offset(5)));
  EXPECT_FALSE(cache.assign(LeaderEpoch(10), Offset(-1)));
  EXPECT_EQ(cache.entries(), (List{entry(9, 0)}));
}

TEST(LeaderEpochCache, EndOffsetsAreKafkas) {
  EXPECT_EQ(end_of(LeaderEpochCache(), 0, 5), answer(-1, -1));
  const auto cache = cache_of({entry(2, 10), entry(4, 20), entry(7, 30)});
  EXPECT_EQ(end_of(cache, -1, 50), answer(-1, -1));
  EXPECT_EQ(end_of(cache, 0, 50), answer(0, 10));
  EXPECT_EQ(end_of(cache, 1, 50), answer(1, 10));
  EXPECT_EQ(end_of(cache, 2, 50), answer(2, 20));
  EXPECT_EQ(end_of(cache, 3, 50), answer(2, 20));
  EXPECT_EQ(end_of(cache, 4, 50), answer(4, 30));
  EXPECT_EQ(end_of(cache, 6, 50), answer(4, 30));
  EXPECT_EQ(end_of(cache, 7, 50), answer(7, 50));
  EXPECT_EQ(end_of(cache, 8, 50), answer(-1, -1));
}

TEST(LeaderEpochCache, TruncatesFromBothEnds) {
  const auto full = cache_of({entry(2, 10), entry(4, 20), entry(7, 30)});
  auto cache = full;
  cache.truncate_from_end(Offset(31));
  EXPECT_FALSE(cache.needs_write());
  cache.truncate_from_end(Offset(30));
  EXPECT_TRUE(cache.needs_write());
  EXPECT_EQ(cache.entries(), (List{entry(2, 10), entry(4, 20)}));

  cache = full;
  cache.truncate_from_start(Offset(10));
  EXPECT_FALSE(cache.needs_write());
  cache.truncate_from_start(Offset(25));
  EXPECT_TRUE(cache.needs_write());
  EXPECT_EQ(cache.entries(), (List{entry(4, 25), entry(7, 30)}));
  cache.truncate_from_start(Offset(30));
  EXPECT_EQ(cache.entries(), (List{entry(7, 30)}));
  cache.truncate_from_start(Offset(99));
  EXPECT_EQ(cache.entries(), (List{entry(7, 99)}));
  cache.clear();
  EXPECT_TRUE(cache.empty());
  EXPECT_TRUE(cache.needs_write());
}

TEST(LeaderEpochCache, AFileAheadOfItsLogIsClipped) {
  auto cache = cache_of({entry(2, 10), entry(4, 20), entry(7, 30)});
  cache.clip(Offset(15), Offset(30));
  EXPECT_EQ(cache.entries(), (List{entry(2, 15), entry(4, 20)}));
  EXPECT_EQ(end_of(cache, 4, 30), answer(4, 30));
}

TEST(LeaderEpochCache, MutantWithoutClippingIsVisible) {
  auto cache = cache_of({entry(2, 10), entry(4, 20), entry(7, 30)});
  const WithMutant mutant("storage.epoch_not_clipped");
  cache.clip(Offset(0), Offset(25));
  // The log ends with epoch 4 at 25, yet epoch 4 is said to end behind the log.
  EXPECT_EQ(end_of(cache, 4, 25), answer(4, 30));
}

TEST(LeaderEpochCache, RoundTripsAndReadsKafkasFiles) {
  for (const char* name :
       {"plain-0.leader-epoch-checkpoint", "segments-0.leader-epoch-checkpoint"}) {
    const Bytes kafka = kafka_file("storage/testdata/" + std::string(name));
    const auto cache = LeaderEpochCache::decode(kafka.view());
    ASSERT_TRUE(cache) << name;
    EXPECT_FALSE(cache->needs_write());
    EXPECT_EQ(as_text(cache->encode().view()), as_text(kafka.view()));
  }
  const auto plain = LeaderEpochCache::decode(
      kafka_file("storage/testdata/plain-0.leader-epoch-checkpoint").view());
  EXPECT_EQ(plain->entries(), (List{entry(0, 0), entry(2, 202)}));
  EXPECT_TRUE(LeaderEpochCache::decode(as_bytes("0\n0\n"))->empty());
}

TEST(LeaderEpochCache, GarbageIsRefused) {
  for (const char* text :
       {"", "0\n", "0\n1\n", "1\n0\n", "0\n1\n0 0", "0\n1\n-1 0\n", "0\n1\n0 -1\n",
        "0\n2\n1 0\n1 5\n", "0\n2\n2 0\n1 5\n", "0\n2\n1 5\n2 5\n", "0\n2\n1 5\n2 4\n",
        "0\n1\n2147483648 0\n", "0\n1\n0 0 0\n"}) {
    const auto cache = LeaderEpochCache::decode(as_bytes(text));
    ASSERT_FALSE(cache) << text;
    EXPECT_EQ(cache.error().code, Errc::corrupt_data);
  }
}

TEST(LeaderEpochCache, RandomStepsKeepTheInvariants) {
  runtime::sim::SimRandom random(7);
  for (int round = 0; round < 200; round++) {
    LeaderEpochCache cache;
    for (int step = 0; step < 60; step++) {
      const Offset offset(static_cast<int64_t>(random.below(100)));
      switch (random.below(4)) {
        case 0:
        case 1: cache.assign(LeaderEpoch(static_cast<int32_t>(random.below(20))), offset); break;
        case 2: cache.truncate_from_end(offset); break;
        default: cache.truncate_from_start(offset); break;
      }
      cache.check_invariants();
      const auto again = LeaderEpochCache::decode(cache.encode().view());
      ASSERT_TRUE(again);
      ASSERT_EQ(again->entries(), cache.entries());
    }
  }
}

}  // namespace
}  // namespace partita::storage
