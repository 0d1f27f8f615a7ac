// A classic group from its first generation on: sync, heartbeats, leaving, deadlines, records.

#include "coordinators/group/classic_room_test.h"

namespace partita::coordinators {
namespace {

int16_t code(Errc error) {
  return wire::error_code(error);
}

TEST(ClassicGroup, FollowersWaitForTheLeadersAssignment) {
  ClassicRoom room;
  const Ticket a = room.join_new();
  const Ticket b = room.join_new();
  room.pass(6s);
  const bool a_leads = room.group.leader() == room.answer(a).member_id;
  const std::string leader = room.answer(a_leads ? a : b).member_id;
  const std::string follower = room.answer(a_leads ? b : a).member_id;
  const Ticket waits = room.sync({.member_id = follower});
  EXPECT_TRUE(room.waits(waits));
  EXPECT_TRUE(room.records.empty());
  const Bytes one = assignment_of("t", {1});
  const Ticket leads = room.sync(
      {.member_id = leader, .assignments = {{follower, one}, {"nobody", bytes_of_size(9)}}});
  EXPECT_EQ(room.synced.at(waits).assignment, one);
  EXPECT_EQ(room.synced.at(waits).protocol_name, "range");
  EXPECT_EQ(room.synced.at(waits).protocol_type, "consumer");
  EXPECT_TRUE(room.synced.at(leads).assignment.empty()) << "the leader gave itself nothing";
  EXPECT_EQ(room.state(), "Stable");
  EXPECT_EQ(room.records.size(), 1U);
}

TEST(ClassicGroup, AssignmentsOfAFollowerAreIgnored) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  const Ticket again = room.sync({.member_id = ids[1], .assignments = {{ids[1], Bytes()}}});
  EXPECT_EQ(room.synced.at(again).assignment, assignment_of("t", {1}));
  EXPECT_EQ(room.records.size(), 1U);
}

TEST(ClassicGroup, SyncIsRefused) {
  struct Case {
    SyncBy by;
    Errc error;
  };
  const Case cases[] = {
      {{.member_id = "who"}, Errc::unknown_member_id},
      {{.member_id = "who", .instance_id = "i"}, Errc::unknown_member_id},
      {{.generation = 2}, Errc::illegal_generation},
      {{.generation = 0}, Errc::illegal_generation},
      {{.protocol_name = "sticky"}, Errc::inconsistent_group_protocol},
  };
  for (const Case& one : cases) {
    ClassicRoom room;
    const auto ids = room.stable(1);
    SyncBy by = one.by;
    if (by.member_id.empty()) by.member_id = ids[0];
    EXPECT_EQ(room.sync_error(room.sync(by)), code(one.error));
  }
  ClassicRoom room;
  EXPECT_EQ(room.sync_error(room.sync({.member_id = "who"})), code(Errc::unknown_member_id));
  const auto ids = room.stable(2);
  room.join({.member_id = ids[0]});
  EXPECT_EQ(room.sync_error(room.sync({.member_id = ids[1]})), code(Errc::rebalance_in_progress));
}

TEST(ClassicGroup, ASecondSyncOfOneMemberAnswersTheFirst) {
  ClassicRoom room;
  const Ticket a = room.join_new();
  room.join_new();
  room.pass(6s);
  std::string follower;
  for (const auto& [id, member] : room.group.members()) {
    if (id != room.answer(a).leader) follower = id;
  }
  const Ticket first = room.sync({.member_id = follower});
  const Ticket second = room.sync({.member_id = follower});
  EXPECT_EQ(room.sync_error(first), code(Errc::rebalance_in_progress));
  EXPECT_TRUE(room.waits(second));
}

TEST(ClassicGroup, AnAssignmentThatNoRecordCouldHoldIsRefused) {
  ClassicRoom room;
  const Ticket a = room.join_new();
  room.pass(3s);
  const std::string id = room.answer(a).member_id;
  const Ticket much =
      room.sync({.member_id = id, .assignments = {{id, bytes_of_size(50'000'000)}}});
  EXPECT_EQ(room.sync_error(much), code(Errc::message_too_large));
  EXPECT_EQ(room.state(), "CompletingRebalance");
  EXPECT_TRUE(room.records.empty());
  const Ticket less = room.sync({.member_id = id, .assignments = {{id, bytes_of_size(1'000'000)}}});
  EXPECT_EQ(room.sync_error(less), 0);
  ASSERT_EQ(room.records.size(), 1U);
  EXPECT_LT(room.records[0].value->size(), room.settings.batch_bytes_max);
}

TEST(ClassicGroup, HeartbeatsByState) {
  ClassicRoom room;
  EXPECT_EQ(room.heartbeat("who", 0), code(Errc::unknown_member_id)) << "Empty";
  const Ticket a = room.join_new();
  const std::string id = room.group.members().begin()->first;
  EXPECT_EQ(room.heartbeat(id, 0), code(Errc::rebalance_in_progress)) << "PreparingRebalance";
  room.pass(3s);
  EXPECT_EQ(room.heartbeat(id, 1), 0) << "CompletingRebalance";
  EXPECT_EQ(room.heartbeat(id, 0), code(Errc::illegal_generation));
  room.settle({room.answer(a).member_id});
  EXPECT_EQ(room.heartbeat(id, 1), 0) << "Stable";
  EXPECT_EQ(room.heartbeat(id, 2), code(Errc::illegal_generation));
  EXPECT_EQ(room.heartbeat("who", 1), code(Errc::unknown_member_id));
  EXPECT_EQ(room.heartbeat(id, 1, "i"), code(Errc::unknown_member_id));
}

TEST(ClassicGroup, SessionsEnd) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 10s});
  room.pass(9s);
  EXPECT_EQ(room.heartbeat(ids[0], 1), 0);
  room.pass(1s);
  EXPECT_EQ(room.state(), "PreparingRebalance");
  EXPECT_FALSE(room.group.members().contains(ids[1]));
  EXPECT_EQ(room.heartbeat(ids[0], 1), code(Errc::rebalance_in_progress));
  EXPECT_EQ(room.answer(room.join({.member_id = ids[0]})).generation_id, 2);
}

TEST(ClassicGroup, WhatKeepsASession) {
  const auto survives = [](auto&& by) {
    ClassicRoom room;
    const auto ids = room.stable(2, {.session = 10s});
    for (int i = 0; i < 4; i++) {
      room.pass(6s);
      room.heartbeat(ids[0], 1);
      by(room, ids[1]);
    }
    return room.state() == "Stable";
  };
  EXPECT_FALSE(survives([](ClassicRoom&, const std::string&) {}));
  EXPECT_TRUE(survives([](ClassicRoom& room, const std::string& id) { room.heartbeat(id, 1); }));
  EXPECT_TRUE(
      survives([](ClassicRoom& room, const std::string& id) { room.sync({.member_id = id}); }));
  EXPECT_TRUE(
      survives([](ClassicRoom& room, const std::string& id) { room.join({.member_id = id}); }));
  EXPECT_TRUE(survives([](ClassicRoom& room, const std::string& id) {
    EXPECT_TRUE(room.group.check_commit({id, {}, 1}, false, 8, room.now));
  }));
  EXPECT_FALSE(survives([](ClassicRoom& room, const std::string& id) {
    EXPECT_FALSE(room.group.check_commit({id, {}, 0}, false, 8, room.now));
  }));
}

TEST(ClassicGroup, WhoWaitsNeedsNoHeartbeat) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 10s, .rebalance = 60s});
  const Ticket waits = room.join({.member_id = ids[0]});
  for (int i = 0; i < 5; i++) {
    room.pass(9s);
    room.heartbeat(ids[1], 1);
  }
  EXPECT_TRUE(room.waits(waits));
  EXPECT_EQ(room.group.members().size(), 2U);
}

TEST(ClassicGroup, WhoDoesNotComeBackIsRemoved) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 30s, .rebalance = 20s});
  const Ticket back = room.join({.member_id = ids[0], .session = 30s, .rebalance = 20s});
  room.pass(19'999ms);
  EXPECT_TRUE(room.waits(back));
  EXPECT_EQ(room.heartbeat(ids[1], 1), code(Errc::rebalance_in_progress));
  room.pass(1ms);
  EXPECT_EQ(room.answer(back).generation_id, 2);
  EXPECT_EQ(room.group.members().size(), 1U);
  EXPECT_EQ(room.heartbeat(ids[1], 1), code(Errc::unknown_member_id));
}

TEST(ClassicGroup, ALeaderThatDoesNotComeBackIsReplaced) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 30s, .rebalance = 20s});
  const Ticket back = room.join(
      {.member_id = ids[1], .protocols = {{"range", Bytes()}}, .session = 30s, .rebalance = 20s});
  room.pass(20s);
  EXPECT_EQ(room.answer(back).leader, ids[1]);
  EXPECT_EQ(room.answer(back).members.size(), 1U);
}

TEST(ClassicGroup, ALeaderThatNeverSyncsIsRemoved) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 10s, .rebalance = 20s});
  room.join({.member_id = ids[0], .rebalance = 20s});
  room.join({.member_id = ids[1], .rebalance = 20s});
  ASSERT_EQ(room.state(), "CompletingRebalance");
  const std::string leader = room.group.leader();
  const std::string follower = leader == ids[0] ? ids[1] : ids[0];
  const Ticket waits = room.sync({.member_id = follower, .generation = 2});
  for (int i = 0; i < 4; i++) {
    EXPECT_EQ(room.heartbeat(leader, 2), 0) << "it is alive, but does not sync";
    room.pass(5s);
  }
  EXPECT_EQ(room.sync_error(waits), code(Errc::rebalance_in_progress));
  EXPECT_FALSE(room.group.members().contains(leader));
  const Ticket again = room.join({.member_id = follower});
  EXPECT_EQ(room.answer(again).leader, follower);
}

TEST(ClassicGroup, AFollowerThatNeverSyncsIsRemoved) {
  ClassicRoom room;
  const Ticket a = room.join_new({.session = 10s, .rebalance = 20s});
  room.join_new({.session = 10s, .rebalance = 20s});
  room.pass(6s);
  const std::string leader = room.answer(a).leader;
  room.sync({.member_id = leader});
  EXPECT_EQ(room.state(), "Stable");
  std::string follower;
  for (const auto& [id, member] : room.group.members()) {
    if (id != leader) follower = id;
  }
  for (int i = 0; i < 4; i++) {
    EXPECT_EQ(room.heartbeat(follower, 1), 0);
    EXPECT_EQ(room.heartbeat(leader, 1), 0);
    room.pass(5s);
  }
  EXPECT_EQ(room.state(), "PreparingRebalance");
  EXPECT_FALSE(room.group.members().contains(follower));
}

TEST(ClassicGroup, SeveralThatNeverSyncGoTogether) {
  ClassicRoom room;
  for (int i = 0; i < 3; i++) room.join_new({.session = 60s, .rebalance = 20s});
  room.pass(9s);
  ASSERT_EQ(room.state(), "CompletingRebalance");
  room.pass(20s);
  EXPECT_EQ(room.state(), "Empty");
  EXPECT_EQ(room.group.generation(), 2);
  EXPECT_EQ(room.group.next_deadline(), kNoDeadline);
  EXPECT_EQ(room.records.size(), 1U);
}

TEST(ClassicGroup, TheLastToLeaveLeavesAnEmptyGeneration) {
  ClassicRoom room;
  const auto ids = room.stable(1);
  const auto left = room.leave({{ids[0], std::nullopt}});
  EXPECT_EQ(left.members.at(0).error_code, 0);
  EXPECT_EQ(room.state(), "Empty");
  EXPECT_EQ(room.group.generation(), 2);
  ASSERT_EQ(room.records.size(), 2U);
  const auto value = decode_value<wire::GroupMetadataValueView>(room.records[1].value->view());
  EXPECT_EQ(value->generation, 2);
  EXPECT_TRUE(value->members.empty());
  EXPECT_EQ(value->protocol_type, "consumer");
  EXPECT_FALSE(value->protocol.has_value());
  EXPECT_FALSE(value->leader.has_value());
  EXPECT_EQ(room.group.empty_since(), room.now.wall);
}

TEST(ClassicGroup, LeavingIsAnsweredMemberByMember) {
  ClassicRoom room;
  const auto ids = room.stable(3);
  const std::string pending = room.new_id();
  const auto left = room.leave(
      {{ids[0], std::nullopt}, {"who", std::nullopt}, {pending, std::nullopt}, {"", "nobody"}});
  ASSERT_EQ(left.members.size(), 4U);
  EXPECT_EQ(left.error_code, 0);
  EXPECT_EQ(left.members[0].error_code, 0);
  EXPECT_EQ(left.members[1].error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(left.members[2].error_code, 0);
  EXPECT_EQ(left.members[3].error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(left.members[3].group_instance_id, "nobody");
  EXPECT_EQ(room.state(), "PreparingRebalance");
  EXPECT_EQ(room.group.pending_count(), 0U);
}

TEST(ClassicGroup, OldVersionsLeaveAlone) {
  ClassicRoom room;
  const auto ids = room.stable(1);
  EXPECT_EQ(room.leave({{"who", std::nullopt}}, 2).error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(room.state(), "Stable");
  EXPECT_EQ(room.leave({{ids[0], std::nullopt}}, 2).error_code, 0);
  EXPECT_EQ(room.state(), "Empty");
}

TEST(ClassicGroup, WhoLeavesWhileOthersWaitEndsTheRebalance) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  const Ticket waits = room.join({.member_id = ids[0]});
  EXPECT_TRUE(room.waits(waits));
  room.leave({{ids[1], std::nullopt}});
  EXPECT_EQ(room.answer(waits).generation_id, 2);
}

TEST(ClassicGroup, WhoeverIsRemovedIsAnswered) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  const Ticket waits = room.join({.member_id = ids[0]});
  room.leave({{ids[0], std::nullopt}});
  EXPECT_EQ(room.join_error(waits), code(Errc::unknown_member_id));
}

TEST(ClassicGroup, CommitsByState) {
  const MemberClaim simple{};
  ClassicRoom room;
  const auto error = [&](const MemberClaim& claim, bool transactional = false) {
    return wire::error_code(room.group.check_commit(claim, transactional, 8, room.now));
  };
  EXPECT_EQ(error(simple), 0) << "Empty";
  EXPECT_EQ(error({"who", {}, 3}), code(Errc::unknown_member_id));
  const Ticket a = room.join_new();
  room.pass(3s);
  const std::string id = room.answer(a).member_id;
  EXPECT_EQ(error({id, {}, 1}), code(Errc::rebalance_in_progress)) << "CompletingRebalance";
  EXPECT_EQ(error({id, {}, 1}, true), 0);
  room.settle({id});
  EXPECT_EQ(error({id, {}, 1}), 0) << "Stable";
  EXPECT_EQ(error({id, {}, 0}), code(Errc::illegal_generation));
  EXPECT_EQ(error({id, {}, 2}, true), code(Errc::illegal_generation));
  EXPECT_EQ(error({"who", {}, 1}), code(Errc::unknown_member_id));
  EXPECT_EQ(error({id, "i", 1}), code(Errc::unknown_member_id));
  EXPECT_EQ(error(simple), code(Errc::unknown_member_id));
  EXPECT_EQ(error(simple, true), 0);
  room.new_id();
  room.join({.member_id = id});
  EXPECT_EQ(room.state(), "PreparingRebalance");
  EXPECT_EQ(error({id, {}, 1}), 0) << "what was read before is committed before";
}

TEST(ClassicGroup, WhatOffsetsAskOfIt) {
  using Age = Group::OffsetAge;
  ClassicRoom room;
  EXPECT_EQ(room.group.offset_age(), Age::since_commit) << "nobody ever joined";
  EXPECT_FALSE(room.group.is_subscribed("t"));
  EXPECT_TRUE(room.group.check_delete());
  const auto ids = room.stable(1);
  EXPECT_EQ(room.group.offset_age(), Age::since_commit);
  EXPECT_TRUE(room.group.is_subscribed("t"));
  EXPECT_FALSE(room.group.is_subscribed("u"));
  EXPECT_TRUE(room.group.check_offset_delete());
  EXPECT_EQ(wire::error_code(room.group.check_delete()), code(Errc::non_empty_group));
  room.new_id();
  room.join({.member_id = ids[0]});
  EXPECT_EQ(room.group.offset_age(), Age::never) << "PreparingRebalance";
  EXPECT_TRUE(room.group.is_subscribed("u")) << "nobody knows";
  room.leave({{ids[0], std::nullopt}});
  room.pass(60s);
  EXPECT_EQ(room.state(), "Empty");
  EXPECT_EQ(room.group.offset_age(), Age::since_empty);
  EXPECT_FALSE(room.group.is_subscribed("t"));

  ClassicRoom connect;
  connect.stable(1, {.protocols = {{"default", Bytes()}}, .protocol_type = "connect"});
  EXPECT_EQ(connect.group.offset_age(), Age::never);
  EXPECT_EQ(wire::error_code(connect.group.check_offset_delete()), code(Errc::non_empty_group));
}

TEST(ClassicGroup, EveryWaitHasADeadline) {
  ClassicRoom room;
  EXPECT_EQ(room.group.next_deadline(), kNoDeadline);
  room.join_new();
  EXPECT_EQ(room.group.next_deadline() - room.now.instant, 3s) << "the initial delay";
  room.pass(3s);
  EXPECT_EQ(room.state(), "CompletingRebalance");
  EXPECT_LE(room.group.next_deadline() - room.now.instant, 10s);
  // Nobody ever says anything again: everything ends by itself.
  room.pass(10min);
  EXPECT_EQ(room.state(), "Empty");
  EXPECT_EQ(room.group.next_deadline(), kNoDeadline);
}

TEST(ClassicGroup, ItsRecordTellsAllThatLasts) {
  ClassicRoom room;
  const auto ids = room.stable(3, {.instance_id = "i"});
  ASSERT_EQ(room.records.size(), 1U);
  const auto value =
      decode_value<wire::GroupMetadataValueView>(room.records[0].value->view()).value();
  EXPECT_EQ(value.version, 3);
  auto again = ClassicGroup::from_record("g", room.settings, room.ids, value);
  EXPECT_EQ(again->describe(), room.group.describe());
  EXPECT_EQ(again->generation(), room.group.generation());
  EXPECT_EQ(again->leader(), room.group.leader());
  GroupEffects out;
  again->loaded(room.now, out);
  again->check_invariants();
  EXPECT_TRUE(out.records.empty());
  again->write_record(out);
  EXPECT_EQ(out.records, room.records);
  EXPECT_TRUE(again->is_subscribed("t"));
  EXPECT_FALSE(again->is_subscribed("u"));
  EXPECT_EQ(again->next_deadline() - room.now.instant, 10s);
}

TEST(ClassicGroup, OfAnotherKindAndBack) {
  ClassicRoom room;
  room.stable(2);
  const HandedGroup handed = room.group.hand_over();
  ASSERT_EQ(handed.members.size(), 2U);
  EXPECT_EQ(handed.members[0].session_timeout, 10s);
  EXPECT_EQ(handed.members[0].protocols.at(0).first, "range");
  const auto back = ClassicGroup::from_handed("g", room.settings, room.ids, handed, room.now);
  back->check_invariants();
  EXPECT_EQ(back->state_name(), "Stable");
  EXPECT_EQ(back->describe(), room.group.describe());
  HandedGroup without_choice = handed;
  without_choice.protocol_name.reset();
  EXPECT_EQ(ClassicGroup::from_handed("g", room.settings, room.ids, without_choice, room.now)
                ->protocol_name(),
            "range");
}

}  // namespace
}  // namespace partita::coordinators
