#pragma once
// Finding a record inside one batch, for ListOffsets and time indexes. Compressed batches are
// inflated within the cap; an inside that makes no sense is an Error (Errc::corrupt_data or
// Errc::limit_exceeded), which the caller survives.

#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "records/batch.h"
#include "records/compress.h"

namespace partita::records {

struct RecordPosition {
  Offset offset;
  WallTime timestamp;

  bool operator==(const RecordPosition&) const = default;
};

/// The first record at or after `from` whose timestamp is at least `timestamp`; nothing where there
/// is none (a compressed batch's header may promise more than its records hold).
Result<std::optional<RecordPosition>> find_timestamp(const BatchView& batch, WallTime timestamp,
                                                     Offset from, Decompressor& decompressor,
                                                     size_t inflated_bytes_max = kInflatedBytesMax);

/// The first record with the largest timestamp of the records; nothing in an empty batch.
Result<std::optional<RecordPosition>> find_max_timestamp(
    const BatchView& batch, Decompressor& decompressor,
    size_t inflated_bytes_max = kInflatedBytesMax);

}  // namespace partita::records
