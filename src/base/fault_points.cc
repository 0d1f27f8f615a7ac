#include "base/fault_points.h"

#if PARTITA_FAULTS

#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace partita::faults {
namespace {

// Process-wide on purpose: a mutant is a property of the program, not of one broker in it.
struct Switches {
  std::mutex mutex;  // tests on the real world pass marks from several threads
  std::string mutant;
  std::set<std::string, std::less<>> seen;
  std::map<std::string, uint64_t, std::less<>> covered;
  uint64_t state = 0;
  uint32_t one_in = 0;
};

Switches& switches() {
  static Switches instance;
  return instance;
}

}  // namespace

void set_mutant(std::string_view name) {
  std::lock_guard lock(switches().mutex);
  switches().mutant = name;
}

void set_buggify(uint64_t seed, uint32_t one_in) {
  std::lock_guard lock(switches().mutex);
  switches().state = seed | 1;
  switches().one_in = one_in;
}

bool mutant_active(std::string_view name) {
  Switches& s = switches();
  std::lock_guard lock(s.mutex);
  if (!s.seen.contains(name)) s.seen.emplace(name);
  return s.mutant == name;
}

bool buggify_now(std::string_view) {
  Switches& s = switches();
  std::lock_guard lock(s.mutex);
  if (s.one_in == 0) return false;
  s.state ^= s.state << 13;
  s.state ^= s.state >> 7;
  s.state ^= s.state << 17;
  return s.state % s.one_in == 0;
}

void mark_covered(std::string_view name) {
  Switches& s = switches();
  std::lock_guard lock(s.mutex);
  if (auto it = s.covered.find(name); it != s.covered.end()) {
    it->second++;
  } else {
    s.covered.emplace(name, 1);
  }
}

uint64_t times_covered(std::string_view name) {
  Switches& s = switches();
  std::lock_guard lock(s.mutex);
  auto it = s.covered.find(name);
  return it == s.covered.end() ? 0 : it->second;
}

std::vector<std::string> mutants_seen() {
  Switches& s = switches();
  std::lock_guard lock(s.mutex);
  return {s.seen.begin(), s.seen.end()};
}

}  // namespace partita::faults

#endif
