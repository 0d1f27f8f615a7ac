#pragma once
// What a ProducerState keeps of each producer, and in which orders. Only producer_state.cc and
// producer_check.cc include it.
//
// Invariants:
//  1. A producer stands either in `idle` or, by its open transaction, in `ongoing`.
//  2. `by_id` has no order that anything may see: whoever lists producers goes by the other two.

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>  // the order of idleness costs no allocation
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/fault_points.h"
#include "records/batch.h"
#include "storage/producer_state.h"

namespace partita::storage {

/// The sequence `count` before `sequence`. REQUIRED: neither is negative.
inline int32_t sequence_before(int32_t sequence, int32_t count) {
  if (sequence >= count) return sequence - count;
  return std::numeric_limits<int32_t>::max() - (count - sequence) + 1;
}

struct RetainedBatch {
  int32_t last_sequence = records::kNoSequence;
  int32_t offset_delta = 0;
  Offset last_offset = kNoOffset;
  WallTime timestamp = kNoTimestamp;

  int32_t first_sequence() const {
    return last_sequence < 0 ? records::kNoSequence : sequence_before(last_sequence, offset_delta);
  }
  Offset first_offset() const { return last_offset - OffsetDelta(offset_delta); }
};

struct Producer {
  ProducerId id;
  ProducerEpoch epoch = kNoProducerEpoch;
  uint8_t batch_count = 0;
  int32_t coordinator_epoch = -1;
  std::array<RetainedBatch, kRetainedBatches> batches;  // oldest first
  WallTime timestamp = kNoTimestamp;
  Offset current_txn_first_offset = kNoOffset;
  Instant last_seen;
  boost::intrusive::list_member_hook<> idle_link;  // linked while no transaction is open

  bool in_transaction() const { return current_txn_first_offset != kNoOffset; }
  int32_t last_sequence() const {
    return batch_count == 0 ? records::kNoSequence : batches[batch_count - 1].last_sequence;
  }
  void take_epoch(ProducerEpoch to) {
    if (epoch == to) return;
    epoch = to;
    batch_count = 0;
  }
  void retain(const RetainedBatch& batch) {
    if (batch_count == kRetainedBatches) {
      std::shift_left(batches.begin(), batches.end(), 1);
      batch_count--;
    }
    batches[batch_count++] = batch;
  }
};

using Idle = boost::intrusive::list<
    Producer, boost::intrusive::member_hook<Producer, boost::intrusive::list_member_hook<>,
                                            &Producer::idle_link>>;

struct ProducerState::Producers {
  ~Producers() { idle.clear(); }

  std::unordered_map<ProducerId, Producer> by_id;  // never iterated over
  Idle idle;                                       // by last_seen, longest ago first
  std::map<Offset, ProducerId> ongoing;            // open transactions by first offset
  std::map<Offset, Offset> unreplicated;           // ended ones: first offset to the marker's

  const Producer* find(ProducerId id) const {
    const auto at = by_id.find(id);
    return at == by_id.end() ? nullptr : &at->second;
  }
  Producer& seen(ProducerId id, Instant now) {
    Producer& producer = by_id[id];
    producer.id = id;
    producer.last_seen = now;
    if (producer.idle_link.is_linked()) idle.erase(idle.iterator_to(producer));
    if (!producer.in_transaction()) idle.push_back(producer);
    return producer;
  }
  void begin_transaction(Producer& producer, Offset first_offset) {
    CHECK(!producer.in_transaction());
    producer.current_txn_first_offset = first_offset;
    idle.erase(idle.iterator_to(producer));
    ongoing[first_offset] = producer.id;
  }
  Offset end_transaction(Producer& producer, Offset marker) {
    const Offset first = std::exchange(producer.current_txn_first_offset, kNoOffset);
    idle.push_back(producer);
    ongoing.erase(first);
    if (!mutant("storage.lso_at_marker_append")) unreplicated[first] = marker;
    return first;
  }
  void forget_idlest() {
    const ProducerId id = idle.front().id;
    idle.pop_front();
    by_id.erase(id);
  }
};

}  // namespace partita::storage
