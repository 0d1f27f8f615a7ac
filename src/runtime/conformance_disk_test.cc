#include <algorithm>

#include "runtime/conformance_test.h"

namespace partita {
namespace {

class DiskConformance : public ConformanceTest {};
INSTANTIATE_TEST_SUITE_P(Worlds, DiskConformance, testing::ValuesIn(conformance_worlds()),
                         world_name);

std::string text_of(const Result<Bytes>& bytes) {
  return bytes ? std::string(as_text(bytes->view())) : std::string(errc_name(bytes.error().code));
}

Task<std::string> text_at(Shard& shard, std::string path) {
  co_return text_of(co_await read_file(shard.executor(), shard.disk(), path, 1 << 20));
}

Result<> write_text(Disk& disk, const std::string& path, std::string_view text) {
  TRY(auto file, disk.open(path, OpenMode::create_or_open));
  return file->write(0, as_bytes(text));
}

Task<void> open_modes(ConformanceWorld& world) {
  Disk& disk = world.shard(0).disk();
  const std::string path = world.path("file");
  EXPECT_EQ(error_of(disk.open(path, OpenMode::read)), Errc::not_found);
  EXPECT_EQ(error_of(disk.open(path, OpenMode::write)), Errc::not_found);
  EXPECT_EQ(error_of(disk.open(world.path("none/file"), OpenMode::create)), Errc::not_found);
  EXPECT_TRUE(disk.open(path, OpenMode::create));
  EXPECT_EQ(error_of(disk.open(path, OpenMode::create)), Errc::already_exists);
  auto file = disk.open(path, OpenMode::create_or_open);
  CO_ASSERT(file.has_value());
  EXPECT_TRUE((*file)->write(0, as_bytes("text")));
  EXPECT_EQ(*(*disk.open(path, OpenMode::write))->size(), 4u) << "opening truncates nothing";
  EXPECT_EQ(*(*disk.open(path, OpenMode::create_or_open))->size(), 4u);
  auto reading = disk.open(path, OpenMode::read);
  CO_ASSERT(reading.has_value());
  EXPECT_TRUE(error_of((*reading)->write(0, as_bytes("no"))).has_value());
  EXPECT_EQ(co_await text_at(world.shard(0), path), "text");
}
TEST_P(DiskConformance, OpenModes) {
  check(open_modes);
}

Task<void> write_and_read(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto file = shard.disk().open(world.path("file"), OpenMode::create);
  CO_ASSERT(file.has_value());
  File& open = **file;
  const std::vector<ByteView> parts = {as_bytes("one"), as_bytes(""), as_bytes("two")};
  EXPECT_TRUE(open.write(0, parts));
  EXPECT_TRUE(open.write(8, as_bytes("gap"))) << "what lies between reads as zeros";
  EXPECT_EQ(*open.size(), 11u);
  EXPECT_TRUE(open.write(2, as_bytes("E")));
  uint8_t into[20];
  std::ranges::fill(into, uint8_t{0xff});
  EXPECT_EQ(co_await read(shard.executor(), open, 0, into), 11u);
  EXPECT_EQ(as_text(ByteView(into, 11)), std::string_view("onEtwo\0\0gap", 11));
  EXPECT_EQ(into[11], 0xff) << "nothing is written behind the end";
  EXPECT_EQ(co_await read(shard.executor(), open, 9, ByteSpan(into, 2)), 2u);
  EXPECT_EQ(co_await read(shard.executor(), open, 11, into), 0u);
  EXPECT_EQ(co_await read(shard.executor(), open, 5000, into), 0u);
  EXPECT_EQ(co_await read(shard.executor(), open, 3, ByteSpan()), 0u);
  EXPECT_TRUE(co_await read_exactly(shard.executor(), open, 8, ByteSpan(into, 3)));
  EXPECT_EQ(error_of(co_await read_exactly(shard.executor(), open, 9, ByteSpan(into, 3))),
            Errc::truncated_data);
  Completion<Result<size_t>> done(shard.executor());
  open.start_read(0, ByteSpan(into, 3), done);
  EXPECT_EQ(co_await done, 3u);
  EXPECT_EQ(as_text(ByteView(into, 3)), "onE");
}
TEST_P(DiskConformance, WritesAreReadBack) {
  check(write_and_read);
}

Task<void> many_parts(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto file = shard.disk().open(world.path("file"), OpenMode::create);
  CO_ASSERT(file.has_value());
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; i++) texts.push_back(std::to_string(i) + ",");
  std::vector<ByteView> parts;
  for (const std::string& text : texts) {
    parts.push_back(as_bytes(text));
    expected += text;
  }
  EXPECT_TRUE((*file)->write(0, parts));
  EXPECT_EQ(co_await text_at(shard, world.path("file")), expected);
}
TEST_P(DiskConformance, AWriteTakesAnyNumberOfParts) {
  check(many_parts);
}

Task<void> truncate(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto file = shard.disk().open(world.path("file"), OpenMode::create);
  CO_ASSERT(file.has_value());
  EXPECT_TRUE((*file)->write(0, as_bytes("long text")));
  EXPECT_TRUE((*file)->truncate(4));
  EXPECT_EQ(*(*file)->size(), 4u);
  EXPECT_TRUE((*file)->truncate(6));
  EXPECT_EQ(co_await text_at(shard, world.path("file")), std::string("long\0\0", 6))
      << "no stale bytes";
}
TEST_P(DiskConformance, TruncateCutsAndGrows) {
  check(truncate);
}

Task<void> syncs(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Disk& disk = shard.disk();
  auto file = disk.open(world.path("file"), OpenMode::create);
  CO_ASSERT(file.has_value());
  EXPECT_TRUE((*file)->write(0, as_bytes("text")));
  (*file)->start_writeback(0, 4);
  EXPECT_TRUE(co_await sync(shard.executor(), **file));
  EXPECT_TRUE(co_await sync_directory(shard.executor(), disk, world.directory()));
  EXPECT_TRUE(co_await sync_all(shard.executor(), disk, world.directory()));
  EXPECT_EQ(error_of(co_await sync_directory(shard.executor(), disk, world.path("none"))),
            Errc::not_found);
}
TEST_P(DiskConformance, SyncsAreAnswered) {
  check(syncs);
}

Task<void> renames(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Disk& disk = shard.disk();
  const std::string a = world.path("a"), b = world.path("b"), d = world.path("d");
  EXPECT_TRUE(write_text(disk, a, "first"));
  auto open = disk.open(a, OpenMode::write);
  CO_ASSERT(open.has_value());
  EXPECT_TRUE(disk.rename(a, b));
  EXPECT_EQ(co_await text_at(shard, b), "first");
  EXPECT_EQ(error_of(disk.stat(a)), Errc::not_found);
  EXPECT_TRUE((*open)->write(0, as_bytes("FIRST"))) << "an open file follows its new name";
  EXPECT_EQ(co_await text_at(shard, b), "FIRST");
  EXPECT_TRUE(write_text(disk, a, "second"));
  EXPECT_TRUE(disk.rename(a, b)) << "and replaces";
  EXPECT_EQ(co_await text_at(shard, b), "second");
  uint8_t into[5];
  EXPECT_TRUE(co_await read_exactly(shard.executor(), **open, 0, into));
  EXPECT_EQ(as_text(into), "FIRST") << "what was replaced lives while it is open";
  EXPECT_EQ(error_of(disk.rename(a, b)), Errc::not_found);
  EXPECT_EQ(error_of(disk.rename(b, world.path("none/b"))), Errc::not_found);
  EXPECT_TRUE(disk.rename(b, b));
  EXPECT_TRUE(disk.make_directory(d));
  EXPECT_TRUE(disk.rename(b, join_path(d, "b")));
  EXPECT_TRUE(disk.rename(d, world.path("e"))) << "directories too";
  EXPECT_EQ(co_await text_at(shard, world.path("e/b")), "second");
}
TEST_P(DiskConformance, RenameReplaces) {
  check(renames);
}

Task<void> unlinks(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Disk& disk = shard.disk();
  const std::string a = world.path("a");
  EXPECT_EQ(error_of(disk.unlink(a)), Errc::not_found);
  EXPECT_TRUE(write_text(disk, a, "text"));
  auto open = disk.open(a, OpenMode::read);
  CO_ASSERT(open.has_value());
  EXPECT_TRUE(disk.unlink(a));
  EXPECT_EQ(error_of(disk.open(a, OpenMode::read)), Errc::not_found);
  uint8_t into[4];
  EXPECT_TRUE(co_await read_exactly(shard.executor(), **open, 0, into));
  EXPECT_EQ(as_text(into), "text");
  EXPECT_TRUE(disk.make_directory(a));
  EXPECT_TRUE(error_of(disk.unlink(a)).has_value()) << "a directory is not unlinked";
}
TEST_P(DiskConformance, UnlinkTakesTheNameOnly) {
  check(unlinks);
}

Task<void> directories(ConformanceWorld& world) {
  Disk& disk = world.shard(0).disk();
  const std::string d = world.path("d");
  EXPECT_EQ(error_of(disk.make_directory(world.path("none/d"))), Errc::not_found);
  EXPECT_TRUE(disk.make_directory(d));
  EXPECT_EQ(error_of(disk.make_directory(d)), Errc::already_exists);
  EXPECT_TRUE(write_text(disk, join_path(d, "b"), "12345"));
  EXPECT_TRUE(disk.make_directory(join_path(d, "c")));
  EXPECT_TRUE(write_text(disk, join_path(d, "a"), ""));
  const auto listed = disk.list(d);
  CO_ASSERT(listed.has_value() && listed->size() == 3);
  EXPECT_EQ((*listed)[0].name, "a");
  EXPECT_EQ((*listed)[0].size, 0u);
  EXPECT_EQ((*listed)[1].name, "b");
  EXPECT_EQ((*listed)[1].size, 5u);
  EXPECT_FALSE((*listed)[1].is_directory);
  EXPECT_EQ((*listed)[2].name, "c");
  EXPECT_TRUE((*listed)[2].is_directory);
  EXPECT_EQ(error_of(disk.list(world.path("none"))), Errc::not_found);
  EXPECT_TRUE(error_of(disk.remove_directory(d)).has_value()) << "not empty";
  for (const char* name : {"a", "b"}) EXPECT_TRUE(disk.unlink(join_path(d, name)));
  EXPECT_TRUE(disk.remove_directory(join_path(d, "c")));
  EXPECT_TRUE(disk.list(d)->empty());
  EXPECT_TRUE(disk.remove_directory(d));
  EXPECT_EQ(error_of(disk.remove_directory(d)), Errc::not_found);
  co_return;
}
TEST_P(DiskConformance, Directories) {
  check(directories);
}

Task<void> stats(ConformanceWorld& world) {
  Disk& disk = world.shard(0).disk();
  EXPECT_TRUE(write_text(disk, world.path("a"), "12345"));
  const auto file = disk.stat(world.path("a"));
  CO_ASSERT(file.has_value());
  EXPECT_EQ(file->name, "a");
  EXPECT_EQ(file->size, 5u);
  EXPECT_FALSE(file->is_directory);
  const auto directory = disk.stat(world.directory());
  CO_ASSERT(directory.has_value());
  EXPECT_TRUE(directory->is_directory);
  EXPECT_EQ(error_of(disk.stat(world.path("none"))), Errc::not_found);
  const auto space = disk.space(world.directory());
  CO_ASSERT(space.has_value());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  co_return;
}
TEST_P(DiskConformance, StatAndSpace) {
  check(stats);
}

Task<void> locks(ConformanceWorld& world) {
  Disk& disk = world.shard(0).disk();
  auto held = disk.lock(world.directory());
  CO_ASSERT(held.has_value());
  EXPECT_TRUE(disk.stat(world.path(".lock")));
  EXPECT_EQ(error_of(disk.lock(world.directory())), Errc::locked);
  held->reset();
  EXPECT_TRUE(disk.lock(world.directory()));
  EXPECT_EQ(error_of(disk.lock(world.path("none"))), Errc::not_found);
  co_return;
}
TEST_P(DiskConformance, OneHoldsADirectory) {
  check(locks);
}

Task<void> small_files(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Executor& executor = shard.executor();
  const std::string path = world.path("file");
  EXPECT_TRUE(
      co_await replace_file(executor, shard.disk(), path, Bytes::copy_of(std::string(5000, 'x'))));
  EXPECT_TRUE(co_await replace_file(executor, shard.disk(), path, Bytes::copy_of("new")));
  EXPECT_EQ(co_await text_at(shard, path), "new");
  EXPECT_EQ(error_of(co_await read_file(executor, shard.disk(), path, 2)), Errc::limit_exceeded);
  EXPECT_EQ(shard.disk().list(world.directory())->size(), 1u) << "no temporary file stays";
  EXPECT_TRUE(co_await replace_file(executor, shard.disk(), path, Bytes()));
  EXPECT_EQ(co_await text_at(shard, path), "");
}
TEST_P(DiskConformance, SmallFilesAreReplaced) {
  check(small_files);
}

}  // namespace
}  // namespace partita
