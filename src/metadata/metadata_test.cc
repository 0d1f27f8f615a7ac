// Images from logs that Apache Kafka 4.3.1 wrote, from our own records, and back.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/fault_points.h"
#include "base/source_path_test.h"
#include "metadata/image_records.h"
#include "metadata/log_replay.h"
#include "records/batch_builder.h"

namespace partita::metadata {
namespace {

Bytes testdata(const std::string& name) {
  std::ifstream file(source_path("src/metadata/testdata/" + name), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  return Bytes::copy_of(text);
}

/// Replays a whole log; every image in between is checked against its changes.
std::shared_ptr<const Image> replay_log(const Bytes& log, bool publish_each) {
  LogReplay replay(Image::empty());
  std::shared_ptr<const Image> image = Image::empty();
  records::BatchIterator batches(log.view());
  while (true) {
    const auto batch = batches.next();
    EXPECT_TRUE(batch.has_value());
    if (!batch || !*batch) break;
    const auto added = replay.add(**batch);
    EXPECT_TRUE(added.has_value()) << describe(added.error());
    if (!publish_each) continue;
    const auto finished = replay.take_finished();
    EXPECT_TRUE(finished.has_value());
    if (!finished->empty()) image = finished->back().image;
  }
  const auto finished = replay.take_finished();
  EXPECT_TRUE(finished.has_value());
  if (!finished->empty()) image = finished->back().image;
  return image;
}

std::vector<Bytes> frames_of(const Image& image) {
  std::vector<Bytes> frames;
  EXPECT_TRUE(write_image(image, [&](ByteView frame) -> Result<> {
                frames.push_back(Bytes::copy_of(frame));
                return {};
              }).has_value());
  return frames;
}

std::shared_ptr<const Image> from_frames(const std::vector<Bytes>& frames) {
  Delta delta(Image::empty());
  delta.start_snapshot();
  for (const Bytes& frame : frames) EXPECT_TRUE(delta.replay(frame.view()).has_value());
  auto finished = std::move(delta).finish(Offset(1), LeaderEpoch(1), 0);
  EXPECT_TRUE(finished.has_value());
  return finished->image;
}

class KafkaLog : public ::testing::TestWithParam<const char*> {};

TEST_P(KafkaLog, ReplaysWholeAndComesBackFromASnapshot) {
  const Bytes log = testdata(GetParam());
  const auto image = replay_log(log, true);
  EXPECT_TRUE(image->same_state(*replay_log(log, false)));
  const auto frames = frames_of(*image);
  const auto again = from_frames(frames);
  EXPECT_TRUE(image->same_state(*again));
  const auto second = frames_of(*again);
  ASSERT_EQ(frames.size(), second.size());
  for (size_t i = 0; i < frames.size(); i++)
    EXPECT_TRUE(equal(frames[i].view(), second[i].view())) << i;
}
INSTANTIATE_TEST_SUITE_P(Kafka, KafkaLog,
                         ::testing::Values("kafka_clean.log", "kafka_killed.log",
                                           "kafka_restarts.log"));

TEST(KafkaLog, TellsWhatKafkaHad) {
  const auto image = replay_log(testdata("kafka_restarts.log"), true);
  EXPECT_EQ(image->metadata_version(), 30);
  EXPECT_EQ(image->features().at("transaction.version"), 2);
  EXPECT_EQ(image->topic_count(), 4u);  // plain, big, man, fin
  EXPECT_EQ(image->partition_count(), 109u);
  EXPECT_EQ(image->topic("conf"), nullptr);
  const auto plain = image->topic("plain");
  ASSERT_NE(plain, nullptr);
  EXPECT_EQ(plain->partitions.size(), 5u);
  // Three elections each way: clean stop, kill, clean stop.
  EXPECT_EQ(plain->partitions[0].leader, kNoNode);
  EXPECT_EQ(plain->partitions[0].leader_epoch, LeaderEpoch(5));
  EXPECT_EQ(plain->partitions[0].elr, NodeList{NodeId(1)});
  EXPECT_TRUE(plain->partitions[0].isr.empty());
  EXPECT_TRUE(plain->partitions[0].recovering);
  EXPECT_EQ(image->topic(plain->id), plain);
  const BrokerImage* broker = image->broker(NodeId(1));
  ASSERT_NE(broker, nullptr);
  EXPECT_TRUE(broker->fenced);
  EXPECT_TRUE(broker->in_controlled_shutdown);
  ASSERT_NE(broker->endpoint("PLAINTEXT"), nullptr);
  EXPECT_EQ(broker->endpoint("PLAINTEXT")->port, 39092);
  EXPECT_EQ(broker->features.at("metadata.version"), (FeatureRange{7, 30}));
  EXPECT_EQ(plain->partitions[0].directory_of(NodeId(1)), broker->log_dirs.at(0));
  EXPECT_EQ(image->topic_configs("plain"),
            (Configs{{"cleanup.policy", ""}, {"flush.messages", "1"}}));
  EXPECT_TRUE(image->topic_configs("conf").empty());
  EXPECT_EQ(image->configs({ConfigResourceType::broker, ""}).at("log.retention.ms"), "777000");
  EXPECT_EQ(image->configs({ConfigResourceType::group, "g"}).size(), 1u);
  EXPECT_EQ(image->next_producer_id(), ProducerId(1000));
}

TEST(KafkaLog, SnapshotFilesLoad) {
  LogReplay replay(Image::empty());
  ASSERT_TRUE(replay.load_snapshot(testdata("kafka_bootstrap.checkpoint").view(), Offset(0),
                                   LeaderEpoch(0)));
  auto finished = replay.take_finished();
  ASSERT_TRUE(finished && finished->size() == 1);
  EXPECT_TRUE(finished->front().changes.from_snapshot);
  EXPECT_EQ(finished->front().image->features().size(), 6u);
  EXPECT_TRUE(
      replay.load_snapshot(testdata("kafka_0-0.checkpoint").view(), Offset(0), LeaderEpoch(0)));
}

TEST(KafkaLog, DamageIsAnErrorAtWhateverByte) {
  const Bytes log = testdata("kafka_killed.log");
  for (size_t at = 0; at < log.size(); at += 7) {
    std::vector<uint8_t> damaged(log.view().begin(), log.view().end());
    damaged[at] ^= 0x55;
    LogReplay replay(Image::empty());
    records::BatchIterator batches(damaged);
    bool failed = false;
    while (!failed) {
      const auto batch = batches.next();
      if (!batch) {
        failed = true;
      } else if (!*batch) {
        break;
      } else {
        failed = !replay.add(**batch).has_value();
      }
    }
    // The partition leader epoch lies outside of the checksum, and so does nothing else that is
    // read.
    EXPECT_TRUE(failed || replay.next_offset() == Offset(163)) << at;
  }
}

// --- our own records ---

TopicId topic_id(uint64_t n) {
  return Uuid::from_random(77, n);
}

Bytes batch_of(Offset base, const std::vector<Record>& records) {
  records::BatchBuilder builder({.base_offset = base, .partition_leader_epoch = LeaderEpoch(1)});
  for (const Record& record : records) {
    const Bytes frame = *encode_record(record);
    builder.append({.value = frame.view(), .timestamp = WallTime(1)});
  }
  return *builder.build();
}

Result<> add(LogReplay& replay, const std::vector<Record>& records) {
  const Bytes bytes = batch_of(replay.next_offset(), records);
  return replay.add(*records::BatchView::parse(bytes.view()));
}

Record topic_record(const std::string& name, uint64_t n) {
  return {wire::TopicRecord{.name = name, .topic_id = topic_id(n)}, 0};
}
Record partition(uint64_t topic, int32_t index) {
  PartitionImage image;
  image.leader = NodeId(1);
  image.replicas = image.isr = NodeList{NodeId(1), NodeId(2), NodeId(3), NodeId(4)};
  image.directories = {topic_id(1), topic_id(2), topic_id(3), topic_id(4)};
  return partition_record(topic_id(topic), PartitionIndex(index), image);
}
Record config(const std::string& topic, const std::string& name, std::optional<std::string> value) {
  return {
      wire::ConfigRecord{.resource_type = 2, .resource_name = topic, .name = name, .value = value},
      0};
}

TEST(LogReplay, TransactionsShowWholeOrNotAtAll) {
  LogReplay replay(Image::empty());
  ASSERT_TRUE(add(replay, {topic_record("before", 1),
                           partition(1, 0),
                           {wire::BeginTransactionRecord{}, 0},
                           topic_record("inside", 2)}));
  auto finished = replay.take_finished();
  ASSERT_EQ(finished->size(), 1u);
  EXPECT_NE(finished->back().image->topic("before"), nullptr);
  EXPECT_EQ(finished->back().image->topic("inside"), nullptr);
  ASSERT_TRUE(add(replay, {partition(2, 0), {wire::EndTransactionRecord{}, 0}}));
  finished = replay.take_finished();
  ASSERT_EQ(finished->size(), 1u);
  EXPECT_NE(finished->back().image->topic("inside"), nullptr);
  ASSERT_TRUE(add(
      replay, {{wire::BeginTransactionRecord{}, 0}, topic_record("never", 3), partition(3, 0)}));
  ASSERT_TRUE(add(replay, {{wire::AbortTransactionRecord{}, 0}, config("before", "a", "b")}));
  finished = replay.take_finished();
  ASSERT_EQ(finished->size(), 1u);
  EXPECT_EQ(finished->back().image->topic("never"), nullptr);
  EXPECT_EQ(finished->back().image->topic_configs("before").at("a"), "b");
  EXPECT_FALSE(add(replay, {{wire::EndTransactionRecord{}, 0}}));
}

TEST(LogReplay, AnAbortedTransactionThatShowsIsFound) {
  faults::set_mutant("metadata.apply_aborted");
  LogReplay replay(Image::empty());
  ASSERT_TRUE(add(replay, {{wire::BeginTransactionRecord{}, 0},
                           topic_record("never", 3),
                           partition(3, 0),
                           {wire::AbortTransactionRecord{}, 0}}));
  faults::set_mutant("");
  EXPECT_NE(replay.take_finished()->back().image->topic("never"), nullptr);
}

TEST(LogReplay, RefusesWhatMakesNoSense) {
  const auto refused = [](const std::vector<Record>& records) {
    LogReplay replay(Image::empty());
    return !add(replay, records) || !replay.take_finished();
  };
  EXPECT_TRUE(refused({partition(1, 0)}));
  EXPECT_TRUE(refused({topic_record("a", 1), topic_record("a", 2)}));
  EXPECT_TRUE(refused({topic_record("a", 1), partition(1, 1)}));
  EXPECT_TRUE(refused({topic_record("a", 1), partition(1, 2'000'000'000)}));
  EXPECT_TRUE(refused({topic_record("a", 1), partition(1, -1)}));
  EXPECT_TRUE(
      refused({topic_record("a", 1),
               {wire::PartitionChangeRecord{.partition_id = 0, .topic_id = topic_id(1)}, 0}}));
  EXPECT_TRUE(refused({{wire::RemoveTopicRecord{.topic_id = topic_id(1)}, 0}}));
  EXPECT_TRUE(refused({{wire::FenceBrokerRecord{.id = 1, .epoch = 1}, 0}}));
  EXPECT_FALSE(refused({topic_record("a", 1), partition(1, 1), partition(1, 0)}));
  LogReplay replay(Image::empty());
  const uint8_t unknown[] = {1, 99, 0, 0};
  records::BatchBuilder builder;
  builder.append({.value = ByteView(unknown), .timestamp = WallTime(1)});
  const Bytes bytes = *builder.build();
  const auto added = replay.add(*records::BatchView::parse(bytes.view()));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::unsupported_version);
}

TEST(Delta, ChangesSayWhatHappened) {
  LogReplay replay(Image::empty());
  ASSERT_TRUE(
      add(replay, {topic_record("a", 1), partition(1, 0), partition(1, 1), config("a", "x", "1")}));
  const auto first = replay.take_finished()->back();
  ASSERT_TRUE(add(
      replay,
      {{wire::PartitionChangeRecord{.partition_id = 1, .topic_id = topic_id(1), .leader = 2}, 2},
       {wire::PartitionChangeRecord{.partition_id = 1, .topic_id = topic_id(1), .leader = 2}, 2}}));
  const auto second = replay.take_finished()->back();
  ASSERT_EQ(second.changes.topics.size(), 1u);
  const TopicChange& change = second.changes.topics.begin()->second;
  EXPECT_EQ(change.before, first.image->topic("a"));
  EXPECT_EQ(change.partitions, std::vector{PartitionIndex(1)});
  EXPECT_EQ(change.after->partitions[1].leader_epoch, LeaderEpoch(2));
  EXPECT_EQ(change.after->partitions[1].partition_epoch, PartitionEpoch(2));
  EXPECT_EQ(change.before->partitions[1].leader_epoch, LeaderEpoch(0));
  ASSERT_TRUE(add(replay, {{wire::RemoveTopicRecord{.topic_id = topic_id(1)}, 0},
                           topic_record("a", 2),
                           partition(2, 0)}));
  const auto third = replay.take_finished()->back();
  EXPECT_EQ(third.changes.topics.size(), 2u);
  EXPECT_EQ(third.changes.topics.at(topic_id(1)).after, nullptr);
  EXPECT_EQ(third.changes.topics.at(topic_id(2)).before, nullptr);
  EXPECT_TRUE(third.changes.configs.contains({ConfigResourceType::topic, "a"}));
  EXPECT_TRUE(third.image->topic_configs("a").empty());
  EXPECT_EQ(third.image->partition_count(), 1u);
  ASSERT_TRUE(add(
      replay, {topic_record("gone", 9), {wire::RemoveTopicRecord{.topic_id = topic_id(9)}, 0}}));
  EXPECT_TRUE(replay.take_finished()->back().changes.topics.empty());
}

TEST(Delta, PlantedFaultsShowInKafkasOwnLog) {
  for (const char* name : {"metadata.keep_leader_epoch", "metadata.keep_configs_of_deleted"}) {
    const auto right = replay_log(testdata("kafka_restarts.log"), true);
    faults::set_mutant(name);
    EXPECT_FALSE(right->same_state(*replay_log(testdata("kafka_restarts.log"), true))) << name;
    faults::set_mutant("");
  }
}

TEST(Image, TenThousandPartitionsAreCheap) {
  LogReplay replay(Image::empty());
  std::vector<Record> records{topic_record("big", 1)};
  for (int32_t i = 0; i < 10'000; i++) records.push_back(partition(1, i));
  ASSERT_TRUE(add(replay, records));
  const auto image = replay.take_finished()->back().image;
  EXPECT_EQ(image->partition_count(), 10'000u);
  EXPECT_LE(sizeof(PartitionImage), 144u);
  for (int32_t i = 0; i < 1000; i++) {
    ASSERT_TRUE(add(replay, {topic_record("t" + std::to_string(i), 100 + static_cast<uint64_t>(i)),
                             partition(100 + static_cast<uint64_t>(i), 0)}));
    ASSERT_TRUE(replay.take_finished());
  }
}

TEST(NodeList, HoldsAnyLength) {
  for (int size = 0; size < 8; size++) {
    std::vector<int32_t> values;
    for (int i = 0; i < size; i++) values.push_back(i * 3);
    const NodeList list{std::span<const int32_t>(values)};
    NodeList copy = list;
    NodeList moved = std::move(copy);
    EXPECT_EQ(moved, list);
    EXPECT_EQ(moved.values(), values);
    copy = moved;
    moved = NodeList{NodeId(5)};
    EXPECT_EQ(copy, list);
    EXPECT_EQ(copy.without(NodeId(0)).size(), size == 0 ? 0u : static_cast<size_t>(size - 1));
  }
}

}  // namespace
}  // namespace partita::metadata
