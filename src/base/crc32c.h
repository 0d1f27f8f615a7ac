#pragma once
// CRC-32C (Castagnoli), as in Kafka's record batches. Chosen at run time: the processor's
// instruction in three interleaved streams where it has one, a table elsewhere.

#include <cstdint>

#include "base/bytes.h"

namespace partita {

/// The checksum of `bytes`, or of what `previous` covered followed by `bytes`.
uint32_t crc32c(ByteView bytes, uint32_t previous = 0);

/// The portable form, for comparison in tests.
uint32_t crc32c_table(ByteView bytes, uint32_t previous = 0);

}  // namespace partita
