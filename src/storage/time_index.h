#pragma once
// TimeIndex: a segment's `.timeindex`: a sparse map from timestamps to offsets. Like OffsetIndex it
// borrows its file.
//
// An entry (timestamp, offset) says: no record of the segment at or below `offset` has a later
// timestamp, and the batch that ends with `offset` has this one. Entries are 12 bytes.
//
// Invariants:
//  1. Timestamps strictly increase, offsets never fall.
//  2. The last place of a full index is kept free for the entry that closes the segment.
//  3. Appends are in the page cache on return, as in OffsetIndex.
// Belongs to one log on one shard. Layout: docs/formats/storage.md.

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "storage/index_entries.h"

namespace partita::storage {

inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr uint32_t kTimeIndexEntryBytes = 12;

struct TimestampEntry {
  WallTime timestamp = kNoTimestamp;
  Offset offset;

  bool operator==(const TimestampEntry&) const = default;
};

class TimeIndex {
 public:
  /// Without entries. At most bytes_max / 12 entries.
  TimeIndex(Offset base_offset, uint32_t bytes_max);

  /// Over the file of a segment whose last offset is below `end_offset`; otherwise as
  /// OffsetIndex::open.
  static Task<Result<TimeIndex>> open(Executor& executor, File& file, Offset base_offset,
                                      uint32_t bytes_max, Offset end_offset, IndexCheck check);

  Offset base_offset() const { return base_offset_; }
  uint32_t entry_count() const { return count_; }
  uint64_t size_bytes() const { return uint64_t{count_} * kTimeIndexEntryBytes; }
  /// Only a closing entry has place.
  bool is_full() const { return count_ + 1 >= count_max_; }
  uint32_t places_left() const { return count_max_ - std::min(count_, count_max_); }
  /// The largest timestamp indexed; (no timestamp, base offset) without entries.
  TimestampEntry last_entry() const { return last_; }

  enum class Closing { no, yes };
  /// Appends where the timestamp is above the last entry's, and does nothing where it is not.
  /// limit_exceeded where the index is full and the entry does not close the segment.
  /// REQUIRED: offset is not below the last entry's.
  Result<> maybe_append(File& file, WallTime timestamp, Offset offset, Closing closing);
  /// The same for several that close nothing, with one write; all or an error.
  Result<> maybe_append(File& file, std::span<const TimestampEntry> entries);

  /// The entry with the largest timestamp of at most `target`, (no timestamp, base offset) where
  /// there is none; nothing where that needs the file.
  std::optional<TimestampEntry> lookup_in_memory(WallTime target) const;
  Task<Result<TimestampEntry>> lookup(Executor& executor, File& file, WallTime target) const;

  /// Removes the entries at or above `offset`.
  Task<Result<>> truncate_to(Executor& executor, File& file, Offset offset);
  Result<> reset(File& file);
  Result<> trim(File& file) { return file.truncate(size_bytes()); }
  void set_bytes_max(uint32_t bytes_max) { count_max_ = bytes_max / kTimeIndexEntryBytes; }

 private:
  Result<TimestampEntry> parse(const uint8_t* entry) const;
  Task<Result<>> check_every(Executor& executor, File& file) const;

  Offset base_offset_;
  uint32_t count_max_;
  uint32_t count_ = 0;
  TimestampEntry last_;
};

}  // namespace partita::storage
