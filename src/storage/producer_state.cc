#include "storage/producer_state.h"

#include <fmt/format.h>

#include "storage/producer_table.h"

namespace partita::storage {
namespace {

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
      entry.last_sequence < records::kNoSequence || entry.last_offset < kNoOffset || !batch_good ||
      !txn_good) {
    return fail(Errc::corrupt_data,
                fmt::format("impossible snapshot entry of producer {}", entry.producer_id.value()));
  }
  return {};
}

}  // namespace

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

VerificationGuard ProducerState::begin_verification(const ProducerBatch& batch, bool bumps_epoch,
                                                    Instant now) {
  const Producer* producer = producers_ ? producers_->find(batch.producer_id) : nullptr;
  if (producer != nullptr && producer->in_transaction() &&
      producer->epoch == batch.producer_epoch) {
    return {};
  }
  if (!verifications_) verifications_ = std::make_unique<Verifications>(options_->producers_max);
  return verifications_->begin(batch.producer_id, batch.producer_epoch, batch.first_sequence,
                               bumps_epoch, now);
}

void ProducerState::apply(const ProducerBatch& batch, Instant now) {
  advance_to(batch.last_offset.next());
  if (batch.producer_id.value() < 0) return;
  if (batch.is_transactional && verifications_) verifications_->end(batch.producer_id);
  Producers& all = producers();
  Producer& producer = all.seen(batch.producer_id, now);
  producer.take_epoch(batch.producer_epoch);
  // A header from a disk may hold any delta and sequence; nothing here may overflow from it.
  const int64_t delta = (batch.last_offset - batch.first_offset).value();
  producer.retain({.last_sequence = std::max(batch.last_sequence, records::kNoSequence),
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
  if (verifications_) verifications_->end(marker.producer_id);
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
  if (verifications_) verifications_->clear();
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
  if (verifications_) verifications_->expire(now, options_->id_expiration);
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
