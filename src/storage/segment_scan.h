#pragma once
// What recovery learns of one segment file by reading all of it: its good batches in order, and
// where they stop.
//
// Invariants:
//  1. A batch is good if it passes its CRC, begins at or above the offset expected and fits behind
//     the segment's base.
//  2. Whatever the disk answers but bytes is an error and decides nothing (semantics R3).

#include <functional>
#include <optional>

#include "base/error.h"
#include "base/ids.h"
#include "records/batch.h"
#include "runtime/disk.h"

namespace partita::storage {

/// A good batch and where it stands. Borrowed during the call.
struct ScannedBatch {
  uint64_t position;
  records::BatchView batch;
};

struct BadRegion {
  uint64_t position;
  Offset expected;  ///< the offset after the last good batch
  /// The next good batch behind it, where there is one.
  std::optional<uint64_t> next_position;
  Offset next_offset = kNoOffset;
  std::string what;
};

class SegmentScan {
 public:
  SegmentScan(Executor& executor, File& file, Offset base, uint64_t size)
      : executor_(executor), file_(file), base_(base), size_(size) {}

  /// Walks good batches from `position`, where `expected` or a later offset must begin, until one
  /// is bad or the file ends; calls `good` for each. Answers the bad region, or nothing at the end
  /// of the file.
  using Visitor = std::function<void(const ScannedBatch&)>;
  Task<Result<std::optional<BadRegion>>> walk(uint64_t position, Offset expected, Visitor good);

  uint64_t position() const { return position_; }
  Offset expected() const { return expected_; }

 private:
  Task<Result<>> find_next_good(BadRegion& bad);
  bool may_begin_batch(ByteView bytes, uint64_t position, Offset at_least) const;

  Executor& executor_;
  File& file_;
  const Offset base_;
  const uint64_t size_;
  uint64_t position_ = 0;
  Offset expected_ = Offset(0);
};

}  // namespace partita::storage
