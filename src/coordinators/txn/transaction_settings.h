#pragma once
// The transaction coordinator's settings, by Kafka's names (broker/settings has the rows).

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace partita::coordinators {

struct TransactionSettings {
  Duration timeout_max = std::chrono::minutes(15);  ///< transaction.max.timeout.ms
  Duration id_expiration = std::chrono::days(7);    ///< transactional.id.expiration.ms
  /// transactional.ids.max, of one partition of __transaction_state: for a new id beyond it the one
  /// that is idle longest goes.
  size_t ids_max = 20'000;
  /// Of a record at the most: a transaction with more partitions than fit is refused. With what one
  /// tick may write beside it, it fits a batch of __transaction_state.
  size_t record_bytes_max = 900'000;
};

}  // namespace partita::coordinators
