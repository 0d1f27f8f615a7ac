#include "runtime/sim/world.h"

#include "runtime/scope.h"
#include "runtime/sim/sim_test.h"

namespace partita::runtime::sim {
namespace {

class WorldTest : public SimTest {};

Task<Result<>> write_and_sync(Shard& shard, std::string path, std::string text) {
  CO_TRY(auto file, shard.disk().open(path, OpenMode::create_or_open));
  CO_CHECKED(file->write(0, as_bytes(text)));
  CO_CHECKED(co_await sync(shard.executor(), *file));
  co_return co_await sync_directory(shard.executor(), shard.disk(), parent_path(path));
}

TEST_F(WorldTest, RunDrivesATaskToItsEnd) {
  ASSERT_TRUE(run(write_and_sync(shard(), "/a", "text")));
  const Result<Bytes> back = run(read_file(executor(), disk(), "/a", 100));
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(back->view()), "text");
}

TEST_F(WorldTest, SyncedFilesSurviveAPowerCut) {
  ASSERT_TRUE(run(write_and_sync(shard(), "/a", "text")));
  power_cycle();
  const Result<Bytes> back = run(read_file(executor(), disk(), "/a", 100));
  ASSERT_TRUE(back);
  EXPECT_EQ(as_text(back->view()), "text");
}

TEST_F(WorldTest, SleepsTakeVirtualTime) {
  Scope scope(shard());
  const Instant before = shard().now();
  ASSERT_TRUE(run(sleep_for(scope, 30s)));
  EXPECT_GE(shard().now() - before, 30s);
  EXPECT_LT(shard().now() - before, 31s);
}

}  // namespace
}  // namespace partita::runtime::sim
