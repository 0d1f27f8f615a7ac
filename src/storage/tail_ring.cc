#include "storage/tail_ring.h"

#include <algorithm>

#include "base/check.h"

namespace partita::storage {
namespace {

/// What an entry costs beside the bytes it shows: its place in the deque and the heads of two
/// allocations.
constexpr size_t kEntryBytes = sizeof(TailBatch) + 64;

/// One allocation of exactly this batch instead of a share in a large one.
Bytes copy_together(ByteView front, ByteView rest) {
  Buffer copy(front.size() + rest.size());
  copy.append(front);
  copy.append(rest);
  return std::move(copy).freeze();
}

size_t cost(const TailBatch& batch) {
  return kEntryBytes + batch.front.pinned_bytes() + batch.rest.pinned_bytes();
}

}  // namespace

void LogTail::append(Offset base_offset, Offset last_offset, ByteView front,
                     const Bytes& received) {
  CHECK(front.size() <= received.size());
  TailBatch batch{.base_offset = base_offset, .last_offset = last_offset};
  const ByteView rest = received.view().subspan(front.size());
  if (received.size() < received.pinned_bytes() / 2) {
    batch.rest = copy_together(front, rest);
  } else {
    batch.front = Bytes::copy_of(front);
    batch.rest = received.slice(front.size(), rest.size());
  }
  const size_t bytes = cost(batch);
  // What would push out everything, itself included, is not kept at all.
  if (bytes > ring_.bytes_max_) return clear();
  if (!entries_) entries_ = std::make_unique<Entries>();
  CHECK(entries_->batches.empty() || entries_->batches.back().last_offset < base_offset);
  entries_->batches.push_back(std::move(batch));
  ring_.charge(*this, bytes);
}

bool LogTail::read(Offset from, Offset upper_bound, size_t bytes_max, bool at_least_one,
                   ByteChain& out, Found& found) const {
  if (!entries_) return false;
  const auto& batches = entries_->batches;
  auto at = std::lower_bound(
      batches.begin(), batches.end(), from,
      [](const TailBatch& batch, Offset offset) { return batch.last_offset < offset; });
  // Before the first entry lies what the ring no longer holds.
  if (at == batches.end() || (at == batches.begin() && from < at->base_offset)) return false;
  found = Found{.first_offset = from, .next_offset = from};
  for (; at != batches.end() && at->last_offset < upper_bound; ++at) {
    if (found.bytes + at->size() > bytes_max && !(at_least_one && found.bytes == 0)) break;
    if (found.bytes == 0) found.first_offset = at->base_offset;
    if (!at->front.empty()) out.push_back(at->front);
    out.push_back(at->rest);
    found.bytes += at->size();
    found.next_offset = at->last_offset.next();
  }
  return true;
}

void LogTail::truncate_to(Offset offset) {
  if (!entries_) return;
  auto& batches = entries_->batches;
  while (!batches.empty() && batches.back().last_offset >= offset) {
    ring_.bytes_ -= cost(batches.back());
    batches.pop_back();
  }
  if (batches.empty()) clear();
}

void LogTail::clear() {
  if (!entries_) return;
  for (const TailBatch& batch : entries_->batches) ring_.bytes_ -= cost(batch);
  entries_.reset();
  ring_.logs_.erase(ring_.logs_.iterator_to(*this));
}

void LogTail::drop_oldest() {
  ring_.bytes_ -= cost(entries_->batches.front());
  entries_->batches.pop_front();
  if (entries_->batches.empty()) clear();
}

TailRing::~TailRing() {
  CHECK(logs_.empty());
  CHECK(bytes_ == 0);
}

void TailRing::charge(LogTail& log, size_t bytes) {
  if (log.link_.is_linked()) logs_.erase(logs_.iterator_to(log));
  logs_.push_back(log);
  bytes_ += bytes;
  while (bytes_ > bytes_max_) logs_.front().drop_oldest();
}

}  // namespace partita::storage
