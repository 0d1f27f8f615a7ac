#pragma once
// Three one-liners for tests, constant in release builds (PARTITA_FAULTS off):
//   if (mutant("storage.skip_sync.active")) ...
//       a planted bug; a test switches on one at a time and some checker must find it
//   if (buggify("fetch.short_read")) ...
//       a rare but legal turn, taken now and then under simulation
//   COVERED("storage.torn_tail");
//       marks a rare branch; a batch of simulations lists marks never passed
// The switches are per process and single-threaded: only tests and the simulator set them, before
// they start anything.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace partita::faults {

#if PARTITA_FAULTS
/// Switches on one mutant, or none for "".
void set_mutant(std::string_view name);
/// From now on buggify answers true about once in `one_in` calls, drawn from `seed`; 0 switches it
/// off.
void set_buggify(uint64_t seed, uint32_t one_in);
bool mutant_active(std::string_view name);
bool buggify_now(std::string_view name);
void mark_covered(std::string_view name);
/// How often a mark was passed since the process started.
uint64_t times_covered(std::string_view name);
/// Every name that was asked of mutant() so far, sorted.
std::vector<std::string> mutants_seen();
#endif

}  // namespace partita::faults

namespace partita {
#if PARTITA_FAULTS
inline bool mutant(std::string_view name) {
  return faults::mutant_active(name);
}
inline bool buggify(std::string_view name) {
  return faults::buggify_now(name);
}
#define COVERED(name) ::partita::faults::mark_covered(name)
#else
constexpr bool mutant(std::string_view) {
  return false;
}
constexpr bool buggify(std::string_view) {
  return false;
}
#define COVERED(name) static_cast<void>(0)
#endif
}  // namespace partita
