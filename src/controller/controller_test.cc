// A whole controller over raft on a simulated disk, asked through its channel.

#include "controller/controller.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "controller/format.h"
#include "controller/local_channel.h"
#include "metadata/features.h"
#include "metadata/image_records.h"
#include "runtime/sim/crash_enumerator.h"
#include "runtime/sim/world.h"
#include "wire/error_code.h"

namespace partita::controller {
namespace {

using runtime::sim::CrashEnumerator;
using runtime::sim::CrashPoint;
using runtime::sim::DiskImage;
using runtime::sim::SimNode;
using runtime::sim::SimWorld;

const raft::ReplicaKey kSelf{NodeId(1), Uuid::from_random(3, 4)};
const std::string kCluster = "MkU3OEVBNTcwNTJENDM2Qg";

class ControllerWorld {
 public:
  explicit ControllerWorld(DiskImage image = {})
      : world_(1), node_(world_.add_node({.image = std::move(image)})) {}
  ~ControllerWorld() { drop(); }

  Result<> format() {
    Shard& shard = node_.shard();
    const auto made = shard.disk().make_directory("/data");
    if (!made && made.error().code != Errc::already_exists) return made;
    CHECKED(run(sync_directory(shard.executor(), shard.disk(), "/")));
    return run(format_directory(
        shard.executor(), shard.disk(),
        {"/data", {{.key = kSelf, .endpoints = {{"CONTROLLER", "127.0.0.1", 9093}}}}},
        WallTime(1)));
  }
  Result<> start() {
    scope_ = std::make_unique<Scope>(node_.shard());
    const Log log(null_log_sink(), "test");
    TRY(directory_, run(storage::LogDirectory::open(*scope_, {.path = "/data"}, log)));
    std::optional<storage::FoundPartition> metadata;
    for (storage::FoundPartition& found : directory_->take_found()) {
      if (found.name.topic == raft::kMetadataTopic) metadata = std::move(found);
    }
    TRY(raft_, run(raft::RaftNode::open(*scope_, *directory_, std::move(metadata),
                                        {.self = kSelf, .cluster_id = kCluster}, log)));
    ControllerOptions options{.settings = {.cluster_id = kCluster, .self = NodeId(1)},
                              .snapshot_bytes = snapshot_bytes};
    Shard& shard = node_.shard();
    TRY(options.settings.bootstrap, run(read_bootstrap(shard.executor(), shard.disk(), "/data")));
    controller_ = std::make_unique<Controller>(*scope_, *raft_, std::move(options), log);
    channel_ = std::make_unique<LocalChannel>(*controller_);
    return run(controller_->start());
  }
  void drop() {
    if (!scope_) return;
    scope_->close();
    world_.run(node_.shard(), scope_->join());
    channel_.reset();
    controller_.reset();
    raft_.reset();
    directory_.reset();
    scope_.reset();
  }
  /// Registered and unfenced.
  Result<> join(int64_t previous_epoch = -1) {
    wire::BrokerRegistrationRequest request;
    request.broker_id = 1;
    request.cluster_id = kCluster;
    request.incarnation_id = Uuid::from_random(5, ++incarnations_);
    request.listeners.push_back({"PLAINTEXT", "localhost", 9092, 0});
    for (const auto& [name, range] : metadata::supported_features())
      request.features.push_back({name, range.min, range.max});
    request.rack = std::nullopt;
    request.log_dirs = {kSelf.directory};
    request.previous_broker_epoch = previous_epoch;
    TRY(const auto registered, run(channel_->broker_registration(request)));
    if (const auto error = wire::errc_of(registered.error_code)) return fail(*error);
    epoch = registered.broker_epoch;
    TRY(const auto beat,
        run(channel_->broker_heartbeat(
            {.broker_id = 1, .broker_epoch = epoch, .current_metadata_offset = epoch})));
    return beat.is_fenced ? Result<>(fail(Errc::unknown_server_error, "still fenced")) : Result<>();
  }
  int16_t create(const std::string& name, int32_t partitions) {
    const auto response = run(channel_->create_topics(
        {.topics = {{.name = name, .num_partitions = partitions, .replication_factor = 1}}}));
    return response ? response->topics[0].error_code : int16_t{-2};
  }
  /// What a broker that starts now learns through the channel.
  std::shared_ptr<const metadata::Image> observed() {
    metadata::LogReplay replay(metadata::Image::empty());
    auto image = metadata::Image::empty();
    int32_t last_epoch = 0;
    while (replay.next_offset() < raft_->high_watermark()) {
      wire::FetchRequest request;
      request.topics.push_back({.topic_id = kMetadataTopicId,
                                .partitions = {{.fetch_offset = replay.next_offset().value(),
                                                .last_fetched_epoch = last_epoch,
                                                .partition_max_bytes = 1 << 20}}});
      const auto response = run(channel_->fetch(std::move(request)));
      EXPECT_TRUE(response);
      const auto& told = response->responses[0].partitions[0];
      EXPECT_EQ(told.error_code, 0);
      if (told.snapshot_id.end_offset >= 0) {
        wire::FetchSnapshotRequest wanted;
        wanted.topics.push_back({.name = raft::kMetadataTopic,
                                 .partitions = {{.snapshot_id = {told.snapshot_id.end_offset,
                                                                 told.snapshot_id.epoch}}}});
        const auto part = run(channel_->fetch_snapshot(wanted));
        EXPECT_TRUE(part);
        EXPECT_TRUE(replay.load_snapshot(part->topics[0].partitions[0].unaligned_records[0].view(),
                                         Offset(told.snapshot_id.end_offset),
                                         LeaderEpoch(told.snapshot_id.epoch)));
        last_epoch = told.snapshot_id.epoch;
      } else {
        EXPECT_FALSE(told.records->empty());
        if (told.records->empty()) break;
        records::BatchIterator batches(told.records->front().view());
        while (const auto batch = *batches.next()) {
          EXPECT_TRUE(replay.add(*batch));
          last_epoch = batch->partition_leader_epoch().value();
        }
      }
      const auto finished = replay.take_finished();
      EXPECT_TRUE(finished);
      if (!finished->empty()) image = finished->back().image;
    }
    return image;
  }

  template <class T>
  T run(Task<T> task) {
    return world_.run(node_.shard(), std::move(task));
  }
  void let_pass(Duration duration) { (void)run(sleep_for(*scope_, duration)); }
  Controller& controller() { return *controller_; }
  LocalChannel& channel() { return *channel_; }
  raft::RaftNode& raft() { return *raft_; }
  runtime::sim::SimDisk& disk() { return node_.disk(); }

  uint64_t snapshot_bytes = uint64_t{20} << 20;
  int64_t epoch = -1;

 private:
  SimWorld world_;
  SimNode& node_;
  std::unique_ptr<Scope> scope_;
  std::unique_ptr<storage::LogDirectory> directory_;
  std::unique_ptr<raft::RaftNode> raft_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<LocalChannel> channel_;
  uint64_t incarnations_ = 0;
};

TEST(Controller, AnEmptyDirectoryBecomesAClusterWithATopic) {
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  EXPECT_TRUE(w.controller().active());
  // LeaderChange, KRaftVersion, Voters; the bootstrap transaction of nine; RegisterController.
  EXPECT_EQ(w.raft().high_watermark(), Offset(13));
  ASSERT_TRUE(w.join());
  EXPECT_EQ(w.create("first", 3), 0);
  const auto seen = w.observed();
  EXPECT_TRUE(seen->same_state(*w.controller().machine().image()));
  EXPECT_EQ(seen->topic("first")->partitions.size(), 3u);
  EXPECT_TRUE(seen->broker(NodeId(1))->active());
  EXPECT_EQ(w.create("first", 3), wire::error_code(Errc::topic_already_exists));
}

TEST(Controller, ARestartFindsWhatWasAnswered) {
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.join());
  EXPECT_EQ(w.create("kept", 2), 0);
  const auto before = w.controller().machine().image();
  const int64_t epoch = w.epoch;
  w.drop();
  ASSERT_TRUE(w.start());
  EXPECT_NE(w.controller().machine().image()->topic("kept"), nullptr);
  EXPECT_EQ(w.controller().machine().image()->next_producer_id(), before->next_producer_id());
  ASSERT_TRUE(w.join(epoch));
  EXPECT_TRUE(w.observed()->same_state(*w.controller().machine().image()));
}

TEST(Controller, LargeCreationsAreOneTransaction) {
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.join());
  EXPECT_EQ(w.create("huge", 25'000), 0);
  EXPECT_EQ(w.observed()->partition_count(), 25'000u);
  w.drop();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.controller().machine().image()->partition_count(), 25'000u);
}

TEST(Controller, SnapshotsKeepTheLogShort) {
  ControllerWorld w;
  w.snapshot_bytes = 20'000;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.join());
  for (int i = 0; i < 200; i++) ASSERT_EQ(w.create("topic" + std::to_string(i), 2), 0);
  w.let_pass(1s);
  EXPECT_GT(w.raft().log_start(), Offset(0));
  EXPECT_LT(w.raft().bytes_since_snapshot(), 40'000u);
  EXPECT_TRUE(w.observed()->same_state(*w.controller().machine().image()));
  w.drop();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.controller().machine().image()->topic_count(), 200u);
  ASSERT_TRUE(w.join());
  EXPECT_EQ(w.create("one more", 1), wire::error_code(Errc::invalid_topic_exception));
  EXPECT_EQ(w.create("one-more", 1), 0);
  EXPECT_EQ(w.observed()->topic_count(), 201u);
}

TEST(Controller, NothingIsWrittenWhileNobodyAsks) {
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  const Offset before = w.raft().log_end();
  w.let_pass(30s);
  EXPECT_EQ(w.raft().log_end(), before);
  ASSERT_TRUE(w.join());
  w.let_pass(30s);
  EXPECT_TRUE(w.observed()->broker(NodeId(1))->fenced);  // no heartbeat came
}

TEST(Controller, ADiskThatFailsEndsIt) {
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.join());
  w.disk().plan({.call = runtime::sim::DiskCall::sync,
                 .fault = runtime::sim::DiskFault::io_error,
                 .times = 100});
  EXPECT_EQ(w.create("lost", 1), -2);
  w.let_pass(1s);
  EXPECT_TRUE(w.controller().failure());
  EXPECT_EQ(w.create("more", 1), -2);
  w.disk().clear_planned();
}

/// Topics answered before a power cut that are gone after it, or nothing.
std::string first_loss() {
  ControllerWorld w;
  EXPECT_TRUE(w.format());
  EXPECT_TRUE(w.start());
  EXPECT_TRUE(w.join());
  w.disk().start_recording();
  std::vector<std::pair<uint64_t, std::string>> answered;
  for (int i = 0; i < 5; i++) {
    const std::string name = "topic" + std::to_string(i);
    EXPECT_EQ(w.create(name, 1), 0);
    answered.emplace_back(w.disk().log_position(), name);
  }
  std::string loss;
  CrashEnumerator(w.disk().take_recording())
      .for_each_while([&](const CrashPoint& point, const DiskImage& image) {
        ControllerWorld after(image);
        if (const auto started = after.start(); !started) {
          loss = point.to_string() + ": " + describe(started.error());
          return false;
        }
        for (const auto& [position, name] : answered) {
          if (position > point.log_position) continue;
          if (after.controller().machine().image()->topic(name) == nullptr)
            loss = point.to_string() + ": " + name + " is gone";
        }
        return loss.empty();
      });
  return loss;
}

TEST(Controller, NoPowerCutLosesWhatWasAnswered) {
  EXPECT_EQ(first_loss(), "");
}

TEST(Controller, PlantedFaultsAreFound) {
  for (const char* name : {"controller.early_answer", "raft.count_unflushed"}) {
    faults::set_mutant(name);
    EXPECT_NE(first_loss(), "") << name;
    faults::set_mutant("");
  }
  ControllerWorld w;
  ASSERT_TRUE(w.format());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.join());
  faults::set_mutant("controller.unfinished_transaction");
  EXPECT_EQ(w.create("huge", 25'000), 0);
  faults::set_mutant("");
  w.drop();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.controller().machine().image()->topic("huge"), nullptr);
}

}  // namespace
}  // namespace partita::controller
