// Every power cut during append, roll, truncate, checkpoint, retention, delete, recovery, format
// and clean stop, and the proof that each sync and rename is needed: left out, some power cut shows
// it.

#include "base/fault_points.h"
#include "storage/crash_scenario_test.h"

namespace partita::storage {
namespace {

using runtime::sim::CrashEnumerator;
using runtime::sim::CrashPoint;
using runtime::sim::DiskImage;
using runtime::sim::DiskOp;
using runtime::sim::DiskOpKind;

void check_every_power_cut(const Scenario& scenario) {
  const CrashEnumerator crashes(scenario.w.disk_recording());
  size_t failures = 0;
  const size_t images = crashes.for_each([&](const CrashPoint& point, const DiskImage& image) {
    const Judge judge(scenario, point, image, true);
    if (judge.complaints().empty() || ++failures > 5) return;
    ADD_FAILURE() << judge.complaints().front() << "\n  " << point.to_string();
  });
  EXPECT_EQ(failures, 0u) << "of " << images;
  EXPECT_GT(images, 10u);
  testing::Test::RecordProperty("images", static_cast<int>(images));
}

/// The last name that a file or directory had.
std::string name_of(const CrashEnumerator& crashes, const DiskOp& op) {
  if (op.changes_names()) return op.from.name.empty() ? op.name.name : op.from.name;
  std::string name = "directory";
  for (const DiskOp& other : crashes.ops()) {
    if (other.changes_names() && other.inode == op.inode && other.sequence < op.sequence) {
      name = other.name.name;
    }
  }
  return name;
}

/// Leaves each sync and rename out in turn: some power cut must show it. What a scenario could do
/// without is named in `unneeded`, as "<kind> <name>", with the reason beside it in the test. A
/// sync of a directory that a later one covers before the next promise is left out together with
/// that one.
void check_every_sync_is_needed(const Scenario& scenario, const std::set<std::string>& unneeded) {
  CrashEnumerator crashes(scenario.w.disk_recording());
  uint64_t left_out = 0;
  const auto unnoticed = [&] {
    return crashes.for_each_while([&](const auto& point, const auto& image) {
      // Before the operation that is left out every disk is one that was judged already.
      if (point.log_position < left_out) return true;
      return Judge(scenario, point, image, false).complaints().empty();
    });
  };
  size_t noticed = 0;
  for (const DiskOp& op : crashes.ops()) {
    const bool orders = op.kind == DiskOpKind::sync || op.kind == DiskOpKind::sync_directory ||
                        op.kind == DiskOpKind::sync_all || op.kind == DiskOpKind::rename;
    if (!orders) continue;
    crashes.with_all();
    crashes.without(op.sequence);
    left_out = op.sequence;
    bool silent = unnoticed();
    if (silent && op.kind == DiskOpKind::sync_directory) {
      for (const DiskOp& later : crashes.ops()) {
        const bool same = later.kind == op.kind && later.inode == op.inode;
        if (same && later.sequence > op.sequence) crashes.without(later.sequence);
      }
      silent = unnoticed();
    }
    const std::string what = std::string(disk_op_name(op.kind)) + " " + name_of(crashes, op);
    if (silent) EXPECT_TRUE(unneeded.contains(what)) << what << ": " << describe(op);
    noticed += !silent;
  }
  EXPECT_GE(noticed, 3u);
}

/// A file without its `.log` is dropped at the next start.
std::set<std::string> index_renames(std::initializer_list<const char*> bases) {
  std::set<std::string> all;
  for (const std::string base : bases) {
    all.insert("rename " + base + ".index");
    all.insert("rename " + base + ".timeindex");
  }
  return all;
}

void append_and_roll(Scenario& s) {
  s.record();
  s.append(2);
  s.flush();
  s.append(9);
  s.flush();
  s.append(2, LeaderEpoch(4));
  s.flush();
  s.checkpoint();
  s.append(1, LeaderEpoch(4));
  s.flush();
}

TEST(CrashTest, AppendAndRoll) {
  Scenario s;
  append_and_roll(s);
  check_every_power_cut(s);
  // The records behind a snapshot say the same while they are there; ProducersOutliveTheirRecords
  // is about later.
  check_every_sync_is_needed(s, {"sync 00000000000000000007.snapshot"});
}

TEST(CrashTest, AppendAndRollWithSyncsOfTheFilesystem) {
  Scenario s(0);
  append_and_roll(s);
  check_every_power_cut(s);
  // The first epoch file replaces nothing: the sync after its rename makes its bytes durable as
  // well.
  check_every_sync_is_needed(s, {"sync_all directory"});
}

void truncate(Scenario& s) {
  s.append_numbered(16);
  s.flush();
  s.checkpoint();
  s.record();
  s.truncate(Offset(5));
  s.append(12, LeaderEpoch(2));
  s.flush();
  s.checkpoint();
  s.append(1, LeaderEpoch(2));
  s.flush();
}

TEST(CrashTest, Truncation) {
  Scenario s;
  truncate(s);
  check_every_power_cut(s);
  auto unneeded = index_renames({"00000000000000000007", "00000000000000000014"});
  unneeded.insert({"sync 00000000000000000007.snapshot", "sync 00000000000000000014.snapshot"});
  check_every_sync_is_needed(s, unneeded);
}

void start_anew(Scenario& s, Offset at) {
  s.release(Offset(0));
  s.promises.back().log_start = Offset(0);
  s.promises.back().log_start_max = std::max(at, s.w.log().log_start_offset());
  ASSERT_TRUE(s.w.run(s.w.log().truncate_fully_and_start_at(at)));
  s.promise();
}

TEST(CrashTest, TruncationOfAll) {
  Scenario s;
  s.append_numbered(10);
  s.flush();
  s.checkpoint();
  s.record();
  start_anew(s, Offset(50));
  s.append(2, LeaderEpoch(2));
  s.flush();
  start_anew(s, Offset(45));
  s.append(8, LeaderEpoch(3));
  s.flush();
  s.checkpoint();
  check_every_power_cut(s);
  // The checkpoint of the log's start keeps what lies below out of sight until the next start
  // deletes it. Epochs that have no records are clipped then.
  auto unneeded =
      index_renames({"00000000000000000000", "00000000000000000007", "00000000000000000050"});
  unneeded.insert({"rename 00000000000000000000.log", "rename 00000000000000000007.log",
                   "sync leader-epoch-checkpoint.tmp", "rename leader-epoch-checkpoint.tmp",
                   "sync 00000000000000000052.snapshot"});
  check_every_sync_is_needed(s, unneeded);
}

void delete_and_retain(Scenario& s) {
  s.append_numbered(3);
  s.append(20);
  s.flush();
  s.w.log().set_high_watermark(Offset(20));
  s.record();
  s.allow_start(Offset(9));
  ASSERT_TRUE(s.w.run(s.w.log().delete_records(Offset(9))));
  s.promise();
  s.w.config.retention_bytes = 600;
  s.w.log().update_config(s.w.shared_config());
  s.allow_start(Offset(20));
  ASSERT_TRUE(s.w.run(s.w.log().delete_old_segments(kTestTime)));
  s.promise();
  ASSERT_TRUE(s.w.run(s.w.logs().delete_due_files(s.w.shard().now() + 61s)));
  s.append(3);
  s.flush();
}

TEST(CrashTest, DeleteRecordsAndRetention) {
  Scenario s;
  delete_and_retain(s);
  check_every_power_cut(s);
  // The checkpoint keeps deleted records out of sight, and the next start deletes them; epochs that
  // begin below the log are clipped then as well.
  auto unneeded = index_renames({"00000000000000000000", "00000000000000000007"});
  unneeded.insert({"rename 00000000000000000000.log", "rename 00000000000000000007.log",
                   "rename 00000000000000000007.snapshot", "rename leader-epoch-checkpoint.tmp",
                   "sync_directory directory"});
  check_every_sync_is_needed(s, unneeded);
}

TEST(CrashTest, ProducersOutliveTheirRecords) {
  Scenario s;
  s.append_numbered(4);
  s.flush();
  s.record();
  s.append(11);
  s.flush();
  s.w.log().set_high_watermark(Offset(15));
  s.allow_start(Offset(14));
  ASSERT_TRUE(s.w.run(s.w.log().delete_records(Offset(14))));
  s.promise();
  ASSERT_TRUE(s.w.run(s.w.logs().delete_due_files(s.w.shard().now() + 61s)));
  s.checkpoint();
  check_every_power_cut(s);
  auto unneeded = index_renames({"00000000000000000000", "00000000000000000007"});
  unneeded.insert({"rename 00000000000000000000.log", "rename 00000000000000000007.log",
                   "rename 00000000000000000007.snapshot", "sync 00000000000000000007.snapshot"});
  check_every_sync_is_needed(s, unneeded);
}

TEST(CrashTest, RemovedPartition) {
  Scenario s;
  s.append(10);
  s.flush();
  s.w.log().set_high_watermark(Offset(10));
  ASSERT_TRUE(s.w.run(s.w.log().delete_records(Offset(3))));
  s.checkpoint();
  ASSERT_TRUE(s.w.run(s.w.logs().write_high_watermarks()));
  s.record();
  s.release(Offset(0));
  s.promises.back().log_start = Offset(0);
  ASSERT_TRUE(s.w.run(s.w.logs().remove(kTestPartition)));
  s.promises.push_back({.position = s.w.disk().log_position(), .removed = true});
  ASSERT_TRUE(s.w.run(s.w.logs().delete_due_files(s.w.shard().now() + 61s)));
  s.promises.push_back({.position = s.w.disk().log_position()});
  s.append(2);
  s.flush();
  check_every_power_cut(s);
  check_every_sync_is_needed(s, {});
}

void kill_and_recover(Scenario& s) {
  s.append(3);
  s.flush();
  s.append(9);
  s.w.kill();
  s.record();
  s.start();
  ASSERT_TRUE(s.w.run(s.w.log().load()));
  s.promise();
  s.checkpoint();
}

TEST(CrashTest, RecoveredRecordsAreDurableBeforeTheyAreServed) {
  Scenario s;
  kill_and_recover(s);
  check_every_power_cut(s);
  // A process that was killed between removing the marker and its sync would have left this one to
  // do.
  check_every_sync_is_needed(s, {"sync_directory data", "sync 00000000000000000007.snapshot"});
}

void stop_and_restart(Scenario& s) {
  s.append_numbered(3);
  s.append(6);
  s.flush();
  s.record();
  s.append(2);
  s.flush();
  s.w.log().set_high_watermark(Offset(11));
  s.stopped_at = Offset(11);
  s.promises.back().running = false;
  ASSERT_TRUE(s.w.stop());
  s.promise();
  s.promises.back().stopped = true;
  s.promises.push_back(s.promises.back());
  s.promises.back().position += 1;
  s.promises.back().stopped = false;
  s.start();
  s.promise();
  s.promises.back().running = true;
  ASSERT_TRUE(s.w.run(s.w.log().load()));
  s.append(2);
  s.flush();
}

TEST(CrashTest, CleanStopAndRestart) {
  Scenario s;
  stop_and_restart(s);
  check_every_power_cut(s);
  check_every_sync_is_needed(s, {});
}

/// Three transactions that overlap, over several segments.
void abort_and_roll(Scenario& s) {
  s.record();
  s.append_in_txn(1);
  s.append_in_txn(2);
  s.append(2);
  s.flush();
  s.end_txn(1, false);
  s.append_in_txn(3);
  s.append(6);
  s.flush();
  s.end_txn(2, false);
  s.append_in_txn(1);
  s.append(7);
  s.end_txn(1, true);
  s.end_txn(3, false);
  s.flush();
  s.checkpoint();
  s.append_in_txn(1);
  s.append_in_txn(2);
  s.end_txn(2, false);
  s.flush();
}

TEST(CrashTest, AbortedTransactions) {
  Scenario s;
  abort_and_roll(s);
  check_every_power_cut(s);
}

void kill_amid_transactions(Scenario& s) {
  abort_and_roll(s);
  s.append(8);
  s.end_txn(1, false);
  s.w.kill();
  s.record();
  s.start();
  ASSERT_TRUE(s.w.run(s.w.log().load()));
  s.promise();
  s.append_in_txn(4);
  s.end_txn(4, false);
  s.flush();
  s.checkpoint();
}

TEST(CrashTest, TransactionIndexesAreMadeAnewAfterAKill) {
  Scenario s;
  kill_amid_transactions(s);
  check_every_power_cut(s);
}

void truncate_amid_transactions(Scenario& s) {
  s.append_in_txn(1);
  s.append(3);
  s.end_txn(1, false);
  s.append_in_txn(2);
  s.append_in_txn(3);
  s.append(8);
  s.end_txn(2, false);
  s.end_txn(3, false);
  s.append(2);
  s.flush();
  s.checkpoint();
  s.record();
  s.truncate(Offset(16));  // takes back the end of 3
  s.append(9, LeaderEpoch(0));
  s.flush();
  s.checkpoint();
  s.truncate(Offset(6));  // takes back that 3 began
  s.append(3, LeaderEpoch(0));
  s.end_txn(2, false);
  s.append(9, LeaderEpoch(0));
  s.flush();
  s.checkpoint();
}

TEST(CrashTest, TruncationTakesBackAborts) {
  Scenario s;
  truncate_amid_transactions(s);
  check_every_power_cut(s);
}

void stop_amid_transactions(Scenario& s) {
  s.append_in_txn(1);
  s.append_in_txn(2);
  s.append(6);
  s.flush();
  s.record();
  s.end_txn(1, false);
  s.flush();
  s.w.log().set_high_watermark(s.w.log().log_end_offset());
  s.stopped_at = s.w.log().log_end_offset();
  s.promises.back().running = false;
  ASSERT_TRUE(s.w.stop());
  s.promise();
  s.promises.back().stopped = true;
  s.promises.push_back(s.promises.back());
  s.promises.back().position += 1;
  s.promises.back().stopped = false;
  s.start();
  s.promise();
  s.promises.back().running = true;
  ASSERT_TRUE(s.w.run(s.w.log().load()));
  s.end_txn(2, false);
  s.flush();
}

TEST(CrashTest, CleanStopAmidTransactions) {
  Scenario s;
  stop_amid_transactions(s);
  check_every_power_cut(s);
}

TEST(CrashTest, RetentionTakesAbortsAlong) {
  Scenario s;
  s.append_in_txn(1);
  s.append_in_txn(2);
  s.append(3);
  s.end_txn(1, false);
  s.append(8);
  s.end_txn(2, false);
  s.append(8);
  s.flush();
  s.w.log().set_high_watermark(s.w.log().log_end_offset());
  s.record();
  s.allow_start(Offset(8));
  ASSERT_TRUE(s.w.run(s.w.log().delete_records(Offset(8))));
  s.promise();
  ASSERT_TRUE(s.w.run(s.w.logs().delete_due_files(s.w.shard().now() + 61s)));
  s.append_in_txn(1);
  s.end_txn(1, false);
  s.flush();
  check_every_power_cut(s);
}

TEST(CrashTest, Format) {
  Scenario s;
  s.record();
  ASSERT_TRUE(s.w.run(s.w.directory().write_meta_properties({.node_id = NodeId(1),
                                                             .cluster_id = "4L6g3nShT-eMCtK--X86sw",
                                                             .directory_id = kTestTopicId})));
  s.promise();
  s.promises.back().formatted = true;
  s.append(1);
  s.flush();
  check_every_power_cut(s);
  check_every_sync_is_needed(s, {});
}

TEST(CrashTest, PlantedFaultsAreFound) {
  const std::vector<std::pair<std::string, void (*)(Scenario&)>> planted = {
      {"storage.skip_sync.active", append_and_roll},
      {"storage.skip_epoch_write", append_and_roll},
      {"storage.skip_sync.recovered", kill_and_recover},
      {"storage.skip_log_start_checkpoint", delete_and_retain},
      {"storage.keep_clean_marker", stop_and_restart},
      {"storage.skip_lowered_recovery_point", truncate},
      {"storage.marker_not_indexed", abort_and_roll},
      {"storage.txn_index_not_synced", abort_and_roll},
      {"storage.txn_index_not_rebuilt", kill_amid_transactions},
      {"storage.txn_index_not_truncated", truncate_amid_transactions},
  };
  for (const auto& [name, run] : planted) {
    faults::set_mutant(name);
    Scenario s;
    run(s);
    const bool unnoticed = CrashEnumerator(s.w.disk_recording())
                               .for_each_while([&](const auto& point, const auto& image) {
                                 return Judge(s, point, image, false).complaints().empty();
                               });
    faults::set_mutant("");
    EXPECT_FALSE(unnoticed) << name;
  }
}

}  // namespace
}  // namespace partita::storage
