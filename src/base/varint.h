#pragma once
// Kafka's variable-length integers: 7 bits a byte, lowest first, the top bit set where more follow;
// signed ones are zigzag. Decoding refuses more than 5 bytes (32 bits) or 10 bytes (64 bits).

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace partita {

inline constexpr size_t kVarint32BytesMax = 5;
inline constexpr size_t kVarint64BytesMax = 10;

constexpr uint32_t zigzag(int32_t v) {
  return (static_cast<uint32_t>(v) << 1) ^ static_cast<uint32_t>(v >> 31);
}
constexpr uint64_t zigzag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int32_t unzigzag(uint32_t v) {
  return static_cast<int32_t>(v >> 1) ^ -static_cast<int32_t>(v & 1);
}
constexpr int64_t unzigzag(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}

/// Decodes one at `from`; answers the number of bytes it takes, 0 where they are too many or run
/// past `end`.
template <class T>
inline size_t get_uvarint(const uint8_t* from, const uint8_t* end, T& value) {
  constexpr unsigned kBits = sizeof(T) * 8;
  T result = 0;
  for (unsigned shift = 0; shift < kBits; shift += 7) {
    const size_t at = shift / 7;
    if (from + at >= end) return 0;
    const uint8_t byte = from[at];
    const T bits = byte & 0x7f;
    if (shift + 7 > kBits && (bits >> (kBits - shift)) != 0) return 0;
    result |= static_cast<T>(bits << shift);
    if ((byte & 0x80) == 0) {
      value = result;
      return at + 1;
    }
  }
  return 0;
}

template <class T>
inline size_t put_uvarint(uint8_t* to, T value) {
  size_t count = 0;
  while (value >= 0x80) {
    to[count++] = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  to[count++] = static_cast<uint8_t>(value);
  return count;
}

template <class T>
constexpr size_t uvarint_size(T value) {
  size_t count = 1;
  while (value >= 0x80) {
    value >>= 7;
    count++;
  }
  return count;
}

}  // namespace partita
