#pragma once
// Counts what a test, fuzz target or benchmark takes from the heap, Buffers included. To be
// included by exactly one source of a program: it puts itself between the program and malloc (with
// a sanitizer: asks that to tell).

#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PARTITA_SANITIZED_HEAP 1
#include <sanitizer/allocator_interface.h>
#endif
#endif

namespace partita {

struct Allocations {
  std::atomic<uint64_t> count = 0;
  std::atomic<uint64_t> bytes = 0;

  void add(size_t size) {
    count.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
  }
};

inline Allocations& allocations() {
  static constinit Allocations all;
  return all;
}

/// Bytes taken while `f` ran, freed ones included.
template <class F>
uint64_t bytes_taken(F f) {
  const uint64_t before = allocations().bytes;
  f();
  return allocations().bytes - before;
}

}  // namespace partita

#ifdef PARTITA_SANITIZED_HEAP
namespace {
void count_malloc(const volatile void*, size_t size) {
  partita::allocations().add(size);
}
void ignore_free(const volatile void*) {}
[[maybe_unused]] const int kHooksInstalled =
    __sanitizer_install_malloc_and_free_hooks(&count_malloc, &ignore_free);
}  // namespace
#else
// NOLINTBEGIN: the C library's own names.
extern "C" void* __libc_malloc(size_t size);
extern "C" void* malloc(size_t size) {
  partita::allocations().add(size);
  return __libc_malloc(size);
}
// NOLINTEND
#endif
