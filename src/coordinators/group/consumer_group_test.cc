#include "coordinators/group/consumer_group.h"

#include "base/fault_points.h"
#include "coordinators/group/consumer_room_test.h"

namespace partita::coordinators {
namespace {

using namespace std::string_literals;

size_t given(const BeatAnswer& answer) {
  return partition_count(partitions_of(*answer));
}

Errc refused(const BeatAnswer& answer) {
  return answer ? Errc::unknown_server_error : answer.error().code;
}

TEST(ConsumerGroup, TheFirstMemberGetsEverything) {
  ConsumerRoom room;
  room.topic("t", 3);
  EXPECT_EQ(room.group->state_name(), "Empty");
  const auto answer = room.join("a", {"t"});
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->member_epoch, 1);
  EXPECT_EQ(given(answer), 3u);
  EXPECT_EQ(room.group->state_name(), "Stable");
  // As Kafka 4.3 writes them: member, group, target, target's epoch, assignment.
  EXPECT_EQ(room.kinds, (std::vector<int16_t>{5, 3, 7, 6, 8}));
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, PartitionsPassOnOnlyAfterTheyWereGivenUp) {
  ConsumerRoom room;
  room.topic("t", 4);
  const PartitionSet all = partitions_of(*room.join("a", {"t"}));
  const auto joined = room.join("b", {"t"});
  EXPECT_EQ(joined->member_epoch, 2);
  EXPECT_EQ(given(joined), 0u);
  EXPECT_EQ(room.group->state_name(), "Reconciling");
  // a is told, stays in its epoch, and b waits until a has said that it gave up.
  const auto told = room.beat("a", 1);
  EXPECT_EQ(told->member_epoch, 1);
  ASSERT_EQ(given(told), 2u);
  EXPECT_FALSE(room.beat("b", 2)->assignment.has_value());
  EXPECT_EQ(room.beat("a", 1, all)->member_epoch, 1);
  EXPECT_EQ(room.beat("a", 1)->member_epoch, 1);
  EXPECT_EQ(room.beat("a", 1, partitions_of(*told))->member_epoch, 2);
  EXPECT_EQ(given(room.beat("b", 2)), 2u);
  EXPECT_EQ(room.group->state_name(), "Stable");
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, EpochsFence) {
  ConsumerRoom room;
  room.topic("t", 4);
  const PartitionSet all = partitions_of(*room.join("a", {"t"}));
  (void)room.join("b", {"t"});
  const PartitionSet half = partitions_of(*room.beat("a", 1));
  ASSERT_EQ(room.beat("a", 1, half)->member_epoch, 2);
  struct Case {
    std::string member;
    int32_t epoch;
    std::optional<PartitionSet> owned;
    std::optional<Errc> error;
  };
  const std::vector<Case> cases = {
      {"x", 1, {}, Errc::unknown_member_id},
      {"a", 3, {}, Errc::fenced_member_epoch},
      {"a", 1, {}, Errc::fenced_member_epoch},   // says nothing of what it owns
      {"a", 1, all, Errc::fenced_member_epoch},  // owns more than it was given
      {"a", 1, half, std::nullopt},              // the answer was lost
      {"a", 1, PartitionSet(), std::nullopt},
      {"a", 2, {}, std::nullopt},
      {"a", 0, {}, std::nullopt},  // it may always begin anew
  };
  for (const Case& each : cases) {
    const auto answer = each.epoch == 0 ? room.join(each.member, {"t"})
                                        : room.beat(each.member, each.epoch, each.owned);
    EXPECT_EQ(answer.has_value(), !each.error) << each.member << each.epoch;
    if (each.error) EXPECT_EQ(refused(answer), *each.error);
    if (answer) EXPECT_EQ(answer->member_epoch, 2);
  }
}

TEST(ConsumerGroup, PartialHeartbeatsChangeNothing) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"});
  const size_t before = room.log.size();
  const auto answer = room.beat("a", 1);
  EXPECT_FALSE(answer->assignment.has_value());
  EXPECT_EQ(room.log.size(), before);
  // A full one is told again what it has.
  const auto full = room.beat({.member_id = "a",
                               .member_epoch = 1,
                               .rebalance_timeout_ms = 60'000,
                               .subscribed_topic_names = std::vector{"t"s},
                               .topic_partitions = std::vector<Beat::TopicPartitions>()});
  EXPECT_EQ(given(full), 2u);
  EXPECT_EQ(room.log.size(), before);
}

TEST(ConsumerGroup, WhoDoesNotGiveUpIsFenced) {
  ConsumerRoom room;
  room.topic("t", 2);
  const PartitionSet all = partitions_of(*room.join("a", {"t"}));
  (void)room.join("b", {"t"});
  for (int i = 0; i < 11; ++i) {
    (void)room.beat("a", 1, all);
    (void)room.beat("b", 2);
    room.pass(5s);
  }
  EXPECT_EQ(room.group->members().size(), 2u);
  (void)room.beat("b", 2);
  room.pass(5s);
  EXPECT_EQ(room.group->members().size(), 1u);
  EXPECT_EQ(refused(room.beat("a", 1, all)), Errc::unknown_member_id);
  EXPECT_EQ(given(room.beat("b", 2)), 2u);
  EXPECT_NE(room.why().find("not_revoked"), std::string::npos);
}

TEST(ConsumerGroup, SessionsEnd) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"});
  (void)room.join("b", {"t"});
  room.settle();
  room.pass(44s);
  (void)room.beat("b", 2);
  room.pass(1s);
  ASSERT_EQ(room.group->members().size(), 1u);
  EXPECT_EQ(given(room.beat("b", 2)), 2u);
  room.pass(45s);
  EXPECT_EQ(room.group->state_name(), "Empty");
  EXPECT_EQ(room.group->next_deadline(), kNoDeadline);
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, GroupConfigsGoBeforeTheBrokers) {
  ConsumerRoom room;
  room.cluster.group_config("g", "consumer.session.timeout.ms", "50000");
  room.cluster.group_config("g", "consumer.heartbeat.interval.ms", "6000");
  room.topic("t", 1);
  (void)room.join("a", {"t"});
  room.pass(49s);
  EXPECT_EQ(room.group->members().size(), 1u);
  EXPECT_EQ(room.beat("a", 1)->heartbeat_interval_ms, 6000);
  room.pass(50s);
  EXPECT_TRUE(room.group->members().empty());
  // Beyond the broker's bounds its bound holds.
  room.cluster.group_config("g", "consumer.session.timeout.ms", "90000");
  room.show_image();
  (void)room.join("a", {"t"});
  room.pass(60s);
  EXPECT_TRUE(room.group->members().empty());
}

TEST(ConsumerGroup, HeartbeatsComeMoreOftenWhileTheGroupChanges) {
  ConsumerRoom room;
  room.topic("t", 1);
  EXPECT_EQ(room.join("a", {"t"})->heartbeat_interval_ms, 500);
  room.pass(5s);
  EXPECT_EQ(room.beat("a", 1)->heartbeat_interval_ms, 5000);
}

TEST(ConsumerGroup, LeavingGivesTheOthersMore) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"});
  (void)room.join("b", {"t"});
  room.settle();
  EXPECT_EQ(room.leave("a")->member_epoch, kLeaveEpoch);
  EXPECT_EQ(given(room.beat("b", 2)), 2u);
  EXPECT_EQ(refused(room.leave("a")), Errc::unknown_member_id);
  (void)room.leave("b");
  EXPECT_EQ(room.group->state_name(), "Empty");
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, AStaticMemberComesBackToWhatItHad) {
  ConsumerRoom room;
  room.topic("t", 4);
  (void)room.join("a", {"t"}, "i");
  (void)room.join("b", {"t"});
  room.settle();
  const int32_t epoch = room.group->epoch();
  EXPECT_EQ(refused(room.join("a2", {"t"}, "i")), Errc::unreleased_instance_id);
  EXPECT_EQ(refused(room.beat({.member_id = "x", .member_epoch = -2, .instance_id = "i"})),
            Errc::fenced_instance_id);
  EXPECT_EQ(refused(room.beat({.member_id = "a", .member_epoch = -2, .instance_id = "j"})),
            Errc::unknown_member_id);
  ASSERT_TRUE(room.beat({.member_id = "a", .member_epoch = -2, .instance_id = "i"}).has_value());
  EXPECT_FALSE(room.beat("b", epoch)->assignment.has_value());
  const auto back = room.join("a2", {"t"}, "i");
  EXPECT_EQ(given(back), 2u);
  EXPECT_EQ(back->member_epoch, epoch);
  EXPECT_EQ(room.group->epoch(), epoch) << "a static member's return is no rebalance";
  EXPECT_EQ(refused(room.beat({.member_id = "a", .member_epoch = epoch, .instance_id = "i"})),
            Errc::fenced_instance_id);
  room.expect_replay_equals_live();
  // Away for longer than its session it is gone.
  (void)room.beat({.member_id = "a2", .member_epoch = -2, .instance_id = "i"});
  room.pass(44s);
  (void)room.beat("b", epoch);
  room.pass(1s);
  EXPECT_EQ(given(room.beat("b", epoch)), 4u);
}

TEST(ConsumerGroup, TopicsComeGrowAndGo) {
  ConsumerRoom room;
  (void)room.join("a", {"t"});
  EXPECT_EQ(room.group->epoch(), 1);
  room.topic("t", 2);
  EXPECT_EQ(room.group->epoch(), 2);
  EXPECT_EQ(given(room.beat("a", 1)), 2u);
  room.topic("t", 3);
  EXPECT_EQ(given(room.beat("a", 2)), 3u);
  room.topic("other", 3);
  EXPECT_EQ(room.group->epoch(), 3) << "nobody reads it";
  room.cluster.remove("t");
  room.show_image();
  EXPECT_EQ(given(room.beat("a", 3)), 0u);
  EXPECT_EQ(room.beat("a", 3, PartitionSet())->member_epoch, 4);
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, ReadsByRegularExpression) {
  ConsumerRoom room;
  room.topic("orders-1", 1);
  room.topic("bills", 1);
  const auto by = [&](const std::string& member, int32_t epoch, const std::string& pattern) {
    return room.beat({.member_id = member,
                      .member_epoch = epoch,
                      .rebalance_timeout_ms = 60'000,
                      .subscribed_topic_regex = pattern,
                      .topic_partitions = std::vector<Beat::TopicPartitions>()});
  };
  EXPECT_EQ(refused(by("a", 0, "orders-[")), Errc::invalid_regular_expression);
  EXPECT_TRUE(room.group->members().empty());
  EXPECT_EQ(given(by("a", 0, "orders-.*")), 1u);
  EXPECT_TRUE(room.group->is_subscribed("orders-1"));
  EXPECT_FALSE(room.group->is_subscribed("bills"));
  room.topic("orders-2", 2);
  EXPECT_EQ(given(room.beat("a", 1)), 3u);
  room.expect_replay_equals_live();
  // Another topic in the place of one that nobody reads: counted alike, found in time.
  room.cluster.remove("bills");
  room.cluster.topic("orders-3", 1);
  room.group->image_changed(room.cluster.image(), room.now, *std::make_unique<GroupEffects>());
  for (int i = 0; i < 16; ++i) {
    room.pass(40s);
    (void)room.beat("a", room.group->members().at("a").has.epoch);
  }
  EXPECT_TRUE(room.group->is_subscribed("orders-3"));
  room.settle();
  // A pattern that nobody uses any more leaves the log, whoever used it last.
  (void)by("a", room.group->epoch(), "bills");
  EXPECT_EQ(std::ranges::count(room.kinds, 16), 5);
  (void)room.leave("a");
  EXPECT_EQ(std::ranges::count(room.kinds, 16), 6);
  room.expect_replay_equals_live();
}

TEST(ConsumerGroup, AFullGroupTakesNobodyIn) {
  GroupSettings settings;
  settings.consumer_size_max = 1;
  ConsumerRoom room(settings);
  room.topic("t", 1);
  (void)room.join("a", {"t"});
  EXPECT_EQ(refused(room.join("b", {"t"})), Errc::group_max_size_reached);
  EXPECT_TRUE(room.beat("a", 1).has_value());
}

TEST(ConsumerGroup, CommitsNeedTheMembersEpoch) {
  ConsumerRoom room;
  room.topic("t", 1);
  const auto commit = [&](std::string_view member, int32_t epoch, int16_t version) {
    return room.group->check_commit(
        {.member_id = member, .instance_id = {}, .generation_or_epoch = epoch}, false, version,
        room.now);
  };
  EXPECT_TRUE(commit("", -1, 9).has_value());
  (void)room.join("a", {"t"});
  EXPECT_TRUE(commit("a", 1, 9).has_value());
  EXPECT_EQ(commit("a", 2, 9).error().code, Errc::stale_member_epoch);
  EXPECT_EQ(commit("x", 1, 9).error().code, Errc::unknown_member_id);
  EXPECT_EQ(commit("a", 1, 8).error().code, Errc::unsupported_version);
  EXPECT_EQ(commit("", -1, 9).error().code, Errc::unknown_member_id);
  EXPECT_EQ(room.group->check_delete().error().code, Errc::non_empty_group);
}

TEST(ConsumerGroup, ClassicMembersTakePart) {
  ConsumerRoom room;
  room.topic("t", 4);
  const PartitionSet all = partitions_of(*room.join("a", {"t"}));
  EXPECT_EQ(room.classic_join("", {"t"})->error_code, 79);
  const auto joined = room.classic_join("c", {"t"});
  ASSERT_EQ(joined->generation_id, 2);
  EXPECT_EQ(joined->protocol_name, "range");
  EXPECT_TRUE(joined->members.empty());
  EXPECT_EQ(partition_count(room.parse(room.classic_sync("c", 2)->assignment)), 0u);
  EXPECT_TRUE(room.classic_beat("c", 2).has_value()) << "it waits for a";
  const PartitionSet half = partitions_of(*room.beat("a", 1));
  (void)room.beat("a", 1, half);
  EXPECT_EQ(room.classic_beat("c", 2).error().code, Errc::rebalance_in_progress);
  EXPECT_EQ(room.classic_join("c", {"t"})->generation_id, 2);
  const PartitionSet has = room.parse(room.classic_sync("c", 2)->assignment);
  EXPECT_EQ(partition_count(has), 2u);
  EXPECT_EQ(room.classic_sync("c", 1).error().code, Errc::illegal_generation);
  EXPECT_EQ(room.classic_sync("a", 2).error().code, Errc::unknown_member_id);
  // Another member: c must give one up, and says so by joining again.
  (void)room.join("b", {"t"});
  EXPECT_EQ(room.classic_sync("c", 2).error().code, Errc::rebalance_in_progress);
  EXPECT_EQ(room.classic_beat("c", 2).error().code, Errc::rebalance_in_progress);
  EXPECT_FALSE(room.group->wants_classic());
  room.expect_replay_equals_live();
  EXPECT_EQ(room.classic_leave("c"), 0);
  EXPECT_EQ(room.classic_leave("a"), 25);
  room.settle();
}

TEST(ConsumerGroup, AClassicMemberThatDoesNotRejoinIsFenced) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.classic_join("c", {"t"});
  (void)room.classic_sync("c", 1);
  (void)room.join("a", {"t"});
  for (int i = 0; i < 13; ++i) {
    (void)room.classic_beat("c", 1);
    (void)room.beat("a", 2);
    room.pass(5s);
  }
  EXPECT_FALSE(room.group->members().contains("c"));
  EXPECT_NE(room.why().find("not_rejoined"), std::string::npos);
}

TEST(ConsumerGroup, WhatCannotConvertIsRefused) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.classic_join("c", {"t"});
  const auto join_with = [&](const std::string& type, const std::string& protocol, Bytes metadata) {
    wire::JoinGroupRequest request{.group_id = "g", .session_timeout_ms = 10'000};
    request.member_id = "d";
    request.protocol_type = type;
    request.protocols.push_back({.name = protocol, .metadata = std::move(metadata)});
    const Framed framed(request, 9);
    GroupEffects out;
    const auto answer = room.group->join(kCaller, *framed, "", room.now, out);
    EXPECT_TRUE(out.records.empty());
    return answer.has_value() ? Errc::unknown_server_error : answer.error().code;
  };
  const Bytes good = subscription_bytes({"t"});
  EXPECT_EQ(join_with("connect", "range", good), Errc::inconsistent_group_protocol);
  EXPECT_EQ(join_with("consumer", "sticky", good), Errc::inconsistent_group_protocol);
  EXPECT_EQ(join_with("consumer", "range", Bytes::copy_of("x")), Errc::inconsistent_group_protocol);
  room.settings.consumer_migration = GroupSettings::Migration::disabled;
  EXPECT_EQ(join_with("consumer", "range", good), Errc::inconsistent_group_protocol);
}

TEST(ConsumerGroup, IsHandedOverAndBack) {
  ConsumerRoom room;
  room.topic("t", 4);
  (void)room.join("a", {"t"});
  (void)room.classic_join("c", {"t"});
  EXPECT_FALSE(room.group->wants_classic());
  (void)room.leave("a");
  ASSERT_TRUE(room.group->wants_classic());
  HandedGroup handed = room.group->hand_over();
  ASSERT_EQ(handed.members.size(), 1u);
  EXPECT_EQ(handed.members.front().id, "c");
  EXPECT_EQ(handed.members.front().session_timeout, 10s);
  // The classic group's leader gave everything to c; then a member of the new protocol comes.
  PartitionSet all;
  for (int32_t i = 0; i < 4; ++i) all[room.cluster.id("t")].insert(i);
  handed.members.front().assignment = encode_assignment(all, *room.cluster.image(), 1);
  handed.generation = 9;
  room.log.clear();
  room.holders = {};
  GroupEffects out;
  auto back =
      ConsumerGroup::from_classic("g", room.settings, room.cluster.image(), handed, room.now, out);
  ASSERT_TRUE(back.has_value());
  room.group = *std::move(back);
  room.commit(std::move(out));
  room.expect_replay_equals_live();
  EXPECT_EQ(room.group->epoch(), 9);
  EXPECT_EQ(room.group->state_name(), "Stable");
  EXPECT_EQ(given(room.join("a", {"t"})), 0u) << "c has it all until it rejoins";
  EXPECT_EQ(room.classic_beat("c", 9).error().code, Errc::rebalance_in_progress);
  EXPECT_EQ(room.classic_join("c", {"t"})->generation_id, 10);
  EXPECT_EQ(given(room.beat("a", 10)), 2u);
  handed.members.front().assignment = Bytes::copy_of("?");
  GroupEffects none;
  EXPECT_FALSE(
      ConsumerGroup::from_classic("g", room.settings, room.cluster.image(), handed, room.now, none)
          .has_value());
}

TEST(ConsumerGroup, DescribesItself) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"}, "i");
  (void)room.classic_join("c", {"t"});
  const auto shown = room.group->describe();
  EXPECT_EQ(shown.group_state, "Reconciling");
  EXPECT_EQ(shown.group_epoch, 2);
  EXPECT_EQ(shown.assignment_epoch, 2);
  EXPECT_EQ(shown.assignor_name, "uniform");
  ASSERT_EQ(shown.members.size(), 2u);
  EXPECT_EQ(shown.members[0].member_type, 1);
  EXPECT_EQ(shown.members[0].instance_id, "i");
  EXPECT_EQ(shown.members[0].assignment.topic_partitions.front().topic_name, "t");
  EXPECT_EQ(shown.members[0].assignment.topic_partitions.front().partitions.size(), 2u);
  EXPECT_EQ(shown.members[0].target_assignment.topic_partitions.front().partitions.size(), 1u);
  EXPECT_EQ(shown.members[1].member_type, 0);
  EXPECT_EQ(room.group->waiting_for().size(), 2u);
}

TEST(ConsumerGroup, LoadsWhatAnotherCoordinatorLeft) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"});
  (void)room.join("b", {"t"});
  room.fail_over();
  room.settle();
  // Meanwhile the topic grew, and nobody told this coordinator.
  room.cluster.topic("t", 4);
  const int32_t before = room.group->epoch();
  room.fail_over();
  EXPECT_EQ(room.group->epoch(), before + 1);
  room.settle();
  room.pass(45s);
  EXPECT_EQ(room.group->state_name(), "Empty");
}

TEST(ConsumerGroup, AClashInTheLogEndsForTheOlder) {
  ConsumerRoom room;
  room.topic("t", 2);
  (void)room.join("a", {"t"});
  MemberHas twice = room.group->members().at("a").has;
  twice.epoch = 7;
  room.log.push_back(has_record("g", "b", twice));
  room.group = room.replayed(room.log);
  GroupEffects out;
  room.holders = {};
  room.group->loaded(room.now, out);
  room.group->check_invariants();
  EXPECT_FALSE(room.group->members().contains("a"));
  EXPECT_TRUE(room.group->members().contains("b"));
}

/// Each mutant is found by one of the ways above.
TEST(ConsumerGroupMutants, AreFound) {
  const auto grow = [](ConsumerRoom& room) {
    room.cluster.topic("t", 4);
    GroupEffects out;
    room.group->image_changed(room.cluster.image(), room.now, out);
    for (const auto& record : out.records) room.holders.read(record);
    return out.records.size();
  };
  const auto join = [](ConsumerRoom& room, const std::string& member) {
    const Framed framed(Beat{.group_id = "g",
                             .member_id = member,
                             .rebalance_timeout_ms = 1000,
                             .subscribed_topic_names = std::vector{"t"s},
                             .topic_partitions = std::vector<Beat::TopicPartitions>()},
                        1);
    GroupEffects out;
    (void)room.group->heartbeat(kCaller, *framed, member, room.now, out);
    for (const auto& record : out.records) room.log.push_back(record);
    for (const auto& record : out.records) room.holders.read(record);
  };
  const auto with_two = [&](const char* mutant) {
    auto room = std::make_unique<ConsumerRoom>();
    room->topic("t", 2);
    faults::set_mutant(mutant);
    join(*room, "a");
    join(*room, "b");
    return room;
  };
  EXPECT_EQ(with_two("")->holders.shared(), 0u);
  EXPECT_GT(with_two("consumer_group.give_unreleased")->holders.shared(), 0u);
  auto room = with_two("consumer_group.skip_assignment_record");
  EXPECT_NE(ConsumerRoom::text_of(*room->replayed(room->log)), ConsumerRoom::text_of(*room->group));
  room = with_two("consumer_group.ignore_topics");
  EXPECT_EQ(grow(*room), 0u);
  room = with_two("consumer_group.accept_old_epochs");
  EXPECT_TRUE(room->beat("b", 1).has_value());
  room = with_two("consumer_group.commit_any_epoch");
  EXPECT_TRUE(room->group
                  ->check_commit({.member_id = "a", .instance_id = {}, .generation_or_epoch = 77},
                                 false, 9, room->now)
                  .has_value());
  room = with_two("consumer_group.revoke_unseen");
  EXPECT_EQ(room->beat("a", 1)->member_epoch, 2) << "it never said that it gave up";
  room = with_two("consumer_group.no_revoke_deadline");
  faults::set_mutant("consumer_group.no_revoke_deadline");
  {
    const Framed framed(Beat{.group_id = "g", .member_id = "a", .member_epoch = 1}, 1);
    GroupEffects out;
    (void)room->group->heartbeat(kCaller, *framed, "a", room->now, out);
    EXPECT_EQ(room->group->members().at("a").revoke, kNoDeadline);
  }
  faults::set_mutant("");
  ConsumerRoom patterns;
  const auto by = [&](const std::string& member) {
    return patterns.beat({.member_id = member,
                          .rebalance_timeout_ms = 60'000,
                          .subscribed_topic_regex = "x.*",
                          .topic_partitions = std::vector<Beat::TopicPartitions>()});
  };
  (void)by("a");
  faults::set_mutant("consumer_group.leak_patterns");
  GroupEffects out;
  const Framed framed(Beat{.group_id = "g", .member_id = "a", .member_epoch = kLeaveEpoch}, 1);
  (void)patterns.group->leave(*framed, patterns.now, out);
  faults::set_mutant("");
  const bool dropped = std::ranges::any_of(out.records, [](const auto& record) {
    return parse_numbered(record.key.view())->number == 16 && !record.value;
  });
  EXPECT_FALSE(dropped) << "the leak is what the test above would see";
}

}  // namespace
}  // namespace partita::coordinators
