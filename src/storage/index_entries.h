#pragma once
// What the two index files of a segment have in common: entries of a fixed size whose first field
// is a big-endian integer that strictly increases. Reads go through the page cache, a block at a
// time.
//
// Invariants:
//  1. Nothing here trusts the bytes: an entry may be anything, a file may be shorter than expected.
//  2. A search reads at most one entry per halving, then one block of kIndexSearchBytes.
// Layouts: docs/formats/storage.md. Positions and sizes are bytes, counts are entries.

#include <array>
#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/disk.h"

namespace partita::storage {

inline constexpr size_t kIndexSearchBytes = 1536;     ///< 192 offset entries, 128 time entries
inline constexpr size_t kIndexScanBytes = 48 * 1024;  ///< whole entries of either kind
inline constexpr size_t kIndexEntryBytesMax = 12;

/// How an index is looked at when it is opened.
enum class IndexCheck {
  ends,   ///< size and last entry: for a segment that was synced and closed
  every,  ///< also that each entry is above the one before
};

struct IndexShape {
  uint32_t entry_bytes;
  /// The field that entries are sorted by.
  int64_t (*key)(const uint8_t* entry);
};

/// One entry's bytes, and how many entries have a key of at most the one searched for.
struct IndexFind {
  uint32_t count = 0;
  std::array<uint8_t, kIndexEntryBytesMax> entry =
      {};  ///< the last of them; zeros where count is 0
};

/// REQUIRED: the first `count` entries are in the file and sorted. truncated_data where the file
/// ends before.
Task<Result<IndexFind>> find_index_entry(Executor& executor, File& file, IndexShape shape,
                                         uint32_t count, int64_t key);

enum class FirstEntry { never_zero, may_be_zero };

/// How many entries stand before the padding: a file that was preallocated is filled up with zeros.
/// An entry of zeros is padding; where it may be one and comes first, it is padding only if another
/// follows it. corrupt_data where the size is no whole number of entries, or beyond 2^31.
Task<Result<uint32_t>> count_index_entries(Executor& executor, File& file, uint32_t entry_bytes,
                                           FirstEntry first);

/// The bytes of one entry. truncated_data where the file ends before.
Task<Result<std::array<uint8_t, kIndexEntryBytesMax>>> read_index_entry(Executor& executor,
                                                                        File& file,
                                                                        uint32_t entry_bytes,
                                                                        uint32_t index);

/// Calls `judge` with each entry in order until it answers an error.
Task<Result<>> scan_index_entries(Executor& executor, File& file, uint32_t entry_bytes,
                                  uint32_t count,
                                  const std::function<Result<>(const uint8_t* entry)>& judge);

}  // namespace partita::storage
