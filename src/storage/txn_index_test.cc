// The transaction index: its bytes, its searches, and what a log's aborted transactions and last
// stable offset are across segments, restarts, kills, truncation and deletion.

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "storage/log_fixture_test.h"
#include "storage/producer_snapshot.h"
#include "storage/segment.h"
#include "storage/testdata_test.h"
#include "storage/transaction_index.h"

namespace partita::storage {
namespace {

using runtime::sim::DiskCall;
using runtime::sim::DiskFault;

AbortedTxn txn(int64_t producer, int64_t first, int64_t last, int64_t stable) {
  return {ProducerId(producer), Offset(first), Offset(last), Offset(stable)};
}

class TransactionIndexTest : public testing::Test {
 protected:
  void write_file(ByteView bytes) {
    auto file = node.shard().disk().open("/index", OpenMode::create_or_open);
    ASSERT_TRUE(file && (*file)->truncate(0) && (*file)->write(0, bytes));
  }
  Result<> open(Offset end = Offset(1000)) {
    return world.run(node.shard(), index.open(node.shard().executor(), end));
  }
  std::vector<AbortedTxn> collect(int64_t from, int64_t upper_bound, bool* complete = nullptr) {
    std::vector<AbortedTxn> found;
    const auto done = world.run(node.shard(), index.collect(node.shard().executor(), Offset(from),
                                                            Offset(upper_bound), found));
    EXPECT_TRUE(done);
    if (complete != nullptr) *complete = done.value_or(false);
    return found;
  }
  Result<> truncate(int64_t offset) {
    return world.run(node.shard(), index.truncate_to(node.shard().executor(), Offset(offset)));
  }

  runtime::sim::SimWorld world{1};
  runtime::sim::SimNode& node = world.add_node();
  OpenFiles files{node.shard().disk(), 10};
  TransactionIndex index{files, "/index", Offset(10)};
};

TEST_F(TransactionIndexTest, ReadsAndWritesWhatKafkaWrote) {
  const Bytes kafka = kafka_file("storage/testdata/txn-0.00000000000000000010.txnindex");
  write_file(kafka.view());
  ASSERT_TRUE(open());
  const std::vector<AbortedTxn> all = {txn(2, 11, 21, 22), txn(2, 33, 43, 44)};
  EXPECT_EQ(collect(0, 1000), all);
  TransactionIndex ours(files, "/ours", Offset(10));
  for (const AbortedTxn& one : all) ASSERT_TRUE(ours.append(one));
  const auto bytes = node.disk().contents("/ours");
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(equal(bytes->view(), kafka.view()));
}

TEST_F(TransactionIndexTest, FindsWhatOverlaps) {
  ASSERT_TRUE(index.append(txn(1, 11, 20, 12)));  // one that began at 12 is open
  ASSERT_TRUE(index.append(txn(2, 12, 30, 31)));
  ASSERT_TRUE(index.append(txn(1, 40, 50, 51)));
  bool complete = true;
  EXPECT_EQ(collect(10, 11, &complete), std::vector<AbortedTxn>{});
  EXPECT_TRUE(complete);
  EXPECT_EQ(collect(11, 12), std::vector{txn(1, 11, 20, 12)});
  EXPECT_EQ(collect(20, 21), (std::vector{txn(1, 11, 20, 12), txn(2, 12, 30, 31)}));
  EXPECT_EQ(collect(21, 40, &complete), std::vector{txn(2, 12, 30, 31)});
  EXPECT_TRUE(complete);
  EXPECT_EQ(collect(21, 41), (std::vector{txn(2, 12, 30, 31), txn(1, 40, 50, 51)}));
  EXPECT_EQ(collect(31, 90, &complete), std::vector{txn(1, 40, 50, 51)});
  EXPECT_FALSE(complete);
  EXPECT_TRUE(collect(51, 90).empty());
  const WithMutant mutant("storage.aborted_list_off_by_one");
  EXPECT_TRUE(collect(50, 51).empty());
}

TEST_F(TransactionIndexTest, SearchesManyEntries) {
  for (int64_t i = 0; i < 2000; ++i) {
    ASSERT_TRUE(index.append(txn(i, 20 + i * 3, 21 + i * 3, 22 + i * 3)));
  }
  for (int64_t i = 1; i < 2000; i += 97) {
    EXPECT_EQ(collect(20 + i * 3, 23 + i * 3),
              std::vector{txn(i, 20 + i * 3, 21 + i * 3, 22 + i * 3)});
    EXPECT_TRUE(collect(22 + i * 3, 23 + i * 3).empty());
  }
  EXPECT_EQ(collect(0, 100'000).size(), 2000u);
  ASSERT_TRUE(truncate(21 + 1500 * 3));
  EXPECT_EQ(index.entry_count(), 1500u);
  EXPECT_EQ(index.last_offset(), Offset(21 + 1499 * 3));
  ASSERT_TRUE(open(Offset(100'000)));
  EXPECT_EQ(index.entry_count(), 1500u);
}

TEST_F(TransactionIndexTest, WhatMakesNoSenseIsCorrupt) {
  const auto refused = [&](const AbortedTxn& one, Offset end = Offset(1000)) {
    write_file(encode_aborted_txn(one));
    const auto opened = open(end);
    return !opened && opened.error().code == Errc::corrupt_data;
  };
  EXPECT_FALSE(refused(txn(1, 11, 21, 22)));
  EXPECT_TRUE(refused(txn(-1, 11, 21, 22)));
  EXPECT_TRUE(refused(txn(1, -1, 21, 22)));
  EXPECT_TRUE(refused(txn(1, 21, 21, 22)));
  EXPECT_TRUE(refused(txn(1, 11, 21, 23)));
  EXPECT_TRUE(refused(txn(1, 11, 21, -1)));
  EXPECT_TRUE(refused(txn(1, 3, 9, 10)));  // below the segment
  EXPECT_TRUE(refused(txn(1, 11, 21, 22), Offset(21)));
  auto version = encode_aborted_txn(txn(1, 11, 21, 22));
  version[1] = 1;
  write_file(version);
  EXPECT_EQ(open().error().code, Errc::corrupt_data);
  Buffer twice;
  twice.append(encode_aborted_txn(txn(1, 11, 21, 22)));
  twice.append(encode_aborted_txn(txn(2, 12, 21, 22)));
  write_file(twice.view());
  EXPECT_EQ(open().error().code, Errc::corrupt_data);
  write_file(twice.view().first(40));
  EXPECT_EQ(open().error().code, Errc::corrupt_data);
}

TEST_F(TransactionIndexTest, AFullDiskLosesNothing) {
  ASSERT_TRUE(index.append(txn(1, 11, 21, 22)));
  node.disk().plan({.call = DiskCall::write, .fault = DiskFault::no_space});
  ASSERT_TRUE(index.append(txn(2, 22, 23, 24)));
  EXPECT_EQ(collect(0, 100), (std::vector{txn(1, 11, 21, 22), txn(2, 22, 23, 24)}));
  ASSERT_TRUE(index.append(txn(3, 25, 26, 27)));
  ASSERT_TRUE(open());
  EXPECT_EQ(collect(22, 100), (std::vector{txn(2, 22, 23, 24), txn(3, 25, 26, 27)}));
}

class LogTransactionsTest : public testing::Test {
 protected:
  void SetUp() override {
    w.config.segment_bytes = 900;
    ASSERT_TRUE(w.start());
  }
  void begin(int64_t producer) { ASSERT_TRUE(w.append_in_txn(ProducerId(producer), {"t"})); }
  void end(int64_t producer, bool commit) { ASSERT_TRUE(w.end_txn(ProducerId(producer), commit)); }
  /// 1 aborts over three segments, 2 commits, 3 aborts, 4 stays open.
  void make_history() {
    begin(1);
    w.fill(12, 40);
    begin(2);
    begin(3);
    end(2, true);
    w.fill(6, 40);
    end(3, false);
    w.fill(6, 40);
    end(1, false);
    begin(4);
    w.fill(3, 40);
    expected_ = {txn(3, 14, 22, 0), txn(1, 0, 29, 30)};
    ASSERT_GT(w.log().segment_count(), 3u);
    expect_history();
  }
  void expect_history() {
    ASSERT_TRUE(w.run(w.log().load()));
    const auto found = w.aborted(Offset(0), w.log().log_end_offset());
    ASSERT_TRUE(found) << describe(found.error());
    EXPECT_EQ(*found, expected_);
    w.log().check_invariants();
  }
  void expect_stable(int64_t offset) {
    w.log().set_high_watermark(w.log().log_end_offset());
    EXPECT_EQ(w.log().last_stable_offset(), Offset(offset));
  }
  std::vector<Offset> bases_with_index() {
    std::vector<Offset> found;
    for (const DirectoryEntry& entry : *w.shard().disk().list("/data/orders-0")) {
      if (const auto base = parse_segment_file_name(entry.name, kTxnIndexSuffix)) {
        found.push_back(*base);
      }
    }
    return found;
  }

  LogWorld w;
  std::vector<AbortedTxn> expected_;
};

TEST_F(LogTransactionsTest, AReaderHearsOfEachAbortThatOverlaps) {
  make_history();
  expect_stable(30);
  EXPECT_EQ(w.aborted(Offset(5), Offset(6)), std::vector{txn(1, 0, 29, 30)});
  EXPECT_EQ(w.aborted(Offset(14), Offset(15)), expected_);
  EXPECT_EQ(w.aborted(Offset(23), Offset(30)), std::vector{txn(1, 0, 29, 30)});
  EXPECT_EQ(w.aborted(Offset(30), Offset(33)), std::vector<AbortedTxn>{});
  EXPECT_FALSE(w.log().has_aborted_transactions(Offset(30)));
  EXPECT_LT(bases_with_index().size(), w.log().segment_count());
  const WithMutant mutant("storage.aborted_list_one_segment");
  EXPECT_NE(w.aborted(Offset(5), Offset(6)), std::vector{txn(1, 0, 29, 30)});
}

TEST_F(LogTransactionsTest, AMarkerThatIsNotIndexedShowsAbortedRecords) {
  const WithMutant mutant("storage.marker_not_indexed");
  begin(1);
  end(1, false);
  EXPECT_EQ(w.aborted(Offset(0), Offset(2)), std::vector<AbortedTxn>{});
}

TEST_F(LogTransactionsTest, ACleanStopKeepsThem) {
  make_history();
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  expect_history();
  expect_stable(30);
  end(4, false);
  expected_.push_back(txn(4, 30, 34, 35));
  expect_history();
  expect_stable(35);
}

TEST_F(LogTransactionsTest, AKillRebuildsThem) {
  make_history();
  for (const bool with_checkpoint : {false, true}) {
    if (with_checkpoint) ASSERT_TRUE(w.flush() && w.run(w.logs().write_checkpoints()));
    w.kill();
    ASSERT_TRUE(w.start());
    expect_history();
    expect_stable(30);
  }
}

TEST_F(LogTransactionsTest, WithoutARebuildAbortsAreLost) {
  const WithMutant mutant("storage.txn_index_not_rebuilt");
  begin(1);
  end(1, false);
  w.kill();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.aborted(Offset(0), Offset(2)), std::vector<AbortedTxn>{});
}

TEST_F(LogTransactionsTest, ADamagedIndexIsMadeAnewFromSnapshotsOrWithoutThem) {
  make_history();
  for (const bool without_snapshots : {false, true}) {
    for (const Offset base : bases_with_index()) {
      ASSERT_TRUE(w.stop());
      const std::string path = "/data/orders-0/" + segment_file_name(base, kTxnIndexSuffix);
      auto file = w.shard().disk().open(path, OpenMode::write);
      ASSERT_TRUE(file && (*file)->write(0, std::array<uint8_t, 1>{0xff}));
      file->reset();
      for (const DirectoryEntry& entry : *w.shard().disk().list("/data/orders-0")) {
        if (without_snapshots && entry.name.ends_with(kProducerSnapshotSuffix)) {
          ASSERT_TRUE(w.shard().disk().unlink("/data/orders-0/" + entry.name));
        }
      }
      ASSERT_TRUE(w.start());
      expect_history();
      expect_stable(30);
    }
  }
}

TEST_F(LogTransactionsTest, TruncationTakesThemBack) {
  make_history();
  ASSERT_TRUE(w.run(w.log().truncate_to(Offset(29))));
  expected_.pop_back();
  expect_history();
  expect_stable(0);
  ASSERT_TRUE(w.run(w.log().truncate_to(Offset(20))));
  expected_.clear();
  expect_history();
  end(3, true);
  end(1, false);
  expected_ = {txn(1, 0, 21, 22)};
  expect_history();
  expect_stable(22);
  ASSERT_TRUE(w.run(w.log().truncate_fully_and_start_at(Offset(50))));
  EXPECT_TRUE(bases_with_index().empty());
}

TEST_F(LogTransactionsTest, TheyGoWithTheirSegment) {
  make_history();
  w.log().set_high_watermark(w.log().log_end_offset());
  ASSERT_TRUE(w.run(w.log().delete_records(Offset(28))));
  EXPECT_EQ(w.aborted(Offset(28), Offset(34)), std::vector{txn(1, 0, 29, 30)});
  ASSERT_TRUE(w.run(w.logs().delete_due_files(w.shard().now() + 61s)));
  EXPECT_EQ(bases_with_index().size(), 1u);
  EXPECT_EQ(w.aborted(Offset(5), Offset(6)).error().code, Errc::offset_out_of_range);
  expect_stable(30);
  ASSERT_TRUE(w.run(w.log().delete_records(Offset(32))));
  expect_stable(32);  // as far as the log goes
}

TEST_F(LogTransactionsTest, AFollowersMarkersCountTheSame) {
  make_history();
  ByteChain all;
  Offset at = Offset(0);
  while (at < w.log().log_end_offset()) {
    auto read = w.run(w.log().read(at, 1 << 20, w.log().log_end_offset(), true));
    ASSERT_TRUE(read);
    for (Bytes& part : read->bytes) all.push_back(std::move(part));
    at = read->next_offset;
  }
  LogWorld follower;
  follower.config.segment_bytes = 2000;
  ASSERT_TRUE(follower.start());
  for (const Bytes& part : all) ASSERT_TRUE(follower.log().append_as_follower(part, kTestTime));
  EXPECT_EQ(follower.aborted(Offset(0), at), expected_);
  follower.log().set_high_watermark(at);
  EXPECT_EQ(follower.log().last_stable_offset(), Offset(30));
}

TEST_F(LogTransactionsTest, ATransactionIsStableWhenItsMarkerIsReplicated) {
  begin(1);
  w.fill(2);
  end(1, true);
  w.log().set_high_watermark(Offset(3));
  EXPECT_EQ(w.log().last_stable_offset(), Offset(0));
  w.log().set_high_watermark(Offset(4));
  EXPECT_EQ(w.log().last_stable_offset(), Offset(4));
}

TEST_F(LogTransactionsTest, AMarkerAboveTheHighWatermarkIsRememberedAcrossAStop) {
  begin(1);
  w.fill(2);
  end(1, true);
  w.log().set_high_watermark(Offset(2));
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.run(w.log().load()));
  EXPECT_EQ(w.log().high_watermark(), Offset(2));
  EXPECT_EQ(w.log().last_stable_offset(), Offset(0));
  w.log().set_high_watermark(Offset(4));
  EXPECT_EQ(w.log().last_stable_offset(), Offset(4));
}

TEST_F(LogTransactionsTest, MutantMarkerCountsBeforeItIsReplicated) {
  const WithMutant mutant("storage.lso_at_marker_append");
  begin(1);
  w.fill(2);
  end(1, true);
  w.log().set_high_watermark(Offset(3));
  EXPECT_EQ(w.log().last_stable_offset(), Offset(3));
}

}  // namespace
}  // namespace partita::storage
