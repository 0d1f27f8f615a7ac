// Lookups in a full offset index and in a time index, appends, and what a producer's batch costs,
// over a file in memory: what is left is our own work.

#include <benchmark/benchmark.h>

#include <cstring>

#include "base/operation_cost.h"
#include "runtime/sim/drive.h"
#include "storage/offset_checkpoint.h"
#include "storage/offset_index.h"
#include "storage/producer_state.h"
#include "storage/time_index.h"

namespace partita::storage {
namespace {

class MemoryFile final : public File {
 public:
  using File::write;
  Result<uint64_t> size() override { return bytes_.size(); }
  Result<> write(uint64_t position, std::span<const ByteView> parts) override {
    for (const ByteView part : parts) {
      if (bytes_.size() < position + part.size()) bytes_.resize(position + part.size());
      std::memcpy(bytes_.data() + position, part.data(), part.size());
      position += part.size();
    }
    return {};
  }
  Result<size_t> read_resident(uint64_t position, ByteSpan into) override {
    if (position >= bytes_.size()) return 0;
    const size_t count = std::min<size_t>(into.size(), bytes_.size() - position);
    std::memcpy(into.data(), bytes_.data() + position, count);
    return count;
  }
  void start_read(uint64_t position, ByteSpan into, Completion<Result<size_t>>& done) override {
    done.complete(read_resident(position, into));
  }
  void start_sync(Completion<Result<>>& done) override { done.complete({}); }
  Result<> truncate(uint64_t size) override {
    bytes_.resize(size);
    return {};
  }
  void start_writeback(uint64_t, uint64_t) override {}

 private:
  std::vector<uint8_t> bytes_;
};

/// Resumes at once: nothing here waits.
class Immediate final : public Executor {
 public:
  void ready(std::coroutine_handle<> coroutine) override { coroutine.resume(); }
  void post(Work work) override { work(); }

  template <class T>
  T run(Task<T> task) {
    runtime::sim::Driven<T> driven;
    driven.start(*this, std::move(task));
    return driven.take();
  }
};

constexpr uint32_t kBytesMax = 10 << 20;

void offset_index_lookup(benchmark::State& state) {
  Immediate executor;
  MemoryFile file;
  OffsetIndex index(Offset(0), kBytesMax);
  const auto count = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 1; i <= count; i++) (void)index.append(file, Offset(int64_t{i} * 4), i * 16);
  int64_t target = 0;
  const OperationCost cost("offset_index_lookup/" + std::to_string(state.range(0)), state);
  for (auto _ : state) {
    target = (target + 7919 * 4) % (int64_t{count} * 4);
    benchmark::DoNotOptimize(executor.run(index.lookup(executor, file, Offset(target))));
  }
}
BENCHMARK(offset_index_lookup)->Arg(100)->Arg(10000)->Arg(1300000);

void time_index_lookup(benchmark::State& state) {
  Immediate executor;
  MemoryFile file;
  TimeIndex index(Offset(0), kBytesMax);
  const auto count = static_cast<uint32_t>(state.range(0));
  for (uint32_t i = 1; i <= count; i++) {
    (void)index.maybe_append(file, WallTime(int64_t{i} * 4), Offset(i), TimeIndex::Closing::no);
  }
  int64_t target = 0;
  const OperationCost cost("time_index_lookup/" + std::to_string(state.range(0)), state);
  for (auto _ : state) {
    target = (target + 7919 * 4) % (int64_t{count} * 4);
    benchmark::DoNotOptimize(executor.run(index.lookup(executor, file, WallTime(target))));
  }
}
BENCHMARK(time_index_lookup)->Arg(100)->Arg(10000)->Arg(800000);

void offset_index_append(benchmark::State& state) {
  MemoryFile file;
  OffsetIndex index(Offset(0), kBytesMax);
  uint32_t next = 0;
  const OperationCost cost("offset_index_append", state);
  for (auto _ : state) {
    if (index.is_full()) {
      (void)index.reset(file);
      next = 0;
    }
    next++;
    benchmark::DoNotOptimize(index.append(file, Offset(next), next));
  }
}
BENCHMARK(offset_index_append);

void producer_check_and_apply(benchmark::State& state) {
  const ProducerStateOptions options;
  ProducerState producers(options);
  const int64_t ids = state.range(0);
  int64_t round = 0;
  const OperationCost cost("producer_check_and_apply/" + std::to_string(state.range(0)), state);
  for (auto _ : state) {
    const auto sequence = static_cast<int32_t>(round / ids);
    const ProducerBatch batch{.producer_id = ProducerId(round % ids),
                              .producer_epoch = ProducerEpoch(0),
                              .first_sequence = sequence,
                              .last_sequence = sequence,
                              .first_offset = Offset(round),
                              .last_offset = Offset(round)};
    benchmark::DoNotOptimize(producers.check(batch));
    producers.apply(batch, Instant());
    round++;
  }
}
BENCHMARK(producer_check_and_apply)->Arg(1)->Arg(10000);

void offset_checkpoint_10000(benchmark::State& state) {
  std::vector<OffsetCheckpointEntry> entries;
  for (int i = 0; i < 10000; i++) {
    entries.push_back({.topic = "some-topic", .partition = PartitionIndex(i), .offset = Offset(i)});
  }
  const OperationCost cost("offset_checkpoint_10000", state);
  for (auto _ : state) {
    const Bytes bytes = encode_offset_checkpoint(entries);
    benchmark::DoNotOptimize(decode_offset_checkpoint(bytes.view()));
  }
}
BENCHMARK(offset_checkpoint_10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace partita::storage
