// Requests through a server connection over a real socket, both ends on one shard: what rpc and the
// kernel cost before any request means anything. Arguments: bytes of a request's body, requests
// pipelined. `allocations` is per request.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/allocation_counter.h"
#include "base/check.h"
#include "base/log.h"
#include "rpc/server.h"
#include "runtime/linux/process.h"
#include "runtime/linux/world.h"

namespace partita::rpc {
namespace {

constexpr size_t kResponseBytes = 60;

class AtOnce final : public RequestHandler {
 public:
  Result<Overlap> admit(wire::ApiKey, int16_t) const override { return Overlap::with_others; }
  Task<Response> handle(Request request) override {
    Buffer answer(kResponseBytes);
    answer.resize(kResponseBytes);
    std::memset(answer.data(), 0, kResponseBytes);
    store_be(answer.data(), int32_t{kResponseBytes - 4});
    store_be(answer.data() + 4, request.correlation_id);
    Response response;
    response.frame.push_back(std::move(answer).freeze());
    co_return response;
  }
};

std::vector<uint8_t> pipelined(size_t body_bytes, size_t count) {
  const size_t frame_bytes = 10 + body_bytes;  // header version 1, null client id
  std::vector<uint8_t> all;
  for (size_t i = 0; i < count; i++) {
    std::vector<uint8_t> one(4 + frame_bytes, 0);
    store_be(one.data(), static_cast<int32_t>(frame_bytes));
    store_be(one.data() + 6, int16_t{3});
    store_be(one.data() + 12, int16_t{-1});
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

Task<bool> round_trip(Shard& shard, Stream& stream, ByteView requests, size_t answer_bytes) {
  std::vector<uint8_t> memory(64 << 10);
  while (!requests.empty() || answer_bytes > 0) {
    if (!requests.empty()) {
      const auto sent = stream.write_some(std::span(&requests, 1));
      if (sent) requests = requests.subspan(*sent);
      if (!sent && sent.error().code != Errc::would_block) co_return false;
    }
    const auto got = stream.read_some(memory);
    if (got) answer_bytes -= std::min(*got, answer_bytes);
    if (!got && got.error().code != Errc::would_block) co_return false;
    Completion<Result<>> done(shard.executor());
    if (answer_bytes > 0 && requests.empty()) {
      stream.when_readable(done);
    } else if (!requests.empty()) {
      stream.when_writable(done);
    } else {
      break;
    }
    if (!co_await done) co_return false;
  }
  co_return true;
}

Task<bool> run_loopback(Shard& shard, benchmark::State& state) {
  AtOnce handler;
  Server server(shard, {}, handler, Log(null_log_sink(), "rpc"));
  const auto at = server.listen("PLAINTEXT", {"127.0.0.1", 0});
  CHECK(at.has_value());
  Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
  shard.net().start_connect(*at, done);
  auto stream = co_await done;
  CHECK(stream.has_value());
  const auto count = static_cast<size_t>(state.range(1));
  const auto requests = pipelined(static_cast<size_t>(state.range(0)), count);
  bool is_good = true;
  uint64_t taken = 0;
  for (auto _ : state) {
    const uint64_t before = allocations().count;
    is_good &= co_await round_trip(shard, **stream, requests, count * kResponseBytes);
    taken += allocations().count - before;
  }
  const auto total = static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(count);
  state.SetItemsProcessed(total);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) *
                          static_cast<int64_t>(requests.size()));
  state.counters["allocations"] = static_cast<double>(taken) / static_cast<double>(total);
  (*stream)->close();
  co_await server.stop(shard.now() + 5s);
  co_return is_good;
}

void loopback(benchmark::State& state) {
  tune_allocator(1);
  LinuxWorld world;
  if (!world.run(run_loopback(world.shard(0), state))) state.SkipWithError("the connection failed");
}
BENCHMARK(loopback)->Args({200, 1})->Args({200, 64})->Args({16'000, 16})->Args({1'000'000, 4});

}  // namespace
}  // namespace partita::rpc
