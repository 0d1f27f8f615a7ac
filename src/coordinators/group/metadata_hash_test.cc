#include "coordinators/group/metadata_hash.h"

#include <gtest/gtest.h>

#include "coordinators/group/cluster_image_test.h"
#include "coordinators/group/topic_pattern.h"

namespace partita::coordinators {
namespace {

/// Made by libxxhash 0.8.1 (XXH3_64bits) of bytes i * 7 + 3.
TEST(Xxh3, IsWhatTheReferenceSays) {
  const std::vector<std::pair<size_t, uint64_t>> expected = {
      {0, 0x2d06800538d394c2},    {1, 0x13e608bc156defed},    {2, 0x1c9074b93943b86c},
      {3, 0xa9088dda485b481c},    {4, 0x6d9253b16c8b1ed3},    {8, 0x60539db630471163},
      {9, 0xfeff668361d723a8},    {16, 0xb8c859b0f030b585},   {17, 0x714a04408e79b80f},
      {32, 0x19ff4ee1d6ba1a55},   {33, 0x3e44983ad21679c8},   {64, 0x287eb1fa9e4be2c1},
      {65, 0x829218de4d798646},   {96, 0xf084e7cfbc624743},   {97, 0x1daa83271a8e7b7c},
      {128, 0x67425a03650261bf},  {129, 0xc664bf3311c6abc4},  {200, 0x746cd0025327bf5b},
      {240, 0x64556dc6b462a6cf},  {241, 0x8beadd3a8874fe17},  {512, 0xf58202b8d9019d1d},
      {1024, 0x9b81661c641c72b1}, {1025, 0x806c2072ed713576}, {1088, 0x2f8781e01841f0da},
      {3000, 0xc89178bb873c6b3d}};
  for (const auto& [size, hash] : expected) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + 3);
    EXPECT_EQ(xxh3(bytes), hash) << size;
  }
}

metadata::Record broker(int32_t id, const std::string& rack) {
  return {wire::RegisterBrokerRecord{.broker_id = id, .broker_epoch = id, .rack = rack}, 4};
}

metadata::Record partition(const TopicId& topic, int32_t index, std::vector<int32_t> replicas) {
  return {wire::PartitionRecord{.partition_id = index,
                                .topic_id = topic,
                                .replicas = replicas,
                                .isr = replicas,
                                .leader = replicas.front(),
                                .leader_epoch = 0,
                                .partition_epoch = 0,
                                .directories = std::vector<Uuid>(replicas.size())},
          2};
}

/// Made by Kafka's own library, hash4j 0.22.0, fed as GroupMetadataManager does.
TEST(MetadataHash, IsKafkas) {
  ClusterImage cluster;
  std::array<uint8_t, 16> bytes{};
  for (uint8_t i = 0; i < 16; ++i) bytes[i] = static_cast<uint8_t>(i + 1);
  const TopicId id(bytes);
  cluster.apply({broker(1, "west"),
                 broker(2, "east"),
                 {wire::TopicRecord{.name = "orders", .topic_id = id}, 0},
                 partition(id, 0, {1, 2}),
                 partition(id, 1, {2})});
  EXPECT_EQ(metadata_hash({}, *cluster.image()), 0);
  EXPECT_EQ(metadata_hash({"missing", "orders"}, *cluster.image()), -3445306959716185522);
  const int64_t before = metadata_hash({"orders"}, *cluster.image());
  cluster.apply({partition(id, 2, {2})});
  EXPECT_NE(metadata_hash({"orders"}, *cluster.image()), before);
}

TEST(TopicPattern, MatchesWholeNamesInLinearTime) {
  const auto pattern = TopicPattern::compile("a+.*-[0-9]");
  ASSERT_TRUE(pattern.has_value());
  EXPECT_TRUE(pattern->matches("aab-7"));
  EXPECT_FALSE(pattern->matches("xaab-7"));
  EXPECT_FALSE(pattern->matches("aab-77"));
  // What takes a backtracking engine longer than the universe has.
  const auto hostile = TopicPattern::compile("(a*)*(a*)*(a*)*b");
  ASSERT_TRUE(hostile.has_value());
  EXPECT_FALSE(hostile->matches(std::string(249, 'a')));
}

TEST(TopicPattern, RefusesWhatDoesNotCompile) {
  for (const std::string bad : {"[", "(", "a{2,1}", "(?=x)", "\\1", "a**"}) {
    const auto pattern = TopicPattern::compile(bad);
    ASSERT_FALSE(pattern.has_value()) << bad;
    EXPECT_EQ(pattern.error().code, Errc::invalid_regular_expression);
  }
  EXPECT_FALSE(TopicPattern::compile(std::string(2'000'000, 'a') + "{999}").has_value());
}

TEST(TopicPattern, FindsTheTopicsOfAnImage) {
  ClusterImage cluster;
  for (const char* name : {"orders-1", "orders-2", "bills"}) cluster.topic(name, 1);
  const auto pattern = TopicPattern::compile("orders-.*");
  EXPECT_EQ(pattern->matching(*cluster.image()), (std::set<std::string>{"orders-1", "orders-2"}));
}

}  // namespace
}  // namespace partita::coordinators
