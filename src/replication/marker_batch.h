#pragma once
// The control batch that ends a transaction in one partition.

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "storage/producer_state.h"

namespace partita::replication {

/// One ABORT or COMMIT record, offsets not assigned yet.
Result<Bytes> build_marker(const storage::EndTxnMarker& marker, WallTime now);

}  // namespace partita::replication
