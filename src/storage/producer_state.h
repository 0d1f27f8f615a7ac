#pragma once
// ProducerState: what a log remembers of its idempotent and transactional producers: epoch, the
// last five batches, the open transaction. It answers duplicates, refuses gaps and zombies, and
// knows the last stable offset. Pure: the log checks before it writes, applies what it wrote or
// replays, and stores snapshots.
//
// Rules of check() for a batch of a producer id (docs/formats/storage.md has the table of errors):
//  - same epoch and exactly the sequences of a retained batch: a duplicate, answered with the
//  offsets
//    of the first time;
//  - an epoch below the known one: invalid_producer_epoch;
//  - a new epoch must begin with sequence 0, the known epoch go on after its last sequence (2^31 -
//  1
//    is followed by 0): out_of_order_sequence_number; a producer that is not known may begin
//    anywhere;
//  - a non-transactional batch inside an open transaction: invalid_txn_state;
//  - a transactional batch without an open transaction of its epoch, whose guard is not the one
//  that
//    begin_verification() gave last: invalid_txn_state.
//
// Invariants:
//  1. apply() of the same batches in order leads to the same state, whether they were just
//     appended, replicated or replayed. (Expiry apart.)
//  2. At most producers_max producers are kept: the one idle longest without an open transaction
//     goes first. An open transaction is never forgotten.
//  3. A log without producers holds no memory here.
// One per log, on its shard. Sequences wrap; -1 is none.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "storage/producer_snapshot.h"
#include "storage/verification.h"

namespace partita::records {
class BatchHeader;
}

namespace partita::storage {

/// Batches that a producer's duplicates are recognised among.
inline constexpr size_t kRetainedBatches = 5;

/// What a data batch says of its producer.
struct ProducerBatch {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t first_sequence = -1;
  int32_t last_sequence = -1;
  Offset first_offset;  ///< as assigned; not looked at by check()
  Offset last_offset;
  WallTime max_timestamp;
  bool is_transactional = false;
  VerificationGuard guard = {};  ///< looked at by check() alone

  /// From a header as it is on disk. For a batch that is still to get its offsets, give them.
  static ProducerBatch of(const records::BatchHeader& batch);
  static ProducerBatch of(const records::BatchHeader& batch, Offset first_offset);
};

/// An ABORT or COMMIT control record.
struct EndTxnMarker {
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t coordinator_epoch = -1;
  bool is_commit = false;
  Offset offset;
  WallTime timestamp;
  /// 2: the coordinator bumps the epoch with each transaction's end (KIP-890), so that the marker's
  /// epoch is above that of the data. Not in the log; looked at by check() alone.
  int8_t transaction_version = 0;
};

/// A transaction that a marker ended.
struct CompletedTxn {
  ProducerId producer_id;
  Offset first_offset;
  Offset last_offset;  ///< the marker's
  bool is_aborted = false;
  Offset last_stable_offset;  ///< what it becomes once the marker is replicated

  bool operator==(const CompletedTxn&) const = default;
};

/// A batch that the log has already: what the producer was or should have been answered.
struct DuplicateBatch {
  Offset first_offset;
  Offset last_offset;
  WallTime timestamp;

  bool operator==(const DuplicateBatch&) const = default;
};

struct ProducerStateOptions {
  Duration id_expiration = std::chrono::hours(24);  ///< producer.id.expiration.ms
  size_t producers_max = 100'000;
  bool verify_transactions =
      true;  ///< transactional batches of clients and coordinators need a guard
};

/// On whose behalf a batch is appended; what a leader sent is not checked at all.
enum class SequenceCheck {
  full,        ///< a client
  epoch_only,  ///< a coordinator, which numbers nothing
};

class ProducerState {
 public:
  /// `options` outlive this.
  explicit ProducerState(const ProducerStateOptions& options);
  ~ProducerState();
  ProducerState(ProducerState&&) noexcept;
  ProducerState& operator=(ProducerState&&) noexcept;

  /// Judges batches that are to be appended together, before offsets are given; changes nothing.
  /// Answers the duplicate where one of them is; batches without a producer id pass.
  Result<std::optional<DuplicateBatch>> check(std::span<const ProducerBatch> batches,
                                              SequenceCheck how = SequenceCheck::full) const;
  Result<std::optional<DuplicateBatch>> check(const ProducerBatch& batch,
                                              SequenceCheck how = SequenceCheck::full) const;
  /// invalid_producer_epoch, or transaction_coordinator_fenced for a coordinator epoch below that
  /// of an earlier marker. A marker that stands in the log already is good: its coordinator may not
  /// have heard of it.
  Result<> check(const EndTxnMarker& marker) const;

  /// To be asked before the transaction is looked up at its coordinator, with the batch that is to
  /// be appended then. A guard without value where the producer's transaction is open here already.
  /// `bumps_epoch`: the request is one of KIP-890's second part (Produce 12).
  VerificationGuard begin_verification(const ProducerBatch& batch, bool bumps_epoch, Instant now);

  /// A data batch stands in the log. No effect without a producer id but on end_offset().
  void apply(const ProducerBatch& batch, Instant now);
  /// A marker stands in the log. Answers the transaction that it ended, if one was open.
  std::optional<CompletedTxn> apply(const EndTxnMarker& marker, Instant now);
  /// Everything below `offset` is known here.
  void advance_to(Offset offset);
  Offset end_offset() const { return end_offset_; }

  /// The first offset of the earliest transaction that is open, or whose marker is not below the
  /// high watermark given last.
  std::optional<Offset> first_unstable_offset() const;
  /// What read_committed may see: first_unstable_offset() within [log_start, high_watermark].
  Offset last_stable_offset(Offset log_start, Offset high_watermark) const;
  /// Transactions whose marker lies below are stable.
  void on_high_watermark(Offset high_watermark);
  /// Also those that retention removed.
  void on_log_start(Offset log_start);

  /// Everything is forgotten; end_offset() is `end_offset`.
  void reset(Offset end_offset);
  /// reset(), then the producers of a snapshot at `end_offset`. Nothing else is known of them.
  /// corrupt_data, with nothing changed, where entries contradict each other.
  Result<> load(std::span<const ProducerSnapshotEntry> entries, Offset end_offset, Instant now);
  /// Sorted by producer id.
  std::vector<ProducerSnapshotEntry> snapshot() const;

  /// Forgets producers that appended nothing for id_expiration and have no open transaction.
  /// Answers how many.
  size_t expire(Instant now);
  /// Producers forgotten because there were too many.
  uint64_t evicted() const { return evicted_; }
  size_t producer_count() const;
  bool has_open_transactions() const;
  /// The producers with what a client may ask of them (DescribeProducers): as in a snapshot.
  std::optional<ProducerSnapshotEntry> find(ProducerId id) const;

  void check_invariants() const;

 private:
  struct Producers;
  Producers& producers();
  void evict_excess();
  Result<> check_guard(const ProducerBatch& batch) const;
  Result<> check_verified_sequence(const ProducerBatch& batch) const;

  const ProducerStateOptions* options_;
  std::unique_ptr<Producers> producers_;          // nothing for a log that has none
  std::unique_ptr<Verifications> verifications_;  // the same; stays from the first one on
  Offset end_offset_;
  uint64_t evicted_ = 0;
};

}  // namespace partita::storage
