#pragma once
// OffsetIndex: a segment's `.index`: a sparse map from offsets to positions in its `.log`. It does
// not own the file: whoever calls has it pinned and passes it, so that an index at rest is a few
// words and no descriptor.
//
// An entry (offset, position) says: the batch at `position` ends with `offset`. Entries are 8
// bytes.
//
// Invariants:
//  1. Offsets and positions strictly increase; an offset is above the base offset, by at most 2^31
//     - 1; a position is above 0: the first batch of a segment has no entry.
//  2. entry_count() entries and last_entry() are known in memory; everything else is read when
//     asked.
//  3. Appends are in the page cache on return. Durability is the caller's: an index of a segment
//     that was not synced is rebuilt after a crash.
// Belongs to one log on one shard. Layout: docs/formats/storage.md.

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "storage/index_entries.h"

namespace partita::storage {

inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr uint32_t kOffsetIndexEntryBytes = 8;

struct OffsetPosition {
  Offset offset;
  uint32_t position = 0;

  bool operator==(const OffsetPosition&) const = default;
};

class OffsetIndex {
 public:
  /// Without entries, for a file that is empty or not there. At most bytes_max / 8 entries.
  OffsetIndex(Offset base_offset, uint32_t bytes_max);

  /// Over the file of a segment of `segment_bytes`. Trailing zeros of a preallocated file are not
  /// entries. corrupt_data where the index must be rebuilt: size, order or last entry are
  /// impossible; an index that has more entries than bytes_max allows is good, and full.
  static Task<Result<OffsetIndex>> open(Executor& executor, File& file, Offset base_offset,
                                        uint32_t bytes_max, uint64_t segment_bytes,
                                        IndexCheck check);

  Offset base_offset() const { return base_offset_; }
  uint32_t entry_count() const { return count_; }
  uint64_t size_bytes() const { return uint64_t{count_} * kOffsetIndexEntryBytes; }
  /// No entry may be appended any more: the segment is to be rolled.
  bool is_full() const { return count_ >= count_max_; }
  uint32_t places_left() const { return count_max_ - std::min(count_, count_max_); }
  /// Whether an entry for `offset` can be written: not too far from the base.
  bool can_hold(Offset offset) const;
  /// (base offset, 0) without entries.
  OffsetPosition last_entry() const { return last_; }

  /// limit_exceeded where the index is full or the offset too far from its base.
  /// REQUIRED: both above the last entry.
  Result<> append(File& file, Offset offset, uint32_t position);
  /// The same for several with one write; all or an error. REQUIRED: increasing, above the last
  /// entry.
  Result<> append(File& file, std::span<const OffsetPosition> entries);

  /// The entry with the largest offset of at most `target`, (base offset, 0) where there is none;
  /// nothing where that needs the file.
  std::optional<OffsetPosition> lookup_in_memory(Offset target) const;
  /// The same from the file. corrupt_data where the bytes found contradict invariant 1.
  Task<Result<OffsetPosition>> lookup(Executor& executor, File& file, Offset target) const;

  /// Removes the entries at or above `offset`.
  Task<Result<>> truncate_to(Executor& executor, File& file, Offset offset);
  /// Removes all entries.
  Result<> reset(File& file);
  /// Cuts off what follows the entries (preallocation).
  Result<> trim(File& file) { return file.truncate(size_bytes()); }
  void set_bytes_max(uint32_t bytes_max) { count_max_ = bytes_max / kOffsetIndexEntryBytes; }

 private:
  Result<OffsetPosition> parse(const uint8_t* entry) const;
  Task<Result<>> check_every(Executor& executor, File& file) const;

  Offset base_offset_;
  uint32_t count_max_;
  uint32_t count_ = 0;
  OffsetPosition last_;
};

}  // namespace partita::storage
