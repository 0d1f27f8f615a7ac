#include "runtime/sim/disk_image.h"

#include <gtest/gtest.h>

namespace partita::runtime::sim {
namespace {

/// Builds images by hand: each call is one operation.
class DiskImageTest : public testing::Test {
 protected:
  InodeId create(std::string name, InodeId in = kRootInode, bool directory = false) {
    const InodeId made = image_.next_inode();
    apply(
        {.kind = DiskOpKind::create, .inode = made, .is_directory = directory, .name = {in, name}});
    return made;
  }
  void write(InodeId file, uint64_t position, std::string text) {
    apply({.kind = DiskOpKind::write,
           .inode = file,
           .position = position,
           .data = Bytes::copy_of(text)});
  }
  void rename(InodeId inode, std::string from, std::string to, InodeId to_directory = kRootInode) {
    apply({.kind = DiskOpKind::rename,
           .inode = inode,
           .name = {to_directory, to},
           .from = {kRootInode, from}});
  }
  void unlink(InodeId inode, std::string name) {
    apply({.kind = DiskOpKind::unlink, .inode = inode, .name = {kRootInode, name}});
  }
  void sync(InodeId file) { apply({.kind = DiskOpKind::sync, .inode = file, .covers = sequence_}); }
  void sync_directory(InodeId directory = kRootInode) {
    apply({.kind = DiskOpKind::sync_directory, .inode = directory, .covers = sequence_});
  }
  void apply(DiskOp op) {
    op.sequence = ++sequence_;
    image_.apply(op);
  }

  DiskImage cut(std::vector<Fate> fates) const { return image_.after_power_cut(fates); }
  DiskImage all_lost() const {
    return cut(std::vector<Fate>(image_.pending().size(), Fate{.kept = false}));
  }
  static std::string text(const DiskImage& image, std::string_view path) {
    const Result<InodeId> file = image.find(path);
    return file ? std::string(as_text(image.contents(*file))) : "(none)";
  }

  DiskImage image_;
  uint64_t sequence_ = 0;
};

TEST_F(DiskImageTest, UnsyncedWritesAndNamesAreLost) {
  const InodeId a = create("a");
  write(a, 0, "one");
  EXPECT_EQ(text(image_, "/a"), "one");
  EXPECT_EQ(text(all_lost(), "/a"), "(none)");
  sync(a);
  EXPECT_EQ(text(all_lost(), "/a"), "(none)") << "a synced file still needs its name";
  sync_directory();
  EXPECT_EQ(text(all_lost(), "/a"), "one");
  write(a, 3, "two");
  EXPECT_EQ(text(all_lost(), "/a"), "one");
  EXPECT_EQ(text(cut({}), "/a"), "onetwo");
}

TEST_F(DiskImageTest, ASyncCoversOnlyWhatWasWrittenBeforeIt) {
  const InodeId a = create("a");
  sync_directory();
  write(a, 0, "one");
  const uint64_t before = sequence_;
  write(a, 0, "two");
  apply({.kind = DiskOpKind::sync, .inode = a, .covers = before});
  EXPECT_EQ(text(image_, "/a"), "two");
  EXPECT_EQ(text(all_lost(), "/a"), "one");
}

TEST_F(DiskImageTest, RenameIsKeptOrLostWhole) {
  const InodeId a = create("a");
  const InodeId b = create("b");
  write(a, 0, "old");
  write(b, 0, "new");
  sync(a);
  sync(b);
  sync_directory();
  rename(b, "b", "a");
  EXPECT_EQ(text(image_, "/a"), "new");
  EXPECT_EQ(text(image_, "/b"), "(none)");
  EXPECT_EQ(text(all_lost(), "/a"), "old");
  EXPECT_EQ(text(all_lost(), "/b"), "new");
  sync_directory();
  EXPECT_EQ(text(all_lost(), "/a"), "new");
  EXPECT_EQ(text(all_lost(), "/b"), "(none)");
}

TEST_F(DiskImageTest, ANameIsLostWithAnEarlierChangeOfIt) {
  const InodeId a = create("a");
  sync(a);
  rename(a, "a", "b");
  EXPECT_EQ(text(cut({Fate{.kept = false}}), "/b"), "(none)")
      << "the rename cannot survive its file's creation";
  EXPECT_EQ(text(cut({Fate{}, Fate{.kept = false}}), "/a"), "");
}

TEST_F(DiskImageTest, SyncOfTheTargetDirectoryMakesARenameIntoItDurable) {
  const InodeId directory = create("d", kRootInode, true);
  sync_directory();
  const InodeId a = create("a");
  rename(a, "a", "b", directory);
  EXPECT_EQ(text(all_lost(), "/d/b"), "(none)");
  sync_directory(directory);
  EXPECT_EQ(text(all_lost(), "/d/b"), "");
  EXPECT_EQ(text(all_lost(), "/a"), "(none)");
}

TEST_F(DiskImageTest, WritesAreTornBySector) {
  const InodeId a = create("a");
  write(a, 0, std::string(1024, 'o'));
  sync(a);
  sync_directory();
  write(a, 256, std::string(1024, 'n'));  // sectors 0, 1 and 2
  const auto torn = [&](Fate fate) { return text(cut({fate}), "/a"); };
  EXPECT_EQ(torn({.sectors_lost = {true, false, true}}),
            std::string(512, 'o') + std::string(512, 'n') + std::string(256, '\0'));
  EXPECT_EQ(torn({.size = SizeKept::no, .sectors_lost = {false, true, false}}),
            std::string(256, 'o') + std::string(256, 'n') + std::string(512, 'o'));
  EXPECT_EQ(torn({.size = SizeKept::of_kept_sectors, .sectors_lost = {true, true, false}}),
            std::string(1024, 'o') + std::string(256, 'n'));
  EXPECT_EQ(torn({.size = SizeKept::of_kept_sectors, .sectors_lost = {true, true, true}}),
            std::string(1024, 'o'));
}

TEST_F(DiskImageTest, AFailedSyncLosesTheBytesButNotTheSize) {
  const InodeId a = create("a");
  sync_directory();
  write(a, 0, "bytes");
  apply({.kind = DiskOpKind::drop_unsynced, .inode = a, .covers = sequence_});
  sync(a);  // answers well, as the kernel's second fsync does
  EXPECT_EQ(text(image_, "/a"), "bytes") << "the page cache still shows them";
  EXPECT_EQ(text(all_lost(), "/a"), std::string(5, '\0'));
  image_.evict(a);
  EXPECT_EQ(text(image_, "/a"), std::string(5, '\0'));
}

TEST_F(DiskImageTest, TruncateIsLostOrKept) {
  const InodeId a = create("a");
  write(a, 0, "long text");
  sync(a);
  sync_directory();
  apply({.kind = DiskOpKind::truncate, .inode = a, .position = 4});
  EXPECT_EQ(text(image_, "/a"), "long");
  EXPECT_EQ(text(all_lost(), "/a"), "long text");
  sync(a);
  EXPECT_EQ(text(all_lost(), "/a"), "long");
}

TEST_F(DiskImageTest, UnlinkedFilesComeBackUntilTheDirectoryIsSynced) {
  const InodeId a = create("a");
  write(a, 0, "text");
  sync(a);
  sync_directory();
  unlink(a, "a");
  image_.collect({});
  EXPECT_EQ(text(image_, "/a"), "(none)");
  EXPECT_EQ(text(all_lost(), "/a"), "text");
  sync_directory();
  image_.collect({});
  EXPECT_EQ(text(all_lost(), "/a"), "(none)");
  EXPECT_FALSE(image_.exists(a));
}

TEST_F(DiskImageTest, CopiesAreIndependent) {
  const InodeId a = create("a");
  write(a, 0, "one");
  const DiskImage fork = image_;
  const uint64_t hash = fork.hash();
  write(a, 0, "two");
  EXPECT_EQ(text(fork, "/a"), "one");
  EXPECT_EQ(fork.hash(), hash);
  EXPECT_NE(image_.hash(), hash);
}

TEST_F(DiskImageTest, DamageReachesPendingWritesToo) {
  const InodeId a = create("a");
  sync_directory();
  write(a, 0, "abc");
  image_.damage(a, 1, 1, 0x20, false);
  EXPECT_EQ(text(image_, "/a"), "aBc");
  sync(a);
  EXPECT_EQ(text(all_lost(), "/a"), "aBc");
}

TEST(PathTest, PartsFollowDots) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(path_parts("/a//b/./c/"), (Parts{"a", "b", "c"}));
  EXPECT_EQ(path_parts("a/../b"), (Parts{"b"}));
  EXPECT_EQ(path_parts("../.."), Parts{});
  EXPECT_EQ(path_parts(""), Parts{});
}

}  // namespace
}  // namespace partita::runtime::sim
