#pragma once
// What a stored batch says to the ProducerState of its log, and the walk over a log's batches that
// makes it anew.

#include <optional>

#include "base/error.h"
#include "records/batch.h"
#include "storage/producer_state.h"
#include "storage/transaction_index.h"

namespace partita::storage {

/// The ABORT or COMMIT of a control batch; nothing for other control records. corrupt_data where
/// its record makes no sense. REQUIRED: the batch has a producer id and is a control batch.
Result<std::optional<EndTxnMarker>> read_end_txn_marker(const records::BatchView& batch);

/// What the transaction index keeps of it. REQUIRED: it was aborted.
AbortedTxn aborted_txn_of(const CompletedTxn& ended);

}  // namespace partita::storage
