// The produce path's share of records: CRC and walk of batches as clients send them, and making
// them. Every line says how many heap allocations an operation takes.

#include <benchmark/benchmark.h>

#include <string>

#include "base/crc32c.h"
#include "base/operation_cost.h"
#include "records/batch_builder.h"
#include "records/check.h"

namespace partita::records {
namespace {

/// "check/1000/100"
std::string label(const char* name, const benchmark::State& state, size_t arguments) {
  std::string whole = name;
  for (size_t i = 0; i < arguments; i++) whole += "/" + std::to_string(state.range(i));
  return whole;
}

Bytes make(int64_t count, int64_t value_bytes, Codec codec) {
  const std::string value(static_cast<size_t>(value_bytes), 'v');
  BatchBuilder builder({.codec = codec});
  for (int64_t i = 0; i < count; i++) {
    builder.append({.value = as_bytes(value), .timestamp = WallTime(1700000000000 + i / 10)});
  }
  Compressor compressor;
  return *builder.build(compressor);
}

void count_bytes(benchmark::State& state, size_t bytes, int64_t records) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  // Shown as records a second: 100M/s are 10 ns a record.
  state.SetItemsProcessed(state.iterations() * records);
}

void crc(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  const OperationCost cost(label("crc", state, 1), state);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(as_bytes(bytes)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc)->Arg(61)->Arg(170)->Arg(1024)->Arg(16384)->Arg(65536)->Arg(1 << 20);

/// CRC, header and every record.
void check(benchmark::State& state) {
  const Bytes batch = make(state.range(0), state.range(1), Codec::none);
  const OperationCost cost(label("check", state, 2), state);
  for (auto _ : state) {
    const Judged<ProducedBatch> produced = check_produced(batch.view());
    if (!produced ||
        !check_rules(*produced, {.max_message_bytes = 1 << 30}, WallTime(1700000000000)))
      std::abort();
    BatchPrefix prefix =
        make_prefix(*produced, TimestampType::create_time, WallTime(1700000000000));
    prefix.stamp(Offset(1), LeaderEpoch(1));
    benchmark::DoNotOptimize(prefix);
  }
  count_bytes(state, batch.size(), state.range(0));
}
BENCHMARK(check)->Args({1, 100})->Args({10, 100})->Args({1000, 1024})->Args({10000, 100});

/// The walk alone: a batch that is in the cache, less its CRC.
void walk(benchmark::State& state) {
  const Bytes batch = make(state.range(0), state.range(1), Codec::none);
  const BatchView view = *BatchView::parse(batch.view());
  const OperationCost cost(label("walk", state, 2), state);
  for (auto _ : state) {
    RecordIterator records(view.records(), view.record_count());
    Record record;
    while (*records.next(record)) benchmark::DoNotOptimize(record);
  }
  count_bytes(state, batch.size(), state.range(0));
}
BENCHMARK(walk)->Args({1, 100})->Args({1000, 1024})->Args({10000, 100});

void check_compressed(benchmark::State& state) {
  const Bytes batch = make(1000, 1024, static_cast<Codec>(state.range(0)));
  const OperationCost cost(label("check_compressed", state, 1), state);
  for (auto _ : state) benchmark::DoNotOptimize(check_produced(batch.view()));
  count_bytes(state, batch.size(), 1000);
}
BENCHMARK(check_compressed)->Arg(2)->Arg(4);

ByteView payload_of(const Bytes& batch) {
  return batch.view().subspan(kBatchHeaderBytes);
}

void inflate(benchmark::State& state) {
  const Bytes batch = make(1000, 1024, static_cast<Codec>(state.range(0)));
  Decompressor decompressor;
  size_t size = 0;
  const OperationCost cost(label("inflate", state, 1), state);
  for (auto _ : state) {
    size = decompressor
               .inflate(static_cast<Codec>(state.range(0)), payload_of(batch), kInflatedBytesMax)
               ->size();
  }
  count_bytes(state, size, 1000);
}
BENCHMARK(inflate)->DenseRange(1, 4);

void deflate(benchmark::State& state) {
  const Bytes batch = make(1000, 1024, Codec::none);
  Compressor compressor;
  const OperationCost cost(label("deflate", state, 1), state);
  for (auto _ : state) {
    Buffer out;
    if (!compressor.deflate(static_cast<Codec>(state.range(0)), {}, payload_of(batch), out))
      std::abort();
    benchmark::DoNotOptimize(out.data());
  }
  count_bytes(state, payload_of(batch).size(), 1000);
}
BENCHMARK(deflate)->DenseRange(1, 4);

void append_time_prefix(benchmark::State& state) {
  const Bytes batch = make(state.range(0), state.range(1), Codec::none);
  const Judged<ProducedBatch> produced = check_produced(batch.view());
  const OperationCost cost(label("append_time_prefix", state, 2), state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(make_prefix(*produced, TimestampType::log_append_time, WallTime(5)));
  }
  count_bytes(state, batch.size(), state.range(0));
}
BENCHMARK(append_time_prefix)->Args({1, 100})->Args({1000, 1024});

void build(benchmark::State& state) {
  const std::string value(static_cast<size_t>(state.range(1)), 'v');
  BatchBuilder builder;
  size_t size = 0;
  const OperationCost cost(label("build", state, 2), state);
  for (auto _ : state) {
    if (state.range(0) > 1) builder.reserve(size + 1);
    for (int64_t i = 0; i < state.range(0); i++) {
      builder.append({.value = as_bytes(value), .timestamp = WallTime(1700000000000 + i)});
    }
    const Result<Bytes> batch = builder.build();
    size = batch->size();
  }
  count_bytes(state, size, state.range(0));
}
BENCHMARK(build)->Args({1, 100})->Args({1000, 1024})->Args({10000, 100});

}  // namespace
}  // namespace partita::records
