#include "coordinators/group/offset_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/fault_points.h"
#include "wire/coordinator/legacy_offset_commit.h"
#include "wire/coordinator/offset_commit.h"

namespace partita::coordinators {
namespace {

constexpr TopicId kIdA{{1}};
constexpr TopicId kIdB{{2}};
constexpr ProducerId kProducer{7};
constexpr ProducerId kOther{8};

OffsetPlace place(std::string_view group, std::string_view topic, int32_t partition) {
  return {group, topic, PartitionIndex(partition)};
}
CommittedOffset at(int64_t offset) {
  return {.offset = Offset(offset), .committed_at = WallTime(1000)};
}

std::optional<int64_t> offset_of(const OffsetStore& store, const OffsetPlace& place) {
  const auto found = store.find(place);
  if (!found) return std::nullopt;
  return found->offset.value();
}

TEST(OffsetStore, KeepsAllThatWasCommitted) {
  const CommittedOffset cases[] = {
      at(0),
      {.offset = Offset(5), .leader_epoch = LeaderEpoch(3), .committed_at = WallTime(9)},
      {.offset = Offset(5), .metadata = "m\xC3\xA9ta", .committed_at = WallTime(9)},
      {.offset = Offset(5), .committed_at = WallTime(9), .expires_at = WallTime(99)},
      {.offset = Offset(5), .committed_at = WallTime(9), .topic_id = kIdA},
      {.offset = Offset(6), .committed_at = WallTime(9), .topic_id = kIdB},
      {.offset = Offset(-1), .committed_at = WallTime(0)},
      {.offset = Offset(INT64_MAX), .metadata = std::string(4096, 'x'), .topic_id = kIdA},
  };
  OffsetStore store;
  int32_t partition = 0;
  for (const CommittedOffset& one : cases) {
    store.put(place("g", "t", partition), one, std::nullopt);
    EXPECT_EQ(store.find(place("g", "t", partition)), one) << partition;
    partition++;
  }
  // Each over each: nothing of the old one stays.
  for (const CommittedOffset& old : cases) {
    for (const CommittedOffset& one : cases) {
      store.put(place("g", "u", 0), old, std::nullopt);
      store.put(place("g", "u", 0), one, std::nullopt);
      EXPECT_EQ(store.find(place("g", "u", 0)), one);
    }
  }
  store.check_invariants();
  EXPECT_EQ(store.committed_count(), std::size(cases) + 1);
}

TEST(OffsetStore, TellsOfAGroupInOrder) {
  OffsetStore store;
  for (const int32_t partition : {5, 1, 3}) {
    store.put(place("g", "b", partition), at(partition), std::nullopt);
    store.put(place("g", "a", partition), at(partition), std::nullopt);
    store.put(place("other", "a", partition), at(9), std::nullopt);
  }
  std::string seen;
  store.for_each("g", [&](const OffsetPlace& at, const CommittedOffset& committed) {
    seen += fmt::format("{}-{}:{} ", at.topic, at.partition.value(), committed.offset.value());
  });
  EXPECT_EQ(seen, "a-1:1 a-3:3 a-5:5 b-1:1 b-3:3 b-5:5 ");
  EXPECT_EQ(store.topics("g"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(store.group_from(""), "g");
  EXPECT_EQ(store.group_from("h"), "other");
  EXPECT_EQ(store.group_from("p"), std::nullopt);
}

TEST(OffsetStore, ForgetsWhatIsRemoved) {
  OffsetStore store;
  store.put(place("g", "t", 0), at(1), std::nullopt);
  store.put(place("g", "t", 1), at(2), std::nullopt);
  store.remove(place("g", "t", 0));
  store.remove(place("g", "t", 0));
  store.remove(place("g", "nothing", 0));
  store.remove(place("nobody", "t", 0));
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), std::nullopt);
  EXPECT_EQ(offset_of(store, place("g", "t", 1)), 2);
  EXPECT_TRUE(store.knows("g"));
  store.remove(place("g", "t", 1));
  EXPECT_FALSE(store.knows("g"));
  EXPECT_EQ(store.committed_count(), 0U);
  size_t topics = 0;
  store.for_each_topic([&](const std::string&) { topics++; });
  EXPECT_EQ(topics, 0U) << "the names of topics go with their last offset";
  store.check_invariants();
}

TEST(OffsetStore, PendingOffsetsCountWithTheMarker) {
  OffsetStore store;
  store.put(place("g", "t", 0), at(1), std::nullopt);
  store.put(place("g", "t", 0), at(2), kProducer);
  store.put(place("g", "t", 1), at(3), kProducer);
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 1);
  EXPECT_EQ(offset_of(store, place("g", "t", 1)), std::nullopt);
  EXPECT_TRUE(store.is_pending(place("g", "t", 0)));
  EXPECT_TRUE(store.is_pending(place("g", "t", 1)));
  EXPECT_FALSE(store.is_pending(place("g", "t", 2)));
  EXPECT_FALSE(store.is_pending(place("h", "t", 0)));
  store.end_transaction(kOther, true);
  EXPECT_TRUE(store.has_pending("g"));
  store.end_transaction(kProducer, true);
  EXPECT_FALSE(store.has_pending("g"));
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 2);
  EXPECT_EQ(offset_of(store, place("g", "t", 1)), 3);
  store.check_invariants();
}

bool abort_drops_offsets() {
  OffsetStore store;
  store.put(place("g", "t", 0), at(1), std::nullopt);
  store.put(place("g", "t", 0), at(2), kProducer);
  store.put(place("only", "t", 0), at(3), kProducer);
  store.end_transaction(kProducer, false);
  store.check_invariants();
  return offset_of(store, place("g", "t", 0)) == 1 && !store.knows("only");
}
/// A plain commit behind a pending one in the log outlives the marker; one before it does not.
bool later_commit_wins() {
  OffsetStore store;
  store.put(place("g", "t", 0), at(10), kProducer);
  store.put(place("g", "t", 0), at(20), std::nullopt);
  store.put(place("g", "t", 1), at(20), std::nullopt);
  store.put(place("g", "t", 1), at(10), kProducer);
  store.end_transaction(kProducer, true);
  return offset_of(store, place("g", "t", 0)) == 20 && offset_of(store, place("g", "t", 1)) == 10;
}
bool removal_takes_pending_along() {
  OffsetStore store;
  store.put(place("g", "t", 0), at(10), kProducer);
  store.put(place("g", "t", 0), at(11), kOther);
  store.put(place("g", "t", 1), at(12), kOther);
  store.remove(place("g", "t", 0));
  if (store.is_pending(place("g", "t", 0)) || !store.is_pending(place("g", "t", 1))) return false;
  store.end_transaction(kProducer, true);
  store.end_transaction(kOther, true);
  return !store.find(place("g", "t", 0)) && offset_of(store, place("g", "t", 1)) == 12;
}

TEST(OffsetStore, AnAbortDropsOffsets) {
  EXPECT_TRUE(abort_drops_offsets());
}
TEST(OffsetStore, ALaterCommitIsNotOvertaken) {
  EXPECT_TRUE(later_commit_wins());
}
TEST(OffsetStore, ARemovalTakesPendingOffsetsAlong) {
  EXPECT_TRUE(removal_takes_pending_along());
}

TEST(OffsetStore, SeveralTransactionsMayHaveTheSamePartition) {
  OffsetStore store;
  store.put(place("g", "t", 0), at(10), kProducer);
  store.put(place("g", "t", 0), at(11), kOther);
  store.put(place("g", "t", 0), at(12), kOther);
  EXPECT_EQ(store.pending_count(), 2U);
  store.end_transaction(kOther, true);
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 12);
  EXPECT_TRUE(store.is_pending(place("g", "t", 0)));
  store.end_transaction(kProducer, true);
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 12) << "10 stands before 12 in the log";
  EXPECT_FALSE(store.is_pending(place("g", "t", 0)));
  store.check_invariants();
}

TEST(OffsetStore, ReplayGoesByTheOffsetsOfRecords) {
  OffsetStore store;
  // As after compaction: the plain commit's record has moved in front of the pending one's.
  store.put(place("g", "t", 0), at(20), std::nullopt, Offset(50));
  store.put(place("g", "t", 0), at(10), kProducer, Offset(40));
  store.end_transaction(kProducer, true);
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 20);
  // What comes after replay stands behind all of it.
  store.put(place("g", "t", 0), at(30), kProducer);
  store.end_transaction(kProducer, true);
  EXPECT_EQ(offset_of(store, place("g", "t", 0)), 30);
}

TEST(OffsetStore, AGroupGoesWithATombstoneForEachPlace) {
  OffsetStore store;
  store.put(place("g", "t", 0), at(1), std::nullopt);
  store.put(place("g", "t", 0), at(1), kProducer);
  store.put(place("g", "u", 3), at(1), kOther);
  store.put(place("h", "t", 0), at(1), std::nullopt);
  std::vector<CoordinatorRecord> records;
  store.write_tombstones("g", records);
  store.remove_group("g");
  EXPECT_EQ(records, (std::vector{offset_tombstone(place("g", "t", 0)),
                                  offset_tombstone(place("g", "u", 3))}));
  EXPECT_FALSE(store.knows("g"));
  EXPECT_TRUE(store.knows("h"));
  store.check_invariants();
}

// Records.

/// What it answers lies in `record`.
OffsetRecord read_back(const CoordinatorRecord& record) {
  const auto key = parse_numbered(record.key.view());
  EXPECT_TRUE(key);
  const auto value = record.value ? std::optional(record.value->view()) : std::nullopt;
  const auto decoded = decode_offset_record(*key, value);
  EXPECT_TRUE(decoded);
  return decoded.value_or(OffsetRecord{});
}

int16_t version_of(const CoordinatorRecord& record) {
  return parse_numbered(record.value->view())->number;
}

TEST(OffsetRecords, AreWrittenInTheVersionThatKafkaTakes) {
  const OffsetPlace where = place("g", "t", 2);
  const CommittedOffset plain{.offset = Offset(5),
                              .leader_epoch = LeaderEpoch(3),
                              .metadata = "m",
                              .committed_at = WallTime(9),
                              .topic_id = kIdA};
  EXPECT_EQ(version_of(offset_record(where, plain)), 4);
  EXPECT_EQ(read_back(offset_record(where, plain)).committed, plain);
  CommittedOffset expiring = plain;
  expiring.expires_at = WallTime(77);
  EXPECT_EQ(version_of(offset_record(where, expiring)), 1);
  EXPECT_EQ(read_back(offset_record(where, expiring)).committed, as_recorded(expiring));
  EXPECT_EQ(parse_numbered(offset_record(where, plain).key.view())->number, 1);
  EXPECT_EQ(offset_tombstone(where).value, std::nullopt);
  EXPECT_EQ(offset_tombstone(where).key, offset_record(where, plain).key);
}

TEST(OffsetRecords, OfEveryVersionAreRead) {
  wire::OffsetCommitKey key;
  key.group = "g";
  key.topic = "t";
  key.partition = 2;
  wire::OffsetCommitValue value;
  value.offset = 5;
  value.leader_epoch = 3;
  value.metadata = "m";
  value.commit_timestamp = 9;
  value.expire_timestamp = 77;
  value.topic_id = kIdA;
  for (int16_t version = 0; version <= 4; version++) {
    const CoordinatorRecord record = record_of(key, value, version);
    const OffsetRecord back = read_back(record);
    EXPECT_EQ(back.place, place("g", "t", 2));
    const CommittedOffset expected{
        .offset = Offset(5),
        .leader_epoch = version >= 3 ? LeaderEpoch(3) : kNoLeaderEpoch,
        .metadata = "m",
        .committed_at = WallTime(9),
        .expires_at = version == 1 ? std::optional(WallTime(77)) : std::nullopt,
        .topic_id = version >= 4 ? kIdA : TopicId()};
    EXPECT_EQ(back.committed, expected) << version;
  }
  wire::LegacyOffsetCommitKey old_key;
  old_key.group = "g";
  old_key.topic = "t";
  old_key.partition = 2;
  wire::LegacyOffsetCommitValue old_value;
  old_value.offset = 5;
  old_value.metadata = "m";
  old_value.commit_timestamp = 9;
  const CoordinatorRecord old = record_of(old_key, old_value, 0);
  const OffsetRecord back = read_back(old);
  EXPECT_EQ(back.place, place("g", "t", 2));
  EXPECT_EQ(back.committed,
            (CommittedOffset{.offset = Offset(5), .metadata = "m", .committed_at = WallTime(9)}));
}

TEST(OffsetRecords, ThatMakeNoSenseAreErrors) {
  const CoordinatorRecord good = offset_record(place("g", "t", 2), at(5));
  const auto decode = [](ByteView key, std::optional<ByteView> value) {
    const auto numbered = parse_numbered(key);
    if (!numbered) return Result<OffsetRecord>(std::unexpected(numbered.error()));
    return decode_offset_record(*numbered, value);
  };
  for (size_t size = 0; size < good.key.size(); size++) {
    EXPECT_FALSE(decode(good.key.view().first(size), std::nullopt)) << size;
  }
  for (size_t size = 0; size < good.value->size(); size++) {
    EXPECT_FALSE(decode(good.key.view(), good.value->view().first(size))) << size;
  }
  const uint8_t unknown_version[] = {0, 5, 0, 0, 0, 0, 0, 0, 0, 0};
  const auto refused = decode(good.key.view(), ByteView(unknown_version));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported_version);
}

// Mutants.

#if PARTITA_FAULTS
TEST(OffsetStoreMutants, AreFound) {
  const std::map<std::string, bool (*)()> finders = {
      {"group.abort_keeps_offsets", abort_drops_offsets},
      {"group.pending_overtakes_commit", later_commit_wins},
      {"group.removal_leaves_pending", removal_takes_pending_along},
  };
  for (const auto& [name, is_good] : finders) {
    EXPECT_TRUE(is_good());
    faults::set_mutant(name);
    EXPECT_FALSE(is_good()) << name;
    faults::set_mutant("");
  }
}
#endif

}  // namespace
}  // namespace partita::coordinators
