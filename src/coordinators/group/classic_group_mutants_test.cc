// Planted faults of classic groups: each rule as a scenario that tells whether it holds; each fault
// breaks its rule.

#include "coordinators/group/classic_room_test.h"

namespace partita::coordinators {
namespace {

int16_t code(Errc error) {
  return wire::error_code(error);
}

bool pending_members_come_first() {
  ClassicRoom room;
  const Ticket ticket = room.join({});
  return !room.waits(ticket) && room.join_error(ticket) == code(Errc::member_id_required);
}

bool full_groups_take_nobody() {
  ClassicRoom room({.size_max = 1});
  room.stable(1);
  const Ticket ticket = room.join({.version = 3});
  return !room.waits(ticket) && room.join_error(ticket) == code(Errc::group_max_size_reached);
}

bool large_metadata_is_refused() {
  ClassicRoom room({.batch_bytes_max = 1000});
  const Ticket ticket = room.join({.protocols = {{"range", bytes_of_size(2000)}}, .version = 3});
  return !room.waits(ticket) && room.join_error(ticket) == code(Errc::message_too_large);
}

bool large_assignments_are_refused() {
  ClassicRoom room;
  const Ticket joined = room.join({.version = 3});
  room.pass(3s);
  room.settings.batch_bytes_max = 2000;
  const std::string id = room.answer(joined).member_id;
  // Below what the group itself takes for a record it could not have counted.
  const Ticket ticket = room.sync({.member_id = id, .assignments = {{id, bytes_of_size(1500)}}});
  return room.sync_error(ticket) == code(Errc::message_too_large);
}

bool replaced_members_are_fenced() {
  ClassicRoom room;
  room.stable(1, {.instance_id = "i"});
  const std::string before = room.group.leader();
  room.join({.instance_id = "i0"});
  return room.heartbeat(before, 1, "i0") == code(Errc::fenced_instance_id);
}

bool static_members_come_back_quietly() {
  ClassicRoom room;
  room.stable(2, {.instance_id = "i"});
  room.join({.instance_id = "i0"});
  return room.state() == "Stable";
}

bool silent_members_go() {
  ClassicRoom room;
  room.checking = false;
  const auto ids = room.stable(2, {.session = 10s});
  room.pass(6s);
  room.heartbeat(ids[0], 1);
  room.pass(6s);
  return !room.group.members().contains(ids[1]);
}

bool absent_members_go() {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 60s, .rebalance = 20s});
  room.join({.member_id = ids[0], .session = 60s, .rebalance = 20s});
  room.pass(20s);
  return !room.group.members().contains(ids[1]);
}

bool leaders_must_sync() {
  ClassicRoom room;
  room.checking = false;
  const Ticket joined = room.join({.version = 3, .rebalance = 20s});
  room.pass(3s);
  for (int i = 0; i < 5; i++) {
    room.heartbeat(room.answer(joined).member_id, 1);
    room.pass(5s);
  }
  return room.state() == "Empty";
}

bool generations_must_match_to_sync() {
  ClassicRoom room;
  const auto ids = room.stable(1);
  return room.sync_error(room.sync({.member_id = ids[0], .generation = 0})) ==
         code(Errc::illegal_generation);
}

bool generations_must_match_to_commit() {
  ClassicRoom room;
  const auto ids = room.stable(1);
  return !room.group.check_commit({ids[0], {}, 0}, false, 8, room.now);
}

bool heartbeats_tell_of_rebalances() {
  ClassicRoom room;
  const auto ids = room.stable(2);
  room.join({.member_id = ids[0]});
  return room.heartbeat(ids[1], 1) == code(Errc::rebalance_in_progress);
}

bool assignments_are_recorded() {
  ClassicRoom room;
  room.stable(1);
  return room.records.size() == 1;
}

bool emptiness_is_recorded() {
  ClassicRoom room;
  const auto ids = room.stable(1);
  const size_t before = room.records.size();
  room.leave({{ids[0], std::nullopt}});
  return room.records.size() == before + 1;
}

bool history_is_bounded() {
  RebalanceHistory history;
  for (int i = 0; i < 1000; i++) {
    history.begin({.member_id = std::string(150, 'm'), .reason = std::string(200, 'r')}, {});
    history.settle(i, 1, Ownership(), {});
  }
  return history.size() <= RebalanceHistory::kRebalancesMax &&
         history.bytes() <= RebalanceHistory::kBytesMax;
}

TEST(ClassicGroupMutants, EachBreaksItsRule) {
  struct Case {
    std::string_view mutant;
    bool (*holds)();
  };
  const Case cases[] = {
      {"group.no_pending_members", pending_members_come_first},
      {"group.no_size_limit", full_groups_take_nobody},
      {"group.join_of_any_size", large_metadata_is_refused},
      {"group.assignment_of_any_size", large_assignments_are_refused},
      {"group.no_fencing", replaced_members_are_fenced},
      {"group.static_rejoin_rebalances", static_members_come_back_quietly},
      {"group.session_forever", silent_members_go},
      {"group.keep_absent_members", absent_members_go},
      {"group.never_synced_stays", leaders_must_sync},
      {"group.any_generation_syncs", generations_must_match_to_sync},
      {"group.any_generation_commits", generations_must_match_to_commit},
      {"group.heartbeat_hides_rebalance", heartbeats_tell_of_rebalances},
      {"group.assignment_not_recorded", assignments_are_recorded},
      {"group.empty_not_recorded", emptiness_is_recorded},
      {"group.history_unbounded", history_is_bounded},
  };
  for (const Case& one : cases) {
    EXPECT_TRUE(one.holds()) << one.mutant;
    const WithMutant planted(one.mutant);
    EXPECT_FALSE(one.holds()) << one.mutant;
  }
}

}  // namespace
}  // namespace partita::coordinators
