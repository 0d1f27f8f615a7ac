#include "coordinators/txn/transaction.h"

#include <array>

#include "base/check.h"

namespace partita::coordinators {
namespace {

constexpr std::array<std::string_view, 8> kNames = {
    "Empty",          "Ongoing",       "PrepareCommit", "PrepareAbort",
    "CompleteCommit", "CompleteAbort", "Dead",          "PrepareEpochFence",
};

}  // namespace

std::string_view transaction_state_name(TransactionState state) {
  return kNames.at(static_cast<size_t>(state));
}

std::optional<TransactionState> transaction_state_named(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); i++) {
    if (kNames[i] == name) return static_cast<TransactionState>(i);
  }
  return std::nullopt;
}

void Transaction::check_invariants() const {
  CHECK(state != TransactionState::dead);
  CHECK(state != TransactionState::prepare_epoch_fence);
  CHECK(producer.id.value() >= 0);
  CHECK(producer.epoch.value() >= 0);
  CHECK(partitions.empty() || !is_idle());
  CHECK(next_producer_id == kNoProducerId || is_preparing());
  for (const auto& [topic, indexes] : partitions) CHECK(!indexes.empty());
}

}  // namespace partita::coordinators
