#include "storage/flusher.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "storage/log_fixture_test.h"

namespace partita::storage {
namespace {

using runtime::sim::DiskCall;
using runtime::sim::DiskFault;

class Listener final : public FlushListener {
 public:
  void log_flushed() override { ++flushed; }
  void log_failed(const Error&) override { ++failed; }
  int flushed = 0;
  int failed = 0;
};

class FlusherTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(w.start()); }
  static TopicPartition name(int32_t index) { return {"many", PartitionIndex(index)}; }
  void append_to(int32_t index) {
    ASSERT_TRUE(w.append({.values = {"v"}}, kTestEpoch, name(index)));
  }
  const FlusherMetrics& metrics() { return w.logs().flusher().metrics(); }
  /// Nothing is left to be flushed.
  void settle() { w.world().run_for(1s); }

  LogWorld w;
};

TEST_F(FlusherTest, WhatArrivesDuringAFlushRidesTheNext) {
  w.fill(1);
  settle();
  const uint64_t before = metrics().flushes;
  // All of one turn of the loop ride one flush.
  w.fill(100);
  settle();
  EXPECT_EQ(metrics().flushes, before + 1);
  EXPECT_EQ(w.log().durable_end(), Offset(101));
  w.fill(1);
  w.world().run_for(20us);  // under way, and slower than that
  w.fill(50);
  settle();
  EXPECT_EQ(metrics().flushes, before + 3);
  EXPECT_EQ(w.log().durable_end(), Offset(152));
}

TEST_F(FlusherTest, FewFilesAreSyncedEachManyTogether) {
  for (int32_t i = 0; i < 8; ++i) append_to(i);
  settle();
  const FlusherMetrics first = metrics();
  for (int32_t i = 0; i < 3; ++i) append_to(i);
  settle();
  EXPECT_EQ(metrics().file_syncs, first.file_syncs + 3);
  EXPECT_EQ(metrics().filesystem_syncs, first.filesystem_syncs);
  for (int32_t i = 0; i < 8; ++i) append_to(i);
  settle();
  EXPECT_EQ(metrics().file_syncs, first.file_syncs + 3);
  EXPECT_EQ(metrics().filesystem_syncs, first.filesystem_syncs + 1);
  for (int32_t i = 0; i < 8; ++i)
    EXPECT_EQ(w.log(name(i)).durable_end(), w.log(name(i)).log_end_offset());
}

TEST_F(FlusherTest, ListenersHearOfEachFlushOnce) {
  Listener listener;
  w.log().set_listener(&listener);
  w.fill(3);
  EXPECT_EQ(listener.flushed, 0) << "never from inside an append";
  settle();
  EXPECT_EQ(listener.flushed, 1);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(listener.flushed, 1);
  w.log().set_listener(nullptr);
}

TEST_F(FlusherTest, AFailedSyncOfTheFilesystemFailsEveryLogWithUnflushedBytes) {
  append_to(7);
  settle();
  Listener listener;
  for (int32_t i = 0; i < 5; ++i) append_to(i);
  w.log(name(3)).set_listener(&listener);
  w.disk().plan({.call = DiskCall::sync_all, .fault = DiskFault::io_error});
  settle();
  for (int32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(w.log(name(i)).usable().error().code, Errc::kafka_storage_error);
    EXPECT_EQ(w.log(name(i)).durable_end(), Offset(0));
  }
  EXPECT_EQ(listener.failed, 1);
  EXPECT_EQ(listener.flushed, 0);
  EXPECT_TRUE(w.log(name(7)).usable());
  append_to(7);
  settle();
  EXPECT_EQ(w.log(name(7)).durable_end(), Offset(2));
  w.log(name(3)).set_listener(nullptr);
}

TEST_F(FlusherTest, ByIntervalTimeOrBytesFlush) {
  w.config.durability = Durability::interval;
  w.config.flush_interval = 100ms;
  w.config.flush_interval_bytes = 1000;
  w.log().update_config(w.shared_config());
  w.fill(1);
  EXPECT_EQ(w.log().acknowledged_end(), Offset(1));
  w.world().run_for(90ms);
  EXPECT_EQ(w.log().durable_end(), Offset(0));
  w.world().run_for(20ms);
  EXPECT_EQ(w.log().durable_end(), Offset(1));
  w.fill(1, 2000);
  w.world().run_for(20ms);
  EXPECT_EQ(w.log().durable_end(), Offset(2));
}

TEST_F(FlusherTest, TheOperatingSystemsModeFlushesAtRollsOnly) {
  w.config.durability = Durability::os;
  w.config.segment_bytes = 5000;
  w.log().update_config(w.shared_config());
  w.fill(1, 100);
  settle();
  const uint64_t after_first = metrics().flushes;
  w.fill(10, 100);
  settle();
  EXPECT_EQ(metrics().flushes, after_first);
  EXPECT_EQ(w.log().acknowledged_end(), Offset(11));
  w.fill(30, 100);
  settle();
  EXPECT_EQ(metrics().flushes, after_first + 1);
  EXPECT_GT(w.log().recovery_point(), Offset(11));
}

TEST_F(FlusherTest, AFlushWithoutRoomIsTriedAgain) {
  w.fill(1);
  settle();
  // The epoch file of the second epoch finds no room; nothing is lost or failed for it.
  w.disk().plan(
      {.call = DiskCall::write, .fault = DiskFault::no_space, .times = 2, .path = "leader-epoch"});
  ASSERT_TRUE(w.append("x", LeaderEpoch(5)));
  w.world().run_for(10ms);
  EXPECT_TRUE(w.log().usable());
  EXPECT_EQ(w.log().durable_end(), Offset(1));
  w.world().run_for(5s);
  EXPECT_EQ(w.log().durable_end(), Offset(2));
}

TEST_F(FlusherTest, FlushNowWaitsForWhatItSawAndNoMore) {
  w.fill(1);
  w.world().run_for(20us);
  w.fill(1);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(w.log().durable_end(), Offset(2));
  const uint64_t before = metrics().flushes;
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(metrics().flushes, before);
}

TEST_F(FlusherTest, StoppingEndsTheWait) {
  w.fill(1);
  w.disk().stall(10s);
  runtime::sim::Driven<Result<>> waiting;
  waiting.start(w.shard().executor(), w.logs().flusher().flush_now(w.log()));
  w.world().run_for(1ms);
  w.scope().close();
  w.world().run_for(30s);
  ASSERT_TRUE(waiting.ended());
  EXPECT_EQ(waiting.take().error().code, Errc::stopped);
}

}  // namespace
}  // namespace partita::storage
