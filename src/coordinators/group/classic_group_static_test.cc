// Static members: whoever comes back with its instance id goes on where it was.

#include "coordinators/group/classic_room_test.h"

namespace partita::coordinators {
namespace {

int16_t code(Errc error) {
  return wire::error_code(error);
}

std::string id_of(const ClassicRoom& room, const std::string& instance) {
  for (const auto& [id, member] : room.group.members()) {
    if (member.instance_id == instance) return id;
  }
  return "";
}

std::string leading_instance(const ClassicRoom& room) {
  return *room.group.members().at(room.group.leader()).instance_id;
}

std::string following_instance(const ClassicRoom& room) {
  return leading_instance(room) == "i0" ? "i1" : "i0";
}

TEST(StaticMembers, ComeBackWithoutARebalance) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const std::string instance = following_instance(room);
  const std::string before = id_of(room, instance);
  const Ticket back = room.join({.instance_id = instance, .client = "other"});
  EXPECT_EQ(room.answer(back).generation_id, 1);
  EXPECT_NE(room.answer(back).member_id, before);
  EXPECT_FALSE(room.answer(back).skip_assignment);
  EXPECT_EQ(room.state(), "Stable");
  EXPECT_EQ(room.records.size(), 2U);
  // It is given what it had.
  const Ticket synced = room.sync({.member_id = room.answer(back).member_id});
  EXPECT_EQ(room.synced.at(synced).assignment, assignment_of("t", {1}));
  EXPECT_EQ(room.group.members().at(room.answer(back).member_id).client_id, "other");
}

TEST(StaticMembers, AReplacedLeaderIsToldToAssignNothing) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const Ticket back = room.join({.instance_id = leading_instance(room)});
  EXPECT_TRUE(room.answer(back).skip_assignment);
  EXPECT_EQ(room.answer(back).leader, room.answer(back).member_id);
  EXPECT_EQ(room.answer(back).members.size(), 2U);
  EXPECT_EQ(room.state(), "Stable");
}

TEST(StaticMembers, AReplacedLeaderOfAnOlderVersionDoesNotLead) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const std::string before = room.group.leader();
  const Ticket back = room.join({.instance_id = leading_instance(room), .version = 8});
  EXPECT_EQ(room.answer(back).leader, before);
  EXPECT_NE(room.answer(back).member_id, before);
  EXPECT_TRUE(room.answer(back).members.empty());
  EXPECT_TRUE(wire::encode_body(room.answer(back), 8));
}

TEST(StaticMembers, WhoWasReplacedIsFenced) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const std::string before = id_of(room, "i0");
  room.join({.instance_id = "i0"});
  const int16_t fenced = code(Errc::fenced_instance_id);
  EXPECT_EQ(room.heartbeat(before, 1, "i0"), fenced);
  EXPECT_EQ(room.sync_error(room.sync({.member_id = before, .instance_id = "i0"})), fenced);
  EXPECT_EQ(room.join_error(room.join({.member_id = before, .instance_id = "i0"})), fenced);
  EXPECT_EQ(room.leave({{before, "i0"}}).members[0].error_code, fenced);
  EXPECT_EQ(wire::error_code(room.group.check_commit({before, "i0", 1}, false, 8, room.now)),
            fenced);
  EXPECT_EQ(room.heartbeat(before, 1), code(Errc::unknown_member_id));
  EXPECT_EQ(room.state(), "Stable");
}

TEST(StaticMembers, TheNewerOfTwoWinsWhileBothWait) {
  ClassicRoom room;
  const Ticket first = room.join({.instance_id = "i"});
  const Ticket second = room.join({.instance_id = "i"});
  EXPECT_EQ(room.join_error(first), code(Errc::fenced_instance_id));
  room.pass(6s);
  EXPECT_EQ(room.join_error(second), 0);
  EXPECT_EQ(room.group.members().size(), 1U);
}

TEST(StaticMembers, ReplacedWhileTheLeaderAssignsMakesARebalance) {
  ClassicRoom room;
  room.join({.instance_id = "i0"});
  room.join({.instance_id = "i1"});
  room.pass(6s);
  ASSERT_EQ(room.state(), "CompletingRebalance");
  const std::string follower = following_instance(room);
  const Ticket syncing = room.sync({.member_id = id_of(room, follower)});
  const Ticket back = room.join({.instance_id = follower});
  EXPECT_EQ(room.sync_error(syncing), code(Errc::fenced_instance_id));
  EXPECT_EQ(room.state(), "PreparingRebalance");
  room.join({.member_id = room.group.leader()});
  EXPECT_EQ(room.answer(back).generation_id, 2);
}

TEST(StaticMembers, OtherTopicsMakeARebalance) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const Ticket back =
      room.join({.instance_id = "i0", .protocols = {{"range", subscription_to({"t", "u"})}}});
  EXPECT_TRUE(room.waits(back));
  EXPECT_EQ(room.state(), "PreparingRebalance");
}

TEST(StaticMembers, OtherUserDataDoesNot) {
  wire::ConsumerProtocolSubscription subscription;
  subscription.topics = {"t"};
  subscription.user_data = Bytes::copy_of("state");
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const Ticket back =
      room.join({.instance_id = "i0", .protocols = {{"range", encode_value(subscription, 1)}}});
  EXPECT_EQ(room.join_error(back), 0);
  EXPECT_EQ(room.state(), "Stable");
}

TEST(StaticMembers, AnotherVoteMakesARebalance) {
  const Bytes t = subscription_to({"t"});
  ClassicRoom room;
  room.stable(1, {.instance_id = "i", .protocols = {{"range", t}, {"sticky", t}}});
  EXPECT_EQ(room.group.protocol_name(), "range");
  const Ticket back = room.join({.instance_id = "i0", .protocols = {{"sticky", t}, {"range", t}}});
  EXPECT_EQ(room.answer(back).generation_id, 2);
  EXPECT_EQ(room.answer(back).protocol_name, "sticky");
}

TEST(StaticMembers, StayUntilTheirSessionEnds) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.instance_id = "i", .session = 60s, .rebalance = 20s});
  const Ticket back = room.join({.member_id = ids[0],
                                 .instance_id = leading_instance(room),
                                 .session = 60s,
                                 .rebalance = 20s});
  room.pass(20s);
  EXPECT_EQ(room.answer(back).generation_id, 2);
  EXPECT_EQ(room.answer(back).members.size(), 2U) << "it did not rejoin and is still a member";
}

TEST(StaticMembers, OfWhomNobodyComesBackKeepTheRebalanceOpen) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i", .session = 60s, .rebalance = 20s});
  room.leave({{"", "i0"}});
  EXPECT_EQ(room.state(), "PreparingRebalance");
  room.pass(59s);
  EXPECT_EQ(room.state(), "PreparingRebalance");
  room.pass(1s);
  EXPECT_EQ(room.state(), "Empty") << "its session has ended";
}

TEST(StaticMembers, AreRemovedByTheirInstance) {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  const auto left = room.leave({{"", "i1"}});
  EXPECT_EQ(left.members[0].error_code, 0);
  EXPECT_EQ(left.members[0].group_instance_id, "i1");
  EXPECT_EQ(id_of(room, "i1"), "");
}

}  // namespace
}  // namespace partita::coordinators
