#include "storage/producer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/intrusive/list.hpp>  // the order of idleness costs no allocation
#include <limits>
#include <map>
#include <unordered_map>

#include "base/check.h"
#include "base/fault_points.h"
#include "records/batch.h"

namespace partita::storage {
namespace {

constexpr int32_t kNoSequence = records::kNoSequence;

/// The sequence `count` before `sequence`. REQUIRED: neither is negative.
int32_t sequence_before(int32_t sequence, int32_t count) {
  if (sequence >= count) return sequence - count;
  return std::numeric_limits<int32_t>::max() - (count - sequence) + 1;
}

bool follows(int32_t last_sequence, int32_t next) {
  if (last_sequence == std::numeric_limits<int32_t>::max()) {
    return next == 0 && !mutant("storage.sequence_wrap");
  }
  if (mutant("storage.sequence_gap_accepted") && next > last_sequence) return true;
  return next == last_sequence + 1;
}

struct RetainedBatch {
  int32_t last_sequence = kNoSequence;
  int32_t offset_delta = 0;
  Offset last_offset = kNoOffset;
  WallTime timestamp = kNoTimestamp;

  int32_t first_sequence() const {
    return last_sequence < 0 ? kNoSequence : sequence_before(last_sequence, offset_delta);
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
    return batch_count == 0 ? kNoSequence : batches[batch_count - 1].last_sequence;
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

/// What the judgement on a batch rests on.
struct Known {
  bool any = false;
  ProducerEpoch epoch = kNoProducerEpoch;
  int32_t last_sequence = kNoSequence;
  bool in_transaction = false;
};

Result<> judge(const Known& known, const ProducerBatch& batch, SequenceCheck how) {
  if (batch.producer_epoch < known.epoch && !mutant("storage.zombie_producer_accepted")) {
    return fail(Errc::invalid_producer_epoch,
                fmt::format("epoch {} of producer {} is below {}", batch.producer_epoch.value(),
                            batch.producer_id.value(), known.epoch.value()));
  }
  const bool judge_sequence =
      how == SequenceCheck::full && known.any && known.epoch != kNoProducerEpoch;
  if (judge_sequence) {
    const bool same_epoch = batch.producer_epoch == known.epoch;
    const bool in_order =
        same_epoch ? follows(known.last_sequence, batch.first_sequence)
                   : batch.first_sequence == 0 || mutant("storage.new_epoch_any_sequence");
    if (!in_order) {
      return fail(
          Errc::out_of_order_sequence_number,
          fmt::format("sequence {} of producer {} at epoch {} comes after {} at epoch {}",
                      batch.first_sequence, batch.producer_id.value(), batch.producer_epoch.value(),
                      known.last_sequence, known.epoch.value()));
    }
  }
  if (known.in_transaction && !batch.is_transactional) {
    return fail(Errc::invalid_txn_state,
                fmt::format("a non-transactional batch of producer {} in an open transaction",
                            batch.producer_id.value()));
  }
  return {};
}

std::optional<DuplicateBatch> find_duplicate(const Producer& producer, const ProducerBatch& batch) {
  if (producer.epoch != batch.producer_epoch) return std::nullopt;
  const size_t oldest = mutant("storage.producer_window_short") && producer.batch_count > 0
                            ? producer.batch_count - 1
                            : 0;
  for (size_t i = oldest; i < producer.batch_count; i++) {
    const RetainedBatch& old = producer.batches[i];
    if (old.last_sequence < 0 || old.last_sequence != batch.last_sequence) continue;
    if (old.first_sequence() != batch.first_sequence) continue;
    return DuplicateBatch{.first_offset = old.first_offset(),
                          .last_offset = old.last_offset,
                          .timestamp = old.timestamp};
  }
  return std::nullopt;
}

ProducerSnapshotEntry to_entry(const Producer& producer) {
  ProducerSnapshotEntry entry{.producer_id = producer.id,
                              .producer_epoch = producer.epoch,
                              .timestamp = producer.timestamp,
                              .coordinator_epoch = producer.coordinator_epoch,
                              .current_txn_first_offset = producer.current_txn_first_offset};
  if (producer.batch_count > 0) {
    const RetainedBatch& last = producer.batches[producer.batch_count - 1];
    entry.last_sequence = last.last_sequence;
    entry.last_offset = last.last_offset;
    entry.offset_delta = last.offset_delta;
  }
  return entry;
}

Result<> check_entry(const ProducerSnapshotEntry& entry, Offset end_offset) {
  const bool has_batch = entry.last_offset >= Offset(0);
  const bool batch_good =
      !has_batch || (entry.last_offset < end_offset && entry.offset_delta >= 0 &&
                     entry.offset_delta <= entry.last_offset.value());
  const bool txn_good =
      entry.current_txn_first_offset >= kNoOffset &&
      (entry.current_txn_first_offset == kNoOffset || entry.current_txn_first_offset < end_offset);
  if (entry.producer_id.value() < 0 || entry.producer_epoch < kNoProducerEpoch ||
      entry.last_sequence < kNoSequence || entry.last_offset < kNoOffset || !batch_good ||
      !txn_good) {
    return fail(Errc::corrupt_data,
                fmt::format("impossible snapshot entry of producer {}", entry.producer_id.value()));
  }
  return {};
}

}  // namespace

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

ProducerBatch ProducerBatch::of(const records::BatchHeader& batch) {
  return of(batch, batch.base_offset());
}

ProducerBatch ProducerBatch::of(const records::BatchHeader& batch, Offset first_offset) {
  return {.producer_id = batch.producer_id(),
          .producer_epoch = batch.producer_epoch(),
          .first_sequence = batch.base_sequence(),
          .last_sequence = batch.last_sequence(),
          .first_offset = first_offset,
          .last_offset = first_offset + OffsetDelta(batch.last_offset_delta()),
          .max_timestamp = batch.max_timestamp(),
          .is_transactional = batch.attributes().is_transactional()};
}

ProducerState::ProducerState(const ProducerStateOptions& options) : options_(&options) {}
ProducerState::~ProducerState() = default;
ProducerState::ProducerState(ProducerState&&) noexcept = default;
ProducerState& ProducerState::operator=(ProducerState&&) noexcept = default;

ProducerState::Producers& ProducerState::producers() {
  if (!producers_) producers_ = std::make_unique<Producers>();
  return *producers_;
}

Result<std::optional<DuplicateBatch>> ProducerState::check(const ProducerBatch& batch,
                                                           SequenceCheck how) const {
  return check(std::span(&batch, 1), how);
}

Result<std::optional<DuplicateBatch>> ProducerState::check(std::span<const ProducerBatch> batches,
                                                           SequenceCheck how) const {
  for (size_t i = 0; i < batches.size(); i++) {
    const ProducerBatch& batch = batches[i];
    if (batch.producer_id.value() < 0) continue;
    const Producer* producer = producers_ ? producers_->find(batch.producer_id) : nullptr;
    Known known;
    if (producer != nullptr) {
      if (how == SequenceCheck::full) {
        std::optional<DuplicateBatch> duplicate = find_duplicate(*producer, batch);
        if (duplicate && mutant("storage.duplicate_answers_new_offset")) {
          duplicate->last_offset = end_offset_ + (duplicate->last_offset - duplicate->first_offset);
          duplicate->first_offset = end_offset_;
        }
        if (duplicate) {
          COVERED("storage.duplicate_batch");
          return duplicate;
        }
      }
      known = {.any = true,
               .epoch = producer->epoch,
               .last_sequence = producer->last_sequence(),
               .in_transaction = producer->in_transaction()};
    }
    for (const ProducerBatch& earlier : batches.first(i)) {
      if (earlier.producer_id != batch.producer_id) continue;
      known = {.any = true,
               .epoch = earlier.producer_epoch,
               .last_sequence = earlier.last_sequence,
               .in_transaction = known.in_transaction || earlier.is_transactional};
    }
    CHECKED(judge(known, batch, how));
  }
  return std::nullopt;
}

Result<> ProducerState::check(const EndTxnMarker& marker) const {
  const Producer* producer = producers_ ? producers_->find(marker.producer_id) : nullptr;
  if (producer == nullptr) return {};
  if (marker.producer_epoch < producer->epoch) {
    return fail(Errc::invalid_producer_epoch,
                fmt::format("epoch {} of a marker of producer {} is below {}",
                            marker.producer_epoch.value(), marker.producer_id.value(),
                            producer->epoch.value()));
  }
  if (marker.coordinator_epoch < producer->coordinator_epoch &&
      !mutant("storage.marker_of_old_coordinator")) {
    return fail(Errc::transaction_coordinator_fenced,
                fmt::format("coordinator epoch {} of a marker of producer {} is below {}",
                            marker.coordinator_epoch, marker.producer_id.value(),
                            producer->coordinator_epoch));
  }
  return {};
}

void ProducerState::apply(const ProducerBatch& batch, Instant now) {
  advance_to(batch.last_offset.next());
  if (batch.producer_id.value() < 0) return;
  Producers& all = producers();
  Producer& producer = all.seen(batch.producer_id, now);
  producer.take_epoch(batch.producer_epoch);
  // A header from a disk may hold any delta and sequence; nothing here may overflow from it.
  const int64_t delta = (batch.last_offset - batch.first_offset).value();
  producer.retain({.last_sequence = std::max(batch.last_sequence, kNoSequence),
                   .offset_delta = static_cast<int32_t>(
                       std::clamp<int64_t>(delta, 0, std::numeric_limits<int32_t>::max())),
                   .last_offset = batch.last_offset,
                   .timestamp = batch.max_timestamp});
  producer.timestamp = batch.max_timestamp;
  if (batch.is_transactional && !producer.in_transaction()) {
    all.begin_transaction(producer, batch.first_offset);
  }
  evict_excess();
}

std::optional<CompletedTxn> ProducerState::apply(const EndTxnMarker& marker, Instant now) {
  advance_to(marker.offset.next());
  if (marker.producer_id.value() < 0) return std::nullopt;
  Producers& all = producers();
  Producer& producer = all.seen(marker.producer_id, now);
  producer.take_epoch(marker.producer_epoch);
  producer.coordinator_epoch = marker.coordinator_epoch;
  producer.timestamp = marker.timestamp;
  if (!producer.in_transaction()) {
    evict_excess();
    return std::nullopt;
  }
  const Offset first = all.end_transaction(producer, marker.offset);
  const Offset stable = all.ongoing.empty() ? marker.offset.next() : all.ongoing.begin()->first;
  return CompletedTxn{.producer_id = marker.producer_id,
                      .first_offset = first,
                      .last_offset = marker.offset,
                      .is_aborted = !marker.is_commit,
                      .last_stable_offset = stable};
}

void ProducerState::evict_excess() {
  while (producers_->by_id.size() > options_->producers_max && !producers_->idle.empty()) {
    COVERED("storage.producer_evicted");
    producers_->forget_idlest();
    evicted_++;
  }
}

void ProducerState::advance_to(Offset offset) {
  end_offset_ = std::max(end_offset_, offset);
}

std::optional<Offset> ProducerState::first_unstable_offset() const {
  if (!producers_) return std::nullopt;
  std::optional<Offset> first;
  if (!producers_->ongoing.empty()) first = producers_->ongoing.begin()->first;
  if (!producers_->unreplicated.empty()) {
    const Offset ended = producers_->unreplicated.begin()->first;
    first = first ? std::min(*first, ended) : ended;
  }
  return first;
}

Offset ProducerState::last_stable_offset(Offset log_start, Offset high_watermark) const {
  const Offset stable = std::min(first_unstable_offset().value_or(high_watermark), high_watermark);
  return std::max(stable, std::min(log_start, high_watermark));
}

void ProducerState::on_high_watermark(Offset high_watermark) {
  if (!producers_) return;
  std::erase_if(producers_->unreplicated,
                [&](const auto& ended) { return ended.second < high_watermark; });
}

void ProducerState::on_log_start(Offset log_start) {
  on_high_watermark(log_start);
}

void ProducerState::reset(Offset end_offset) {
  producers_.reset();
  end_offset_ = end_offset;
}

Result<> ProducerState::load(std::span<const ProducerSnapshotEntry> entries, Offset end_offset,
                             Instant now) {
  auto loaded = std::make_unique<Producers>();
  for (const ProducerSnapshotEntry& entry : entries) {
    CHECKED(check_entry(entry, end_offset));
    const bool in_transaction = entry.current_txn_first_offset != kNoOffset;
    if (loaded->find(entry.producer_id) != nullptr ||
        (in_transaction && loaded->ongoing.contains(entry.current_txn_first_offset))) {
      return fail(Errc::corrupt_data, fmt::format("producer {} contradicts another snapshot entry",
                                                  entry.producer_id.value()));
    }
    Producer& producer = loaded->seen(entry.producer_id, now);
    producer.epoch = entry.producer_epoch;
    producer.coordinator_epoch = entry.coordinator_epoch;
    producer.timestamp = entry.timestamp;
    if (entry.last_offset != kNoOffset) {
      producer.retain({.last_sequence = entry.last_sequence,
                       .offset_delta = entry.offset_delta,
                       .last_offset = entry.last_offset,
                       .timestamp = entry.timestamp});
    }
    if (in_transaction) loaded->begin_transaction(producer, entry.current_txn_first_offset);
  }
  producers_ = entries.empty() ? nullptr : std::move(loaded);
  end_offset_ = end_offset;
  return {};
}

std::vector<ProducerSnapshotEntry> ProducerState::snapshot() const {
  std::vector<ProducerSnapshotEntry> entries;
  if (!producers_) return entries;
  entries.reserve(producers_->by_id.size());
  for (const Producer& producer : producers_->idle) entries.push_back(to_entry(producer));
  for (const auto& [first_offset, id] : producers_->ongoing) {
    entries.push_back(to_entry(*producers_->find(id)));
  }
  std::ranges::sort(entries, {}, &ProducerSnapshotEntry::producer_id);
  return entries;
}

size_t ProducerState::expire(Instant now) {
  if (!producers_) return 0;
  size_t count = 0;
  while (!producers_->idle.empty() &&
         now - producers_->idle.front().last_seen >= options_->id_expiration) {
    producers_->forget_idlest();
    count++;
  }
  if (producers_->by_id.empty() && producers_->unreplicated.empty()) producers_.reset();
  return count;
}

size_t ProducerState::producer_count() const {
  return producers_ ? producers_->by_id.size() : 0;
}

bool ProducerState::has_open_transactions() const {
  return producers_ && !producers_->ongoing.empty();
}

std::optional<ProducerSnapshotEntry> ProducerState::find(ProducerId id) const {
  const Producer* producer = producers_ ? producers_->find(id) : nullptr;
  if (producer == nullptr) return std::nullopt;
  return to_entry(*producer);
}

void ProducerState::check_invariants() const {
  if (!producers_) return;
  CHECK(producers_->by_id.size() == producers_->idle.size() + producers_->ongoing.size());
  for (const auto& [first_offset, id] : producers_->ongoing) {
    const Producer* producer = producers_->find(id);
    CHECK(producer != nullptr);
    CHECK(producer->current_txn_first_offset == first_offset);
  }
  Instant before;
  for (const Producer& producer : producers_->idle) {
    CHECK(!producer.in_transaction());
    CHECK(producer.last_seen >= before);
    CHECK(producer.batch_count <= kRetainedBatches);
    before = producer.last_seen;
  }
}

}  // namespace partita::storage
