#pragma once
// LogReplay: batches of the metadata log (or of a snapshot file) on their way into Images.
// Transactions are applied whole or not at all. Belongs to one loader; not shared between threads.
//
// Invariants:
//  1. add() takes batches in offset order, each once. After an Error the replay is unusable: its
//     owner stops.
//  2. An image never shows a part of a transaction (BeginTransaction to EndTransaction);
//     AbortTransaction forgets it.
//  3. Control batches move the offset only: they are raft's.

#include <memory>
#include <optional>
#include <vector>

#include "metadata/delta.h"
#include "records/batch.h"

namespace partita::metadata {

class LogReplay {
 public:
  explicit LogReplay(std::shared_ptr<const Image> from);

  /// The next batch of the log.
  Result<> add(const records::BatchView& batch);
  /// What a snapshot of this name holds; all of it at once. Replaces whatever was there.
  Result<> load_snapshot(ByteView file, Offset end_offset, LeaderEpoch epoch);

  /// Images that became complete since the last call, in order; usually one, for all batches since.
  /// Each has the one before as its base.
  Result<std::vector<Delta::Finished>> take_finished();

  /// Behind the last batch that was added.
  Offset next_offset() const { return next_offset_; }
  bool in_transaction() const { return in_transaction_; }

 private:
  Result<> add_frame(ByteView frame, Offset offset);
  Result<> finish_delta(Offset end_offset);
  Result<> end_transaction(bool commit, Offset end_offset);

  Delta delta_;
  std::vector<Delta::Finished> finished_;
  Offset next_offset_;
  LeaderEpoch epoch_;
  int64_t last_timestamp_ms_;
  bool in_transaction_ = false;
};

/// Visits every record's value of an uncompressed or compressed batch: visit(ByteView value,
/// Offset) -> Result<>.
Result<> for_each_value(const records::BatchView& batch,
                        const std::function<Result<>(ByteView value, Offset offset)>& visit);

}  // namespace partita::metadata
