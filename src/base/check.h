#pragma once
// CHECK: what must hold, always on; a failed one ends the process with the place and the words.
// DCHECK: the same for costly verification, on in tests and simulation only.
// Never for bytes from a disk or a peer: those are an Error.

namespace partita {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace partita

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::partita::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)

#if PARTITA_FAULTS
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) \
  do {                    \
  } while (false)
#endif
