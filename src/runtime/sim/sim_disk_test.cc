#include "runtime/sim/sim_disk.h"

#include "base/fault_points.h"
#include "runtime/sim/sim_test.h"

namespace partita::runtime::sim {
namespace {

class SimDiskTest : public SimTest {
 protected:
  SimDiskTest() { sim_disk().faults().not_resident_one_in = 0; }

  std::unique_ptr<File> open(std::string_view path, OpenMode mode = OpenMode::create_or_open) {
    return *disk().open(path, mode);
  }
  /// A file whose name and contents are durable.
  std::unique_ptr<File> durable(std::string_view path, std::string_view text) {
    auto file = open(path);
    EXPECT_TRUE(file->write(0, as_bytes(text)));
    EXPECT_TRUE(run(sync(executor(), *file)));
    EXPECT_TRUE(run(sync_directory(executor(), disk(), "/")));
    return file;
  }
  std::string text(std::string_view path) {
    const Result<Bytes> bytes = sim_disk().contents(path);
    return bytes ? std::string(as_text(bytes->view())) : "(none)";
  }
  static Errc code(const auto& result) {
    return result ? Errc::unknown_server_error : result.error().code;
  }
};

TEST_F(SimDiskTest, ReadsAreSometimesNotResident) {
  sim_disk().faults().not_resident_one_in = 2;
  auto file = durable("/a", "text");
  int blocked = 0;
  for (int i = 0; i < 100; i++) {
    uint8_t into[4];
    blocked += code(file->read_resident(0, into)) == Errc::would_block;
    EXPECT_EQ(run(read(executor(), *file, 0, into)), 4u);
  }
  EXPECT_GT(blocked, 20);
  EXPECT_LT(blocked, 80);
}

TEST_F(SimDiskTest, ThePlannedCallFailsAndNoOther) {
  auto file = durable("/a", "text");
  uint8_t into[4];
  sim_disk().plan({.call = DiskCall::read, .nth = 2, .path = "/a"});
  EXPECT_TRUE(run(read(executor(), *file, 0, into)));
  EXPECT_EQ(code(run(read(executor(), *file, 0, into))), Errc::io_error);
  EXPECT_TRUE(run(read(executor(), *file, 0, into)));
  sim_disk().plan({.call = DiskCall::rename, .path = "/b"});
  EXPECT_EQ(code(disk().rename("/a", "/b")), Errc::io_error);
  EXPECT_TRUE(disk().rename("/a", "/b"));
  sim_disk().plan({.call = DiskCall::open, .fault = DiskFault::no_space, .times = 2});
  EXPECT_EQ(code(disk().open("/b", OpenMode::read)), Errc::no_space);
  EXPECT_EQ(code(disk().open("/b", OpenMode::read)), Errc::no_space);
  EXPECT_TRUE(disk().open("/b", OpenMode::read));
}

TEST_F(SimDiskTest, CallsFailAtARate) {
  auto file = durable("/a", "text");
  sim_disk().faults().read_error_one_in = 3;
  sim_disk().faults().write_error_one_in = 3;
  sim_disk().faults().sync_error_one_in = 3;
  sim_disk().faults().name_error_one_in = 3;
  int reads = 0, writes = 0, syncs = 0, names = 0;
  for (int i = 0; i < 60; i++) {
    uint8_t into[4];
    reads += code(run(read(executor(), *file, 0, into))) == Errc::io_error;
    writes += code(file->write(0, as_bytes("text"))) == Errc::io_error;
    syncs += code(run(sync(executor(), *file))) == Errc::io_error;
    names += code(disk().make_directory("/d" + std::to_string(i))) == Errc::io_error;
  }
  for (const int failed : {reads, writes, syncs, names}) {
    EXPECT_GT(failed, 5);
    EXPECT_LT(failed, 40);
  }
}

TEST_F(SimDiskTest, AFailedWriteMayHaveWrittenAPart) {
  std::set<size_t> sizes;
  for (int i = 0; i < 20; i++) {
    auto file = open("/f" + std::to_string(i));
    sim_disk().plan({.call = DiskCall::write});
    EXPECT_EQ(code(file->write(0, as_bytes("0123456789"))), Errc::io_error);
    sizes.insert(*file->size());
  }
  EXPECT_GT(sizes.size(), 3u);
  EXPECT_LE(*sizes.rbegin(), 10u);
}

TEST_F(SimDiskTest, AFailedSyncFollowedByAGoodOneLosesTheBytes) {
  auto file = durable("/a", "good");
  ASSERT_TRUE(file->write(4, as_bytes("lost")));
  sim_disk().plan({.call = DiskCall::sync});
  EXPECT_EQ(code(run(sync(executor(), *file))), Errc::io_error);
  EXPECT_TRUE(run(sync(executor(), *file)));
  EXPECT_EQ(text("/a"), "goodlost") << "the page cache shows them";
  ASSERT_TRUE(sim_disk().evict("/a"));
  EXPECT_EQ(text("/a"), std::string("good") + std::string(4, '\0'));
  file.reset();
  power_cycle();
  EXPECT_EQ(text("/a"), std::string("good") + std::string(4, '\0'));
}

TEST_F(SimDiskTest, AFailedSyncOfAllSpeaksOfEveryFile) {
  auto a = durable("/a", "a");
  auto b = durable("/b", "b");
  ASSERT_TRUE(a->write(0, as_bytes("A")));
  ASSERT_TRUE(b->write(0, as_bytes("B")));
  sim_disk().plan({.call = DiskCall::sync_all});
  EXPECT_EQ(code(run(sync_all(executor(), disk(), "/"))), Errc::io_error);
  EXPECT_TRUE(run(sync_all(executor(), disk(), "/")));
  a.reset();
  b.reset();
  power_cycle();
  EXPECT_EQ(text("/a"), "a");
  EXPECT_EQ(text("/b"), "b");
}

TEST_F(SimDiskTest, SyncAllMakesFilesAndNamesDurable) {
  ASSERT_TRUE(disk().make_directory("/d"));
  ASSERT_TRUE(open("/d/a")->write(0, as_bytes("text")));
  ASSERT_TRUE(run(sync_all(executor(), disk(), "/d")));
  power_cycle();
  EXPECT_EQ(text("/d/a"), "text");
}

TEST_F(SimDiskTest, ASkippedSyncAnswersWellAndDoesNothing) {
  auto file = durable("/a", "old");
  ASSERT_TRUE(file->write(0, as_bytes("new")));
  sim_disk().plan({.call = DiskCall::sync, .fault = DiskFault::skipped});
  EXPECT_TRUE(run(sync(executor(), *file)));
  EXPECT_EQ(sim_disk().image().pending().size(), 1u);
  EXPECT_TRUE(run(sync(executor(), *file)));
  EXPECT_EQ(sim_disk().image().pending().size(), 0u);
}

TEST_F(SimDiskTest, AFullDiskTakesAPartAndRecoversWhenFreed) {
  auto keep = durable("/keep", std::string(60, 'k'));
  sim_disk().faults().capacity_bytes = 100;
  auto file = open("/a");
  EXPECT_EQ(code(file->write(0, as_bytes(std::string(50, 'x')))), Errc::no_space);
  EXPECT_EQ(*file->size(), 40u);
  EXPECT_EQ(disk().space("/")->free_bytes, 0u);
  EXPECT_EQ(code(disk().open("/b", OpenMode::create)), Errc::no_space);
  EXPECT_EQ(code(file->truncate(41)), Errc::no_space);
  EXPECT_TRUE(file->write(0, as_bytes("over"))) << "overwriting needs no room";
  ASSERT_TRUE(disk().unlink("/keep"));
  EXPECT_TRUE(file->write(40, as_bytes(std::string(60, 'x'))));
}

TEST_F(SimDiskTest, OpenFilesAreBounded) {
  sim_disk().faults().files_open_max = 2;
  auto a = open("/a");
  auto b = open("/b");
  EXPECT_EQ(code(disk().open("/c", OpenMode::create)), Errc::limit_exceeded);
  a.reset();
  EXPECT_TRUE(disk().open("/c", OpenMode::create));
}

TEST_F(SimDiskTest, SyncsTakeTimeAndStallsHoldThem) {
  auto file = durable("/a", "text");
  Instant before = world().now();
  ASSERT_TRUE(run(sync(executor(), *file)));
  EXPECT_GE(world().now() - before, 80us);
  sim_disk().stall(5s);
  before = world().now();
  ASSERT_TRUE(run(sync(executor(), *file)));
  EXPECT_GE(world().now() - before, 5s);
}

TEST_F(SimDiskTest, RotIsSeenByReaders) {
  auto file = durable("/a", std::string(1024, 'x'));
  ASSERT_TRUE(sim_disk().flip_bits("/a", 3, 0x01));
  EXPECT_EQ(text("/a")[3], 'y');
  ASSERT_TRUE(sim_disk().zero_sector("/a", 600));
  EXPECT_EQ(text("/a").substr(512), std::string(512, '\0'));
  ASSERT_TRUE(sim_disk().make_unreadable("/a", 512, 512));
  uint8_t into[512];
  EXPECT_TRUE(run(read(executor(), *file, 0, into)));
  EXPECT_EQ(code(run(read(executor(), *file, 512, into))), Errc::io_error);
  ASSERT_TRUE(file->write(512, as_bytes(std::string(512, 'z'))));
  EXPECT_TRUE(run(read(executor(), *file, 512, into))) << "writing a sector again heals it";
  EXPECT_EQ(code(sim_disk().flip_bits("/none", 0, 1)), Errc::not_found);
}

TEST_F(SimDiskTest, AReadMayBeWrongOnce) {
  auto file = durable("/a", "text");
  sim_disk().plan({.call = DiskCall::read, .fault = DiskFault::flipped});
  uint8_t into[4];
  ASSERT_EQ(run(read(executor(), *file, 0, into)), 4u);
  EXPECT_NE(as_text(into), "text");
  ASSERT_EQ(run(read(executor(), *file, 0, into)), 4u);
  EXPECT_EQ(as_text(into), "text");
}

TEST_F(SimDiskTest, FilesCanBeLaidDown) {
  sim_disk().put("/data/topic-0/file", as_bytes("first"));
  sim_disk().put("/data/topic-0/file", as_bytes("2nd"));
  sim_disk().put("/data/other", {});
  power_cycle();
  EXPECT_EQ(text("/data/topic-0/file"), "2nd");
  EXPECT_EQ(text("/data/other"), "");
}

TEST_F(SimDiskTest, AWriteMayLandElsewhere) {
  auto file = durable("/a", std::string(512, 'x'));
  sim_disk().plan({.call = DiskCall::write, .fault = DiskFault::misdirected});
  ASSERT_TRUE(file->write(0, as_bytes("stray")));
  EXPECT_EQ(text("/a").substr(0, 5), "xxxxx");
  EXPECT_NE(text("/a").find("stray"), std::string::npos);
}

TEST_F(SimDiskTest, PowerCutsKeepLoseAndTear) {
  const uint64_t torn_before = faults::times_covered("sim.disk.torn_write");
  bool kept = false, lost = false, between = false, name_lost = false;
  for (int i = 0; i < 60; i++) {
    const std::string path = "/f" + std::to_string(i);
    durable(path, std::string(2048, 'o'));
    open(path)->write(0, as_bytes(std::string(2048, 'n'))).value();
    open(path + ".new");
    power_cycle();
    const std::string found = text(path);
    kept |= found == std::string(2048, 'n');
    lost |= found == std::string(2048, 'o');
    between |= found.find('o') != std::string::npos && found.find('n') != std::string::npos;
    name_lost |= text(path + ".new") == "(none)";
    EXPECT_EQ(found.size(), 2048u);
  }
  EXPECT_TRUE(kept);
  EXPECT_TRUE(lost);
  EXPECT_TRUE(between);
  EXPECT_TRUE(name_lost);
  EXPECT_GT(faults::times_covered("sim.disk.torn_write"), torn_before);
}

TEST_F(SimDiskTest, AKillKeepsThePageCache) {
  open("/a")->write(0, as_bytes("text")).value();
  node().crash(CrashMode::kill);
  node().restart();
  EXPECT_EQ(text("/a"), "text");
}

TEST_F(SimDiskTest, LocksAreFreedByTheirEnd) {
  auto held = disk().lock("/");
  ASSERT_TRUE(held);
  EXPECT_EQ(code(disk().lock("/")), Errc::locked);
  node().crash(CrashMode::kill);
  node().restart();
  auto again = disk().lock("/");
  EXPECT_TRUE(again) << "the dead process holds nothing";
  held->reset();
  EXPECT_EQ(code(disk().lock("/")), Errc::locked) << "and its leftovers free nothing";
}

TEST_F(SimDiskTest, TheOldGenerationIsInert) {
  auto file = durable("/a", "old");
  Disk& old_disk = disk();
  Executor& old_executor = executor();
  Driven<Result<>> syncing;
  ASSERT_TRUE(file->write(0, as_bytes("new")));
  syncing.start(old_executor, sync(old_executor, *file));
  world().step();
  node().crash(CrashMode::kill);
  node().restart();
  world().run_until([&] { return syncing.ended(); });
  EXPECT_EQ(code(syncing.take()), Errc::stopped);
  const uint64_t position = sim_disk().log_position();
  EXPECT_EQ(code(file->write(0, as_bytes("bad"))), Errc::stopped);
  EXPECT_EQ(code(file->truncate(0)), Errc::stopped);
  EXPECT_EQ(code(file->size()), Errc::stopped);
  EXPECT_EQ(code(old_disk.open("/b", OpenMode::create)), Errc::stopped);
  EXPECT_EQ(code(old_disk.unlink("/a")), Errc::stopped);
  EXPECT_EQ(code(old_disk.rename("/a", "/b")), Errc::stopped);
  EXPECT_EQ(code(old_disk.list("/")), Errc::stopped);
  EXPECT_EQ(code(run(sync(executor(), *file))), Errc::stopped);
  EXPECT_EQ(code(run(sync_all(executor(), old_disk, "/"))), Errc::stopped);
  file.reset();
  EXPECT_EQ(sim_disk().log_position(), position);
  EXPECT_EQ(text("/a"), "new");
}

TEST_F(SimDiskTest, PendingOperationsAreWrittenBackInTime) {
  auto file = open("/a");
  for (size_t i = 0; i < kPendingOpsMax + 10; i++) file->write(0, as_bytes("x")).value();
  EXPECT_LE(sim_disk().image().pending().size(), kPendingOpsMax);
  EXPECT_GT(faults::times_covered("sim.disk.write_back"), 0u);
}

TEST_F(SimDiskTest, RemovedFilesAreForgotten) {
  for (uint64_t i = 0; i < 3 * kRemovalsPerCollection; i++) {
    open("/a");
    disk().unlink("/a").value();
    if (i % 64 == 0) run(sync_directory(executor(), disk(), "/")).value();
  }
  run(sync_directory(executor(), disk(), "/")).value();
  uint64_t left = 0;
  const uint64_t made = sim_disk().image().next_inode().value();
  for (uint64_t i = 2; i < made; i++) left += sim_disk().image().exists(InodeId(i));
  EXPECT_LT(left, 2 * kRemovalsPerCollection);
}

}  // namespace
}  // namespace partita::runtime::sim
