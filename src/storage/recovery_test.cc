#include "storage/recovery.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "storage/log_fixture_test.h"
#include "storage/offset_checkpoint.h"
#include "storage/producer_state.h"

namespace partita::storage {
namespace {

using runtime::sim::DiskCall;
using runtime::sim::DiskFault;

constexpr size_t kValueBytes = 50;

/// Five segments of ten records or so, all synced; the recovery point is where a test puts it.
class RecoveryTest : public testing::Test {
 protected:
  void SetUp() override {
    w.config.segment_bytes = 1300;
    w.config.index_interval_bytes = 200;
    ASSERT_TRUE(w.start());
    w.fill(kRecords, kValueBytes);
    ASSERT_TRUE(w.flush());
    for (const auto& segment : log_files()) bases.push_back(segment);
    ASSERT_GE(bases.size(), 5u);
  }

  std::vector<Offset> log_files() {
    std::vector<Offset> found;
    for (const DirectoryEntry& entry : *w.shard().disk().list("/data/orders-0")) {
      if (const auto base = parse_segment_file_name(entry.name, kLogSuffix)) found.push_back(*base);
    }
    return found;
  }
  std::string path(size_t segment, std::string_view suffix) const {
    return "/data/orders-0/" + segment_file_name(bases[segment], suffix);
  }
  uint64_t position_of(Offset offset, size_t segment) const {
    return static_cast<uint64_t>((offset - bases[segment]).value()) * kBatchBytes;
  }
  void set_recovery_point(Offset offset) {
    ASSERT_TRUE(w.run(w.directory().write_checkpoints({{.name = kTestPartition,
                                                        .recovery_point = offset,
                                                        .log_start = Offset(0),
                                                        .high_watermark = Offset(0)}})));
  }
  void restart() {
    w.kill();
    ASSERT_TRUE(w.start());
  }
  size_t files_ending(std::string_view suffix) {
    size_t count = 0;
    for (const DirectoryEntry& entry : *w.shard().disk().list("/data/orders-0")) {
      count += entry.name.ends_with(suffix);
    }
    return count;
  }
  void expect_intact() {
    const auto records = w.read_all();
    ASSERT_TRUE(records) << describe(records.error());
    EXPECT_EQ(values_of(*records), filled_values(Offset(0), Offset(kRecords), kValueBytes));
    EXPECT_TRUE(w.log().quarantined().empty());
  }
  Errc read_error(Offset at) {
    const auto read = w.run(w.log().read(at, 100, w.log().log_end_offset(), true));
    return read ? Errc::unknown_server_error : read.error().code;
  }
  bool readable(Offset at) {
    const auto read = w.run(w.log().read(at, 100, w.log().log_end_offset(), true));
    return read && read->first_offset == at &&
           parse_records(read->bytes).front().value ==
               filled_values(at, at.next(), kValueBytes).front();
  }

  static constexpr int64_t kRecords = 55;
  static constexpr uint64_t kBatchBytes = 61 + 7 + kValueBytes;
  LogWorld w;
  std::vector<Offset> bases;
};

TEST_F(RecoveryTest, TheFixtureIsWhatItSays) {
  const auto contents = w.disk().contents(path(1, kLogSuffix));
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->size(), static_cast<uint64_t>((bases[2] - bases[1]).value()) * kBatchBytes);
}

TEST_F(RecoveryTest, ATornTailIsCutWhereverItIsTorn) {
  const size_t last = bases.size() - 1;
  const Offset torn(kRecords - 1);
  const uint64_t begin = position_of(torn, last);
  for (const bool zeros : {false, true}) {
    // The last byte of a record without headers is a zero anyway.
    for (uint64_t kept = 0; kept < kBatchBytes - 1; kept += zeros ? 13 : 7) {
      restart();
      auto file = w.shard().disk().open(path(last, kLogSuffix), OpenMode::write);
      ASSERT_TRUE(file);
      ASSERT_TRUE((*file)->truncate(begin + kept));
      // Bytes that a batch never had: zeros that the size was ahead of, or what the disk held
      // before.
      const std::string rest(kBatchBytes - kept, zeros ? '\0' : '\x5a');
      if (kept % 2 == 1) ASSERT_TRUE((*file)->write(begin + kept, as_bytes(rest)));
      file->reset();
      const auto records = w.read_all();
      ASSERT_TRUE(records) << describe(records.error());
      EXPECT_EQ(values_of(*records), filled_values(Offset(0), torn, kValueBytes)) << kept;
      EXPECT_EQ(w.log().log_end_offset(), torn);
      EXPECT_EQ(files_ending(".cut"), 0u);
      w.fill(1, kValueBytes);
      expect_intact();
      ASSERT_TRUE(w.flush());
    }
  }
}

TEST_F(RecoveryTest, CorruptionBelowTheRecoveryPointIsQuarantined) {
  const size_t last = bases.size() - 1;
  set_recovery_point(Offset(kRecords));
  const Offset bad = bases[last] + OffsetDelta(2);
  ASSERT_TRUE(w.disk().flip_bits(path(last, kLogSuffix), position_of(bad, last) + 70, 0x10));
  for (int round = 0; round < 3; ++round) {
    restart();
    ASSERT_TRUE(w.run(w.log().load()));
    EXPECT_EQ(w.log().log_end_offset(), Offset(kRecords + round));
    ASSERT_EQ(w.log().quarantined(), (std::vector<OffsetRange>{{bad, bad.next()}})) << round;
    EXPECT_EQ(read_error(bad), Errc::kafka_storage_error);
    EXPECT_TRUE(readable(bad - OffsetDelta(1)));
    EXPECT_TRUE(readable(bad.next()));
    EXPECT_TRUE(readable(Offset(0)));
    w.fill(1, kValueBytes);
    ASSERT_TRUE(w.flush());
  }
}

TEST_F(RecoveryTest, AMiddleSegmentIsNeverTheEndOfTheLog) {
  set_recovery_point(Offset(kRecords));
  const Offset bad = bases[1] + OffsetDelta(3);
  // The length field: nothing behind it in this segment can be found by walking.
  ASSERT_TRUE(w.disk().flip_bits(path(1, kLogSuffix), position_of(bad, 1) + 8, 0x7f));
  restart();
  ASSERT_TRUE(w.run(w.log().load()));
  EXPECT_EQ(w.log().log_end_offset(), Offset(kRecords));
  EXPECT_EQ(log_files(), bases);
  EXPECT_EQ(read_error(bad), Errc::kafka_storage_error);
  EXPECT_TRUE(readable(bases[1]));
  EXPECT_TRUE(readable(bases[2]));
  EXPECT_TRUE(readable(Offset(kRecords - 1)));
  w.fill(3, kValueBytes);
  EXPECT_TRUE(readable(Offset(kRecords)));
}

TEST_F(RecoveryTest, AMiddleSegmentAboveTheRecoveryPointCutsAndKeepsWhatFollows) {
  const Offset bad = bases[2] + OffsetDelta(1);
  ASSERT_TRUE(w.disk().flip_bits(path(2, kLogSuffix), position_of(bad, 2) + 65, 0x01));
  restart();
  const auto records = w.read_all();
  ASSERT_TRUE(records);
  EXPECT_EQ(values_of(*records), filled_values(Offset(0), bad, kValueBytes));
  // The rest of that segment, and each later one.
  EXPECT_EQ(files_ending(".cut"), bases.size() - 2);
  const auto kept =
      w.disk().contents(path(2, kLogSuffix) + "." + std::to_string(position_of(bad, 2)) + ".cut");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), static_cast<uint64_t>((bases[3] - bad).value()) * kBatchBytes);
  EXPECT_TRUE(w.log().quarantined().empty());
}

TEST_F(RecoveryTest, WhatIsMissingBelowTheRecoveryPointIsNeverGivenAgain) {
  set_recovery_point(Offset(kRecords));
  const size_t last = bases.size() - 1;
  const Offset lost = bases[last] + OffsetDelta(1);
  auto file = w.shard().disk().open(path(last, kLogSuffix), OpenMode::write);
  ASSERT_TRUE((*file)->truncate(position_of(lost, last)));
  file->reset();
  for (int round = 0; round < 2; ++round) {
    restart();
    ASSERT_TRUE(w.run(w.log().load()));
    EXPECT_EQ(w.log().log_end_offset(), Offset(kRecords + round));
    EXPECT_TRUE(readable(lost - OffsetDelta(1)));
    if (round == 0) EXPECT_EQ(read_error(lost), Errc::kafka_storage_error);
    w.fill(1, kValueBytes);
    EXPECT_TRUE(readable(Offset(kRecords + round)));
    ASSERT_TRUE(w.flush());
    ASSERT_TRUE(w.run(w.logs().write_checkpoints()));
  }
}

TEST_F(RecoveryTest, BadIndexesAreMadeAnew) {
  const std::vector<std::string> contents = {
      "", "x", std::string(8 * 4, '\0'), std::string(8 * 4, '\xff'), std::string(12 * 5, '\x01')};
  for (const bool clean : {false, true}) {
    for (const std::string& garbage : contents) {
      for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
        ASSERT_TRUE(w.run(w.log().load()));
        set_recovery_point(Offset(kRecords));
        if (clean) {
          ASSERT_TRUE(w.stop());
          ASSERT_TRUE(w.start());
        }
        for (const size_t segment : {size_t{1}, bases.size() - 1}) {
          auto file = w.shard().disk().open(path(segment, suffix), OpenMode::create_or_open);
          ASSERT_TRUE(file);
          ASSERT_TRUE((*file)->truncate(0));
          ASSERT_TRUE((*file)->write(0, as_bytes(garbage)));
        }
        if (!clean) restart();
        expect_intact();
        for (int64_t at = 0; at < kRecords; at += 3) EXPECT_TRUE(readable(Offset(at))) << at;
      }
    }
  }
  for (const char* suffix : {".index", ".timeindex"}) {
    ASSERT_TRUE(w.shard().disk().unlink(path(0, suffix)));
  }
  restart();
  expect_intact();
}

TEST_F(RecoveryTest, GarbageBesideTheLogIsDoneWithout) {
  ASSERT_TRUE(w.append({.values = {"p"},
                        .producer_id = ProducerId(5),
                        .producer_epoch = ProducerEpoch(1),
                        .base_sequence = 0},
                       LeaderEpoch(3)));
  ASSERT_TRUE(w.flush());
  const auto overwrite = [&](const std::string& file_path, std::string_view bytes) {
    auto file = w.shard().disk().open(file_path, OpenMode::create_or_open);
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->write(0, as_bytes(bytes)));
  };
  for (const std::string_view garbage : {"", "garbage", "0\n99\n1 2\n"}) {
    set_recovery_point(Offset(kRecords));
    w.kill();
    overwrite("/data/orders-0/leader-epoch-checkpoint", garbage);
    for (const Offset base : bases) {
      if (base == Offset(0)) continue;
      overwrite("/data/orders-0/" + producer_snapshot_name(base), garbage);
    }
    overwrite("/data/recovery-point-offset-checkpoint", garbage);
    overwrite("/data/log-start-offset-checkpoint", garbage);
    overwrite("/data/replication-offset-checkpoint", garbage);
    ASSERT_TRUE(w.start());
    ASSERT_TRUE(w.run(w.log().load()));
    EXPECT_EQ(w.log().log_start_offset(), Offset(0));
    EXPECT_EQ(w.log().log_end_offset(), Offset(kRecords + 1));
    EXPECT_EQ(w.log().epoch_of(Offset(kRecords)), LeaderEpoch(3));
    EXPECT_EQ(w.log().epoch_of(Offset(0)), kTestEpoch);
    EXPECT_TRUE(w.log().producers().find(ProducerId(5)));
  }
}

TEST_F(RecoveryTest, AnErrorOfTheDiskTruncatesNothing) {
  size_t failed = 0;
  // Each read, write and open of a recovery fails in turn, with each kind of error.
  for (const DiskCall call : {DiskCall::read, DiskCall::write, DiskCall::open, DiskCall::truncate,
                              DiskCall::sync, DiskCall::unlink}) {
    for (const DiskFault fault : {DiskFault::io_error, DiskFault::no_space}) {
      for (uint64_t nth = 1; nth <= 12; ++nth) {
        restart();
        w.disk().clear_planned();
        w.disk().plan({.call = call, .fault = fault, .nth = nth, .times = 3, .path = "orders-0"});
        const Result<> loaded = w.run(w.log().load());
        w.disk().clear_planned();
        failed += !loaded;
        if (!loaded) EXPECT_EQ(loaded.error().code, Errc::kafka_storage_error);
        restart();
        expect_intact();
      }
    }
  }
  EXPECT_GT(failed, 20u);
}

TEST_F(RecoveryTest, AnUnreadableSectorFailsTheDirectory) {
  ASSERT_TRUE(w.disk().make_unreadable(path(bases.size() - 1, kLogSuffix), 100, 512));
  restart();
  EXPECT_EQ(w.run(w.log().load()).error().code, Errc::kafka_storage_error);
  EXPECT_TRUE(w.directory().failure());
  EXPECT_EQ(w.disk().contents(path(bases.size() - 1, kLogSuffix))->size() % kBatchBytes, 0u);
  EXPECT_EQ(log_files(), bases);
}

TEST_F(RecoveryTest, ACleanStopIsNotBelievedAgainstTheFiles) {
  ASSERT_TRUE(w.stop());
  const size_t last = bases.size() - 1;
  w.node().crash(runtime::sim::CrashMode::kill);
  w.node().restart();
  auto file = w.shard().disk().open(path(last, kLogSuffix), OpenMode::write);
  ASSERT_TRUE((*file)->truncate(position_of(Offset(kRecords - 1), last) + 5));
  file->reset();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.run(w.log().load()));
  // The stop said that the record was on disk: it is lost, and its offset is not given again.
  EXPECT_EQ(w.log().log_end_offset(), Offset(kRecords));
  EXPECT_EQ(read_error(Offset(kRecords - 1)), Errc::kafka_storage_error);
}

TEST_F(RecoveryTest, LeftoversOfOthersAreResolved) {
  const auto disk = [&]() -> Disk& { return w.shard().disk(); };
  const auto put = [&](const std::string& name, ByteView bytes) {
    auto file = disk().open("/data/orders-0/" + name, OpenMode::create_or_open);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write(0, bytes));
  };
  const Bytes second = *w.disk().contents(path(1, kLogSuffix));
  put("00000000000000000000.log.deleted", as_bytes("x"));
  put("00000000000000000003.log.cleaned", as_bytes("x"));
  put("leader-epoch-checkpoint.tmp", as_bytes("x"));
  put("99999999999999999999.log", as_bytes("x"));  // beyond any offset: not ours
  put("00000000000000000777.index", as_bytes("12345678"));
  // A compaction that was done but for the last rename: it replaces segment 1.
  ASSERT_TRUE(disk().unlink("/data/orders-0/00000000000000000003.log.cleaned"));
  put(segment_file_name(bases[1], ".log.swap"), second.view());
  restart();
  expect_intact();
  for (const char* suffix : {".deleted", ".cleaned", ".tmp", ".swap"}) {
    EXPECT_EQ(files_ending(suffix), 0u) << suffix;
  }
  EXPECT_FALSE(disk().stat("/data/orders-0/00000000000000000777.index"));
  // A swap above a .cleaned belongs to a compaction that never finished: the originals stand.
  put(segment_file_name(bases[1], ".log.swap"), as_bytes("unfinished"));
  put(segment_file_name(bases[0], ".log.cleaned"), as_bytes("unfinished"));
  restart();
  expect_intact();
  EXPECT_EQ(files_ending(".swap"), 0u);
}

}  // namespace
}  // namespace partita::storage
