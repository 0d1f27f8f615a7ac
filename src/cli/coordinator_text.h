#pragma once
// Records of coordinators' topics as Kafka's DumpLogSegments shows them: __consumer_offsets,
// __transaction_state, __share_group_state.

#include <cstdint>
#include <string>

#include "records/record.h"

namespace partita::cli {

enum class CoordinatorLog { none, offsets, transactions, share_state };

/// " key: {...} payload: {...}". A record that makes no sense is said to be one.
std::string coordinator_text(CoordinatorLog log, const records::Record& record, int64_t offset);

}  // namespace partita::cli
