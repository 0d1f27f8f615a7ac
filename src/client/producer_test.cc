#include "client/producer.h"

#include "base/fault_points.h"
#include "base/murmur2.h"
#include "client/scripted_broker_test.h"

namespace partita::client {
namespace {

using Answers = std::vector<std::optional<Result<Delivery>>>;

class ProducerTest : public ClientTest {
 protected:
  ProducerTest() { broker_.add_topic("t", 1); }

  Answers send(size_t count, ProducerSettings settings = {}) {
    Answers answers;
    run(send_all(producer(settings), shard(), "t", count, answers));
    return answers;
  }
  static void expect_all_delivered(const Answers& answers) {
    for (size_t i = 0; i < answers.size(); i++) {
      ASSERT_TRUE(answers[i].has_value()) << i;
      ASSERT_TRUE(answers[i]->has_value()) << i << ": " << describe(answers[i]->error());
      EXPECT_EQ((*answers[i])->offset.value(), static_cast<int64_t>(i));
    }
  }
};

/// Three or so records a batch.
constexpr ProducerSettings kSmallBatches{.batch_bytes = 90, .linger = 1ms};

TEST_F(ProducerTest, DeliversInOrder) {
  expect_all_delivered(send(1000));
  EXPECT_EQ(broker_.log("t", 0).values, numbers(1000));
  EXPECT_EQ(producer_->bytes_waiting(), 0u);
}

TEST_F(ProducerTest, EveryCodec) {
  size_t sent = 0;
  for (const char* name : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    ProducerSettings settings;
    settings.codec = *records::codec_from_name(name);
    Answers answers;
    if (producer_) run(producer_->close());
    run(send_all(producer(settings), shard(), "t", 50, answers));
    sent += 50;
    ASSERT_EQ(broker_.log("t", 0).values.size(), sent) << name;
    const auto batch = records::BatchView::parse(broker_.log("t", 0).batches.back().view());
    EXPECT_EQ(batch->attributes().codec(), settings.codec);
  }
}

/// Faults of every kind, over and over, in an order that the seed draws.
void draw_faults(ScriptedBroker& broker, runtime::sim::SimRandom random, size_t count) {
  constexpr Fault kFaults[] = {Fault::none,         Fault::none,        Fault::refuse,
                               Fault::lose_request, Fault::lose_answer, Fault::none};
  for (size_t i = 0; i < count; i++) broker.faults.push_back(kFaults[random.below(6)]);
}

struct Chaos : ClientTest {
  explicit Chaos(uint64_t seed) : ClientTest(seed) {
    broker_.add_topic("t", 1);
    draw_faults(broker_, world_.random(5), 60);
  }
  void TestBody() override {}
  /// Whether every record is there once, in order, where its answer says.
  bool holds() {
    Answers answers;
    ProducerSettings settings = kSmallBatches;
    run(send_all(producer(settings), shard(), "t", 200, answers));
    for (size_t i = 0; i < answers.size(); i++) {
      if (!answers[i] || !answers[i]->has_value()) return false;
      if ((*answers[i])->offset.value() != static_cast<int64_t>(i)) return false;
    }
    return broker_.log("t", 0).values == numbers(200);
  }
};

bool holds(uint64_t seed) {
  Chaos chaos(seed);
  return chaos.holds();
}

TEST(ProducerChaos, ExactlyOnceInOrder) {
  for (uint64_t seed = 1; seed <= 30; seed++) EXPECT_TRUE(holds(seed)) << "seed " << seed;
}

#if PARTITA_FAULTS
TEST(ProducerChaos, FindsPlantedFaults) {
  for (const char* mutant : {"client.sequence_not_bumped", "client.retry_new_sequence"}) {
    faults::set_mutant(mutant);
    bool found = false;
    for (uint64_t seed = 1; seed <= 30 && !found; seed++) found = !holds(seed);
    faults::set_mutant("");
    EXPECT_TRUE(found) << mutant;
  }
}
#endif

TEST_F(ProducerTest, ARefusalForGoodLeavesNoGap) {
  broker_.faults = {Fault::none, Fault::too_large};
  const Answers answers = send(60, kSmallBatches);
  std::vector<std::string> kept;
  size_t refused = 0;
  for (size_t i = 0; i < answers.size(); i++) {
    if (answers[i]->has_value()) {
      kept.push_back(std::to_string(i));
    } else {
      EXPECT_EQ(answers[i]->error().code, Errc::message_too_large);
      refused++;
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, 20u);
  EXPECT_EQ(broker_.log("t", 0).values, kept);
}

TEST_F(ProducerTest, NothingOvertakesTheFirstBatchOfAPartition) {
  broker_.takes_any_first_sequence = true;
  broker_.faults = {Fault::refuse, Fault::lose_request};
  expect_all_delivered(send(30, kSmallBatches));
  EXPECT_EQ(broker_.log("t", 0).values, numbers(30));
}

constexpr ProducerSettings kWithoutSequences{.batch_bytes = 90, .linger = 1ms, .idempotent = false};

TEST_F(ProducerTest, RetriesKeepTheirOrderWithoutSequencesToo) {
  broker_.faults = {Fault::refuse, Fault::refuse, Fault::refuse};
  expect_all_delivered(send(6, kWithoutSequences));
  EXPECT_EQ(broker_.log("t", 0).values, numbers(6));
}

#if PARTITA_FAULTS
TEST_F(ProducerTest, ARetryThatOvertakesIsSeen) {
  broker_.faults = {Fault::refuse, Fault::refuse, Fault::refuse};
  faults::set_mutant("client.retries_overtake");
  (void)send(6, kWithoutSequences);
  faults::set_mutant("");
  EXPECT_NE(broker_.log("t", 0).values, numbers(6));
}
#endif

TEST_F(ProducerTest, GoesOnWithANewEpochWhereTheBrokerForgot) {
  expect_all_delivered(send(10, kSmallBatches));
  broker_.faults = {Fault::forget_writer};
  Answers answers;
  run(send_all(*producer_, shard(), "t", 10, answers));
  for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
  EXPECT_EQ(broker_.log("t", 0).values.size(), 20u);
  EXPECT_EQ(broker_.log("t", 0).producers.begin()->second.epoch, 1);
}

TEST_F(ProducerTest, GivesUpAtTheDeliveryTimeout) {
  for (int i = 0; i < 100; i++) broker_.faults.push_back(Fault::lose_request);
  ProducerSettings settings = kSmallBatches;
  settings.delivery_timeout = 5s;
  const Instant start = shard().now();
  const Answers answers = send(5, settings);
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.has_value());
    ASSERT_FALSE(answer->has_value());
    EXPECT_EQ(answer->error().code, Errc::request_timed_out);
  }
  EXPECT_LT(shard().now() - start, 9s);
  EXPECT_TRUE(broker_.log("t", 0).values.empty());
}

TEST_F(ProducerTest, ASilentBrokerIsLeft) {
  broker_.faults = {Fault::be_silent};
  expect_all_delivered(send(3));
}

TEST_F(ProducerTest, NeverTwiceAfterGivingUp) {
  // The first batch is written but its answer is lost until its time is over: what was sent behind
  // it is given up with it, and what comes later is written once.
  for (int i = 0; i < 40; i++) {
    broker_.faults.push_back(i % 2 == 0 ? Fault::lose_answer : Fault::lose_request);
  }
  ProducerSettings settings = kSmallBatches;
  settings.delivery_timeout = 3s;
  const Answers first = send(30, settings);
  broker_.faults.clear();
  Answers later;
  run(send_all(*producer_, shard(), "t", 10, later));
  for (const auto& answer : later) EXPECT_TRUE(answer->has_value());
  const std::vector<std::string>& values = broker_.log("t", 0).values;
  const std::vector<std::string> all(values.begin(), values.end() - 10);
  EXPECT_EQ(all, numbers(all.size())) << "what was written is written once and in order";
}

TEST_F(ProducerTest, MemoryIsBounded) {
  ProducerSettings settings;
  settings.buffer_bytes = 2000;
  settings.linger = 100ms;
  expect_all_delivered(send(300, settings));
}

TEST_F(ProducerTest, WithoutAcknowledgement) {
  ProducerSettings settings;
  settings.acks = 0;
  settings.idempotent = false;
  const Answers answers = send(20, settings);
  world_.run_for(1s);
  for (const auto& answer : answers) EXPECT_EQ((*answer)->offset, kNoOffset);
  EXPECT_EQ(broker_.log("t", 0).values, numbers(20));
}

Task<Result<Delivery>> deliver(Producer& producer, ProducerRecord record) {
  co_return co_await producer.deliver(std::move(record));
}

TEST_F(ProducerTest, RefusesWhatCannotBeSent) {
  ProducerSettings settings;
  settings.block_max = 3s;
  Producer& to = producer(settings);
  EXPECT_EQ(run(deliver(to, {.topic = "t", .partition = PartitionIndex(9)})).error().code,
            Errc::unknown_topic_or_partition);
  EXPECT_EQ(run(deliver(to, {.topic = "nowhere"})).error().code, Errc::unknown_topic_or_partition);
  EXPECT_EQ(run(deliver(to, {.topic = "t", .value = std::string(2 << 20, 'x')})).error().code,
            Errc::message_too_large);
}

TEST_F(ProducerTest, ClosingAnswersWhatIsUnfinished) {
  broker_.faults = {Fault::be_silent};
  Answers answers(1);
  Producer& to = producer();
  ProducerRecord record{.topic = "t", .value = "x"};
  DeliveryCallback done = [&](Result<Delivery> result) { answers[0].emplace(std::move(result)); };
  ASSERT_TRUE(run(to.send(std::move(record), std::move(done))));
  world_.run_for(100ms);
  run(to.close());
  ASSERT_TRUE(answers[0].has_value());
  EXPECT_EQ(answers[0]->error().code, Errc::stopped);
}

// --- Partitioners ---

TopicView topic_of(int32_t partitions, int32_t without_leader = -1) {
  TopicView topic{.name = "t"};
  for (int32_t i = 0; i < partitions; i++) {
    topic.partitions.push_back(
        {.index = PartitionIndex(i), .leader = NodeId(i == without_leader ? -1 : 1)});
  }
  return topic;
}

TEST_F(ProducerTest, KeysGoWhereJavaSendsThem) {
  const TopicView topic = topic_of(7);
  auto sticky = sticky_partitioner(shard().random(), 100);
  auto hash = key_hash_partitioner();
  for (const std::string& key : numbers(50)) {
    const int32_t expected = partition_for_key(as_bytes(key), 7);
    EXPECT_EQ(sticky->choose(topic, as_bytes(key)), expected);
    EXPECT_EQ(hash->choose(topic, as_bytes(key)), expected);
  }
}

TEST_F(ProducerTest, RoundRobinPassesByWhatHasNoLeader) {
  const TopicView topic = topic_of(4, 2);
  auto turns = round_robin_partitioner();
  std::vector<int32_t> chosen;
  for (int i = 0; i < 6; i++) chosen.push_back(turns->choose(topic, std::nullopt));
  EXPECT_EQ(chosen, (std::vector<int32_t>{0, 1, 3, 0, 1, 3}));
}

TEST_F(ProducerTest, StickyStaysForABatch) {
  const TopicView topic = topic_of(8);
  auto sticky = sticky_partitioner(shard().random(), 100);
  std::set<int32_t> used;
  for (int i = 0; i < 50; i++) {
    const int32_t first = sticky->choose(topic, std::nullopt);
    sticky->appended(topic, 60);
    EXPECT_EQ(sticky->choose(topic, std::nullopt), first);
    sticky->appended(topic, 60);
    used.insert(first);
  }
  EXPECT_GT(used.size(), 5u);
}

}  // namespace
}  // namespace partita::client
