#pragma once
// Verifications: producers whose transaction is being looked up at its coordinator before the first
// transactional batch of it is appended (KIP-890). A guard is taken before the question and
// compared at the append: a marker or another first batch in between takes it away, so that no
// batch can open a transaction behind the marker that has ended it, where nothing would ever end it
// again.
//
// Invariants:
//  1. A guard's value is never given twice in the life of a log.
//  2. At most entries_max producers are kept: who began first goes first, and asks again.
// Part of a ProducerState. Sequences: -1 is none.

#include <cstdint>
#include <map>

#include "base/ids.h"
#include "base/time.h"

namespace partita::storage {

/// What a verification is known by. No value: nothing had to be verified.
struct VerificationGuard {
  uint64_t value = 0;

  bool needed() const { return value != 0; }
  bool operator==(const VerificationGuard&) const = default;
};

struct Verification {
  VerificationGuard guard;
  ProducerEpoch epoch = kNoProducerEpoch;
  /// Of the batches that began one and were not appended: a higher one must not come before it.
  int32_t lowest_sequence = -1;
  /// The client bumps its epoch with every transaction (Produce 12): a producer without history
  /// begins with sequence 0.
  bool bumps_epoch = false;
  Instant since;
};

class Verifications {
 public:
  explicit Verifications(size_t entries_max) : entries_max_(entries_max) {}

  VerificationGuard begin(ProducerId id, ProducerEpoch epoch, int32_t first_sequence,
                          bool bumps_epoch, Instant now);
  /// Null where none is under way.
  const Verification* find(ProducerId id) const;
  void end(ProducerId id);
  void clear();
  /// Ends those that have waited for so long.
  void expire(Instant now, Duration idle);
  size_t size() const { return by_id_.size(); }

 private:
  const size_t entries_max_;
  uint64_t next_ = 1;
  std::map<ProducerId, Verification> by_id_;
  std::map<uint64_t, ProducerId> by_guard_;  // in the order in which they began
};

}  // namespace partita::storage
