#include "coordinators/group/rebalance_history.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "coordinators/group/classic_room_test.h"

namespace partita::coordinators {
namespace {

using Json = nlohmann::json;
using Kind = RebalanceCause::Kind;

Ownership owned(const std::vector<std::tuple<std::string, std::string, int32_t>>& all) {
  Ownership out;
  for (const auto& [member, topic, partition] : all) out.add(member, topic, partition);
  return out;
}

Now at(Duration time) {
  return {.instant = Instant(time), .wall = WallTime(1'000'000 + to_ms(time))};
}

TEST(RebalanceHistory, TellsWhatMoved) {
  RebalanceHistory history;
  history.settle(1, 2, owned({{"a", "t", 0}, {"a", "t", 1}, {"b", "t", 2}, {"b", "u", 0}}), at(0s));
  EXPECT_EQ(history.size(), 0U) << "nothing ran";
  history.begin({.kind = Kind::member_left, .member_id = "b", .reason = "\"bye\""}, at(1s));
  history.begin({.kind = Kind::session_expired, .member_id = "c", .timeout = 45s}, at(2s));
  history.settle(2, 2, owned({{"a", "t", 0}, {"d", "t", 2}, {"d", "t", 1}, {"a", "v", 7}}), at(4s));
  const Json all = Json::parse(history.to_json({}, at(5s)));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0], Json::parse(R"({
    "state": "done", "begun_ms": 1001000, "took_ms": 3000, "generation": 2, "members": 2,
    "causes": [{"cause": "member_left", "member": "b", "reason": "\"bye\""},
               {"cause": "session_expired", "member": "c", "timeout_ms": 45000}],
    "more_causes": 0, "partitions_moved": 4,
    "moves": [{"topic": "t", "partitions": [1], "from": "a", "to": "d"},
              {"topic": "t", "partitions": [2], "from": "b", "to": "d"},
              {"topic": "u", "partitions": [0], "from": "b", "to": null},
              {"topic": "v", "partitions": [7], "from": null, "to": "a"}],
    "more_moves": 0})"));
  history.check_invariants();
}

TEST(RebalanceHistory, SaysWhomItWaitsFor) {
  RebalanceHistory history;
  history.begin({.kind = Kind::member_joined, .member_id = "a"}, at(1s));
  const Json all = Json::parse(history.to_json({"b", "c"}, at(3s)));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["state"], "running");
  EXPECT_EQ(all[0]["running_for_ms"], 2000);
  EXPECT_EQ(all[0]["waiting_for"], Json({"b", "c"}));
}

TEST(RebalanceHistory, WhatCannotBeReadMovesNothing) {
  RebalanceHistory history;
  history.settle(1, 1, std::nullopt, at(0s));
  history.begin({}, at(1s));
  history.settle(2, 1, owned({{"a", "t", 0}}), at(2s));
  EXPECT_FALSE(Json::parse(history.to_json({}, at(3s)))[0].contains("moves"));
}

TEST(RebalanceHistory, IsBounded) {
  RebalanceHistory history;
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < 100; i++) history.begin({.reason = std::string(5000, 'r')}, at(1s));
    Ownership some;
    for (int i = 0; i < 1000; i++) some.add(round % 2 == 0 ? "a" : "b", "t", i);
    history.settle(round, 1, std::move(some), at(2s));
    history.check_invariants();
  }
  EXPECT_LE(history.size(), RebalanceHistory::kRebalancesMax);
  const Json last = Json::parse(history.to_json({}, at(3s)))[0];
  EXPECT_EQ(last["generation"], 199);
  EXPECT_EQ(last["more_causes"], 80);
  EXPECT_EQ(last["causes"][0]["reason"].get<std::string>().size(), RebalanceHistory::kTextMax);
  EXPECT_EQ(last["partitions_moved"], 1000);
  EXPECT_EQ(last["more_moves"], 900);
  Ownership much;
  for (size_t i = 0; i < RebalanceHistory::kOwnedMax + 5; i++) {
    much.add("a", "t", static_cast<int32_t>(i));
  }
  EXPECT_LE(much.size(), RebalanceHistory::kOwnedMax + 1);
}

TEST(RebalanceHistory, ItsJsonIsBoundedAndWhole) {
  for (const size_t partitions : {1, 40, 100}) {
    RebalanceHistory history;
    for (int round = 0; round < 50; round++) {
      for (int i = 0; i < 20; i++) {
        history.begin({.member_id = std::string(200, '\1'), .reason = std::string(200, '\2')},
                      at(1s));
      }
      Ownership some;
      for (size_t i = 0; i < partitions; i++) {
        some.add(round % 2 == 0 ? "a" : "b", std::string(249, 't') + std::to_string(i), 0);
      }
      history.settle(round, 1, std::move(some), at(2s));
    }
    const std::string done = history.to_json({}, at(3s));
    EXPECT_LE(done.size(), RebalanceHistory::kJsonMax);
    EXPECT_EQ(Json::parse(done).at(0)["generation"], 49);
    history.begin({}, at(4s));
    const std::string names(200, '\1');
    const std::string running = history.to_json(std::vector<std::string_view>(1000, names), at(5s));
    EXPECT_LE(running.size(), RebalanceHistory::kJsonMax);
    EXPECT_EQ(Json::parse(running).at(0)["more_waiting_for"], 980);
  }
}

TEST(RebalanceHistory, OfAClassicGroup) {
  ClassicRoom room;
  const auto ids = room.stable(2, {.session = 10s, .reason = "starting"});
  const auto told = [&] { return Json::parse(room.group.rebalances().to_json({}, room.now)); };
  Json all = told();
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0]["causes"].size(), 2U);
  EXPECT_EQ(all[0]["causes"][0]["cause"], "member_joined");
  EXPECT_EQ(all[0]["causes"][0]["reason"], "starting");
  EXPECT_EQ(all[0]["causes"][0]["host"], "/127.0.0.1");
  EXPECT_EQ(all[0]["generation"], 1);

  room.pass(9s);
  room.heartbeat(ids[0], 1);
  room.pass(1s);
  room.join({.member_id = ids[0]});
  room.settle({ids[0]});
  all = told();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["causes"][0]["cause"], "session_expired");
  EXPECT_EQ(all[0]["causes"][0]["member"], ids[1]);
  EXPECT_EQ(all[0]["causes"][0]["timeout_ms"], 10000);
  ASSERT_EQ(all[0]["moves"].size(), 1U);
  EXPECT_EQ(all[0]["moves"][0]["partitions"], Json({1}));
  EXPECT_EQ(all[0]["moves"][0]["from"], ids[1]);
  EXPECT_TRUE(all[0]["moves"][0]["to"].is_null());

  room.leave({{ids[0], std::nullopt}});
  EXPECT_EQ(told()[0]["causes"][0]["cause"], "member_left");
  EXPECT_EQ(told()[0]["members"], 0);
}

TEST(RebalanceHistory, NamesWhoHoldsARebalanceUp) {
  ClassicRoom room;
  const auto ids = room.stable(2);
  room.join({.member_id = ids[0]});
  EXPECT_EQ(room.group.waiting_for(), std::vector<std::string_view>{ids[1]});
  room.join({.member_id = ids[1]});
  EXPECT_EQ(room.group.waiting_for(), std::vector<std::string_view>{room.group.leader()});
  room.settle(ids);
  EXPECT_TRUE(room.group.waiting_for().empty());
}

}  // namespace
}  // namespace partita::coordinators
