#include "storage/partition_log.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log_fixture_test.h"
#include "storage/producer_state.h"

namespace partita::storage {
namespace {

class PartitionLogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(w.start()); }
  void restart_clean() {
    ASSERT_TRUE(w.stop());
    ASSERT_TRUE(w.start());
  }
  void check_filled(Offset first, Offset end, size_t value_bytes = 20) {
    const auto records = w.read_all();
    ASSERT_TRUE(records) << describe(records.error());
    EXPECT_EQ(values_of(*records), filled_values(first, end, value_bytes));
    Offset at = first;
    for (const LogRecord& record : *records) {
      EXPECT_EQ(record.offset, at);
      at = at.next();
    }
    w.log().check_invariants();
  }

  LogWorld w;
};

TEST_F(PartitionLogTest, APartitionWithoutRecordsHasNoFiles) {
  PartitionLog& log = w.log();
  EXPECT_TRUE(log.loaded());
  EXPECT_FALSE(log.has_files());
  EXPECT_EQ(w.shard().disk().list("/data/orders-0").error().code, Errc::not_found);
  const auto read = w.run(log.read(Offset(0), 100, Offset(10), true));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size, 0u);
  EXPECT_EQ(w.run(log.read(Offset(1), 100, Offset(10), true)).error().code,
            Errc::offset_out_of_range);
  EXPECT_EQ(w.logs().files().open_count(), 0u);
}

TEST_F(PartitionLogTest, AppendsAreReadBack) {
  w.fill(50);
  const auto result = w.append({.values = {"a", "b", "c"}}, LeaderEpoch(3));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->first_offset, Offset(50));
  EXPECT_EQ(result->last_offset, Offset(52));
  const auto records = w.read_all();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 53u);
  EXPECT_EQ(records->at(51), (LogRecord{Offset(51), kTestTime, LeaderEpoch(3), "b"}));
  EXPECT_EQ(w.log().latest_epoch(), LeaderEpoch(3));
  EXPECT_EQ(w.log().epoch_of(Offset(49)), LeaderEpoch(0));
}

TEST_F(PartitionLogTest, OneCallIsOneWrite) {
  w.fill(1);
  const uint64_t before = w.disk().calls(runtime::sim::DiskCall::write);
  std::vector<LeaderBatch> batches;
  for (int i = 0; i < 5; ++i) batches.push_back(leader_batch({.values = {"x"}}));
  ASSERT_TRUE(w.log().append_as_leader(batches, kTestEpoch, kTestTime));
  EXPECT_EQ(w.disk().calls(runtime::sim::DiskCall::write), before + 1);
  EXPECT_EQ(w.log().log_end_offset(), Offset(6));
}

TEST_F(PartitionLogTest, ReadsFromFilesWhatTheTailNoLongerHolds) {
  w.options.tail_ring_bytes = 4096;
  w.drop();
  w.config.segment_bytes = 20'000;
  ASSERT_TRUE(w.start());
  w.fill(600, 100);
  EXPECT_GT(w.log().segment_count(), 3u);
  EXPECT_LE(w.logs().tail().bytes(), 4096u);
  check_filled(Offset(0), Offset(600), 100);
  for (const int64_t at : {0, 1, 77, 300, 598, 599}) {
    const auto read = w.run(w.log().read(Offset(at), 1000, Offset(600), true));
    ASSERT_TRUE(read) << at;
    EXPECT_EQ(read->first_offset, Offset(at));
    EXPECT_EQ(parse_records(read->bytes).front().value,
              filled_values(Offset(at), Offset(at + 1), 100)[0]);
  }
}

TEST_F(PartitionLogTest, ReadLimits) {
  w.options.tail_ring_bytes = 0;
  w.drop();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.append(std::string(9000, 'a')));
  ASSERT_TRUE(w.append(std::string(100, 'b')));
  PartitionLog& log = w.log();
  EXPECT_EQ(w.run(log.read(Offset(0), 100, Offset(2), false))->size, 0u);
  EXPECT_EQ(w.run(log.read(Offset(0), 100, Offset(2), true))->next_offset, Offset(1));
  EXPECT_EQ(w.run(log.read(Offset(0), 1 << 20, Offset(1), true))->next_offset, Offset(1));
  EXPECT_EQ(w.run(log.read(Offset(0), 1 << 20, Offset(2), true))->next_offset, Offset(2));
  EXPECT_EQ(w.run(log.read(Offset(2), 100, Offset(2), true))->size, 0u);
  EXPECT_EQ(w.run(log.read(Offset(3), 100, Offset(2), true)).error().code,
            Errc::offset_out_of_range);
}

TEST_F(PartitionLogTest, SurvivesCleanRestartWithoutOpeningSegments) {
  w.config.segment_bytes = 5000;
  w.drop();
  ASSERT_TRUE(w.start());
  w.fill(200, 50);
  const size_t segments = w.log().segment_count();
  restart_clean();
  EXPECT_FALSE(w.log().loaded());
  EXPECT_EQ(w.log().log_end_offset(), Offset(200));
  EXPECT_EQ(w.logs().files().opens(), 0u);
  check_filled(Offset(0), Offset(200), 50);
  EXPECT_EQ(w.log().segment_count(), segments);
  w.fill(5, 50);
  restart_clean();
  check_filled(Offset(0), Offset(205), 50);
  EXPECT_TRUE(w.log().quarantined().empty());
}

TEST_F(PartitionLogTest, AKilledProcessLosesNothing) {
  for (const Durability durability : {Durability::fsync, Durability::interval, Durability::os}) {
    w.config.durability = durability;
    w.log().update_config(w.shared_config());
    const Offset first = w.log().log_end_offset();
    w.fill(30);
    w.kill();
    ASSERT_TRUE(w.start());
    check_filled(Offset(0), first + OffsetDelta(30));
  }
}

TEST_F(PartitionLogTest, FlushedRecordsSurviveAPowerCut) {
  w.fill(20);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(w.log().durable_end(), Offset(20));
  w.fill(20);
  w.power_cut();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.run(w.log().load()));
  const Offset end = w.log().log_end_offset();
  EXPECT_GE(end, Offset(20));
  EXPECT_EQ(w.log().durable_end(), end);
  check_filled(Offset(0), end);
}

TEST_F(PartitionLogTest, ProducersAnswerDuplicatesAlsoAfterRestart) {
  const BatchSpec spec{.values = {"a", "b"},
                       .producer_id = ProducerId(9),
                       .producer_epoch = ProducerEpoch(0),
                       .base_sequence = 0};
  ASSERT_TRUE(w.append(spec));
  for (int round = 0; round < 3; ++round) {
    const auto again = w.append(spec);
    ASSERT_TRUE(again) << describe(again.error());
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->first_offset, Offset(0));
    EXPECT_EQ(again->last_offset, Offset(1));
    EXPECT_EQ(w.log().log_end_offset(), Offset(2));
    BatchSpec gap = spec;
    gap.base_sequence = 5;
    EXPECT_EQ(w.append(gap).error().code, Errc::out_of_order_sequence_number);
    if (round == 0) {
      restart_clean();
    } else {
      w.kill();
      ASSERT_TRUE(w.start());
    }
    ASSERT_TRUE(w.run(w.log().load()));
  }
}

TEST_F(PartitionLogTest, LeaderEpochsWithAndWithoutRecords) {
  PartitionLog& log = w.log();
  using End = PartitionLog::EpochEnd;
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(0)), End());
  log.begin_leader_epoch(LeaderEpoch(2));
  EXPECT_FALSE(log.has_files());
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(2)), (End{LeaderEpoch(2), Offset(0)}));
  w.fill(10, 20, LeaderEpoch(2));
  log.begin_leader_epoch(LeaderEpoch(5));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(2)), (End{LeaderEpoch(2), Offset(10)}));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(3)), (End{LeaderEpoch(2), Offset(10)}));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(5)), (End{LeaderEpoch(5), Offset(10)}));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(6)), End());
  EXPECT_EQ(w.append("old", LeaderEpoch(2)).error().code, Errc::not_leader_or_follower);
  w.fill(5, 20, LeaderEpoch(5));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(2)), (End{LeaderEpoch(2), Offset(10)}));
  EXPECT_EQ(log.end_offset_for_epoch(LeaderEpoch(5)), (End{LeaderEpoch(5), Offset(15)}));
  restart_clean();
  ASSERT_TRUE(w.run(w.log().load()));
  EXPECT_EQ(w.log().end_offset_for_epoch(LeaderEpoch(4)), (End{LeaderEpoch(2), Offset(10)}));
}

TEST_F(PartitionLogTest, FollowersKeepOffsetsAndEpochs) {
  Buffer sent;
  sent.append(
      make_batch({.values = {"a", "b"}, .base_offset = Offset(0), .leader_epoch = LeaderEpoch(1)})
          .view());
  sent.append(
      make_batch({.values = {"c"}, .base_offset = Offset(5), .leader_epoch = LeaderEpoch(4)})
          .view());
  const auto result = w.log().append_as_follower(std::move(sent).freeze(), kTestTime);
  ASSERT_TRUE(result) << describe(result.error());
  EXPECT_EQ(result->last_offset, Offset(5));
  EXPECT_EQ(w.log().log_end_offset(), Offset(6));
  EXPECT_EQ(w.log().latest_epoch(), LeaderEpoch(4));
  const auto records = w.read_all();
  ASSERT_TRUE(records);
  EXPECT_EQ(records->at(2), (LogRecord{Offset(5), kTestTime, LeaderEpoch(4), "c"}));
  // An offset below the end, and bytes that are no batch.
  EXPECT_EQ(w.log()
                .append_as_follower(make_batch({.values = {"d"},
                                                .base_offset = Offset(5),
                                                .leader_epoch = LeaderEpoch(4)}),
                                    kTestTime)
                .error()
                .code,
            Errc::offset_out_of_range);
  EXPECT_EQ(
      w.log().append_as_follower(Bytes::copy_of(std::string(100, 'x')), kTestTime).error().code,
      Errc::corrupt_message);
  EXPECT_EQ(w.log()
                .append_as_follower(make_batch({.values = {"d"},
                                                .base_offset = Offset(6),
                                                .leader_epoch = LeaderEpoch(3)}),
                                    kTestTime)
                .error()
                .code,
            Errc::corrupt_message);
  EXPECT_EQ(w.log().log_end_offset(), Offset(6));
}

TEST_F(PartitionLogTest, TimestampsAreFound) {
  w.options.tail_ring_bytes = 0;
  w.drop();
  w.config.segment_bytes = 3000;
  w.config.index_interval_bytes = 300;
  ASSERT_TRUE(w.start());
  EXPECT_EQ(*w.run(w.log().offset_of_max_timestamp()), std::nullopt);
  for (int i = 0; i < 200; ++i) {
    // Now and then an old record, and one without a timestamp.
    WallTime at(kTestTime.ms() + i * 10);
    if (i % 17 == 3) at = WallTime(1000);
    if (i % 23 == 5) at = kNoTimestamp;
    ASSERT_TRUE(w.append({.values = {"v"}, .timestamp = at}));
  }
  EXPECT_GT(w.log().segment_count(), 2u);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      if (i % 17 == 3 || i % 23 == 5) continue;
      const WallTime wanted(kTestTime.ms() + i * 10);
      const auto found = w.run(w.log().offset_for_timestamp(wanted, Offset(200)));
      ASSERT_TRUE(found && *found) << i;
      EXPECT_EQ((**found).offset, Offset(i));
      EXPECT_EQ((**found).timestamp, wanted);
      EXPECT_EQ((**found).leader_epoch, kTestEpoch);
    }
    EXPECT_EQ((**w.run(w.log().offset_for_timestamp(WallTime(0), Offset(200)))).offset, Offset(0));
    EXPECT_EQ(*w.run(w.log().offset_for_timestamp(WallTime(kTestTime.ms() + 1990), Offset(199))),
              std::nullopt);
    EXPECT_EQ(*w.run(w.log().offset_for_timestamp(WallTime(kTestTime.ms() + 1991), Offset(200))),
              std::nullopt);
    EXPECT_EQ((**w.run(w.log().offset_of_max_timestamp())).offset, Offset(199));
    if (round == 0) restart_clean();
  }
}

TEST_F(PartitionLogTest, RollsByTimeToo) {
  w.config.segment_ms = 1000;
  w.drop();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.append({.values = {"a"}, .timestamp = kTestTime}));
  ASSERT_TRUE(w.append({.values = {"b"}, .timestamp = WallTime(kTestTime.ms() + 1000)}));
  EXPECT_EQ(w.log().segment_count(), 1u);
  ASSERT_TRUE(w.append({.values = {"c"}, .timestamp = WallTime(kTestTime.ms() + 1001)}));
  EXPECT_EQ(w.log().segment_count(), 2u);
}

TEST_F(PartitionLogTest, TruncationIsDurableAndForgetsLaterProducers) {
  w.config.segment_bytes = 2000;
  w.drop();
  ASSERT_TRUE(w.start());
  w.fill(100, 50);
  ASSERT_TRUE(w.append({.values = {"p"},
                        .producer_id = ProducerId(3),
                        .producer_epoch = ProducerEpoch(0),
                        .base_sequence = 0}));
  ASSERT_TRUE(w.flush());
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  ASSERT_TRUE(w.run(w.log().truncate_to(Offset(37))));
  EXPECT_EQ(w.log().log_end_offset(), Offset(37));
  EXPECT_FALSE(w.log().producers().find(ProducerId(3)));
  check_filled(Offset(0), Offset(37), 50);
  w.power_cut();
  ASSERT_TRUE(w.start());
  check_filled(Offset(0), Offset(37), 50);
  w.fill(10, 50);
  check_filled(Offset(0), Offset(47), 50);
  EXPECT_TRUE(w.log().quarantined().empty());
}

TEST_F(PartitionLogTest, TruncateFullyStartsElsewhere) {
  w.fill(30);
  ASSERT_TRUE(w.flush());
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  ASSERT_TRUE(w.run(w.log().truncate_fully_and_start_at(Offset(500))));
  EXPECT_EQ(w.log().log_start_offset(), Offset(500));
  w.fill(3);
  ASSERT_TRUE(w.flush());
  w.power_cut();
  ASSERT_TRUE(w.start());
  check_filled(Offset(500), Offset(503));
  ASSERT_TRUE(w.run(w.log().truncate_fully_and_start_at(Offset(10))));
  w.fill(2);
  ASSERT_TRUE(w.flush());
  w.power_cut();
  ASSERT_TRUE(w.start());
  check_filled(Offset(10), Offset(12));
}

TEST_F(PartitionLogTest, DeletedRecordsDoNotComeBack) {
  w.config.segment_bytes = 2000;
  w.drop();
  ASSERT_TRUE(w.start());
  w.fill(100, 50);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(w.run(w.log().delete_records(Offset(60))).error().code, Errc::offset_out_of_range);
  w.log().set_high_watermark(Offset(100));
  ASSERT_TRUE(w.run(w.log().delete_records(Offset(60))));
  EXPECT_EQ(w.log().log_start_offset(), Offset(60));
  EXPECT_EQ(w.run(w.log().read(Offset(59), 100, Offset(100), true)).error().code,
            Errc::offset_out_of_range);
  w.power_cut();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.run(w.log().load()));
  EXPECT_EQ(w.log().log_start_offset(), Offset(60));
}

TEST_F(PartitionLogTest, RetentionBySizeAndTime) {
  w.config.segment_bytes = 2000;
  w.config.retention_ms = -1;
  w.config.retention_bytes = 5000;
  w.drop();
  ASSERT_TRUE(w.start());
  w.fill(100, 50);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(*w.run(w.log().delete_old_segments(kTestTime)), 0u)
      << "nothing is below the high watermark";
  w.log().set_high_watermark(Offset(100));
  EXPECT_GT(*w.run(w.log().delete_old_segments(kTestTime)), 0u);
  EXPECT_GE(w.log().size_bytes(), 5000u);
  EXPECT_LT(w.log().size_bytes(), 7000u);
  EXPECT_GT(w.log().log_start_offset(), Offset(0));
  w.config.retention_ms = 1000;
  w.log().update_config(w.shared_config());
  EXPECT_EQ(*w.run(w.log().delete_old_segments(WallTime(kTestTime.ms() + 1000))), 0u);
  EXPECT_GT(*w.run(w.log().delete_old_segments(WallTime(kTestTime.ms() + 1001))), 0u);
  EXPECT_EQ(w.log().size_bytes(), 0u);
  EXPECT_EQ(w.log().log_start_offset(), Offset(100));
  w.fill(1);
  const auto files = w.shard().disk().list("/data/orders-0");
  ASSERT_TRUE(files);
  ASSERT_TRUE(w.run(w.logs().delete_due_files(w.shard().now() + 61s)));
  const auto left = w.shard().disk().list("/data/orders-0");
  ASSERT_TRUE(left);
  EXPECT_LT(left->size(), files->size());
  for (const DirectoryEntry& entry : *left)
    EXPECT_FALSE(entry.name.ends_with(".deleted")) << entry.name;
}

TEST_F(PartitionLogTest, AWallClockStepDeletesNothing) {
  w.config.segment_bytes = 2000;
  w.config.retention_ms = 1000;
  w.drop();
  ASSERT_TRUE(w.start());
  w.fill(100, 50);
  w.log().set_high_watermark(Offset(100));
  ASSERT_TRUE(w.flush());
  const Instant now = w.shard().now();
  EXPECT_EQ(*w.run(w.logs().delete_old_segments(now, kTestTime)), 0u);
  const WallTime later(kTestTime.ms() + int64_t{10} * 365 * 24 * 3600 * 1000);
  EXPECT_EQ(*w.run(w.logs().delete_old_segments(now + 5min, later)), 0u);
  EXPECT_GT(*w.run(w.logs().delete_old_segments(now + 10min, WallTime(later.ms() + 300'000))), 0u);
}

TEST_F(PartitionLogTest, AFullDiskIsOvercomeWithoutRestart) {
  w.fill(10);
  ASSERT_TRUE(w.flush());
  w.disk().plan({.call = runtime::sim::DiskCall::write,
                 .fault = runtime::sim::DiskFault::no_space,
                 .times = 2,
                 .path = ".log"});
  EXPECT_EQ(w.append("no").error().code, Errc::no_space);
  EXPECT_EQ(w.append("no").error().code, Errc::no_space);
  w.fill(10);
  ASSERT_TRUE(w.flush());
  check_filled(Offset(0), Offset(20));
  w.power_cut();
  ASSERT_TRUE(w.start());
  check_filled(Offset(0), Offset(20));
}

TEST_F(PartitionLogTest, AFailedSyncIsNeverForgiven) {
  w.fill(10);
  ASSERT_TRUE(w.flush());
  w.disk().plan({.call = runtime::sim::DiskCall::sync, .path = ".log"});
  w.fill(10);
  EXPECT_EQ(w.flush().error().code, Errc::kafka_storage_error);
  EXPECT_EQ(w.append("more").error().code, Errc::kafka_storage_error);
  EXPECT_EQ(w.flush().error().code, Errc::kafka_storage_error);
  EXPECT_EQ(w.run(w.log().read(Offset(0), 100, Offset(10), true)).error().code,
            Errc::kafka_storage_error);
  EXPECT_EQ(w.log().durable_end(), Offset(10));
}

TEST_F(PartitionLogTest, ADiskThatFailedTakesNoNewLogs) {
  const TopicPartition other{"other", PartitionIndex(0)};
  w.fill(1);
  w.disk().plan({.call = runtime::sim::DiskCall::sync, .path = ".log"});
  EXPECT_EQ(w.flush().error().code, Errc::kafka_storage_error);
  w.world().run_for(1s);
  ASSERT_TRUE(w.directory().failure());
  EXPECT_EQ(w.directory().failure()->code, Errc::io_error);
  EXPECT_EQ(w.append({.values = {"v"}}, kTestEpoch, other).error().code, Errc::kafka_storage_error);
  EXPECT_FALSE(w.log(other).has_files());
}

TEST_F(PartitionLogTest, ANameWhoseCheckpointsStayIsNotUsedAgain) {
  w.fill(10);
  ASSERT_TRUE(w.flush());
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  w.disk().plan({.call = runtime::sim::DiskCall::sync, .path = "checkpoint"});
  EXPECT_FALSE(w.run(w.logs().remove(kTestPartition)));
  EXPECT_EQ(w.append("new").error().code, Errc::kafka_storage_error);
}

TEST_F(PartitionLogTest, RemovedPartitionsLeaveNothingBehind) {
  w.fill(10);
  ASSERT_TRUE(w.flush());
  ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  ASSERT_TRUE(w.run(w.logs().remove(kTestPartition)));
  EXPECT_EQ(w.logs().find(kTestPartition), nullptr);
  w.power_cut();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.logs().find(kTestPartition), nullptr);
  // One of the same name begins from nothing, whatever the checkpoints said of the old one.
  w.fill(2);
  ASSERT_TRUE(w.flush());
  w.power_cut();
  ASSERT_TRUE(w.start());
  check_filled(Offset(0), Offset(2));
  EXPECT_TRUE(w.log().quarantined().empty());
}

TEST_F(PartitionLogTest, FewDescriptorsServeManyLogs) {
  w.options.open_files_max = 10;
  w.drop();
  ASSERT_TRUE(w.start());
  for (int round = 0; round < 3; ++round) {
    for (int32_t i = 0; i < 40; ++i) {
      ASSERT_TRUE(w.append({.values = {"v"}}, kTestEpoch, {"many", PartitionIndex(i)}));
    }
  }
  for (int32_t i = 0; i < 40; ++i) ASSERT_TRUE(w.flush({"many", PartitionIndex(i)}));
  EXPECT_LE(w.logs().files().open_count(), 10u);
  for (int32_t i = 0; i < 40; ++i) {
    EXPECT_EQ(w.log({"many", PartitionIndex(i)}).durable_end(), Offset(3));
  }
  // Many dirty logs cost one sync of the filesystem, not one each.
  EXPECT_GT(w.logs().flusher().metrics().filesystem_syncs, 0u);
  EXPECT_LT(w.logs().flusher().metrics().flushes, 40u);
}

TEST_F(PartitionLogTest, PlantedFaultsOfReadsAndAppendsAreFound) {
  const auto wrong_reads = [&] {
    w.drop();
    w.options.tail_ring_bytes = 0;
    w.config.index_interval_bytes = 100;
    EXPECT_TRUE(w.start());
    EXPECT_TRUE(w.run(w.log().load()));
    const Offset first = w.log().log_end_offset();
    w.fill(50);
    size_t wrong = 0;
    for (Offset at = first; at < w.log().log_end_offset(); at = at.next()) {
      const auto read = w.run(w.log().read(at, 100, w.log().log_end_offset(), true));
      wrong += !read || read->first_offset != at;
    }
    return wrong;
  };
  EXPECT_EQ(wrong_reads(), 0u);
  faults::set_mutant("storage.index_off_by_one");
  EXPECT_GT(wrong_reads(), 0u);
  faults::set_mutant("storage.append_duplicates");
  const BatchSpec spec{.values = {"a"},
                       .producer_id = ProducerId(9),
                       .producer_epoch = ProducerEpoch(0),
                       .base_sequence = 0};
  ASSERT_TRUE(w.append(spec));
  EXPECT_FALSE(w.append(spec)->duplicate);
  faults::set_mutant("storage.early_ack");
  EXPECT_GT(w.log().acknowledged_end(), w.log().durable_end());
  faults::set_mutant("");
}

}  // namespace
}  // namespace partita::storage
