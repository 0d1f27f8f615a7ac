#pragma once
// The 32-bit murmur2 with Kafka's seed: what the Java client's default partitioner hashes keys
// with.

#include <cstdint>

#include "base/bytes.h"

namespace partita {

uint32_t murmur2(ByteView bytes);

/// The Java client's choice for a key: (murmur2 without its sign bit) mod partition_count.
/// REQUIRED: partition_count > 0.
int32_t partition_for_key(ByteView key, int32_t partition_count);

}  // namespace partita
