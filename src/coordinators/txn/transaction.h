#pragma once
// Transaction: what the coordinator knows of one transactional id, as its record in
// __transaction_state tells it. Plain data; who may change it how stands in TransactionMachine.
//
// Invariants (check_invariants()):
//  1. Partitions are there in Ongoing, PrepareCommit and PrepareAbort only.
//  2. next_producer_id is there in Prepare* only: what the epoch 32767 is followed by.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "coordinators/state_machine.h"

namespace partita::coordinators {

/// Kafka's states with Kafka's numbers. Dead (an id that is being forgotten) and PrepareEpochFence
/// (a producer that is being fenced) last only while records are written, which nobody here waits
/// for in a state: no Transaction is ever in them, but Kafka's tools may ask for them.
enum class TransactionState : int8_t {
  empty = 0,
  ongoing = 1,
  prepare_commit = 2,
  prepare_abort = 3,
  complete_commit = 4,
  complete_abort = 5,
  dead = 6,
  prepare_epoch_fence = 7,
};
/// "Empty", "Ongoing", "PrepareCommit", ...
std::string_view transaction_state_name(TransactionState state);
std::optional<TransactionState> transaction_state_named(std::string_view name);

/// By topic name.
using TransactionPartitions = std::map<std::string, std::set<int32_t>, std::less<>>;

/// The highest epoch; only markers and fences bear it, never a producer.
inline constexpr ProducerEpoch kLastEpoch{INT16_MAX};
/// Behind this epoch there is none that a producer could be told: it takes a new producer id.
inline constexpr bool is_epoch_exhausted(ProducerEpoch epoch) {
  return epoch.value() >= kLastEpoch.value() - 1;
}

struct Transaction {
  ProducerTag producer;
  /// What `producer` was before the last bump, for a producer that did not hear of the bump; not in
  /// the record, and (-1, -1) where nobody may go on from there.
  ProducerTag last_producer;
  ProducerId previous_producer_id = kNoProducerId;
  ProducerId next_producer_id = kNoProducerId;
  int32_t timeout_ms = 0;
  TransactionState state = TransactionState::empty;
  TransactionPartitions partitions;
  WallTime start_time = kNoTimestamp;
  WallTime update_time = kNoTimestamp;
  /// 2 (TV2, KIP-890) where who added to the transaction or ended it bumps its epoch with every
  /// end, else 0.
  int8_t client_version = 0;

  bool is_preparing() const {
    return state == TransactionState::prepare_commit || state == TransactionState::prepare_abort;
  }
  bool is_idle() const { return state != TransactionState::ongoing && !is_preparing(); }
  void check_invariants() const;
  bool operator==(const Transaction&) const = default;
};

}  // namespace partita::coordinators
