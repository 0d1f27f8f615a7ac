#include "runtime/sim/crash_enumerator.h"

#include "runtime/sim/sim_test.h"

namespace partita::runtime::sim {
namespace {

class CrashEnumeratorTest : public SimTest {
 protected:
  /// Replaces /settings twice and notes when each version was acknowledged.
  CrashEnumerator record() {
    sim_disk().start_recording();
    for (const std::string& version : versions_) {
      EXPECT_TRUE(run(replace_file(executor(), disk(), "/settings", Bytes::copy_of(version))));
      acknowledged_.push_back(sim_disk().log_position());
    }
    return CrashEnumerator(sim_disk().recording());
  }

  /// Old or new, whole, and never older than what was acknowledged.
  bool holds(const CrashPoint& point, const DiskImage& image) const {
    size_t least = 0;
    while (least < acknowledged_.size() && acknowledged_[least] <= point.log_position) least++;
    const Result<InodeId> file = image.find("/settings");
    if (!file) return least == 0;
    for (size_t i = least == 0 ? 0 : least - 1; i < versions_.size(); i++) {
      if (as_text(image.contents(*file)) == versions_[i]) return true;
    }
    return false;
  }

  const std::vector<std::string> versions_ = {std::string(1300, 'a'), std::string(700, 'b'), "c"};
  std::vector<uint64_t> acknowledged_;
};

TEST_F(CrashEnumeratorTest, ReplaceFileSurvivesEveryPowerCut) {
  const CrashEnumerator crashes = record();
  const size_t images = crashes.for_each([&](const CrashPoint& point, const DiskImage& image) {
    EXPECT_TRUE(holds(point, image)) << point.to_string();
  });
  EXPECT_GT(images, 40u);
}

TEST_F(CrashEnumeratorTest, EveryForgottenSyncAndRenameIsNoticed) {
  CrashEnumerator crashes = record();
  size_t tried = 0;
  for (const DiskOp& op : crashes.ops()) {
    const bool needed = op.kind == DiskOpKind::sync || op.kind == DiskOpKind::sync_directory ||
                        op.kind == DiskOpKind::rename;
    if (!needed) continue;
    crashes.with_all();
    crashes.without(op.sequence);
    EXPECT_FALSE(crashes.for_each_while([&](const auto& point, const auto& image) {
      return holds(point, image);
    })) << describe(op);
    tried++;
  }
  EXPECT_EQ(tried, 9u);
}

TEST_F(CrashEnumeratorTest, TheLastWriteIsTornAtEverySector) {
  ASSERT_TRUE(run(replace_file(executor(), disk(), "/a", Bytes::copy_of(std::string(2048, 'o')))));
  sim_disk().start_recording();
  auto file = disk().open("/a", OpenMode::write);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write(0, as_bytes(std::string(2048, 'n'))));
  std::set<std::string> seen;
  CrashEnumerator(sim_disk().recording()).for_each([&](const CrashPoint&, const DiskImage& image) {
    std::string sectors;
    const ByteView bytes = image.contents(*image.find("/a"));
    for (size_t at = 0; at < bytes.size(); at += 512) sectors += static_cast<char>(bytes[at]);
    seen.insert(sectors);
  });
  const std::set<std::string> expected = {"oooo", "nooo", "nnoo", "nnno",
                                          "nnnn", "onnn", "oonn", "ooon"};
  EXPECT_EQ(seen, expected);
}

TEST_F(CrashEnumeratorTest, ImagesStartFreshWorlds) {
  const CrashEnumerator crashes = record();
  crashes.for_each([&](const CrashPoint& point, const DiskImage& image) {
    SimWorld after(1);
    SimNode& restarted = after.add_node({.image = image});
    Shard& shard = restarted.shard();
    const auto found =
        after.run(shard, read_file(shard.executor(), shard.disk(), "/settings", 4096));
    if (!found) {
      EXPECT_EQ(found.error().code, Errc::not_found) << point.to_string();
    }
  });
}

}  // namespace
}  // namespace partita::runtime::sim
