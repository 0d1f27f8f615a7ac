#include "client/consumer.h"

#include "base/fault_points.h"
#include "client/admin.h"
#include "client/scripted_broker_test.h"
#include "records/control.h"

namespace partita::client {
namespace {

class ConsumerTest : public ClientTest {
 protected:
  ConsumerTest() { broker_.add_topic("t", 3); }

  /// 100 records in batches of 7.
  void fill(int32_t partition = 0, records::BatchOptions options = {}) {
    for (size_t i = 0; i < 100; i += 7) {
      broker_.append("t", partition, numbers(std::min<size_t>(7, 100 - i), i), options);
    }
  }
  static TopicPartition part(int32_t partition) { return {"t", PartitionIndex(partition)}; }
  Result<std::vector<std::string>> read_from(StartAt start, size_t count,
                                             ConsumerSettings settings = {}) {
    if (consumer_) run(consumer_->close());
    consumer(settings).assign({{part(0), start}});
    return run(read(*consumer_, shard(), count, 3s));
  }
};

TEST_F(ConsumerTest, ReadsAllFromTheBeginning) {
  fill();
  EXPECT_EQ(read_from(StartAt::beginning(), 100), numbers(100));
  EXPECT_EQ(consumer_->position(part(0)), Offset(100));
  broker_.append("t", 0, numbers(5, 100));
  EXPECT_EQ(run(read(*consumer_, shard(), 5, 3s)), numbers(5, 100));
  EXPECT_EQ(broker_.full_fetches, 1u) << "the session goes on";
}

TEST_F(ConsumerTest, EveryCodec) {
  for (const char* name : {"gzip", "snappy", "lz4", "zstd"}) {
    broker_.logs.clear();
    fill(0, {.codec = *records::codec_from_name(name)});
    EXPECT_EQ(read_from(StartAt::beginning(), 100), numbers(100)) << name;
  }
}

TEST_F(ConsumerTest, BeginsInsideABatch) {
  fill();
  EXPECT_EQ(read_from(StartAt::offset(Offset(45)), 55), numbers(55, 45));
  EXPECT_EQ(read_from(StartAt::time(WallTime(1060)), 40), numbers(40, 60));
#if PARTITA_FAULTS
  faults::set_mutant("client.record_before_position");
  EXPECT_NE(read_from(StartAt::offset(Offset(45)), 55), numbers(55, 45)) << "the mutant shows";
  faults::set_mutant("");
#endif
}

TEST_F(ConsumerTest, BeginsAtTheEnd) {
  fill();
  consumer().assign({{part(0), StartAt::end()}});
  EXPECT_EQ(run(read(*consumer_, shard(), 1, 1s)), std::vector<std::string>());
  broker_.append("t", 0, {"new"});
  EXPECT_EQ(run(read(*consumer_, shard(), 1, 3s)), std::vector<std::string>{"new"});
}

TEST_F(ConsumerTest, PollAnswersSmallPieces) {
  fill();
  EXPECT_EQ(read_from(StartAt::beginning(), 100, {.poll_records_max = 3}), numbers(100));
}

TEST_F(ConsumerTest, SeveralPartitionsAndForgottenOnes) {
  for (int32_t i = 0; i < 3; i++) fill(i);
  const auto assign = [&](std::vector<int32_t> partitions) {
    Consumer::Assignment assignment;
    for (const int32_t each : partitions) assignment.emplace_back(part(each), StartAt::beginning());
    consumer_->assign(std::move(assignment));
  };
  consumer();
  assign({0, 1, 2});
  EXPECT_EQ(run(read(*consumer_, shard(), 300, 3s))->size(), 300u);
  EXPECT_TRUE(run(read(*consumer_, shard(), 1, 1s))->empty());
  EXPECT_EQ(broker_.session.size(), 3u);
  assign({1});
  EXPECT_EQ(run(read(*consumer_, shard(), 100, 3s)), numbers(100));
  EXPECT_TRUE(run(read(*consumer_, shard(), 1, 1s))->empty());
  EXPECT_EQ(broker_.session.size(), 1u);
#if PARTITA_FAULTS
  faults::set_mutant("client.nothing_forgotten");
  assign({2});
  EXPECT_TRUE(run(read(*consumer_, shard(), 100, 3s)).has_value());
  EXPECT_TRUE(run(read(*consumer_, shard(), 1, 1s)).has_value());
  EXPECT_NE(broker_.session.size(), 1u) << "the mutant shows";
  faults::set_mutant("");
#endif
}

TEST_F(ConsumerTest, MakesALostSessionAnew) {
  fill();
  EXPECT_EQ(read_from(StartAt::beginning(), 100), numbers(100));
  broker_.lose_session = true;
  broker_.append("t", 0, numbers(5, 100));
  EXPECT_EQ(run(read(*consumer_, shard(), 5, 5s)), numbers(5, 100));
  EXPECT_EQ(broker_.full_fetches, 2u);
}

TEST_F(ConsumerTest, GoesOnAfterALostConnection) {
  fill();
  EXPECT_EQ(read_from(StartAt::beginning(), 100), numbers(100));
  world_.net().reset(server_node_, client_node_);
  broker_.append("t", 0, numbers(5, 100));
  EXPECT_EQ(run(read(*consumer_, shard(), 5, 5s)), numbers(5, 100));
}

TEST_F(ConsumerTest, ResetsWhereTheOffsetIsGone) {
  fill();
  broker_.log("t", 0).start = 49;
  EXPECT_EQ(read_from(StartAt::offset(Offset(10)), 51, {.reset = OffsetReset::earliest}),
            numbers(51, 49));
  EXPECT_EQ(read_from(StartAt::offset(Offset(10)), 1, {.reset = OffsetReset::latest}),
            std::vector<std::string>());
  const auto refused = read_from(StartAt::offset(Offset(10)), 1, {.reset = OffsetReset::none});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::offset_out_of_range);
}

TEST_F(ConsumerTest, ABadChecksumIsAnError) {
  fill();
  Bytes& batch = broker_.log("t", 0).batches[4];
  Buffer copy(batch.size());
  copy.append(batch.view());
  copy.data()[copy.size() - 1] ^= 1;
  batch = std::move(copy).freeze();
  const auto values = read_from(StartAt::beginning(), 100);
  ASSERT_FALSE(values);
  EXPECT_EQ(values.error().code, Errc::corrupt_message);
  EXPECT_EQ(consumer_->position(part(0)), Offset(28)) << "behind what was good";
}

TEST_F(ConsumerTest, LeavesOutWhatWasAborted) {
  const auto transaction = [&](int64_t producer, std::vector<std::string> values,
                               records::ControlType end) {
    const int64_t first = broker_.log("t", 0).end();
    broker_.append("t", 0, values,
                   {.producer_id = ProducerId(producer),
                    .producer_epoch = ProducerEpoch(0),
                    .base_sequence = 0,
                    .transactional = true});
    records::BatchBuilder marker({.producer_id = ProducerId(producer),
                                  .producer_epoch = ProducerEpoch(0),
                                  .transactional = true,
                                  .control = true});
    marker.append_control(records::encode_control_key(end), records::encode_end_txn_marker(0),
                          WallTime(1));
    ScriptedLog& log = broker_.log("t", 0);
    Buffer bytes(200);
    bytes.append(marker.build()->view());
    store_be(bytes.data(), log.end());
    log.batches.push_back(std::move(bytes).freeze());
    log.values.emplace_back();
    if (end == records::ControlType::abort) {
      log.aborted.push_back({ProducerId(producer), Offset(first)});
    }
  };
  broker_.append("t", 0, {"plain"});
  transaction(1, {"a", "b"}, records::ControlType::abort);
  transaction(1, {"c"}, records::ControlType::commit);
  transaction(2, {"d"}, records::ControlType::abort);
  broker_.append("t", 0, {"end"});
  const std::vector<std::string> committed = {"plain", "c", "end"};
  EXPECT_EQ(read_from(StartAt::beginning(), 3, {.read_committed = true}), committed);
  EXPECT_EQ(read_from(StartAt::beginning(), 6),
            (std::vector<std::string>{"plain", "a", "b", "c", "d", "end"}));
#if PARTITA_FAULTS
  faults::set_mutant("client.aborted_shown");
  EXPECT_NE(read_from(StartAt::beginning(), 3, {.read_committed = true}), committed);
  faults::set_mutant("");
#endif
}

Task<Result<Polled>> poll(Consumer& consumer, Deadline deadline) {
  co_return co_await consumer.poll(deadline);
}

TEST_F(ConsumerTest, StoppingEndsAPoll) {
  consumer().assign({{part(0), StartAt::end()}});
  world_.at(world_.now() + 2s, [this] { consumer_->stop(); });
  const auto polled = run(poll(*consumer_, in(1h)));
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, Errc::stopped);
}

// --- Cluster ---

TEST_F(ConsumerTest, MetadataDoesNotGoBack) {
  Scope scope(shard());
  broker_.leader_epoch = 5;
  ASSERT_TRUE(run(cluster_->topic(scope, "t", in(5s))));
  broker_.leader_epoch = 4;
  ASSERT_TRUE(run(cluster_->refresh(scope, in(5s))));
  EXPECT_EQ(cluster_->known_topic("t")->partitions[0].leader_epoch, LeaderEpoch(5));
#if PARTITA_FAULTS
  faults::set_mutant("client.metadata_goes_back");
  ASSERT_TRUE(run(cluster_->refresh(scope, in(5s))));
  EXPECT_EQ(cluster_->known_topic("t")->partitions[0].leader_epoch, LeaderEpoch(4));
  faults::set_mutant("");
#endif
  run(scope.join());
}

TEST_F(ConsumerTest, AnUnknownTopicIsWaitedFor) {
  Scope scope(shard());
  const auto missing = run(cluster_->topic(scope, "late", in(1s)));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::unknown_topic_or_partition);
  world_.at(world_.now() + 2s, [this] { broker_.add_topic("late", 2); });
  const auto found = run(cluster_->topic(scope, "late", in(10s)));
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)->partitions.size(), 2u);
  run(scope.join());
}

TEST_F(ConsumerTest, ListsOffsets) {
  fill();
  Scope scope(shard());
  Admin admin(scope, *cluster_);
  const auto listed = run(admin.list_offsets(
      {{part(0), kLatestTimestamp}, {part(1), kEarliestTimestamp}}, false, in(5s)));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->at(part(0))->offset, Offset(100));
  EXPECT_EQ(listed->at(part(1))->offset, Offset(0));
  run(scope.join());
}

TEST(Bootstrap, Parses) {
  const auto parsed = parse_bootstrap("a:1, b:22,[::1]:333");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, (std::vector<BrokerAddress>{{"a", 1}, {"b", 22}, {"::1", 333}}));
  EXPECT_EQ((*parsed)[2].to_string(), "[::1]:333");
  for (const char* wrong : {"", "a", ":1", "a:", "a:x", "a:70000", "[::1:3", ","}) {
    EXPECT_FALSE(parse_bootstrap(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace partita::client
