#pragma once
// What an operation of a benchmark costs beside time: heap allocations, and under callgrind (with
// --collect-atstart=no, see bench/micro.py) user-space instructions. For the source of a benchmark
// program, once.
//
//     void crc(benchmark::State& state) {
//       const std::string bytes = ...;
//       OperationCost cost(fmt::format("crc/{}", state.range(0)), state);
//       for (auto _ : state) ...
//     }

#include <fmt/core.h>

#include <string>
#include <utility>

#include "base/allocation_counter.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

namespace partita {

/// From construction to destruction, `operations` for each iteration of `state`.
template <class State>
class OperationCost {
 public:
  OperationCost(std::string name, State& state, int64_t operations = 1)
      : name_(std::move(name)),
        state_(state),
        operations_(operations),
        allocations_before_(allocations().count) {
    CALLGRIND_ZERO_STATS;
    CALLGRIND_TOGGLE_COLLECT;
  }
  ~OperationCost() {
    CALLGRIND_TOGGLE_COLLECT;
    const auto taken = allocations().count - allocations_before_;
    const auto count = static_cast<int64_t>(state_.iterations()) * operations_;
    state_.counters["allocs/op"] = static_cast<double>(taken) / static_cast<double>(count);
    [[maybe_unused]] const std::string place = fmt::format("{} {}", name_, count);
    CALLGRIND_DUMP_STATS_AT(place.c_str());
  }
  OperationCost(const OperationCost&) = delete;

 private:
  const std::string name_;
  State& state_;
  int64_t operations_;
  uint64_t allocations_before_;
};

}  // namespace partita
