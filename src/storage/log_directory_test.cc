#include "storage/log_directory.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "storage/log_fixture_test.h"
#include "storage/offset_checkpoint.h"

namespace partita::storage {
namespace {

class LogDirectoryTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(w.start()); }
  void put(const std::string& path, std::string_view text) {
    auto file = w.shard().disk().open(path, OpenMode::create_or_open);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write(0, as_bytes(text)));
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const DirectoryEntry& entry : *w.shard().disk().list("/data")) all.push_back(entry.name);
    return all;
  }
  LogWorld w;
};

TEST_F(LogDirectoryTest, OneProcessAtATime) {
  Scope scope(w.shard());
  const auto second =
      w.run(LogDirectory::open(scope, {.path = "/data"}, Log(null_log_sink(), "test")));
  EXPECT_EQ(second.error().code, Errc::locked);
}

TEST_F(LogDirectoryTest, MetaPropertiesStay) {
  EXPECT_FALSE(w.directory().meta_properties());
  const MetaProperties written{
      .node_id = NodeId(3), .cluster_id = "abc", .directory_id = kTestTopicId};
  ASSERT_TRUE(w.run(w.directory().write_meta_properties(written)));
  w.power_cut();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.directory().meta_properties(), written);
  w.power_cut();
  put("/data/meta.properties", "version=9\n");
  EXPECT_EQ(w.start().error().code, Errc::corrupt_data);
}

TEST_F(LogDirectoryTest, TheMarkerTellsCleanFromUnclean) {
  EXPECT_FALSE(w.directory().clean_shutdown_epoch());
  w.fill(3);
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.directory().clean_shutdown_epoch(), BrokerEpoch(7));
  EXPECT_TRUE(w.log().clean());
  w.kill();
  ASSERT_TRUE(w.start());
  EXPECT_FALSE(w.directory().clean_shutdown_epoch());
  EXPECT_FALSE(w.log().clean());
}

TEST_F(LogDirectoryTest, StrangersAreLeftAloneAndStraysKeptApart) {
  w.fill(2);
  ASSERT_TRUE(w.flush());
  w.kill();
  Disk& disk = w.shard().disk();
  for (const char* name :
       {"/data/lost+found", "/data/other-x", "/data/-3", "/data/t-007",
        "/data/deleted-0.0123456789abcdef0123456789abcdef-delete", "/data/orders-1"}) {
    ASSERT_TRUE(disk.make_directory(name));
  }
  put("/data/deleted-0.0123456789abcdef0123456789abcdef-delete/00000000000000000000.log", "x");
  put("/data/orders-1/partition.metadata", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAEw\n");
  put("/data/replication-offset-checkpoint.tmp", "x");
  ASSERT_TRUE(w.start());
  ASSERT_EQ(w.strays.size(), 1u);
  EXPECT_EQ(w.strays[0].name.to_string(), "orders-1");
  ASSERT_TRUE(w.run(w.logs().set_aside(w.strays[0])));
  const auto left = names();
  EXPECT_TRUE(std::ranges::any_of(
      left, [](const auto& n) { return n.starts_with("orders-1.") && n.ends_with("-stray"); }));
  EXPECT_TRUE(std::ranges::none_of(left, [](const auto& n) {
    return n == "orders-1" || n.ends_with("-delete") || n.ends_with(".tmp");
  }));
  EXPECT_TRUE(std::ranges::count(left, "lost+found") == 1);
  EXPECT_TRUE(std::ranges::count(left, "t-007") == 1);
  EXPECT_EQ(w.logs().logs().size(), 1u);
}

TEST_F(LogDirectoryTest, CheckpointsAreWrittenWhereSomethingChanged) {
  w.fill(5);
  ASSERT_TRUE(w.flush());
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  const uint64_t syncs = w.disk().calls(runtime::sim::DiskCall::sync);
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  EXPECT_EQ(w.disk().calls(runtime::sim::DiskCall::sync), syncs);
  const auto entries =
      decode_offset_checkpoint(w.disk().contents("/data/recovery-point-offset-checkpoint")->view());
  ASSERT_TRUE(entries);
  EXPECT_EQ(*entries,
            (std::vector<OffsetCheckpointEntry>{
                {.topic = "orders", .partition = PartitionIndex(0), .offset = Offset(5)}}));
}

TEST_F(LogDirectoryTest, ManyWritersShareAWrite) {
  std::vector<std::unique_ptr<runtime::sim::Driven<Result<>>>> writes;
  const uint64_t renames = w.disk().calls(runtime::sim::DiskCall::rename);
  for (int32_t i = 0; i < 100; ++i) {
    writes.push_back(std::make_unique<runtime::sim::Driven<Result<>>>());
    writes.back()->start(w.shard().executor(),
                         w.directory().write_log_start({"t", PartitionIndex(i)}, Offset(i + 1)));
  }
  w.world().run_for(5s);
  for (auto& write : writes) {
    ASSERT_TRUE(write->ended());
    EXPECT_TRUE(write->take());
  }
  EXPECT_LE(w.disk().calls(runtime::sim::DiskCall::rename), renames + 2);
}

TEST_F(LogDirectoryTest, ACheckpointOfAllLogsTakesNothingBack) {
  // While a cut waits for its own checkpoint, at whatever point, one of all logs comes.
  for (int delay_us = 0; delay_us < 1500; delay_us += 50) {
    LogWorld at;
    at.config.segment_bytes = 1000;
    ASSERT_TRUE(at.start());
    at.fill(40);
    ASSERT_TRUE(at.flush());
    at.log().set_high_watermark(Offset(40));
    ASSERT_TRUE(at.run(at.logs().write_checkpoints()));
    const bool truncate = delay_us % 100 == 0;
    runtime::sim::Driven<Result<>> cut;
    cut.start(at.shard().executor(),
              truncate ? at.log().truncate_to(Offset(15)) : at.log().delete_records(Offset(25)));
    at.world().run_for(std::chrono::microseconds(delay_us));
    ASSERT_TRUE(at.run(at.logs().write_checkpoints()));
    at.world().run_for(1s);
    ASSERT_TRUE(cut.ended());
    ASSERT_TRUE(cut.take());
    at.power_cut();
    ASSERT_TRUE(at.start());
    ASSERT_TRUE(at.run(at.log().load()));
    EXPECT_TRUE(at.log().quarantined().empty()) << delay_us;
    EXPECT_EQ(at.log().log_end_offset(), Offset(truncate ? 15 : 40)) << delay_us;
    EXPECT_EQ(at.log().log_start_offset(), Offset(truncate ? 0 : 25)) << delay_us;
  }
}

TEST_F(LogDirectoryTest, TwoMovesOfALogStartEndWithTheHigher) {
  w.fill(40);
  ASSERT_TRUE(w.flush());
  w.log().set_high_watermark(Offset(40));
  runtime::sim::Driven<Result<>> higher;
  runtime::sim::Driven<Result<>> lower;
  higher.start(w.shard().executor(), w.log().delete_records(Offset(30)));
  w.world().run_for(20us);
  lower.start(w.shard().executor(), w.log().delete_records(Offset(10)));
  w.world().run_for(1s);
  ASSERT_TRUE(higher.ended() && lower.ended());
  EXPECT_TRUE(higher.take());
  EXPECT_TRUE(lower.take());
  EXPECT_EQ(w.log().log_start_offset(), Offset(30));
  w.power_cut();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.run(w.log().load()));
  EXPECT_EQ(w.log().log_start_offset(), Offset(30));
}

TEST_F(LogDirectoryTest, AFailedCheckpointTakesTheDirectoryOffline) {
  w.fill(5);
  w.log().set_high_watermark(Offset(5));
  w.disk().plan({.call = runtime::sim::DiskCall::sync, .path = "log-start"});
  EXPECT_FALSE(w.run(w.log().delete_records(Offset(3))));
  EXPECT_EQ(w.log().log_start_offset(), Offset(0))
      << "it moves only when the checkpoint is durable";
  EXPECT_TRUE(w.directory().failure());
  EXPECT_EQ(w.run(w.logs().write_checkpoints()).error().code, Errc::kafka_storage_error);
}

TEST_F(LogDirectoryTest, IdlePartitionsCostLittle) {
  EXPECT_LE(sizeof(PartitionLog), 400u);
  for (int32_t i = 0; i < 10'000; ++i) {
    PartitionLog& log = w.logs().create({"t", PartitionIndex(i)}, kTestTopicId, w.shared_config());
    log.begin_leader_epoch(LeaderEpoch(0));
    log.set_high_watermark(Offset(0));
  }
  EXPECT_EQ(names(), (std::vector<std::string>{".lock"}));
  EXPECT_EQ(w.logs().files().open_count(), 0u);
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  EXPECT_TRUE(w.logs().logs().empty());
}

}  // namespace
}  // namespace partita::storage
