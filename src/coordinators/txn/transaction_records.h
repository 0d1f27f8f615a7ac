#pragma once
// A Transaction as a record of __transaction_state: TransactionLogKey version 0,
// TransactionLogValue version 0, or 1 from transaction.version 1 on.
//
// Invariant: what record_of() made, parse_transaction() reads back, but for last_producer (no
// record has it) and, in version 0, the tagged fields.

#include "base/error.h"
#include "coordinators/record.h"
#include "coordinators/txn/transaction.h"

namespace partita::coordinators {

CoordinatorRecord transaction_record(std::string_view transactional_id,
                                     const Transaction& transaction, int16_t version);
CoordinatorRecord transaction_tombstone(std::string_view transactional_id);

/// The transactional id that a record is about, as a view of the key: malformed;
/// unsupported_version for a key of another kind.
Result<std::string_view> parse_transaction_key(ByteView key);
/// malformed for bytes that are no such value, or say what no coordinator writes.
Result<Transaction> parse_transaction(ByteView value);

/// At least the size of transaction_record()'s value.
size_t record_size_bound(const TransactionPartitions& partitions);

}  // namespace partita::coordinators
