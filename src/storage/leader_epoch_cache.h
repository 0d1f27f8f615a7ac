#pragma once
// LeaderEpochCache: which leader epoch began at which offset of a log, and its file
// `leader-epoch-checkpoint`. Pure: reading and writing the file is the log's business.
//
// Invariants:
//  1. Epochs and start offsets both strictly increase; neither is negative.
//  2. Whatever changed since the last encode() that was made durable is told by needs_write().
//  3. The file may be ahead of the log after a crash: clip() before use.
// One per log, on its shard. Layout: docs/formats/storage.md.

#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "storage/checkpoint_file.h"

namespace partita::storage {

inline constexpr std::string_view kLeaderEpochCheckpoint = "leader-epoch-checkpoint";

struct EpochEntry {
  LeaderEpoch epoch;
  Offset start_offset;

  bool operator==(const EpochEntry&) const = default;
};

class LeaderEpochCache {
 public:
  LeaderEpochCache() = default;
  static Result<LeaderEpochCache> decode(ByteView bytes);
  Bytes encode() const;

  const std::vector<EpochEntry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  std::optional<EpochEntry> latest() const;
  std::optional<EpochEntry> earliest() const;
  /// The largest epoch below `epoch`.
  std::optional<LeaderEpoch> previous_epoch(LeaderEpoch epoch) const;
  /// The epoch of the record at `offset`; nothing below the first entry.
  std::optional<LeaderEpoch> epoch_for_offset(Offset offset) const;

  /// `epoch` begins at `start_offset`: entries that contradict it go. No effect for the epoch that
  /// is the latest already, unless it begins lower than known, and for negative ones. Answers
  /// whether anything changed.
  bool assign(LeaderEpoch epoch, Offset start_offset);

  struct EpochEnd {
    LeaderEpoch epoch = kNoLeaderEpoch;
    Offset end_offset = kNoOffset;
    bool operator==(const EpochEnd&) const = default;
  };
  /// The largest epoch of at most `epoch` and the offset where it ends (exclusive). (-1, -1) for an
  /// epoch above the latest, a negative one, and an empty cache; `epoch` itself and the first start
  /// offset for one below the first.
  EpochEnd end_offset_for(LeaderEpoch epoch, Offset log_end) const;

  /// The log now ends with `end_offset` (exclusive): epochs that begin there or later go.
  void truncate_from_end(Offset end_offset);
  /// The log now begins with `start_offset`: epochs that end there or before go; what remains
  /// begins there at the earliest.
  void truncate_from_start(Offset start_offset);
  /// Both, for a file that may be ahead of the log or behind it. An epoch that begins at log_end
  /// has no records and goes.
  void clip(Offset log_start, Offset log_end);
  void clear();

  bool needs_write() const { return needs_write_; }
  /// What encode() last answered is on its way to the disk.
  void mark_written() { needs_write_ = false; }

  void check_invariants() const;

 private:
  std::vector<EpochEntry> entries_;
  bool needs_write_ = false;
};

}  // namespace partita::storage
