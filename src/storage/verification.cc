#include "storage/verification.h"

#include "base/fault_points.h"

namespace partita::storage {

VerificationGuard Verifications::begin(ProducerId id, ProducerEpoch epoch, int32_t first_sequence,
                                       bool bumps_epoch, Instant now) {
  const auto [at, added] = by_id_.try_emplace(id);
  Verification& entry = at->second;
  if (added) {
    entry = {.guard = {next_++},
             .epoch = epoch,
             .lowest_sequence = first_sequence,
             .bumps_epoch = bumps_epoch,
             .since = now};
    by_guard_[entry.guard.value] = id;
  } else if (epoch > entry.epoch) {
    entry.epoch = epoch;
    entry.lowest_sequence = first_sequence;
  } else if (epoch == entry.epoch && first_sequence < entry.lowest_sequence) {
    entry.lowest_sequence = first_sequence;
  }
  const VerificationGuard guard = entry.guard;
  if (by_id_.size() > entries_max_) {
    COVERED("storage.verification_evicted");
    end(by_guard_.begin()->second);
  }
  return guard;
}

const Verification* Verifications::find(ProducerId id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &at->second;
}

void Verifications::end(ProducerId id) {
  const auto at = by_id_.find(id);
  if (at == by_id_.end() || mutant("storage.verification_outlives_marker")) return;
  by_guard_.erase(at->second.guard.value);
  by_id_.erase(at);
}

void Verifications::clear() {
  by_id_.clear();
  by_guard_.clear();
}

void Verifications::expire(Instant now, Duration idle) {
  while (!by_guard_.empty()) {
    const ProducerId oldest = by_guard_.begin()->second;
    if (now - by_id_.at(oldest).since < idle) return;
    end(oldest);
  }
}

}  // namespace partita::storage
