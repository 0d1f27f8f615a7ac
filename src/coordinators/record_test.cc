#include "coordinators/record.h"

#include <gtest/gtest.h>

#include "wire/coordinator/offset_commit.h"

namespace partita::coordinators {
namespace {

TEST(PartitionForKey, IsJavasHashCode) {
  // "abc".hashCode() is 96354, "polygenelubricants".hashCode() is Integer.MIN_VALUE.
  EXPECT_EQ(partition_for_key("abc", 50), PartitionIndex(96354 % 50));
  EXPECT_EQ(partition_for_key("", 50), PartitionIndex(0));
  EXPECT_EQ(partition_for_key("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(partition_for_key("a", 7), PartitionIndex(97 % 7));
}

TEST(PartitionForKey, CountsUtf16Units) {
  // U+00E9 is one unit, U+1F600 the pair D83D DE00.
  EXPECT_EQ(partition_for_key("\xC3\xA9", 1000), PartitionIndex(0xE9));
  EXPECT_EQ(partition_for_key("\xF0\x9F\x98\x80", 1'000'000),
            PartitionIndex((31 * 0xD83D + 0xDE00) % 1'000'000));
  // Bytes that are no UTF-8 count as U+FFFD.
  EXPECT_EQ(partition_for_key("\xFF", 100'000), PartitionIndex(0xFFFD));
}

TEST(CoordinatorRecord, CarriesKindAndVersionInFront) {
  const CoordinatorRecord record =
      record_of(wire::OffsetCommitKey{.group = "g", .topic = "t", .partition = 3},
                wire::OffsetCommitValue{.offset = 7, .metadata = "m"}, 3);
  const auto key = parse_numbered(record.key.view());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->number, 1);
  const auto named = decode_key<wire::OffsetCommitKeyView>(*key);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->topic, "t");
  const auto value = decode_value<wire::OffsetCommitValueView>(record.value->view());
  ASSERT_TRUE(value);
  EXPECT_EQ(value->offset, 7);
  EXPECT_EQ(value->version, 3);
  EXPECT_FALSE(tombstone_of(wire::OffsetCommitKey{.group = "g"}).value);
}

TEST(CoordinatorRecord, BytesThatAreNoneAreAnError) {
  EXPECT_EQ(parse_numbered(as_bytes("x")).error().code, Errc::malformed);
  const std::array<uint8_t, 2> version_99{0, 99};
  EXPECT_EQ(decode_value<wire::OffsetCommitValueView>(version_99).error().code,
            Errc::unsupported_version);
}

}  // namespace
}  // namespace partita::coordinators
