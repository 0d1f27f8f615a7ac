#include "base/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace partita {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bit-reversed

constexpr std::array<std::array<uint32_t, 256>, 8> make_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (kPolynomial & (0u - (crc & 1)));
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < 8; slice++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint32_t previous = tables[slice - 1][byte];
      tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

constexpr auto kTables = make_tables();

#if defined(__x86_64__)

// The three streams are of equal length, so that two shifts by that length join them. A shift by a
// fixed number of zero bytes is linear: four table look-ups.
constexpr size_t kStream = 1024;
constexpr size_t kShortStream = 128;

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

/// A linear map of 32 bits: where each single bit goes.
using Map = std::array<uint32_t, 32>;

uint32_t apply(const Map& map, uint32_t vector) {
  uint32_t sum = 0;
  for (size_t bit = 0; vector != 0; bit++, vector >>= 1) {
    if (vector & 1) sum ^= map[bit];
  }
  return sum;
}

/// What `zero_bytes` zero bytes do to a checksum, by repeated squaring of what one does.
Map map_of_zeros(size_t zero_bytes) {
  Map power{};
  Map result{};
  for (size_t bit = 0; bit < 32; bit++) {
    result[bit] = 1u << bit;
    power[bit] = 1u << bit;
    for (int i = 0; i < 8; i++) {
      power[bit] = (power[bit] >> 1) ^ (kPolynomial & (0u - (power[bit] & 1)));
    }
  }
  for (; zero_bytes != 0; zero_bytes >>= 1) {
    if (zero_bytes & 1) {
      for (uint32_t& column : result) column = apply(power, column);
    }
    Map squared{};
    for (size_t bit = 0; bit < 32; bit++) squared[bit] = apply(power, power[bit]);
    power = squared;
  }
  return result;
}

ShiftTable make_shift(size_t zero_bytes) {
  ShiftTable table{};
  const Map columns = map_of_zeros(zero_bytes);
  for (size_t lane = 0; lane < 4; lane++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t sum = 0;
      for (size_t bit = 0; bit < 8; bit++) {
        if ((byte >> bit) & 1) sum ^= columns[lane * 8 + bit];
      }
      table[lane][byte] = sum;
    }
  }
  return table;
}

uint32_t shift(const ShiftTable& table, uint32_t crc) {
  return table[0][crc & 0xff] ^ table[1][(crc >> 8) & 0xff] ^ table[2][(crc >> 16) & 0xff] ^
         table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint64_t step8(uint64_t crc, const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, 8);
  return _mm_crc32_u64(crc, word);
}

template <size_t kLength>
__attribute__((target("sse4.2"))) uint32_t three_streams(const ShiftTable& table, uint32_t crc,
                                                         const uint8_t* at) {
  uint64_t a = crc;
  uint64_t b = 0;
  uint64_t c = 0;
  for (size_t i = 0; i < kLength; i += 8) {
    a = step8(a, at + i);
    b = step8(b, at + kLength + i);
    c = step8(c, at + 2 * kLength + i);
  }
  const uint32_t ab = shift(table, static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b);
  return shift(table, ab) ^ static_cast<uint32_t>(c);
}

__attribute__((target("sse4.2"))) uint32_t crc32c_instruction(ByteView bytes, uint32_t previous) {
  static const ShiftTable long_shift = make_shift(kStream);
  static const ShiftTable short_shift = make_shift(kShortStream);
  uint32_t crc = ~previous;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 3 * kStream; left -= 3 * kStream, at += 3 * kStream) {
    crc = three_streams<kStream>(long_shift, crc, at);
  }
  for (; left >= 3 * kShortStream; left -= 3 * kShortStream, at += 3 * kShortStream) {
    crc = three_streams<kShortStream>(short_shift, crc, at);
  }
  for (; left >= 8; left -= 8, at += 8) crc = static_cast<uint32_t>(step8(crc, at));
  for (; left > 0; left--, at++) crc = _mm_crc32_u8(crc, *at);
  return ~crc;
}

bool has_instruction() {
  return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__)

__attribute__((target("crc"))) uint32_t crc32c_instruction(ByteView bytes, uint32_t previous) {
  uint32_t crc = ~previous;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; left > 0; left--, at++) crc = __crc32cb(crc, *at);
  return ~crc;
}

bool has_instruction() {
  return (getauxval(AT_HWCAP) & (1ul << 7)) != 0;
}  // HWCAP_CRC32

#else

uint32_t crc32c_instruction(ByteView bytes, uint32_t previous) {
  return crc32c_table(bytes, previous);
}
bool has_instruction() {
  return false;
}

#endif

}  // namespace

uint32_t crc32c_table(ByteView bytes, uint32_t previous) {
  uint32_t crc = ~previous;
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint32_t low;
    std::memcpy(&low, at, 4);
    low ^= crc;
    crc = kTables[7][low & 0xff] ^ kTables[6][(low >> 8) & 0xff] ^ kTables[5][(low >> 16) & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^
          kTables[0][at[7]];
  }
  for (; left > 0; left--, at++) crc = (crc >> 8) ^ kTables[0][(crc ^ *at) & 0xff];
  return ~crc;
}

uint32_t crc32c(ByteView bytes, uint32_t previous) {
  static const bool instruction = has_instruction();
  return instruction ? crc32c_instruction(bytes, previous) : crc32c_table(bytes, previous);
}

}  // namespace partita
