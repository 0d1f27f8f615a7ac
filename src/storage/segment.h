#pragma once
// Segment: one `.log` file with its `.index` and `.timeindex`, and `.txnindex` where a transaction
// was aborted in it: batches of a partition from a base offset on.
//
// Invariants:
//  1. size() counts whole batches only; what a failed write left behind it is cut off before the
//     next one.
//  2. The indexes are a hint that can be made from the log at any time. The newest entries of the
//     active segment are in memory only, at most kUnwrittenEntriesMax; a crash leaves the files
//     short, and then they are rebuilt.
//  3. Positions fit in 31 bits, offsets relative to the base too: who appends rolls before either
//     would not.
//  4. Every batch that read() or find_*() answers from has passed its CRC in that call.
// Owned by its PartitionLog. Reads may run beside appends; they see the size of their start.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "runtime/scope.h"
#include "runtime/task.h"
#include "storage/offset_index.h"
#include "storage/open_files.h"
#include "storage/time_index.h"
#include "storage/transaction_index.h"

namespace partita::storage {

struct LogConfig;
struct LogContext;

/// "00000000000000000042" + suffix.
std::string segment_file_name(Offset base, std::string_view suffix);
/// The base offset of such a name; nothing for another one.
std::optional<Offset> parse_segment_file_name(std::string_view name, std::string_view suffix);

inline constexpr std::string_view kLogSuffix = ".log";

/// Fewer writes, and fewer dirty files for each sync of the filesystem.
inline constexpr size_t kUnwrittenEntriesMax = 64;

/// What a segment keeps of a batch that was appended.
struct BatchFacts {
  Offset last_offset;
  WallTime max_timestamp;
  size_t bytes;
};

/// A batch as a read found it in the file.
struct FoundBatch {
  uint64_t position;
  Offset base_offset;
  Offset last_offset;
  size_t bytes;
};

struct SegmentRead {
  Bytes bytes;          ///< whole batches
  bool at_end = false;  ///< the segment has nothing at or above the offset asked for
  Offset first_offset;
  Offset next_offset;
  uint64_t position = 0;  ///< of the first batch
  uint64_t next_position = 0;
};

struct SegmentTimestamp {
  WallTime timestamp = kNoTimestamp;
  Offset offset = kNoOffset;
};

class Segment {
 public:
  /// Over a file of `size` bytes, of which every offset is below `end`; nothing is opened yet.
  Segment(LogContext& context, const std::string& directory, Offset base, uint64_t size, Offset end,
          const LogConfig& config);
  Segment(const Segment&) = delete;

  Offset base_offset() const { return base_; }
  /// Exclusive. Of a segment that is not active: the base of the next.
  Offset end_offset() const { return end_; }
  uint64_t size() const { return size_; }
  std::string path(std::string_view suffix) const;
  /// Pins the log file.
  Result<FilePin> pin() { return log_.pin(); }

  // Appending, to the active segment only.
  /// A new, empty file. REQUIRED: size 0.
  Result<> create(WallTime now);
  /// Whether a batch with this end, timestamp and size goes into the next segment.
  bool should_roll(Offset last_offset, WallTime max_timestamp, size_t bytes, WallTime now,
                   const LogConfig& config) const;
  /// One write at the end. After an error the file is as long as before; io_error where it is not.
  Result<> write(std::span<const ByteView> parts, size_t bytes);
  /// Asks the system to begin writing to the disk what has gathered, so that the next flush finds
  /// little to do: a hint, for logs whose appends are flushed.
  void start_writeback();
  /// Counts a batch that write() has written, and indexes it. In the order of the batches.
  Result<> appended(const BatchFacts& batch);
  /// Completes the indexes: the segment is active no longer. Their files' paths are added to
  /// `files`.
  Result<> seal(std::vector<std::string>& files);
  /// A seal that was not followed by a new segment: this one goes on.
  void unseal() { active_ = true; }
  /// Completes the indexes for a stop; the segment stays active. Paths as in seal().
  Result<> prepare_close(std::vector<std::string>& files);
  /// Renames all files to `.deleted`, to be unlinked later. Readers that hold them go on.
  Result<> rename_away(int64_t delay_ms);
  /// Removes the batches that reach `offset` or beyond; in the page cache on return. REQUIRED:
  /// nothing else uses it.
  Task<Result<>> truncate_to(Offset offset);

  // Aborted transactions whose marker stands here.
  bool has_txn_index() const { return txn_index_ != nullptr; }
  /// The last marker's offset; -1 where there is none.
  Offset last_aborted() const { return txn_index_ ? txn_index_->last_offset() : kNoOffset; }
  /// REQUIRED: the marker is the last of the segment, or index_found() has just named it.
  Result<> append_aborted(const AbortedTxn& txn);
  /// TransactionIndex::collect(); false where there is no index.
  Task<Result<bool>> collect_aborted(Offset from, Offset upper_bound,
                                     std::vector<AbortedTxn>& found);

  // Loading.
  /// The directory holds a `.txnindex` of this segment.
  void found_txn_index();
  /// Judges it. corrupt_data where it must be made anew.
  Task<Result<>> open_txn_index();
  /// Forgets it, with its file: its entries are about to be appended again.
  Result<> drop_txn_index();
  /// Completes it, where there is one, and adds its path to `files`.
  Result<> complete_txn_index(std::vector<std::string>& files);
  /// Learns what an active segment must know; answers where its last batch ends. corrupt_data where
  /// its bytes do not end with a batch.
  Task<Result<Offset>> activate();
  /// Begins to index anew: the file counts as empty until index_found() has named its batches.
  Result<> begin_rebuild();
  /// Counts a batch that stands in the file at `position`. A forced entry begins at its first
  /// offset.
  Result<> index_found(uint64_t position, Offset first_offset, const BatchFacts& batch,
                       bool force_entry);
  /// After begin_rebuild(): the file ends here, in whatever state its last bytes are.
  void set_end(uint64_t size, Offset end);

  // Reading. Errors: corrupt_data, or what the disk answers.
  Task<Result<SegmentRead>> read(Offset from, Offset upper_bound, size_t bytes_max,
                                 bool at_least_one, std::optional<uint64_t> known_position);
  Task<Result<std::optional<SegmentTimestamp>>> find_timestamp(WallTime timestamp, Offset from,
                                                               Offset upper_bound);
  /// The largest timestamp of the segment, with the last offset of its batch; no timestamp in an
  /// empty one.
  Task<Result<SegmentTimestamp>> max_timestamp();
  /// The first record that has it.
  Task<Result<std::optional<SegmentTimestamp>>> find_max_timestamp();
  /// Where the batch begins that holds `offset` or, in its absence, the next one; size() where
  /// there is none.
  Task<Result<uint64_t>> position_of(Offset offset);

 private:
  Task<Result<>> open_indexes();
  Task<Result<>> open_index_files();
  Task<Result<>> rebuild_indexes();
  Result<> reset_indexes();
  Result<> note_batch(uint64_t position, const BatchFacts& batch);
  Result<> add_entry(Offset offset, uint64_t position);
  Result<> write_entries();
  /// Where to begin looking for `offset`: at or before its batch.
  Task<Result<uint64_t>> floor_position(Offset offset);
  /// An offset at or before the first batch with such a timestamp.
  Task<Result<Offset>> time_floor(WallTime timestamp);

  LogContext& context_;
  const Offset base_;
  const uint32_t index_bytes_max_;
  const uint32_t index_interval_bytes_;
  uint64_t size_;
  Offset end_;
  LogFile log_;
  LogFile index_file_;
  LogFile time_file_;
  /// Index entries of the active segment that are not in the files yet.
  struct Unwritten {
    OffsetPosition at;
    TimestampEntry largest;
  };
  std::vector<Unwritten> unwritten_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  std::unique_ptr<TransactionIndex> txn_index_;
  bool indexes_open_ = false;
  bool opening_ = false;
  WaitQueue opened_;
  bool active_ = false;
  uint64_t bytes_since_entry_ = 0;
  uint64_t written_back_ = 0;                // how far write-back was asked for
  SegmentTimestamp largest_;                 // of an active segment
  std::optional<WallTime> first_timestamp_;  // the same: what time-based rolling counts from
  WallTime created_ = kNoTimestamp;
  int64_t jitter_ms_ = 0;
};

}  // namespace partita::storage
