// Reading a segment: from the floor that an index answers, along the batches.

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/fault_points.h"
#include "records/lookup.h"
#include "storage/batch_scan.h"
#include "storage/segment.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

/// What a read takes beyond the bytes asked for where the index only knows about where to begin.
constexpr size_t kIndexSlack = size_t{8} << 10;
/// A read ends after so many bytes, whatever was asked for: the reader comes back for more, and
/// many readers do not hold much memory each.
constexpr size_t kReadBytesMax = size_t{1} << 20;
/// Bytes are looked at piece by piece, while the processor's cache still has them.
constexpr size_t kPieceBytes = size_t{256} << 10;

Error as_corruption(const Error& error) {
  return Error{.code = Errc::corrupt_data, .detail = error.detail};
}

/// Gathers whole batches out of bytes that begin with one and arrive piece by piece.
class SliceCut {
 public:
  SliceCut(Offset from, Offset upper_bound, size_t bytes_max, bool at_least_one)
      : from_(from),
        upper_bound_(upper_bound),
        bytes_max_(bytes_max),
        at_least_one_(at_least_one),
        next_offset_(from) {}

  /// Walks as far as the bytes go: those of the last call, and more. An error where the first
  /// wanted batch is bad; a bad one behind good ones ends the slice before it.
  Result<> walk(ByteView bytes) {
    while (bytes.size() - at_ >= records::kBatchHeaderBytes && !ended_) {
      const auto header = records::BatchHeader::parse(bytes.subspan(at_));
      if (!header) return stop(as_corruption(header.error()));
      const size_t size = header->total_size();
      const bool skipped = header->last_offset() < from_;
      if (!skipped && (header->last_offset() >= upper_bound_ || !fits(size))) return end();
      wanted_ = size;
      if (!skipped) count(bytes, size);
      if (size > bytes.size() - at_) return {};
      if (!skipped) {
        const Result<> good = take(bytes, *header, size);
        if (!good) return stop(as_corruption(good.error()));
      }
      at_ += size;
    }
    return {};
  }
  /// Nothing more is wanted.
  bool ended() const { return ended_; }

  /// The walk ran into the end of the bytes before it had anything: where to read on, and how much
  /// at least.
  bool starved() const { return taken() == 0 && !ended_; }
  size_t position() const { return at_; }
  size_t wanted() const { return std::max(wanted_, records::kBatchHeaderBytes); }
  size_t start() const { return start_; }
  size_t taken() const { return end_ - start_; }
  Offset first_offset() const { return first_offset_.value_or(from_); }
  Offset next_offset() const { return next_offset_; }

 private:
  bool fits(size_t size) const {
    if (taken() == 0) return size <= bytes_max_ || at_least_one_;
    return taken() + size <= std::min(bytes_max_, kReadBytesMax);
  }
  /// The CRC of the batch at at_, as far as its bytes go.
  void count(ByteView bytes, size_t size) {
    if (counted_to_ <= at_) {
      counted_to_ = at_ + records::kCrcStart;
      crc_ = 0;
    }
    const size_t end = std::min(at_ + size, bytes.size());
    crc_ = crc32c(bytes.subspan(counted_to_, end - counted_to_), crc_);
    counted_to_ = end;
  }
  Result<> take(ByteView bytes, const records::BatchHeader& header, size_t size) {
    TRY(const auto batch, records::BatchView::parse(bytes.subspan(at_, size)));
    CHECKED(batch.verify(crc_));
    if (!first_offset_) {
      first_offset_ = header.base_offset();
      start_ = at_;
    }
    end_ = at_ + size;
    next_offset_ = header.next_offset();
    wanted_ = 0;
    return {};
  }
  Result<> end() {
    ended_ = true;
    return {};
  }
  Result<> stop(Error error) {
    if (taken() > 0) return end();
    return std::unexpected(std::move(error));
  }

  const Offset from_;
  const Offset upper_bound_;
  const size_t bytes_max_;
  const bool at_least_one_;
  size_t at_ = 0;
  size_t wanted_ = 0;
  size_t start_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
  uint32_t crc_ = 0;       // of the batch at at_ ...
  size_t counted_to_ = 0;  // ... up to here
  std::optional<Offset> first_offset_;
  Offset next_offset_;
};

/// Fills the buffer from `position`, piece by piece, until the cut has enough. The buffer grows for
/// a first batch that is larger.
Task<Result<>> read_and_cut(Executor& executor, File& file, uint64_t position, uint64_t end,
                            Buffer& buffer, SliceCut& cut) {
  size_t size = std::min<uint64_t>(buffer.capacity(), end - position);
  while (buffer.size() < size && !cut.ended()) {
    const size_t piece = std::min(kPieceBytes, size - buffer.size());
    const Result<> filled = co_await read_exactly(executor, file, position + buffer.size(),
                                                  buffer.spare().first(piece));
    if (!filled && filled.error().code == Errc::truncated_data) {
      co_return std::unexpected(as_corruption(filled.error()));
    }
    CO_CHECKED(filled);
    buffer.grow_by(piece);
    CO_CHECKED(cut.walk(buffer.view()));
    if (cut.starved() && cut.position() == 0 && cut.wanted() > size) {
      size = std::min<uint64_t>(cut.wanted(), end - position);
      buffer.reserve(size);
    }
  }
  co_return Result<>();
}

}  // namespace

Task<Result<SegmentRead>> Segment::read(Offset from, Offset upper_bound, size_t bytes_max,
                                        bool at_least_one, std::optional<uint64_t> known_position) {
  const uint64_t end = size_;
  uint64_t position = 0;
  if (known_position) {
    position = *known_position;
  } else {
    CO_TRY(position, co_await floor_position(from));
  }
  CO_TRY(FilePin file, pin());
  size_t wanted = std::min(bytes_max, kReadBytesMax) + (known_position ? 0 : kIndexSlack);
  wanted = std::max(wanted, records::kBatchHeaderBytes);
  while (true) {
    if (position >= end) {
      co_return SegmentRead{.bytes = {},
                            .at_end = true,
                            .first_offset = from,
                            .next_offset = from,
                            .position = end,
                            .next_position = end};
    }
    Buffer buffer(std::min<uint64_t>(wanted, end - position));
    SliceCut cut(from, upper_bound, bytes_max, at_least_one);
    CO_CHECKED(co_await read_and_cut(context_.shard.executor(), *file, position, end, buffer, cut));
    if (cut.starved()) {
      if (position + cut.position() >= end) {
        position = end;
        continue;
      }
      if (cut.wanted() > end - position - cut.position()) {
        co_return fail(Errc::corrupt_data, "a batch reaches beyond the end of " + log_.path());
      }
      COVERED("storage.read_again_for_a_large_batch");
      position += cut.position();
      wanted = std::max(cut.wanted(), wanted);
      continue;
    }
    const Bytes all = std::move(buffer).freeze();
    co_return SegmentRead{.bytes = all.slice(cut.start(), cut.taken()),
                          .first_offset = cut.first_offset(),
                          .next_offset = cut.next_offset(),
                          .position = position + cut.start(),
                          .next_position = position + cut.start() + cut.taken()};
  }
}

Task<Result<std::optional<SegmentTimestamp>>> Segment::find_timestamp(WallTime timestamp,
                                                                      Offset from,
                                                                      Offset upper_bound) {
  const uint64_t end = size_;
  CO_TRY(const Offset start, co_await time_floor(timestamp));
  CO_TRY(const uint64_t position, co_await floor_position(std::max(start, from)));
  CO_TRY(FilePin file, pin());
  BatchScan scan(context_.shard.executor(), *file, position, end);
  while (true) {
    CO_TRY(const auto header, co_await scan.next_header());
    if (!header || header->base_offset() >= upper_bound) co_return std::nullopt;
    if (header->last_offset() < from || header->max_timestamp() < timestamp) continue;
    const SegmentTimestamp whole{.timestamp = header->max_timestamp(),
                                 .offset = std::max(header->base_offset(), from)};
    CO_TRY(const auto batch, co_await scan.whole_batch());
    const auto inside = records::find_timestamp(batch, timestamp, from, context_.decompressor);
    if (!inside) {
      // The inside of a compressed batch was never judged: what its header says must do.
      COVERED("storage.timestamp_of_unreadable_batch");
      co_return whole;
    }
    if (*inside) co_return SegmentTimestamp{(*inside)->timestamp, (*inside)->offset};
  }
}

Task<Result<std::optional<SegmentTimestamp>>> Segment::find_max_timestamp() {
  const uint64_t end = size_;
  CO_TRY(const SegmentTimestamp largest, co_await max_timestamp());
  if (largest.offset == kNoOffset) co_return std::nullopt;
  CO_TRY(const uint64_t position, co_await floor_position(largest.offset));
  CO_TRY(FilePin file, pin());
  BatchScan scan(context_.shard.executor(), *file, position, end);
  while (true) {
    CO_TRY(const auto header, co_await scan.next_header());
    if (!header) co_return largest;
    if (header->last_offset() < largest.offset) continue;
    CO_TRY(const auto batch, co_await scan.whole_batch());
    const auto inside = records::find_max_timestamp(batch, context_.decompressor);
    if (!inside || !*inside) co_return largest;
    co_return SegmentTimestamp{(*inside)->timestamp, (*inside)->offset};
  }
}

}  // namespace partita::storage
