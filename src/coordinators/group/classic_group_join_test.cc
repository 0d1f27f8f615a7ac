// Joining a classic group: the two steps, the delay, the vote, limits, refusals.

#include "coordinators/group/classic_room_test.h"

namespace partita::coordinators {
namespace {

int16_t code(Errc error) {
  return wire::error_code(error);
}

TEST(ClassicGroupJoin, NewMembersAreGivenTheirIdFirst) {
  ClassicRoom room;
  const Ticket first = room.join({});
  EXPECT_EQ(room.join_error(first), code(Errc::member_id_required));
  EXPECT_EQ(room.answer(first).member_id, "c-00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(room.state(), "Empty");
  EXPECT_TRUE(room.records.empty());
  const Ticket second = room.join({.member_id = room.answer(first).member_id});
  EXPECT_TRUE(room.waits(second));
  EXPECT_EQ(room.state(), "PreparingRebalance");
  room.pass(3s);
  EXPECT_EQ(room.join_error(second), 0);
  EXPECT_EQ(room.answer(second).generation_id, 1);
  EXPECT_EQ(room.state(), "CompletingRebalance");
}

TEST(ClassicGroupJoin, OldVersionsAndStaticMembersJoinAtOnce) {
  ClassicRoom room;
  const Ticket old = room.join({.version = 3});
  const Ticket instance = room.join({.instance_id = "i"});
  EXPECT_TRUE(room.waits(old));
  EXPECT_TRUE(room.waits(instance));
  room.pass(6s);
  EXPECT_EQ(room.join_error(old), 0);
  EXPECT_EQ(room.answer(instance).member_id.substr(0, 2), "i-");
  EXPECT_EQ(room.group.members().size(), 2U);
}

TEST(ClassicGroupJoin, VersionZeroHasItsSessionForARebalanceTimeout) {
  ClassicRoom room;
  room.join({.version = 0, .session = 7s});
  EXPECT_EQ(room.group.members().begin()->second.rebalance_timeout_ms, 7000);
}

TEST(ClassicGroupJoin, FirstRebalanceWaitsForMore) {
  ClassicRoom room;
  const Ticket first = room.join({.version = 3});
  room.pass(2s);
  const Ticket second = room.join({.version = 3});
  room.pass(1s);
  EXPECT_TRUE(room.waits(first)) << "extended by the second";
  room.pass(2999ms);
  EXPECT_TRUE(room.waits(first));
  room.pass(1ms);
  EXPECT_EQ(room.answer(first).generation_id, 1);
  EXPECT_EQ(room.answer(second).generation_id, 1);
}

TEST(ClassicGroupJoin, FirstRebalanceWaitsNoLongerThanTheRebalanceTimeout) {
  ClassicRoom room;
  const Ticket first = room.join({.version = 3, .rebalance = 10s});
  for (int i = 0; i < 9; i++) {
    room.pass(1s);
    room.join({.version = 3, .rebalance = 10s});
  }
  EXPECT_TRUE(room.waits(first));
  room.pass(1s);
  EXPECT_FALSE(room.waits(first));
  EXPECT_EQ(room.group.members().size(), 10U);
}

TEST(ClassicGroupJoin, WithoutADelayTheFirstMemberIsAGenerationOfItsOwn) {
  ClassicRoom room({.initial_rebalance_delay = Duration(0)});
  const Ticket first = room.join({.version = 3});
  room.pass(Duration(0));
  EXPECT_EQ(room.answer(first).generation_id, 1);
}

TEST(ClassicGroupJoin, OnlyTheLeaderIsToldTheMembers) {
  ClassicRoom room;
  const Ticket a = room.join_new();
  const Ticket b = room.join_new();
  room.pass(6s);
  const bool a_leads = room.answer(a).leader == room.answer(a).member_id;
  const auto& leader = room.answer(a_leads ? a : b);
  const auto& follower = room.answer(a_leads ? b : a);
  EXPECT_EQ(leader.members.size(), 2U);
  EXPECT_EQ(leader.members[0].metadata, subscription_to({"t"}));
  EXPECT_TRUE(follower.members.empty());
  EXPECT_EQ(follower.leader, leader.member_id);
  EXPECT_EQ(leader.protocol_type, "consumer");
  EXPECT_EQ(leader.protocol_name, "range");
}

TEST(ClassicGroupJoin, GivenIdsEndWithTheSession) {
  ClassicRoom room;
  const std::string id = room.new_id({.session = 10s});
  EXPECT_EQ(room.group.pending_count(), 1U);
  room.pass(9999ms);
  EXPECT_EQ(room.group.pending_count(), 1U);
  room.pass(1ms);
  EXPECT_EQ(room.group.pending_count(), 0U);
  EXPECT_EQ(room.group.next_deadline(), kNoDeadline);
  EXPECT_EQ(room.join_error(room.join({.member_id = id})), code(Errc::unknown_member_id));
}

TEST(ClassicGroupJoin, ARebalanceWaitsForWhoHoldsAnId) {
  ClassicRoom room;
  const auto ids = room.stable(1);
  const std::string pending = room.new_id({.session = 6s});
  const Ticket again = room.join({.member_id = ids[0]});
  EXPECT_TRUE(room.waits(again));
  room.pass(6s);
  EXPECT_EQ(room.answer(again).generation_id, 2) << "the id has expired";
}

TEST(ClassicGroupJoin, MemoryForGivenIdsIsBounded) {
  ClassicRoom room;
  const std::string first = room.new_id();
  room.pass(1ms);
  room.checking = false;
  for (size_t i = 0; i < ClassicGroup::kPendingMembersMax; i++) room.new_id();
  EXPECT_EQ(room.group.pending_count(), ClassicGroup::kPendingMembersMax);
  EXPECT_EQ(room.join_error(room.join({.member_id = first})), code(Errc::unknown_member_id));
}

TEST(ClassicGroupJoin, Refusals) {
  struct Case {
    JoinBy by;
    Errc error;
  };
  const Bytes topics = subscription_to({"t"});
  const Case cases[] = {
      {{.protocols = {}}, Errc::inconsistent_group_protocol},
      {{.protocol_type = ""}, Errc::inconsistent_group_protocol},
      {{.protocol_type = "connect"}, Errc::inconsistent_group_protocol},
      {{.protocols = {{"sticky", topics}}}, Errc::inconsistent_group_protocol},
      {{.member_id = "who"}, Errc::unknown_member_id},
      {{.member_id = "who", .instance_id = "i"}, Errc::unknown_member_id},
  };
  for (const Case& one : cases) {
    ClassicRoom room;
    room.stable(1);
    EXPECT_EQ(room.join_error(room.join(one.by)), code(one.error)) << errc_name(one.error);
    EXPECT_EQ(room.state(), "Stable");
  }
  ClassicRoom empty;
  EXPECT_EQ(empty.join_error(empty.join({.protocols = {}})),
            code(Errc::inconsistent_group_protocol));
  EXPECT_TRUE(empty.group.is_transient());
  // Only dynamic members are given their id.
  const std::string id = empty.new_id();
  EXPECT_EQ(empty.join_error(empty.join({.member_id = id, .instance_id = "i"})),
            code(Errc::unknown_member_id));
}

TEST(ClassicGroupJoin, RefusalsFitOldVersions) {
  ClassicRoom room;
  const Ticket ticket = room.join({.protocols = {}, .version = 2});
  EXPECT_TRUE(wire::encode_body(room.answer(ticket), 2));
  EXPECT_EQ(room.answer(ticket).protocol_name, "");
  EXPECT_FALSE(room.answer(room.join({.protocols = {}, .version = 7})).protocol_name.has_value());
}

TEST(ClassicGroupJoin, MostVotesAmongWhatAllKnow) {
  const Bytes t = subscription_to({"t"});
  ClassicRoom room;
  const Ticket first = room.join({.protocols = {{"a", t}, {"b", t}, {"c", t}}, .version = 3});
  room.join({.protocols = {{"c", t}, {"b", t}}, .version = 3});
  room.join({.protocols = {{"c", t}, {"b", t}, {"a", t}}, .version = 3});
  room.join({.protocols = {{"c", t}, {"a", t}, {"b", t}}, .version = 3});
  room.pass(9s);
  EXPECT_EQ(room.answer(first).protocol_name, "c");
}

TEST(ClassicGroupJoin, FromEagerToCooperativeOneByOne) {
  const Bytes t = subscription_to({"t"});
  const std::vector<std::pair<std::string, Bytes>> eager = {{"range", t}};
  const std::vector<std::pair<std::string, Bytes>> both = {{"cooperative-sticky", t}, {"range", t}};
  const std::vector<std::pair<std::string, Bytes>> cooperative = {{"cooperative-sticky", t}};
  ClassicRoom room;
  auto ids = room.stable(3, {.protocols = eager});
  EXPECT_EQ(room.group.protocol_name(), "range");
  // Each is restarted with both, then each with the new one alone.
  for (const auto& protocols : {both, cooperative}) {
    for (std::string& id : ids) {
      room.leave({{id, std::nullopt}});
      const Ticket restarted = room.join_new({.protocols = protocols});
      for (const std::string& other : ids) {
        if (other == id) continue;
        const auto& known = room.group.members().at(other).protocols;
        JoinBy again{.member_id = other, .protocols = {}};
        for (const auto& protocol : known) again.protocols.emplace_back(protocol.name, t);
        room.join(again);
      }
      ASSERT_EQ(room.join_error(restarted), 0);
      id = room.answer(restarted).member_id;
      room.settle(ids);
    }
    EXPECT_EQ(room.group.protocol_name(), "cooperative-sticky");
  }
  // Who knows the old one alone is not let in any more.
  EXPECT_EQ(room.join_error(room.join({.protocols = eager})),
            code(Errc::inconsistent_group_protocol));
}

TEST(ClassicGroupJoin, FullGroupsTakeNobody) {
  ClassicRoom room({.size_max = 2});
  const auto ids = room.stable(2);
  const Ticket third = room.join({});
  EXPECT_EQ(room.join_error(third), code(Errc::group_max_size_reached));
  EXPECT_EQ(room.answer(third).member_id, "");
  EXPECT_TRUE(room.waits(room.join({.member_id = ids[0]}))) << "a member may come back";
}

TEST(ClassicGroupJoin, OfAGroupThatIsTooLargeTheLastToComeBackGo) {
  ClassicRoom room;
  const auto ids = room.stable(3);
  room.settings.size_max = 2;
  GroupEffects out;
  room.group.loaded(room.now, out);
  EXPECT_EQ(room.state(), "PreparingRebalance");
  const Ticket a = room.join({.member_id = ids[1]});
  const Ticket b = room.join({.member_id = ids[2]});
  EXPECT_EQ(room.join_error(room.join({.member_id = ids[0]})), code(Errc::group_max_size_reached));
  EXPECT_EQ(room.answer(a).generation_id, 2);
  EXPECT_EQ(room.answer(b).generation_id, 2);
}

TEST(ClassicGroupJoin, KnownMembersOfAStableGroup) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  const Ticket same = room.join({.member_id = ids[1]});
  EXPECT_EQ(room.answer(same).generation_id, 1) << "it has lost an answer";
  EXPECT_TRUE(room.answer(same).members.empty());
  EXPECT_EQ(room.state(), "Stable");
  const Ticket other = room.join({.member_id = ids[1], .protocols = {{"range", Bytes()}}});
  EXPECT_TRUE(room.waits(other));
  EXPECT_EQ(room.state(), "PreparingRebalance");

  ClassicRoom led;
  const auto members = led.stable(2);
  EXPECT_TRUE(led.waits(led.join({.member_id = members[0]}))) << "a leader asks anew";
  EXPECT_EQ(led.state(), "PreparingRebalance");
}

TEST(ClassicGroupJoin, KnownMembersOfACompletingGroup) {
  ClassicRoom room;
  const Ticket ticket = room.join_new();
  room.pass(3s);
  const std::string id = room.answer(ticket).member_id;
  const Ticket again = room.join({.member_id = id});
  EXPECT_EQ(room.answer(again).generation_id, 1);
  EXPECT_EQ(room.answer(again).members.size(), 1U);
  EXPECT_EQ(room.state(), "CompletingRebalance");
  const Ticket changed = room.join({.member_id = id, .protocols = {{"range", Bytes()}}});
  EXPECT_EQ(room.answer(changed).generation_id, 2);
}

TEST(ClassicGroupJoin, ASecondRequestOfOneMemberAnswersTheFirst) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  const Ticket first = room.join({.member_id = ids[0]});
  const Ticket second = room.join({.member_id = ids[0]});
  EXPECT_EQ(room.join_error(first), code(Errc::rebalance_in_progress));
  EXPECT_TRUE(room.waits(second));
}

TEST(ClassicGroupJoin, NewMembersThatNobodyAnswersGo) {
  ClassicRoom room;
  const auto ids =
      room.stable(1, {.session = std::chrono::minutes(30), .rebalance = std::chrono::minutes(30)});
  const Ticket late = room.join_new({.session = 10s, .rebalance = 10s});
  room.pass(ClassicGroup::kNewMemberJoinTimeout - 1ms);
  EXPECT_TRUE(room.waits(late)) << "its session does not count yet";
  room.pass(1ms);
  EXPECT_EQ(room.join_error(late), code(Errc::unknown_member_id));
  EXPECT_EQ(room.group.members().size(), 1U);
}

TEST(ClassicGroupJoin, GenerationsBeginAnew) {
  wire::GroupMetadataValue value;
  value.protocol_type = "consumer";
  value.generation = INT32_MAX;
  value.protocol = std::nullopt;
  value.leader = std::nullopt;
  const Sent<wire::GroupMetadataValue> sent(value, 3);
  const GroupSettings settings;
  CountingIds ids;
  const auto group = ClassicGroup::from_record("g", settings, ids, *sent);
  GroupEffects out;
  const Sent<wire::JoinGroupRequest> join(join_request("g", {.version = 3}), 3);
  group->join({}, *join, 1, {}, out);
  group->tick({.instant = Instant(3s), .wall = WallTime(0)}, out);
  ASSERT_EQ(out.releases.size(), 1U);
  EXPECT_EQ(std::get<JoinAnswer>(out.releases[0]).response.generation_id, 1);
}

TEST(ClassicGroupJoin, MetadataThatNoRecordCouldHoldIsRefused) {
  ClassicRoom room;
  const Bytes much = bytes_of_size(50'000'000);
  const Ticket ticket = room.join({.protocols = {{"range", much}}, .version = 3});
  EXPECT_EQ(room.join_error(ticket), code(Errc::message_too_large));
  EXPECT_TRUE(room.group.is_transient());
  // Nor together with what the others brought.
  const Bytes some = bytes_of_size(300'000);
  for (int i = 0; i < 3; i++) {
    EXPECT_TRUE(room.waits(room.join({.protocols = {{"range", some}}, .version = 3})));
  }
  EXPECT_EQ(room.join_error(room.join({.protocols = {{"range", some}}, .version = 3})),
            code(Errc::message_too_large));
}

TEST(ClassicGroupJoin, ManySmallProtocolsAreRefused) {
  ClassicRoom room;
  JoinBy by{.protocols = {}, .version = 3};
  for (int i = 0; i < 100'000; i++) by.protocols.emplace_back(std::to_string(i), Bytes());
  EXPECT_EQ(room.join_error(room.join(by)), code(Errc::message_too_large));
}

TEST(ClassicGroupJoin, TwoHundredAtOnce) {
  ClassicRoom room;
  std::vector<Ticket> tickets;
  for (int i = 0; i < 200; i++) tickets.push_back(room.join_new());
  room.pass(6s);
  size_t told = 0;
  for (const Ticket ticket : tickets) {
    ASSERT_EQ(room.answer(ticket).generation_id, 1);
    told += room.answer(ticket).members.size();
  }
  EXPECT_EQ(told, 200U) << "the members are listed once, for the leader";
  std::vector<std::string> ids;
  for (const Ticket ticket : tickets) ids.push_back(room.answer(ticket).member_id);
  room.settle(ids);
  EXPECT_EQ(room.records.size(), 1U) << "one record for one generation";
}

}  // namespace
}  // namespace partita::coordinators
