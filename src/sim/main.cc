// partita_sim: runs the simulation with one seed after another.
//
//     partita_sim [--seed N] [--runs N] [--log] [--mutant NAME] [--coverage]
//
// --coverage lists the rare branches (COVERED marks) that the runs passed and how often, then those
// that no run passed.
// Exit codes: 0 all passed, 1 wrong flags, 2 a safety fault, 3 only liveness faults, 4 brokers that
// did not start; a crash ends the process by a signal, and the last line names the seed that it
// struck.

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/fault_points.h"
#include "sim/mark_names.h"
#include "sim/simulation.h"

namespace partita::sim {
namespace {

constexpr int kWrongFlags = 1;
constexpr int kSafety = 2;
constexpr int kLiveness = 3;
constexpr int kStart = 4;

struct Flags {
  uint64_t seed = 1;
  uint64_t runs = 30;
  bool log = false;
  bool coverage = false;
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
    } else if (flag == "--coverage") {
      flags.coverage = true;
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

std::string_view word_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed: return "no";
    case Verdict::safety: return "safety";
    case Verdict::liveness: return "liveness";
    case Verdict::start: break;
  }
  return "start";
}

/// Of several the gravest: safety, then starts, then liveness.
int graver(int code, Verdict verdict) {
  if (code == kSafety || verdict == Verdict::safety) return kSafety;
  return code == kStart || verdict == Verdict::start ? kStart : kLiveness;
}

void print_coverage() {
#if PARTITA_FAULTS
  std::puts("passed:");
  for (const char* name : kMarkNames) {
    const uint64_t times = faults::times_covered(name);
    if (times > 0) std::printf("  %-44s %llu\n", name, static_cast<unsigned long long>(times));
  }
  std::puts("never passed:");
  for (const char* name : kMarkNames) {
    if (faults::times_covered(name) == 0) std::printf("  %s\n", name);
  }
#else
  std::puts("this build has no marks");
#endif
}

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
  const std::string_view word = word_of(outcome.verdict);
  std::printf("  %.*s fault; replay: partita_sim --seed %llu --runs 1 --log\n", int(word.size()),
              word.data(), static_cast<unsigned long long>(seed));
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
    code = graver(code, outcome.verdict);
  }
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(flags.runs - failed),
              static_cast<unsigned long long>(failed));
  if (flags.coverage) print_coverage();
  return code;
}

}  // namespace
}  // namespace partita::sim

int main(int, char** arguments) {
  partita::sim::Flags flags;
  if (!partita::sim::parse(arguments, flags)) {
    std::fputs("usage: partita_sim [--seed N] [--runs N] [--log] [--mutant NAME] [--coverage]\n",
               stderr);
    return partita::sim::kWrongFlags;
  }
#if PARTITA_FAULTS
  partita::faults::set_mutant(flags.mutant);
#endif
  return partita::sim::run(flags);
}
