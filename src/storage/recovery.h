#pragma once
// LogRecovery: turns a partition's directory into what PartitionLog serves. After a clean stop it
// only lists; else it reads every batch of the segments that reach above the recovery point.
//
// What it decides (semantics 3.3, 4.0 R1-R3):
//  - `.deleted`, `.cleaned` and `.tmp` files go; a `.log.swap` is completed, its indexes are made
//  anew; indexes without a log go.
//  - A bad batch at or above the recovery point ends the log there: what was not synced may survive
//  in any order. If a
//    good batch follows, the bytes cut off are kept as `<base>.log.<position>.cut`, a name that
//    Kafka does not look at.
//  - A bad batch below the recovery point is corruption: its offsets are quarantined, what follows
//  stays, nothing is cut.
//  - What the disk answers instead of bytes ends recovery with that error, and nothing has been
//  truncated for it.
//  - Transaction indexes of the segments read are removed; a later replay of the producers makes
//  them anew.
//  - Leader epochs are clipped to the log and filled in from the batches read; a missing or bad
//  file is made anew.
//
// Invariants:
//  1. No batch below the recovery point that passes its CRC is removed, but those below log_start.
//  2. Running it twice changes nothing the second time.
// Nothing here but the kept bytes is synced: `to_sync` and `names_changed` say what must be before
// the log is served.

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "runtime/task.h"
#include "storage/leader_epoch_cache.h"
#include "storage/partition_log.h"
#include "storage/segment.h"
#include "storage/segment_scan.h"

namespace partita::storage {

class LogRecovery {
 public:
  LogRecovery(LogContext& context, std::string directory, LogOffsets offsets,
              std::shared_ptr<const LogConfig> config);

  Task<Result<>> run();

  // The results.
  std::vector<std::unique_ptr<Segment>> segments;  ///< in order
  bool active_ready =
      false;  ///< the last takes appends; else the log goes on in a new one at log_end
  Offset log_start = Offset(0);
  Offset log_end = Offset(0);
  std::vector<OffsetRange> quarantined;
  LeaderEpochCache epochs;
  std::vector<std::string> to_sync;
  bool names_changed = false;
  std::vector<Offset> snapshots;  ///< of producers, ascending, none above log_end
  /// Segments (by base) that hold transaction markers and have no transaction index any more.
  std::vector<Offset> without_txn_index;

 private:
  struct Found {
    Offset base;
    uint64_t size;
    bool has_txn_index = false;
  };

  Task<Result<>> list_files();
  Result<> list_file(const DirectoryEntry& entry);
  std::unique_ptr<Segment> make_segment(const Found& found, Offset end);
  Task<Result<>> open_txn_indexes(size_t segment_count);
  Result<> remove_orphans(const std::vector<DirectoryEntry>& entries);
  Task<Result<>> complete_swaps(const std::vector<DirectoryEntry>& entries);
  Task<Result<>> complete_swap(Offset base, const std::vector<DirectoryEntry>& entries);
  Result<> drop_below_log_start();
  Task<Result<>> load_epochs();
  Task<Result<>> fill_epochs(size_t segment_count);
  Task<Result<bool>> load_clean();
  Task<Result<>> recover();
  void note_marker(const Segment& segment, const records::BatchHeader& batch);
  /// False where the log ends in the segment.
  Task<Result<bool>> recover_segment(size_t index);
  bool bridge_gap(Offset next_base);
  Task<Result<>> end_log_at(size_t index, const BadRegion& bad);
  Result<> set_aside_from(size_t index);
  Task<Result<>> keep_cut(Segment& segment, uint64_t position, uint64_t size);
  /// Its files have other names now.
  void sync_no_more(const Segment& segment);
  Result<> finish();
  Result<> unlink(std::string_view name);
  std::string path(std::string_view name) const { return join_path(directory_, name); }

  LogContext& context_;
  const std::string directory_;
  const LogOffsets offsets_;
  const std::shared_ptr<const LogConfig> config_;
  std::vector<Found> found_;
  std::vector<Offset> swapped_;  // bases of segments that compaction was putting in place
  bool epochs_known_ = true;
};

}  // namespace partita::storage
