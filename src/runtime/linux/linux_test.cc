#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/cross_shard.h"
#include "runtime/disk.h"
#include "runtime/linux/process.h"
#include "runtime/linux/stdout_log_sink.h"
#include "runtime/linux/world.h"

namespace partita {
namespace {

/// A directory of its own, removed with all in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "partita_XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return join_path(path_, name); }

 private:
  std::string path_;
};

Task<Result<std::unique_ptr<Stream>>> accept(Shard& shard, Listener& listener) {
  Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
  listener.start_accept(done);
  co_return co_await done;
}

Task<Result<std::unique_ptr<Stream>>> connect(Shard& shard, Endpoint to) {
  Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
  shard.net().start_connect(to, done);
  co_return co_await done;
}

Task<Result<>> readable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_readable(done);
  co_return co_await done;
}

Task<Result<>> writable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_writable(done);
  co_return co_await done;
}

Task<Result<std::string>> read_to_end(Shard& shard, Stream& stream) {
  std::string all;
  std::vector<uint8_t> memory(10'000);
  while (true) {
    auto count = stream.read_some(memory);
    if (!count && count.error().code == Errc::would_block) {
      CO_CHECKED(co_await readable(shard, stream));
      continue;
    }
    if (!count) co_return std::unexpected(count.error());
    if (*count == 0) co_return all;
    all.append(as_text(ByteView(memory).first(*count)));
  }
}

Task<void> write_all(Shard& shard, Stream& stream, std::string text) {
  ByteView rest = as_bytes(text);
  while (!rest.empty()) {
    auto count = stream.write_some(std::span(&rest, 1));
    if (!count && count.error().code == Errc::would_block) {
      EXPECT_TRUE(co_await writable(shard, stream));
      continue;
    }
    CHECK(count.has_value());
    rest = rest.subspan(*count);
  }
}

std::string pattern_text(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
  return text;
}

TEST(LinuxLoop, TimersEndWithinAMillisecondOrSo) {
  LinuxWorld world;
  world.run([](Shard& shard) -> Task<void> {
    Scope scope(shard);
    const Instant start = shard.now();
    for (int i = 0; i < 10; i++) EXPECT_TRUE(co_await sleep_for(scope, 300us));
    const Duration took = shard.now() - start;
    EXPECT_GE(took, 3ms);
    // With millisecond rounding ten sleeps would take ten milliseconds or more; the rest is for a
    // busy machine.
    EXPECT_LT(took, 500ms);
  }(world.shard(0)));
}

TEST(LinuxLoop, ReadyCoroutinesDoNotStarveTimers) {
  LinuxWorld world;
  world.run([](Shard& shard) -> Task<void> {
    struct Yield {
      Executor& executor;
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> waiting) { executor.ready(waiting); }
      void await_resume() const {}
    };
    Scope scope(shard);
    bool rang = false;
    scope.spawn([](Scope& scope, bool& rang) -> Task<void> {
      EXPECT_TRUE(co_await sleep_for(scope, 1ms));
      rang = true;
    }(scope, rang));
    const Instant give_up = shard.now() + 10s;
    while (!rang && shard.now() < give_up) co_await Yield{shard.executor()};
    EXPECT_TRUE(rang);
    co_await scope.join();
  }(world.shard(0)));
}

Task<uint64_t> count_one(uint64_t& count) {
  co_return count++;
}

Task<bool> close(Scope& scope) {
  scope.close();
  co_return true;
}

Task<bool> count_on_every_shard(LinuxWorld& world, std::vector<std::unique_ptr<Scope>>& scopes,
                                int rounds, std::vector<uint64_t>& counts, size_t home) {
  for (int i = 0; i < rounds; i++) {
    const size_t target = (home + static_cast<size_t>(i)) % world.shard_count();
    const uint64_t before = co_await call_on(world.shard(home), *scopes[target], [&counts, target] {
      return count_one(counts[target]);
    });
    EXPECT_LE(before, static_cast<uint64_t>(rounds) * 100);
  }
  co_return true;
}

TEST(LinuxWorldTest, ShardsCallEachOther) {
  constexpr size_t kShards = 3;
  constexpr int kRounds = 600;
  constexpr size_t kTasks = 8;
  LinuxWorld world({.shards = kShards});
  std::vector<std::unique_ptr<Scope>> scopes;
  for (size_t i = 0; i < kShards; i++) scopes.push_back(std::make_unique<Scope>(world.shard(i)));
  std::vector<uint64_t> counts(kShards);
  world.run([](LinuxWorld& world, std::vector<std::unique_ptr<Scope>>& scopes,
               std::vector<uint64_t>& counts) -> Task<void> {
    Scope callers(world.shard(0));
    for (size_t t = 0; t < kTasks; t++) {
      callers.spawn([](LinuxWorld& world, auto& scopes, auto& counts, size_t home) -> Task<void> {
        co_await call_on(world.shard(0), *scopes[home], [&, home] {
          return count_on_every_shard(world, scopes, kRounds, counts, home);
        });
      }(world, scopes, counts, t % kShards));
    }
    co_await callers.join();
    for (auto& scope : scopes) {
      co_await call_on(world.shard(0), *scope, [&scope] { return close(*scope); });
    }
  }(world, scopes, counts));
  uint64_t total = 0;
  for (uint64_t count : counts) total += count;
  EXPECT_EQ(total, kTasks * kRounds);
}

Task<bool> wait_for_ever(Scope& scope) {
  const Result<> ended = co_await sleep_for(scope, 1h);
  co_return !ended && ended.error().code == Errc::stopped;
}

TEST(LinuxWorldTest, ClosingAScopeOnAnotherShardEndsWhatWaitsThere) {
  LinuxWorld world({.shards = 2});
  Scope there(world.shard(1));
  const int stopped = world.run([](LinuxWorld& world, Scope& there) -> Task<int> {
    Shard& here = world.shard(0);
    Scope callers(here);
    int stopped = 0;
    for (int i = 0; i < 100; i++) {
      callers.spawn([](Shard& here, Scope& there, int& stopped) -> Task<void> {
        if (co_await call_on(here, there, [&there] { return wait_for_ever(there); })) stopped++;
      }(here, there, stopped));
    }
    EXPECT_TRUE(co_await sleep_for(callers, 5ms));
    EXPECT_EQ(stopped, 0);
    co_await call_on(here, there, [&there] { return close(there); });
    co_await callers.join();
    co_return stopped;
  }(world, there));
  EXPECT_EQ(stopped, 100);
}

TEST(LinuxDiskTest, ReadsBackWhatManyPartsWrote) {
  TemporaryDirectory directory;
  LinuxWorld world;
  const std::string expected = pattern_text(300'000);
  const auto outcome =
      world.run([](Shard& shard, std::string path, const std::string& text) -> Task<Result<>> {
        CO_TRY(auto file, shard.disk().open(path, OpenMode::create));
        // More parts than one system call takes, some of them empty.
        std::vector<ByteView> parts;
        for (size_t at = 0; at < text.size(); at += 1000) {
          parts.push_back(as_bytes(text).subspan(at, 1000));
          parts.emplace_back();
        }
        CO_CHECKED(file->write(0, parts));
        CO_CHECKED(co_await sync(shard.executor(), *file));
        CO_CHECKED(co_await sync_directory(shard.executor(), shard.disk(), parent_path(path)));
        CO_CHECKED(co_await sync_all(shard.executor(), shard.disk(), parent_path(path)));
        std::vector<uint8_t> back(text.size() + 10);
        CO_TRY(size_t count, co_await read(shard.executor(), *file, 0, back));
        EXPECT_EQ(count, text.size());
        EXPECT_EQ(as_text(ByteView(back).first(count)), text);
        Completion<Result<size_t>> cold(shard.executor());
        file->start_read(text.size() - 5, back, cold);
        CO_TRY(count, co_await cold);
        EXPECT_EQ(count, 5u);
        CO_CHECKED(file->truncate(7));
        CO_TRY(const uint64_t size, file->size());
        EXPECT_EQ(size, 7u);
        file->start_writeback(0, 7);
        co_return Result<>();
      }(world.shard(0), directory.file("data"), expected));
  EXPECT_TRUE(outcome) << describe(outcome.error());
}

TEST(LinuxDiskTest, NamesAndTheirErrors) {
  TemporaryDirectory directory;
  LinuxWorld world;
  Disk& disk = world.shard(0).disk();
  EXPECT_EQ(disk.open(directory.file("none"), OpenMode::read).error().code, Errc::not_found);
  ASSERT_TRUE(disk.open(directory.file("b"), OpenMode::create));
  EXPECT_EQ(disk.open(directory.file("b"), OpenMode::create).error().code, Errc::already_exists);
  ASSERT_TRUE(disk.make_directory(directory.file("a")));
  EXPECT_EQ(disk.make_directory(directory.file("a")).error().code, Errc::already_exists);
  ASSERT_TRUE(disk.open(directory.file("a/in"), OpenMode::create_or_open));
  EXPECT_FALSE(disk.remove_directory(directory.file("a")));
  const auto names = disk.list(directory.path());
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 2u);
  EXPECT_EQ(names->at(0).name, "a");
  EXPECT_TRUE(names->at(0).is_directory);
  EXPECT_EQ(names->at(1).name, "b");
  ASSERT_TRUE(disk.rename(directory.file("a"), directory.file("c")));
  EXPECT_EQ(disk.stat(directory.file("a")).error().code, Errc::not_found);
  EXPECT_EQ(disk.stat(directory.file("c/in"))->name, "in");
  ASSERT_TRUE(disk.unlink(directory.file("c/in")));
  ASSERT_TRUE(disk.remove_directory(directory.file("c")));
  EXPECT_GT(disk.space(directory.path())->total_bytes, disk.space(directory.path())->free_bytes);
}

TEST(LinuxDiskTest, OneLockPerDirectory) {
  TemporaryDirectory directory;
  LinuxWorld world;
  Disk& disk = world.shard(0).disk();
  auto lock = disk.lock(directory.path());
  ASSERT_TRUE(lock);
  EXPECT_EQ(disk.lock(directory.path()).error().code, Errc::locked);
  lock->reset();
  EXPECT_TRUE(disk.lock(directory.path()));
}

TEST(LinuxDiskTest, AFullDiskIsNoSpace) {
  LinuxWorld world;
  auto file = world.shard(0).disk().open("/dev/full", OpenMode::write);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->write(0, as_bytes("x")).error().code, Errc::no_space);
}

Task<Result<>> exchange(Shard& shard, std::string text, Endpoint at) {
  CO_TRY(auto listener, shard.net().listen(at));
  EXPECT_NE(listener->local().port, 0);
  EXPECT_EQ(shard.net().listen(listener->local()).error().code, Errc::already_exists);
  CO_TRY(auto client, co_await connect(shard, listener->local()));
  CO_TRY(auto server, co_await accept(shard, *listener));
  EXPECT_EQ(server->peer(), client->local());
  EXPECT_EQ(client->peer(), server->local());
  Scope scope(shard);
  scope.spawn([](Shard& shard, std::unique_ptr<Stream> stream, std::string text) -> Task<void> {
    co_await write_all(shard, *stream, std::move(text));
  }(shard, std::move(client), text));
  CO_TRY(const std::string received, co_await read_to_end(shard, *server));
  EXPECT_TRUE(received == text);
  co_await scope.join();
  co_return Result<>();
}

TEST(LinuxNetTest, MegabytesArriveInOrder) {
  LinuxWorld world;
  for (const char* address : {"127.0.0.1", "::1"}) {
    const auto outcome = world.run(exchange(world.shard(0), pattern_text(9'000'000), {address, 0}));
    EXPECT_TRUE(outcome) << describe(outcome.error());
  }
}

TEST(LinuxNetTest, CloseEndsWaits) {
  LinuxWorld world;
  world.run([](Shard& shard) -> Task<void> {
    auto listener = *shard.net().listen({"127.0.0.1", 0});
    auto client = *co_await connect(shard, listener->local());
    Scope scope(shard);
    Errc of_stream{}, of_listener{};
    scope.spawn([](Shard& shard, Stream& stream, Errc& code) -> Task<void> {
      code = (co_await readable(shard, stream)).error().code;
    }(shard, *client, of_stream));
    auto accepted = *co_await accept(shard, *listener);
    scope.spawn([](Shard& shard, Listener& listener, Errc& code) -> Task<void> {
      code = (co_await accept(shard, listener)).error().code;
    }(shard, *listener, of_listener));
    client->close();
    listener->close();
    co_await scope.join();
    EXPECT_EQ(of_stream, Errc::stopped);
    EXPECT_EQ(of_listener, Errc::stopped);
    EXPECT_EQ((co_await readable(shard, *client)).error().code, Errc::stopped);
  }(world.shard(0)));
}

TEST(LinuxNetTest, RefusedAndUnknown) {
  LinuxWorld world;
  world.run([](Shard& shard) -> Task<void> {
    auto listener = *shard.net().listen({"127.0.0.1", 0});
    const Endpoint gone = listener->local();
    listener.reset();
    EXPECT_EQ((co_await connect(shard, gone)).error().code, Errc::connection_reset);
    EXPECT_EQ((co_await connect(shard, {"localhost", 1})).error().code, Errc::invalid_argument);
    for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
      Completion<Result<std::vector<std::string>>> done(shard.executor());
      shard.net().start_resolve(host, done);
      EXPECT_FALSE((co_await done)->empty());
    }
  }(world.shard(0)));
}

TEST(LinuxNetTest, OutOfDescriptorsPausesAndRecovers) {
  LinuxWorld world;
  world.run([](Shard& shard) -> Task<void> {
    auto listener = *shard.net().listen({"127.0.0.1", 0});
    auto client = *co_await connect(shard, listener->local());
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const int next_free = dup(0);
    ::close(next_free);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(next_free);
    setrlimit(RLIMIT_NOFILE, &tight);
    EXPECT_EQ((co_await accept(shard, *listener)).error().code, Errc::limit_exceeded);
    const Instant start = shard.now();
    EXPECT_EQ((co_await accept(shard, *listener)).error().code, Errc::limit_exceeded);
    EXPECT_GE(shard.now() - start, 90ms);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(co_await accept(shard, *listener));
  }(world.shard(0)));
}

TEST(LinuxProcess, AStopSignalIsWaitedFor) {
  LinuxWorld world;
  StopSignals signals(world.loop(0));
  const int number = world.run([](Shard& shard, StopSignals& signals) -> Task<int> {
    Completion<Result<int>> done(shard.executor());
    signals.start_wait(done);
    kill(getpid(), SIGTERM);
    const int number = *co_await done;
    Completion<Result<int>> closed(shard.executor());
    signals.start_wait(closed);
    signals.close();
    EXPECT_EQ((co_await closed).error().code, Errc::stopped);
    co_return number;
  }(world.shard(0), signals));
  EXPECT_EQ(number, SIGTERM);
}

TEST(LinuxProcess, LimitAndEnvironment) {
  const auto limit = raise_open_files_limit();
  ASSERT_TRUE(limit);
  EXPECT_GE(*limit, 64u);
  setenv("KAFKA_PARTITA_TEST", "a=b", 1);
  const auto all = environment();
  EXPECT_EQ(
      std::ranges::count(all, std::pair<std::string, std::string>("KAFKA_PARTITA_TEST", "a=b")), 1);
}

TEST(LinuxProcess, LogLinesLookLikeKafkas) {
  TemporaryDirectory directory;
  const int fd = open(directory.file("log").c_str(), O_WRONLY | O_CREAT, 0600);
  StdoutLogSink sink(fd);
  Log(sink, "rpc").warn("port {}", 9092);
  ::close(fd);
  std::ifstream file(directory.file("log"));
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line.substr(26), "WARN port 9092 (rpc)") << line;
  EXPECT_EQ(line.front(), '[');
  EXPECT_EQ(line[20], ',');
}

}  // namespace
}  // namespace partita
