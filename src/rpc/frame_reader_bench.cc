// Cutting frames out of received bytes: small pipelined ones, fragments, and large ones that arrive
// by socket buffers. The argument is the bytes of a frame; the second what one receive brings.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/operation_cost.h"
#include "rpc/frame_reader.h"

namespace partita::rpc {
namespace {

void cut_frames(benchmark::State& state) {
  const auto frame_bytes = static_cast<size_t>(state.range(0));
  const auto receive_bytes = static_cast<size_t>(state.range(1));
  std::vector<uint8_t> wire(FrameReader::kSizeBytes + frame_bytes);
  store_be(wire.data(), static_cast<uint32_t>(frame_bytes));
  ReceiveScratch scratch;
  FrameReader reader(scratch, 100 << 20);
  size_t at = 0;
  int64_t frames = 0;
  const OperationCost cost(fmt::format("cut_frames/{}/{}", state.range(0), state.range(1)), state);
  for (auto _ : state) {
    const ByteSpan into = reader.prepare();
    const size_t count = std::min(into.size(), receive_bytes);
    for (size_t done = 0; done < count;) {
      const size_t piece = std::min(count - done, wire.size() - at);
      std::memcpy(into.data() + done, wire.data() + at, piece);
      done += piece;
      at = (at + piece) % wire.size();
    }
    reader.received(count);
    for (Result<Bytes> frame = reader.next(); frame; frame = reader.next()) {
      benchmark::DoNotOptimize(frame->data());
      frames++;
    }
  }
  state.SetItemsProcessed(frames);
  state.SetBytesProcessed(frames * static_cast<int64_t>(wire.size()));
}
BENCHMARK(cut_frames)
    ->Args({200, 200})
    ->Args({200, 20'000})
    ->Args({200, 3})
    ->Args({16'000, 100'000})
    ->Args({1'000'000, 300'000})
    ->Args({10'000'000, 300'000});

}  // namespace
}  // namespace partita::rpc
