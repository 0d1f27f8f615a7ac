#include "client/group_membership.h"

#include <gtest/gtest.h>

#include "client/consumer_protocol.h"

namespace partita::client {
namespace {

using Assigned = std::map<std::string, std::vector<TopicPartition>>;

TopicPartition part(int32_t index, std::string topic = "t") {
  return {std::move(topic), PartitionIndex(index)};
}

TEST(RangeAssignor, RangesDifferByOne) {
  EXPECT_EQ(assign_ranges({{"a", {"t"}}, {"b", {"t"}}}, {{"t", 5}}),
            (Assigned{{"a", {part(0), part(1), part(2)}}, {"b", {part(3), part(4)}}}));
  EXPECT_EQ(assign_ranges({{"a", {"t"}}, {"b", {"t"}}, {"c", {"t"}}}, {{"t", 2}}),
            (Assigned{{"a", {part(0)}}, {"b", {part(1)}}, {"c", {}}}));
  // Each topic on its own, among those who want it.
  EXPECT_EQ(assign_ranges({{"a", {"t", "u"}}, {"b", {"u"}}}, {{"t", 2}, {"u", 1}}),
            (Assigned{{"a", {part(0), part(1), part(0, "u")}}, {"b", {}}}));
  EXPECT_EQ(assign_ranges({{"a", {"nosuch"}}}, {}), (Assigned{{"a", {}}}));
}

TEST(ConsumerProtocol, ReadsWhatItWrote) {
  const auto bytes = encode_subscription(
      {.topics = {"u", "t"}, .owned = {part(1), part(0, "u")}, .generation = 7});
  ASSERT_TRUE(bytes);
  const auto subscription = decode_subscription(bytes->view());
  ASSERT_TRUE(subscription);
  EXPECT_EQ(subscription->topics, (std::vector<std::string>{"t", "u"}));
  EXPECT_EQ(subscription->owned, (std::vector{part(1), part(0, "u")}));
  EXPECT_EQ(subscription->generation, 7);
  const auto assignment = encode_assignment({part(2), part(0), part(1, "u")});
  EXPECT_EQ(decode_assignment(assignment->view()), (std::vector{part(0), part(2), part(1, "u")}));
}

TEST(ConsumerProtocol, RefusesWhatMakesNoSense) {
  const auto bytes = encode_assignment({part(2)});
  for (size_t size = 0; size < bytes->size(); size++) {
    EXPECT_FALSE(decode_assignment(bytes->view().first(size))) << size;
  }
  EXPECT_FALSE(decode_subscription(as_bytes("\xff\xff\x00\x00")));
  // A newer version has more behind it.
  Buffer newer(bytes->size() + 3);
  newer.append(bytes->view());
  newer.append(as_bytes("new"));
  store_be(newer.data(), int16_t{9});
  EXPECT_EQ(decode_assignment(std::move(newer).freeze().view()), std::vector{part(2)});
}

}  // namespace
}  // namespace partita::client
