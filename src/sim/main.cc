// partita_sim: runs the simulation with one seed after another.
//
//     partita_sim [--seed N] [--runs N] [--log] [--mutant NAME]
//
// Exit codes: 0 all passed, 1 wrong flags, 2 a safety fault, 3 only liveness faults; a crash ends
// the process by a signal, and the last line names the seed that it struck.

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/fault_points.h"
#include "sim/simulation.h"

namespace partita::sim {
namespace {

constexpr int kWrongFlags = 1;
constexpr int kSafety = 2;
constexpr int kLiveness = 3;

struct Flags {
  uint64_t seed = 1;
  uint64_t runs = 30;
  bool log = false;
  std::string mutant;
};

bool parse_number(const char* text, uint64_t& into) {
  const std::string_view view = text == nullptr ? "" : text;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), into);
  return error == std::errc{} && !view.empty() && end == view.data() + view.size();
}

bool parse(char** arguments, Flags& flags) {
  for (char** at = arguments + 1; *at != nullptr; at++) {
    const std::string_view flag = *at;
    if (flag == "--log") {
      flags.log = true;
    } else if (flag == "--seed" && parse_number(at[1], flags.seed)) {
      at++;
    } else if (flag == "--runs" && parse_number(at[1], flags.runs)) {
      at++;
    } else if (flag == "--mutant" && at[1] != nullptr) {
      flags.mutant = *++at;
    } else {
      return false;
    }
  }
  return true;
}

class StderrSink final : public LogSink {
 public:
  void write(LogLevel level, std::string_view folder, std::string_view line) override {
    const std::string_view name = log_level_name(level);
    std::fprintf(stderr, "  %.*s %.*s: %.*s\n", int(name.size()), name.data(), int(folder.size()),
                 folder.data(), int(line.size()), line.data());
  }
};

bool run_one(uint64_t seed, const Log& log, Outcome& outcome) {
  std::printf("seed %llu: ", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  outcome = simulate(seed, log);
  std::printf("%s, %zu of %zu records acknowledged, %zu strikes, %llu steps, hash %016llx\n",
              outcome.plan.c_str(), outcome.acknowledged, outcome.sent, outcome.strikes,
              static_cast<unsigned long long>(outcome.steps),
              static_cast<unsigned long long>(outcome.trace_hash));
  if (outcome.verdict == Verdict::passed) return true;
  size_t shown = 0;
  for (const std::string& finding : outcome.findings) {
    if (++shown <= 10) std::printf("  %s\n", finding.c_str());
  }
  std::printf("  %s fault; replay: partita_sim --seed %llu --runs 1 --log\n",
              outcome.verdict == Verdict::safety ? "safety" : "liveness",
              static_cast<unsigned long long>(seed));
  return false;
}

int run(const Flags& flags) {
  StderrSink sink;
  const Log log(flags.log ? static_cast<LogSink&>(sink) : null_log_sink(), "sim");
  uint64_t failed = 0;
  int code = 0;
  for (uint64_t i = 0; i < flags.runs; i++) {
    Outcome outcome;
    if (run_one(flags.seed + i, log, outcome)) continue;
    failed++;
    if (code != kSafety) code = outcome.verdict == Verdict::safety ? kSafety : kLiveness;
  }
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(flags.runs - failed),
              static_cast<unsigned long long>(failed));
  return code;
}

}  // namespace
}  // namespace partita::sim

int main(int, char** arguments) {
  partita::sim::Flags flags;
  if (!partita::sim::parse(arguments, flags)) {
    std::fputs("usage: partita_sim [--seed N] [--runs N] [--log] [--mutant NAME]\n", stderr);
    return partita::sim::kWrongFlags;
  }
#if PARTITA_FAULTS
  partita::faults::set_mutant(flags.mutant);
#endif
  return partita::sim::run(flags);
}
