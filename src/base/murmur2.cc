#include "base/murmur2.h"

#include "base/check.h"

namespace partita {

uint32_t murmur2(ByteView bytes) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data(), 4);
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
    bytes = bytes.subspan(4);
  }
  if (!bytes.empty()) {
    for (size_t i = bytes.size(); i-- > 0;) hash ^= static_cast<uint32_t>(bytes[i]) << (8 * i);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ (hash >> 15);
}

int32_t partition_for_key(ByteView key, int32_t partition_count) {
  CHECK(partition_count > 0);
  return static_cast<int32_t>(murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace partita
