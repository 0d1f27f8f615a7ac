#pragma once
// The batches of one partition inside a producer, and their sequences. Plain bookkeeping: no I/O.
//
// Invariants:
//  1. Batches stand in the order of their records; those that were sent stand before those that
//     were not, and their sequences follow each other without a gap.
//  2. A batch that is tried again is sent only while it is the first: nothing overtakes it.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "client/topic_view.h"
#include "records/batch_builder.h"

namespace partita::client {

struct Delivery {
  PartitionIndex partition;
  Offset offset = kNoOffset;  ///< -1 with acks=0, and for a duplicate that the broker forgot
  WallTime timestamp = kNoTimestamp;
};
using DeliveryCallback = std::move_only_function<void(Result<Delivery>)>;

struct ProducerIdentity {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;

  bool operator==(const ProducerIdentity&) const = default;
};

class ProducerPartition;

struct ProducerBatch {
  struct Waiting {
    DeliveryCallback done;
    WallTime timestamp;
  };

  ProducerPartition* partition = nullptr;
  records::BatchBuilder builder;
  std::vector<Waiting> waiting;  ///< by record
  size_t bytes = 0;              ///< that count against the producer's memory
  Instant created;
  Instant not_before;
  Bytes built;  ///< empty until it is first sent
  int32_t base_sequence = records::kNoSequence;
  int32_t stamped_sequence = records::kNoSequence;  ///< in `built`
  ProducerIdentity stamped_identity;
  uint32_t attempts = 0;
  bool closed = false;  ///< takes no more records
  bool in_flight = false;
  bool fate_unknown = false;  ///< the broker may have written it
  std::optional<Error> last_error = {};

  int32_t record_count() const { return static_cast<int32_t>(waiting.size()); }
  bool was_sent() const { return attempts > 0; }
};

class ProducerPartition {
 public:
  explicit ProducerPartition(TopicPartition name) : name_(std::move(name)) {}

  const TopicPartition& name() const { return name_; }
  const std::deque<std::unique_ptr<ProducerBatch>>& batches() const { return batches_; }
  bool empty() const { return batches_.empty(); }

  /// The batch that takes more records, if there is one.
  ProducerBatch* open_batch() const;
  ProducerBatch& add_batch(Instant now);
  std::unique_ptr<ProducerBatch> remove(const ProducerBatch& batch);
  bool is_first(const ProducerBatch& batch) const { return batches_.front().get() == &batch; }
  size_t in_flight() const;
  /// The first that is not under way; null where none may be sent because one that is tried again
  /// waits for those before it.
  ProducerBatch* next() const;

  // --- Sequences ---
  const ProducerIdentity& identity() const { return identity_; }
  /// Takes over a new identity as soon as no batch of the old one is unfinished.
  void adopt(const ProducerIdentity& identity);
  /// Gives the batch its sequence where it has none.
  void sequence(ProducerBatch& batch);
  /// The broker has refused the batch for good, before writing it: those behind it move up.
  void close_gap(const ProducerBatch& refused);
  /// Sequences start again at 0 under another identity, in order. REQUIRED: nothing is in flight.
  void restart(const ProducerIdentity& identity);

  /// To be restarted as soon as nothing is in flight.
  bool restart_wanted = false;
  /// A broker has acknowledged a batch under this producer id: it refuses sequences that jump.
  bool acknowledged = false;

 private:
  const TopicPartition name_;
  std::deque<std::unique_ptr<ProducerBatch>> batches_;
  ProducerIdentity identity_;
  int32_t next_sequence_ = 0;
};

/// The bytes to send: builds the batch the first time, stamps it anew where its identity or
/// sequence has changed since. `identity` without an id: not idempotent.
Result<Bytes> built_batch(ProducerBatch& batch, const ProducerIdentity& identity,
                          records::Compressor& compressor);

}  // namespace partita::client
