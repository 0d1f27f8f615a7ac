// All groups together: replay equals the live state, whatever happened; timers; listing; deletion.

#include "coordinators/group/group_machine.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinators/group/classic_room_test.h"
#include "coordinators/group/offset_store.h"
#include "runtime/sim/sim_random.h"

namespace partita::coordinators {
namespace {

using runtime::sim::SimRandom;

int16_t code(Errc error) {
  return wire::error_code(error);
}

/// What of a group outlives its coordinator.
struct Lasting {
  GroupMachine::DescribedGroup described;
  int32_t generation = 0;
  std::string leader;
  std::optional<WallTime> empty_since;
  bool operator==(const Lasting&) const = default;
};

Lasting lasting(const ClassicGroup& group) {
  return {.described = group.describe(),
          .generation = group.generation(),
          .leader = group.leader(),
          .empty_since = group.empty_since()};
}

const ClassicGroup& classic(const GroupMachine& machine, std::string_view id) {
  return static_cast<const ClassicGroup&>(*machine.group(id));
}

/// A machine with its log and clock.
class MachineRoom {
 public:
  MachineRoom() : machine(std::make_unique<GroupMachine>(settings, ids, log_)) {
    Effects out;
    machine->image_changed(std::make_shared<metadata::Image>(), now, out);
    machine->loaded(now, out);
    take(std::move(out));
  }

  Ticket join(const std::string& group, const JoinBy& by) {
    const Ticket ticket = ++tickets;
    const Sent<wire::JoinGroupRequest> sent(join_request(group, by), by.version);
    Effects out;
    machine->join_group({.client_id = by.client, .host = "/::1"}, *sent, ticket, now, out);
    take(std::move(out));
    return ticket;
  }
  Ticket sync(const std::string& group, const SyncBy& by) {
    const Ticket ticket = ++tickets;
    const Sent<wire::SyncGroupRequest> sent(sync_request(group, by), by.version);
    Effects out;
    machine->sync_group(*sent, ticket, now, out);
    take(std::move(out));
    return ticket;
  }
  int16_t heartbeat(const std::string& group, const std::string& id, int32_t generation) {
    wire::HeartbeatRequest request;
    request.group_id = group;
    request.member_id = id;
    request.generation_id = generation;
    const Sent<wire::HeartbeatRequest> sent(request, 4);
    Effects out;
    const int16_t error = machine->heartbeat(*sent, now, out).error_code;
    take(std::move(out));
    return error;
  }
  wire::LeaveGroupResponse leave(const std::string& group, const std::string& id,
                                 int16_t version = 5) {
    wire::LeaveGroupRequest request;
    request.group_id = group;
    if (version < 3) request.member_id = id;
    if (version >= 3) request.members.push_back({id, std::nullopt, std::nullopt});
    const Sent<wire::LeaveGroupRequest> sent(request, version);
    Effects out;
    auto response = machine->leave_group(*sent, now, out);
    take(std::move(out));
    return response;
  }
  void commit(const std::string& group, const std::string& topic, int64_t offset) {
    wire::OffsetCommitRequest request;
    request.group_id = group;
    auto& to = request.topics.emplace_back();
    to.name = topic;
    to.partitions.push_back({.partition_index = 0, .committed_offset = offset});
    Effects out;
    machine->commit_offsets(request, 8, now, out);
    take(std::move(out));
  }
  Result<> remove(const std::string& group) {
    Effects out;
    const Result<> removed = machine->delete_group(group, out);
    take(std::move(out));
    return removed;
  }
  void pass(Duration time) {
    const Instant until = now.instant + time;
    for (int i = 0; machine->next_deadline() <= until; i++) {
      ASSERT_LT(i, 100'000) << "a deadline that does not move";
      advance(std::max(machine->next_deadline(), now.instant));
      Effects out;
      machine->tick(now, out);
      take(std::move(out));
    }
    advance(until);
  }
  /// What another broker would make of the log.
  std::unique_ptr<GroupMachine> replayed() {
    auto other = std::make_unique<GroupMachine>(settings, ids, log_);
    for (size_t i = 0; i < records.size(); i++) {
      ReplayedRecord record{.key = records[i].key.view(),
                            .value = {},
                            .offset = Offset(static_cast<int64_t>(i)),
                            .timestamp = now.wall,
                            .transaction = {}};
      if (records[i].value) record.value = records[i].value->view();
      EXPECT_TRUE(other->replay(record));
    }
    Effects out;
    other->image_changed(std::make_shared<metadata::Image>(), now, out);
    other->loaded(now, out);
    EXPECT_TRUE(out.records.empty());
    other->check_invariants();
    return other;
  }
  /// A stable group of one member, whose id is answered.
  std::string stable(const std::string& group) {
    const Ticket ticket = join(group, {.version = 3});
    pass(3s);
    const std::string id = joined.at(ticket).member_id;
    sync(group, {.member_id = id, .assignments = {{id, assignment_of("t", {0})}}});
    EXPECT_EQ(machine->group(group)->state_name(), "Stable");
    return id;
  }

  using Effects = GroupMachine::Effects;
  GroupSettings settings;
  CountingIds ids;
  std::unique_ptr<GroupMachine> machine;
  Now now{.instant = Instant(1h), .wall = WallTime(1'700'000'000'000)};
  std::vector<CoordinatorRecord> records;
  std::map<Ticket, wire::JoinGroupResponse> joined;
  std::map<Ticket, wire::SyncGroupResponse> synced;
  Ticket tickets = 0;

 private:
  void advance(Instant to) {
    now.wall = WallTime(now.wall.ms() + to_ms(to - now.instant));
    now.instant = to;
  }
  void take(Effects out) {
    machine->check_invariants();
    std::ranges::move(out.records, std::back_inserter(records));
    for (GroupRelease& release : out.releases) {
      if (auto* join = std::get_if<JoinAnswer>(&release)) {
        EXPECT_TRUE(joined.emplace(join->ticket, std::move(join->response)).second);
      } else if (auto* sync = std::get_if<SyncAnswer>(&release)) {
        EXPECT_TRUE(synced.emplace(sync->ticket, std::move(sync->response)).second);
      }
    }
  }

  Log log_{null_log_sink(), "coordinators"};
};

/// Clients that do anything at any time, in a few groups.
class Crowd {
 public:
  Crowd(MachineRoom& room, uint64_t seed) : room_(room), random_(seed) {}

  void step() {
    learn();
    const std::string group = fmt::format("g{}", random_.below(3));
    switch (random_.below(12)) {
      case 0: return join_new(group);
      case 1:
      case 2: return join_known(group);
      case 3: return join_static(group);
      case 4:
      case 5:
      case 6: return sync(group);
      case 7: return beat(group);
      case 8: return leave(group);
      case 9: return room_.pass(from_ms(static_cast<int64_t>(random_.below(15'000))));
      case 10: return room_.commit(group, "t", static_cast<int64_t>(random_.below(100)));
      default:
        if (random_.below(8) == 0) static_cast<void>(room_.remove(group));
    }
  }

 private:
  struct Client {
    std::string group;
    std::string id;
    int32_t generation = -1;
    bool leads = false;
  };

  JoinBy wish() {
    JoinBy by{.version = static_cast<int16_t>(random_.below(10)),
              .session = from_ms(6000 + static_cast<int64_t>(random_.below(20'000))),
              .rebalance = from_ms(static_cast<int64_t>(random_.below(30'000)))};
    by.protocols = {{"range", subscription_to({random_.below(3) == 0 ? "u" : "t"})}};
    if (random_.below(2) == 0) by.protocols.emplace_back("sticky", subscription_to({"t"}));
    return by;
  }
  void ask(const std::string& group, JoinBy by) {
    // A static member's instance needs version 5.
    if (by.instance_id) by.version = std::max<int16_t>(by.version, 5);
    asked_[room_.join(group, by)] = {group, by};
  }
  void join_new(const std::string& group) { ask(group, wish()); }
  void join_static(const std::string& group) {
    JoinBy by = wish();
    by.instance_id = fmt::format("i{}", random_.below(2));
    ask(group, by);
  }
  Client* some(const std::string& group) {
    std::vector<Client*> there;
    for (Client& client : clients_) {
      if (client.group == group) there.push_back(&client);
    }
    return there.empty() ? nullptr : there[random_.below(there.size())];
  }
  void join_known(const std::string& group) {
    const Client* client = some(group);
    if (client == nullptr) return;
    JoinBy by = wish();
    by.member_id = client->id;
    ask(group, by);
  }
  void sync(const std::string& group) {
    const Client* client = some(group);
    if (client == nullptr) return;
    SyncBy by{.member_id = client->id, .generation = client->generation};
    if (client->leads) {
      int32_t partition = 0;
      for (const Client& other : clients_) {
        if (other.group != group) continue;
        by.assignments.emplace_back(other.id, assignment_of("t", {partition++}));
      }
    }
    syncs_.push_back(room_.sync(group, by));
  }
  void beat(const std::string& group) {
    if (const Client* client = some(group)) {
      room_.heartbeat(group, client->id, client->generation);
    }
  }
  void leave(const std::string& group) {
    if (const Client* client = some(group)) {
      room_.leave(group, client->id, static_cast<int16_t>(random_.below(6)));
    }
  }
  /// Takes the answers in.
  void learn() {
    for (auto at = asked_.begin(); at != asked_.end();) {
      const auto answer = room_.joined.find(at->first);
      if (answer == room_.joined.end()) {
        ++at;
        continue;
      }
      const auto& response = answer->second;
      const std::string group = at->second.first;
      at = asked_.erase(at);
      if (response.error_code != 0 && response.error_code != code(Errc::member_id_required)) {
        continue;
      }
      std::erase_if(clients_, [&](const Client& c) { return c.id == response.member_id; });
      clients_.push_back({.group = group,
                          .id = response.member_id,
                          .generation = response.generation_id,
                          .leads = response.leader == response.member_id});
      if (clients_.size() > 12) clients_.erase(clients_.begin());
    }
  }

  MachineRoom& room_;
  SimRandom random_;
  std::vector<Client> clients_;
  std::map<Ticket, std::pair<std::string, JoinBy>> asked_;
  std::vector<Ticket> syncs_;
};

/// The first thing that replay makes otherwise; empty: nothing.
std::string replay_differs(uint64_t seed, int steps) {
  MachineRoom room;
  Crowd crowd(room, seed);
  std::map<std::string, Lasting> expected;
  for (int step = 0; step < steps; step++) {
    crowd.step();
    std::erase_if(expected,
                  [&](const auto& one) { return room.machine->group(one.first) == nullptr; });
    for (const auto& listed : room.machine->list_groups({"stable", "empty"}, {})) {
      const ClassicGroup& group = classic(*room.machine, listed.group_id);
      const bool recorded =
          group.generation() > 0 || room.machine->offsets().knows(listed.group_id);
      if (recorded) expected[listed.group_id] = lasting(group);
    }
    const auto other = room.replayed();
    for (const auto& group : other->list_groups({}, {})) {
      if (expected.contains(group.group_id)) continue;
      return fmt::format("step {}: {} is there, {}", step, group.group_id, group.group_state);
    }
    for (const auto& [id, was] : expected) {
      if (other->group(id) == nullptr) return fmt::format("step {}: no {}", step, id);
      if (lasting(classic(*other, id)) != was) return fmt::format("step {}: {}", step, id);
      if (other->offsets().knows(id) != room.machine->offsets().knows(id)) {
        return fmt::format("step {}: offsets of {}", step, id);
      }
    }
  }
  return "";
}

TEST(GroupMachine, ReplayIsTheLiveState) {
  for (uint64_t seed = 0; seed < 25; seed++) {
    EXPECT_EQ(replay_differs(seed, 250), "") << "seed " << seed;
    if (HasFailure()) return;
  }
}

TEST(GroupMachine, ReplayFindsPlantedFaults) {
  for (const std::string_view name : {"group.assignment_not_recorded", "group.empty_not_recorded",
                                      "group.delete_keeps_offsets"}) {
    const WithMutant planted(name);
    std::string found;
    for (uint64_t seed = 0; seed < 25 && found.empty(); seed++) found = replay_differs(seed, 250);
    EXPECT_NE(found, "") << name;
  }
}

TEST(GroupMachine, EverybodyIsAnsweredAndNoGroupSticks) {
  for (uint64_t seed = 100; seed < 120; seed++) {
    MachineRoom room;
    Crowd crowd(room, seed);
    for (int step = 0; step < 400; step++) crowd.step();
    room.pass(1h);
    for (Ticket ticket = 1; ticket <= room.tickets; ticket++) {
      EXPECT_TRUE(room.joined.contains(ticket) || room.synced.contains(ticket))
          << "seed " << seed << " ticket " << ticket;
    }
    for (const auto& group : room.machine->list_groups({}, {})) {
      EXPECT_EQ(group.group_state, "Empty");
    }
  }
}

TEST(GroupMachine, RefusesWhatNoGroupIsAsked) {
  MachineRoom room;
  const auto error = [&](const std::string& group, const JoinBy& by) {
    return room.joined.at(room.join(group, by)).error_code;
  };
  EXPECT_EQ(error("", {}), code(Errc::invalid_group_id));
  EXPECT_EQ(error("g", {.session = 1ms}), code(Errc::invalid_session_timeout));
  EXPECT_EQ(error("g", {.session = 5999ms}), code(Errc::invalid_session_timeout));
  EXPECT_EQ(error("g", {.session = 30min + 1ms}), code(Errc::invalid_session_timeout));
  EXPECT_EQ(error("g", {.member_id = "who"}), code(Errc::unknown_member_id));
  EXPECT_EQ(error("g", {.protocols = {}}), code(Errc::inconsistent_group_protocol));
  EXPECT_EQ(room.machine->group_count(), 0U) << "nobody is in it";
  EXPECT_EQ(error("g", {.session = 6s}), code(Errc::member_id_required));
  EXPECT_EQ(room.synced.at(room.sync("", {})).error_code, code(Errc::invalid_group_id));
  EXPECT_EQ(room.synced.at(room.sync("h", {})).error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(room.heartbeat("h", "who", 1), code(Errc::unknown_member_id));
  EXPECT_EQ(room.leave("h", "who").members.at(0).error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(room.leave("h", "who", 2).error_code, code(Errc::unknown_member_id));
  EXPECT_EQ(room.leave("", "who").error_code, code(Errc::invalid_group_id));
}

TEST(GroupMachine, NothingIsLeftOfWhoNeverCame) {
  MachineRoom room;
  room.join("g", {.session = 10s});
  EXPECT_EQ(room.machine->group_count(), 1U);
  room.pass(10s);
  EXPECT_EQ(room.machine->group_count(), 0U);
  EXPECT_TRUE(room.records.empty());
}

TEST(GroupMachine, ListsByStateAndType) {
  MachineRoom room;
  room.stable("a");
  room.join("b", {});
  room.commit("c", "t", 1);
  const auto listed = [&](std::vector<std::string> states, std::vector<std::string> types) {
    std::string out;
    for (const auto& group : room.machine->list_groups(states, types)) {
      out += fmt::format("{}:{}:{}:{} ", group.group_id, group.group_state, group.group_type,
                         group.protocol_type);
    }
    return out;
  };
  EXPECT_EQ(listed({}, {}), "a:Stable:Classic:consumer b:Empty:Classic: c:Empty:Classic: ");
  EXPECT_EQ(listed({"STABLE"}, {}), "a:Stable:Classic:consumer ");
  EXPECT_EQ(listed({"Empty", "Dead"}, {"classic"}), "b:Empty:Classic: c:Empty:Classic: ");
  EXPECT_EQ(listed({}, {"consumer"}), "");
}

TEST(GroupMachine, DescribesWhatIsNotThere) {
  MachineRoom room;
  EXPECT_EQ(room.machine->describe_group("g", 5).group_state, "Dead");
  EXPECT_EQ(room.machine->describe_group("g", 5).error_code, 0);
  EXPECT_EQ(room.machine->describe_group("g", 6).error_code, code(Errc::group_id_not_found));
  EXPECT_EQ(room.machine->describe_group("g", 6).error_message, "Group g not found.");
  room.stable("g");
  const auto described = room.machine->describe_group("g", 6);
  EXPECT_EQ(described.error_code, 0);
  EXPECT_EQ(described.protocol_data, "range");
  ASSERT_EQ(described.members.size(), 1U);
  EXPECT_EQ(described.members[0].client_host, "/::1");
}

TEST(GroupMachine, DeletesEmptyGroupsWithTheirOffsets) {
  MachineRoom room;
  EXPECT_EQ(wire::error_code(room.remove("g")), code(Errc::group_id_not_found));
  const std::string id = room.stable("g");
  EXPECT_EQ(wire::error_code(room.remove("g")), code(Errc::non_empty_group));
  room.leave("g", id);
  room.commit("g", "t", 5);
  EXPECT_TRUE(room.remove("g"));
  EXPECT_EQ(room.machine->group_count(), 0U);
  EXPECT_FALSE(room.machine->offsets().knows("g"));
  EXPECT_EQ(room.replayed()->group_count(), 0U);
}

TEST(GroupMachine, EmptyGroupsWithoutOffsetsAreForgotten) {
  MachineRoom room;
  const std::string id = room.stable("g");
  room.leave("g", id);
  EXPECT_EQ(room.machine->group_count(), 1U);
  room.pass(room.settings.offsets_check_interval * 2);
  EXPECT_EQ(room.machine->group_count(), 0U);
  EXPECT_EQ(room.replayed()->group_count(), 0U);
  EXPECT_FALSE(room.records.back().value.has_value());
}

TEST(GroupMachine, OffsetsOutliveTheGroupsRecord) {
  MachineRoom room;
  room.commit("g", "t", 5);
  wire::GroupMetadataKey key;
  key.group = "g";
  room.records.push_back(tombstone_of(key));
  const auto other = room.replayed();
  ASSERT_NE(other->group("g"), nullptr);
  EXPECT_EQ(other->group("g")->state_name(), "Empty");
}

TEST(GroupMachine, ManyGroupsShareOneQueueOfDeadlines) {
  MachineRoom room;
  for (int i = 0; i < 300; i++) room.join(fmt::format("g{}", i), {.version = 3});
  room.pass(3s);
  EXPECT_EQ(room.joined.size(), 300U);
  // All fall silent at once; half a batch a tick, and every group is empty in the end.
  room.settings.batch_bytes_max = 4000;
  room.pass(10min);
  EXPECT_EQ(room.machine->list_groups({"Empty"}, {}).size(), room.machine->group_count());
}

TEST(GroupMachine, SkipsRecordsThatItCannotRead) {
  MachineRoom room;
  GroupMachine& machine = *room.machine;
  const auto error = [&](Bytes key, std::optional<Bytes> value) {
    ReplayedRecord record{
        .key = key.view(), .value = {}, .offset = Offset(0), .timestamp = {}, .transaction = {}};
    if (value) record.value = value->view();
    const Result<> replayed = machine.replay(record);
    return replayed ? std::string() : std::string(errc_name(replayed.error().code));
  };
  wire::GroupMetadataKey key;
  key.group = "g";
  EXPECT_EQ(error(Bytes(), {}), "malformed");
  EXPECT_EQ(error(Bytes::copy_of(std::string("\0\2", 2)), {}), "malformed");
  EXPECT_EQ(error(Bytes::copy_of(std::string("\0\x63", 2)), {}), "UNSUPPORTED_VERSION");
  EXPECT_EQ(error(encode_key(key), Bytes()), "malformed");
  EXPECT_EQ(error(encode_key(key), Bytes::copy_of(std::string("\0\x63", 2))),
            "UNSUPPORTED_VERSION");
  EXPECT_EQ(error(encode_key(key), {}), "");
  EXPECT_EQ(machine.group_count(), 0U);
}

TEST(GroupMachine, SaysWhyAGroupRebalanced) {
  MachineRoom room;
  EXPECT_EQ(room.machine->why("g", room.now).error().code, Errc::group_id_not_found);
  room.stable("g");
  const auto all = nlohmann::json::parse(room.machine->why("g", room.now).value());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["causes"][0]["cause"], "member_joined");
  EXPECT_EQ(all[0]["took_ms"], 3000);
}

}  // namespace
}  // namespace partita::coordinators
