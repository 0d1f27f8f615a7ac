#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/fault_points.h"
#include "base/source_path_test.h"
#include "broker/compatibility.h"
#include "broker/fetch_session.h"
#include "broker/handlers/topic_names.h"
#include "broker/settings.h"
#include "broker/shard_of.h"
#include "runtime/sim/sim_random.h"

namespace partita::broker {
namespace {

using Given = std::map<std::string, Settings::Given, std::less<>>;

Result<Settings> parse(std::initializer_list<std::pair<const char*, const char*>> pairs,
                       std::vector<std::string>* unknown = nullptr) {
  Given given;
  for (const auto& [name, value] : pairs) given[name] = {.value = value};
  return parse_settings(std::move(given), unknown);
}

TEST(Settings, DefaultsAreKafkas) {
  const auto settings = parse({});
  ASSERT_TRUE(settings) << describe(settings.error());
  EXPECT_EQ(settings->num_partitions, 1);
  EXPECT_EQ(settings->request_bytes_max, 104857600);
  EXPECT_EQ(settings->connections_idle_max, 600s);
  EXPECT_EQ(settings->durability, Durability::fsync);
  EXPECT_EQ(settings->listeners.size(), 1u);
  EXPECT_EQ(settings->listeners[0].port, 9092);
  EXPECT_EQ(settings->log_dir, "/tmp/kafka-logs");
}

TEST(Settings, RowsAreSortedAndTheirDefaultsAreInRange) {
  for (size_t i = 1; i < setting_rows().size(); i++) {
    EXPECT_LT(setting_rows()[i - 1].name, setting_rows()[i].name);
  }
  Given given;
  for (const SettingRow& row : setting_rows()) {
    given[std::string(row.name)] = {.value = std::string(row.default_value)};
  }
  EXPECT_TRUE(parse_settings(given));
}

TEST(Settings, RefusesWhatMakesNoSense) {
  EXPECT_FALSE(parse({{"num.partitions", "0"}}));
  EXPECT_FALSE(parse({{"num.partitions", "many"}}));
  EXPECT_FALSE(parse({{"auto.create.topics.enable", "yes"}}));
  EXPECT_FALSE(parse({{"durability", "maybe"}}));
  EXPECT_FALSE(parse({{"listeners", "PLAINTEXT:9092"}}));
  EXPECT_FALSE(parse({{"listeners", "A://:1,A://:2"}}));
  EXPECT_FALSE(parse({{"advertised.listeners", "OTHER://x:1"}}));
  EXPECT_FALSE(parse({{"log.dirs", "/a,/b"}}));
}

TEST(Settings, UnknownNamesAreKeptAndTold) {
  std::vector<std::string> unknown;
  const auto settings = parse({{"no.such.setting", "1"}, {"node.id", "7"}}, &unknown);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->node_id, 7);
  EXPECT_EQ(unknown, std::vector<std::string>{"no.such.setting"});
}

TEST(Settings, ControllerListenersAreNotForClients) {
  const auto settings = parse({{"listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"},
                               {"controller.listener.names", "CONTROLLER"}});
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->listeners.size(), 1u);
  EXPECT_EQ(settings->listeners[0].name, "PLAINTEXT");
}

TEST(Settings, ListenersNameHostsOfEveryKind) {
  const auto listeners = parse_listeners("A://localhost:1, B://[::1]:2,C://0.0.0.0:3,D://:4");
  ASSERT_TRUE(listeners);
  EXPECT_EQ((*listeners)[0], (ListenerAddress{"A", "localhost", 1}));
  EXPECT_EQ((*listeners)[1], (ListenerAddress{"B", "::1", 2}));
  EXPECT_EQ((*listeners)[2], (ListenerAddress{"C", "", 3}));
  EXPECT_EQ((*listeners)[3], (ListenerAddress{"D", "", 4}));
}

TEST(Settings, EnvironmentNamesAsInApachesImage) {
  EXPECT_EQ(setting_of_environment("KAFKA_LOG_RETENTION_MS"), "log.retention.ms");
  EXPECT_EQ(setting_of_environment("KAFKA_A__B_C___D"), "a_b.c-d");
  EXPECT_EQ(setting_of_environment("HOME"), std::nullopt);
  EXPECT_EQ(setting_of_environment("KAFKA_"), std::nullopt);
}

class FetchSessions : public testing::Test {
 protected:
  std::shared_ptr<FetchSession> create(Instant now = Instant(1s)) {
    auto session = cache_.create(3, true, now);
    for (int32_t i = 0; session && i < 3; i++) session->update(partition(i));
    return session;
  }
  static FetchPartition partition(int32_t index) {
    FetchPartition one;
    one.topic_id = TopicId({1});
    one.partition = index;
    return one;
  }
  static std::vector<int32_t> order(FetchSession& session) {
    std::vector<int32_t> indexes;
    for (const FetchPartition& one : session.partitions()) indexes.push_back(one.partition);
    return indexes;
  }

  runtime::sim::SimRandom random_{1};
  FetchSessionCache cache_{{.slots = 2}, random_};
};

TEST_F(FetchSessions, EpochsGoUpOneByOneAndWrap) {
  const auto session = create();
  ASSERT_TRUE(cache_.use(session->id(), 1, true, Instant(2s)));
  const auto skipped = cache_.use(session->id(), 3, true, Instant(2s));
  ASSERT_FALSE(skipped);
  EXPECT_EQ(skipped.error().code, Errc::invalid_fetch_session_epoch);
  EXPECT_TRUE(cache_.use(session->id(), 2, true, Instant(2s)));
  faults::set_mutant("broker.fetch_session_epoch_unchecked");
  EXPECT_TRUE(cache_.use(session->id(), INT32_MAX, true, Instant(2s)));
  faults::set_mutant("");
  EXPECT_TRUE(cache_.use(session->id(), 1, true, Instant(2s)));
}

TEST_F(FetchSessions, UnknownIdsAndMixedFormsAreRefused) {
  const auto session = create();
  const auto unknown = cache_.use(session->id() + 1, 1, true, Instant(2s));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::fetch_session_id_not_found);
  const auto mixed = cache_.use(session->id(), 1, false, Instant(2s));
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, Errc::fetch_session_topic_id_error);
}

TEST_F(FetchSessions, AFullCacheEvictsOnlyIdleSessions) {
  ASSERT_NE(create(Instant(1s)), nullptr);
  ASSERT_NE(create(Instant(2s)), nullptr);
  EXPECT_EQ(create(Instant(3s)), nullptr);
  EXPECT_NE(create(Instant(121s)), nullptr);
  EXPECT_EQ(cache_.size(), 2u);
}

TEST_F(FetchSessions, WhatWasSentMovesBack) {
  const auto session = create();
  session->move_to_back(session->partitions().begin());
  EXPECT_EQ(order(*session), (std::vector<int32_t>{1, 2, 0}));
  session->forget({.topic_id = TopicId({1}), .partition = 2});
  EXPECT_EQ(order(*session), (std::vector<int32_t>{1, 0}));
}

TEST_F(FetchSessions, AMutantThatKeepsForgottenPartitionsShows) {
  const auto session = create();
  faults::set_mutant("broker.fetch_session_keeps_forgotten");
  session->forget({.topic_id = TopicId({1}), .partition = 2});
  faults::set_mutant("");
  EXPECT_EQ(session->size(), 3u);
  session->forget({.topic_id = TopicId({1}), .partition = 2});
  EXPECT_EQ(session->size(), 2u);
}

TEST(ShardOf, SpreadsPartitionsEvenly) {
  std::map<size_t, int> counts;
  runtime::sim::SimRandom random(1);
  for (int topic = 0; topic < 10; topic++) {
    const TopicId id = random.uuid();
    for (int32_t i = 0; i < 300; i++) counts[shard_of(id, PartitionIndex(i), 3)]++;
  }
  for (const auto& [shard, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(TopicNames, KafkasRules) {
  EXPECT_TRUE(is_legal_topic_name("a.b_c-D9"));
  EXPECT_TRUE(is_legal_topic_name(std::string(249, 'x')));
  for (const std::string name : {"", ".", "..", "a/b", "a b", "\xc3\xa9"}) {
    EXPECT_FALSE(is_legal_topic_name(name)) << name;
  }
  EXPECT_FALSE(is_legal_topic_name(std::string(250, 'x')));
}

TEST(Compatibility, ThePageIsWhatTheTableMakes) {
  std::ifstream file(source_path("docs/compatibility.md"));
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), compatibility_page()) << "write this to docs/compatibility.md";
}

}  // namespace
}  // namespace partita::broker
