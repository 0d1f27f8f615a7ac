#include "storage/segment_scan.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "storage/batch_scan.h"

namespace partita::storage {
namespace {

constexpr size_t kScanChunk = size_t{1} << 20;
constexpr size_t kMagicAt = 16;

}  // namespace

Task<Result<std::optional<BadRegion>>> SegmentScan::walk(uint64_t position, Offset expected,
                                                         Visitor good) {
  BatchScan scan(executor_, file_, position, size_, kScanChunk);
  position_ = position;
  expected_ = expected;
  std::string what;
  while (true) {
    const auto batch = co_await scan.next_batch();
    if (!batch && batch.error().code != Errc::corrupt_data) {
      co_return std::unexpected(batch.error());
    }
    if (batch && !*batch) co_return std::nullopt;
    if (!batch) {
      what = batch.error().detail;
      break;
    }
    const records::BatchView& view = **batch;
    if (view.base_offset() < expected_ || view.next_offset() <= view.base_offset() ||
        (view.last_offset() - base_).value() > std::numeric_limits<int32_t>::max()) {
      what = "an offset that does not follow";
      break;
    }
    good(ScannedBatch{.position = position_, .batch = view});
    position_ = scan.position();
    expected_ = view.next_offset();
  }
  BadRegion bad{.position = position_, .expected = expected_, .next_position = {}, .what = what};
  CO_CHECKED(co_await find_next_good(bad));
  co_return bad;
}

bool SegmentScan::may_begin_batch(ByteView bytes, uint64_t position, Offset at_least) const {
  if (bytes[kMagicAt] != 2) return false;
  const auto header = records::BatchHeader::parse(bytes);
  if (!header || header->total_size() > size_ - position) return false;
  if (header->base_offset() < at_least || header->last_offset() < header->base_offset()) {
    return false;
  }
  return (header->last_offset() - base_).value() <= std::numeric_limits<int32_t>::max();
}

Task<Result<>> SegmentScan::find_next_good(BadRegion& bad) {
  uint64_t start = bad.position + 1;
  Buffer window(kScanChunk);
  while (size_ > start && size_ - start >= records::kBatchHeaderBytes) {
    window.resize(std::min<uint64_t>(kScanChunk, size_ - start));
    CO_TRY(const size_t count, co_await read(executor_, file_, start, window.span()));
    if (count < records::kBatchHeaderBytes) co_return Result<>();
    const size_t tries = count - records::kBatchHeaderBytes + 1;
    for (size_t i = 0; i < tries; ++i) {
      if (!may_begin_batch(window.view().subspan(i), start + i, bad.expected)) continue;
      BatchScan candidate(executor_, file_, start + i, size_);
      const auto batch = co_await candidate.next_batch();
      if (!batch && batch.error().code != Errc::corrupt_data) {
        co_return std::unexpected(batch.error());
      }
      if (!batch) continue;
      bad.next_position = start + i;
      bad.next_offset = (*batch)->base_offset();
      co_return Result<>();
    }
    start += tries;
  }
  co_return Result<>();
}

}  // namespace partita::storage
