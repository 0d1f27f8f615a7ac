// Appending to a partition's log in the page cache of the real disk, and reading it back: what a
// produce or fetch request costs below the broker. The directory is made where the bench is run.

#include <benchmark/benchmark.h>

#include <string>

#include "base/operation_cost.h"
#include "records/batch_builder.h"
#include "runtime/linux/world.h"
#include "storage/deleted_files.h"
#include "storage/log_config.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

const TopicPartition kName{.topic = "bench", .partition = PartitionIndex(0)};
const TopicId kTopicId{{1, 2, 3}};
constexpr WallTime kNow{1'700'000'000'000};

/// A batch as it lies in a receive buffer of its own.
LeaderBatch make_batch(size_t bytes) {
  const std::string value(bytes > 80 ? bytes - 70 : 10, 'v');
  records::BatchBuilder builder({});
  builder.append({.value = as_bytes(value), .timestamp = kNow});
  Bytes batch = *builder.build();
  const auto prefix = records::BatchPrefix::of(*records::BatchView::parse(batch.view()));
  return {.bytes = std::move(batch), .prefix = prefix};
}

struct Logs {
  Logs(Scope& owner, std::unique_ptr<LogDirectory> opened, size_t tail_bytes)
      : scope(owner),
        directory(std::move(opened)),
        logs(owner, *directory, {.tail_ring_bytes = tail_bytes}, Log(null_log_sink(), "bench")) {
    LogConfig config;
    config.durability = Durability::os;
    config.segment_bytes = 256 << 20;
    log = &logs.create(kName, kTopicId, std::make_shared<const LogConfig>(config));
  }
  Scope& scope;
  std::unique_ptr<LogDirectory> directory;
  ShardLogs logs;
  PartitionLog* log;
  std::string label;  // of the benchmark
};

/// In the folder that the bench is run in.
std::string bench_path() {
  return "partita-storage-bench";
}

Task<void> keep_small(Logs& all) {
  // The oldest segments go, so that the bench fits on the disk.
  all.log->set_high_watermark(all.log->log_end_offset());
  co_await all.log->delete_records(all.log->log_end_offset());
  co_await all.logs.delete_due_files(all.scope.shard().now() + 10min);
}

Task<void> append_loop(Logs& all, benchmark::State& state) {
  const LeaderBatch batch = make_batch(static_cast<size_t>(state.range(0)));
  std::ignore = all.log->append_as_leader(batch, LeaderEpoch(0), kNow);
  uint64_t bytes = 0;
  const OperationCost cost(all.label, state);
  for (auto _ : state) {
    const auto result = all.log->append_as_leader(batch, LeaderEpoch(0), kNow);
    if (!result) {
      state.SkipWithError(describe(result.error()).c_str());
      break;
    }
    bytes += result->bytes;
    if (all.log->size_bytes() > (uint64_t{1} << 30)) {
      state.PauseTiming();
      co_await keep_small(all);
      state.ResumeTiming();
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

Task<void> read_loop(Logs& all, benchmark::State& state) {
  const LeaderBatch batch = make_batch(static_cast<size_t>(state.range(0)));
  while (all.log->size_bytes() < (64 << 20)) {
    std::ignore = all.log->append_as_leader(batch, LeaderEpoch(0), kNow);
  }
  uint64_t bytes = 0;
  Offset at = all.log->log_start_offset();
  const Offset end = all.log->log_end_offset();
  const OperationCost cost(all.label, state);
  for (auto _ : state) {
    const auto read = co_await all.log->read(at, 1 << 20, end, true);
    if (!read) {
      state.SkipWithError(describe(read.error()).c_str());
      break;
    }
    bytes += read->size;
    at = read->next_offset < end ? read->next_offset : Offset(0);
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

Task<void> lookup_loop(Logs& all, benchmark::State& state) {
  const LeaderBatch batch = make_batch(1024);
  while (all.log->size_bytes() < (200u << 20)) {
    std::ignore = all.log->append_as_leader(batch, LeaderEpoch(0), kNow);
  }
  const int64_t end = all.log->log_end_offset().value();
  Random& random = all.scope.shard().random();
  const OperationCost cost(all.label, state);
  for (auto _ : state) {
    const Offset at(static_cast<int64_t>(random.below(static_cast<uint64_t>(end))));
    const auto read = co_await all.log->read(at, 1, Offset(end), true);
    if (!read || read->first_offset != at) state.SkipWithError("a wrong record");
  }
}

struct Bench {
  std::string label;
  size_t tail_bytes;
  Task<void> (*loop)(Logs&, benchmark::State&);
};

Task<void> with_logs(Shard& shard, const Bench& bench, benchmark::State& state) {
  Scope scope(shard);
  std::ignore = remove_tree(shard.disk(), bench_path());
  auto directory =
      co_await LogDirectory::open(scope, {.path = bench_path()}, Log(null_log_sink(), "bench"));
  CHECK(directory);
  {
    Logs all(scope, *std::move(directory), bench.tail_bytes);
    all.label = bench.label;
    co_await bench.loop(all, state);
    scope.close();
    co_await scope.join();
  }
  std::ignore = remove_tree(shard.disk(), bench_path());
}

void run(benchmark::State& state, const Bench& bench) {
  LinuxWorld world;
  world.run(with_logs(world.shard(0), bench, state));
}

std::string label(const char* name, const benchmark::State& state) {
  return name + ("/" + std::to_string(state.range(0)));
}

void append(benchmark::State& state) {
  run(state, {label("append", state), kTailRingBytes, append_loop});
}
BENCHMARK(append)->Arg(100)->Arg(16 << 10)->Arg(1 << 20);

void append_without_tail_ring(benchmark::State& state) {
  run(state, {label("append_without_tail_ring", state), 0, append_loop});
}
BENCHMARK(append_without_tail_ring)->Arg(100)->Arg(16 << 10)->Arg(1 << 20);

/// A consumer far behind, in the page cache: one MiB a call.
void read_files(benchmark::State& state) {
  run(state, {label("read_files", state), 0, read_loop});
}
BENCHMARK(read_files)->Arg(100)->Arg(16 << 10)->Arg(1 << 20);

/// One record at a random offset of 200 MiB.
void index_lookup(benchmark::State& state) {
  run(state, {"index_lookup", 0, lookup_loop});
}
BENCHMARK(index_lookup);

}  // namespace
}  // namespace partita::storage
