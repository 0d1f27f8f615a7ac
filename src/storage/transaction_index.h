#pragma once
// TransactionIndex: the `.txnindex` of one segment: the aborted transactions whose ABORT marker
// stands in the segment, by the marker's offset. What a read_committed reader is told to skip.
//
// Invariants:
//  1. last_offset strictly increases from entry to entry and lies in the segment.
//  2. It is no hint: an entry that is missing shows aborted records. What could not be written for
//     want of room stays in memory, is found there, and is tried again with the next write.
//  3. The file exists from the first entry on; a segment without aborted transactions has none.
// Owned by its Segment. Layout: docs/formats/storage.md. Offsets named upper_bound are exclusive.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "runtime/task.h"
#include "storage/open_files.h"

namespace partita::storage {

inline constexpr std::string_view kTxnIndexSuffix = ".txnindex";
inline constexpr size_t kTxnIndexEntryBytes = 34;

/// A transaction that an ABORT marker ended.
struct AbortedTxn {
  ProducerId producer_id = kNoProducerId;
  Offset first_offset;        ///< of the transaction here
  Offset last_offset;         ///< the marker's
  Offset last_stable_offset;  ///< of the log, once the marker is replicated

  bool operator==(const AbortedTxn&) const = default;
};

std::array<uint8_t, kTxnIndexEntryBytes> encode_aborted_txn(const AbortedTxn& txn);
/// corrupt_data for another version, or offsets that contradict each other. REQUIRED:
/// kTxnIndexEntryBytes bytes.
Result<AbortedTxn> decode_aborted_txn(ByteView bytes);

class TransactionIndex {
 public:
  /// Of the segment that begins at `base`; nothing is opened yet, no entry is known.
  TransactionIndex(OpenFiles& files, std::string path, Offset base);
  TransactionIndex(const TransactionIndex&) = delete;

  const std::string& path() const { return file_.path(); }
  /// The file has another name now.
  void renamed(std::string path) { file_.renamed(std::move(path)); }
  uint64_t entry_count() const { return written_count_ + unwritten_.size(); }
  /// Of the last entry; -1 without one.
  Offset last_offset() const { return last_offset_; }

  /// Takes over the file, judging every entry; the segment ends at `end`. corrupt_data where one
  /// makes no sense: make it anew.
  Task<Result<>> open(Executor& executor, Offset end);
  /// In the page cache on return, or in memory where the disk is full. REQUIRED: last_offset above
  /// that of every entry, and in the segment.
  Result<> append(const AbortedTxn& txn);
  /// What a full disk has kept in memory. no_space where it is still full.
  Result<> write_out();
  /// Removes the entries whose marker stands at or above `offset`.
  Task<Result<>> truncate_to(Executor& executor, Offset offset);

  /// Adds the transactions that have a part in [from, upper_bound). Answers whether no later
  /// segment can know of more. corrupt_data where the file has changed behind us.
  Task<Result<bool>> collect(Executor& executor, Offset from, Offset upper_bound,
                             std::vector<AbortedTxn>& found);

 private:
  Task<Result<AbortedTxn>> read_entry(Executor& executor, File& file, uint64_t index);
  /// How many of the written entries have their marker below `offset`.
  Task<Result<uint64_t>> count_below(Executor& executor, File& file, Offset offset);

  const Offset base_;
  LogFile file_;
  uint64_t written_count_ = 0;
  Offset last_offset_ = kNoOffset;
  std::vector<AbortedTxn> unwritten_;
};

}  // namespace partita::storage
