#include "client/producer_partition.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fault_points.h"

namespace partita::client {
namespace {

constexpr size_t kCrcAt = 17;
constexpr size_t kProducerIdAt = 43;
constexpr size_t kProducerEpochAt = 51;
constexpr size_t kBaseSequenceAt = 53;

int32_t subtract_sequence(int32_t sequence, int32_t count) {
  return static_cast<int32_t>((static_cast<uint32_t>(sequence) - static_cast<uint32_t>(count)) &
                              0x7fffffffu);
}

Bytes stamped(const Bytes& built, const ProducerIdentity& identity, int32_t sequence) {
  Buffer copy(built.size());
  copy.append(built.view());
  store_be(copy.data() + kProducerIdAt, identity.id.value());
  store_be(copy.data() + kProducerEpochAt, identity.epoch.value());
  store_be(copy.data() + kBaseSequenceAt, sequence);
  store_be(copy.data() + kCrcAt, crc32c(copy.view().subspan(records::kCrcStart)));
  return std::move(copy).freeze();
}

}  // namespace

ProducerBatch* ProducerPartition::open_batch() const {
  if (batches_.empty() || batches_.back()->closed) return nullptr;
  return batches_.back().get();
}

ProducerBatch& ProducerPartition::add_batch(Instant now) {
  CHECK(open_batch() == nullptr);
  batches_.push_back(std::make_unique<ProducerBatch>());
  batches_.back()->partition = this;
  batches_.back()->created = now;
  return *batches_.back();
}

std::unique_ptr<ProducerBatch> ProducerPartition::remove(const ProducerBatch& batch) {
  const auto at = std::ranges::find(batches_, &batch, [](const auto& each) { return each.get(); });
  CHECK(at != batches_.end());
  std::unique_ptr<ProducerBatch> removed = std::move(*at);
  batches_.erase(at);
  return removed;
}

size_t ProducerPartition::in_flight() const {
  return static_cast<size_t>(
      std::ranges::count_if(batches_, [](const auto& each) { return each->in_flight; }));
}

ProducerBatch* ProducerPartition::next() const {
  for (const auto& batch : batches_) {
    if (batch->in_flight) continue;
    if (batch->was_sent() && !is_first(*batch) && !mutant("client.retries_overtake"))
      return nullptr;
    return batch.get();
  }
  return nullptr;
}

void ProducerPartition::adopt(const ProducerIdentity& identity) {
  if (identity_ == identity) return;
  const bool sent =
      std::ranges::any_of(batches_, [](const auto& each) { return each->was_sent(); });
  if (!sent) restart(identity);
}

void ProducerPartition::sequence(ProducerBatch& batch) {
  const bool again = batch.base_sequence != records::kNoSequence;
  if (again && !mutant("client.retry_new_sequence")) return;
  batch.base_sequence = next_sequence_;
  if (mutant("client.sequence_not_bumped")) return;
  next_sequence_ = records::add_sequence(next_sequence_, batch.record_count());
}

void ProducerPartition::close_gap(const ProducerBatch& refused) {
  if (refused.base_sequence == records::kNoSequence) return;
  bool behind = false;
  for (const auto& batch : batches_) {
    if (batch.get() == &refused) {
      behind = true;
    } else if (behind && batch->base_sequence != records::kNoSequence) {
      COVERED("client.gap_closed");
      batch->base_sequence = subtract_sequence(batch->base_sequence, refused.record_count());
    }
  }
  next_sequence_ = subtract_sequence(next_sequence_, refused.record_count());
}

void ProducerPartition::restart(const ProducerIdentity& identity) {
  CHECK(in_flight() == 0);
  if (identity_.id != identity.id) acknowledged = false;
  identity_ = identity;
  next_sequence_ = 0;
  restart_wanted = false;
  for (const auto& batch : batches_) {
    if (batch->base_sequence == records::kNoSequence) continue;
    batch->base_sequence = next_sequence_;
    next_sequence_ = records::add_sequence(next_sequence_, batch->record_count());
  }
}

Result<Bytes> built_batch(ProducerBatch& batch, const ProducerIdentity& identity,
                          records::Compressor& compressor) {
  if (batch.built.empty()) {
    records::BatchOptions& options = batch.builder.options();
    options.producer_id = identity.id;
    options.producer_epoch = identity.epoch;
    options.base_sequence = batch.base_sequence;
    TRY(batch.built, batch.builder.build(compressor));
  } else if (batch.stamped_sequence != batch.base_sequence || batch.stamped_identity != identity) {
    COVERED("client.batch_stamped_anew");
    batch.built = stamped(batch.built, identity, batch.base_sequence);
  }
  batch.stamped_sequence = batch.base_sequence;
  batch.stamped_identity = identity;
  return batch.built;
}

}  // namespace partita::client
