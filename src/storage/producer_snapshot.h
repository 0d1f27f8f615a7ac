#pragma once
// The producers of a log as they stand in `<20-digit offset>.snapshot`: what was known when the log
// ended with that offset (exclusive). A snapshot holds of each producer the last batch only.
//
// Invariants:
//  1. Decoding checks version, CRC-32C, count and size; whatever does not fit is corrupt_data: take
//     an older snapshot and replay more.
//  2. Memory is bounded by the file's size.
// Layout: docs/formats/storage.md.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace partita::storage {

inline constexpr std::string_view kProducerSnapshotSuffix = ".snapshot";
inline constexpr uint64_t kProducerSnapshotBytesMax = uint64_t{256} << 20;

struct ProducerSnapshotEntry {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t last_sequence = -1;      ///< -1 where no batch is known
  Offset last_offset = kNoOffset;  ///< the same
  int32_t offset_delta = 0;        ///< from the last batch's first offset to its last
  WallTime timestamp = kNoTimestamp;
  int32_t coordinator_epoch = -1;               ///< of the last transaction marker
  Offset current_txn_first_offset = kNoOffset;  ///< -1 without an open transaction

  bool operator==(const ProducerSnapshotEntry&) const = default;
};

Bytes encode_producer_snapshot(std::span<const ProducerSnapshotEntry> entries);
Result<std::vector<ProducerSnapshotEntry>> decode_producer_snapshot(ByteView bytes);

/// "00000000000000000042.snapshot".
std::string producer_snapshot_name(Offset offset);
/// Nothing for another file's name.
std::optional<Offset> parse_producer_snapshot_name(std::string_view name);

}  // namespace partita::storage
