#pragma once
// The control batches of the metadata log and of snapshot files: made and read. Bytes only.

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "raft/messages.h"
#include "records/batch.h"

namespace partita::raft {

/// What opens a leader's epoch; offsets and epoch are stamped by the log.
Result<Bytes> epoch_start_batch(const AppendEpochStart& start, NodeId leader,
                                const VoterSet& voters, WallTime now);

/// What control records say of the quorum. Later batches win.
struct QuorumRecords {
  std::optional<int16_t> kraft_version;
  std::optional<VoterSet> voters;
};
/// Errc::corrupt_data or malformed where a record of a known type cannot be read.
Result<> read_control_batch(const records::BatchView& batch, QuorumRecords& into);

/// Builds a snapshot file, record by record.
class SnapshotBuilder {
 public:
  SnapshotBuilder(OffsetAndEpoch id, int64_t last_contained_timestamp_ms, WallTime now);

  /// At most once, first.
  Result<> add_quorum(int16_t kraft_version, const VoterSet& voters);
  Result<> add_frame(ByteView frame);
  /// The file's bytes.
  Result<Buffer> finish();

 private:
  Result<> begin();
  Result<> flush_data();
  Result<> put(Result<Bytes> batch, int32_t count);

  const OffsetAndEpoch id_;
  const int64_t last_contained_timestamp_ms_;
  const WallTime now_;
  std::optional<std::pair<int16_t, VoterSet>> quorum_;
  bool begun_ = false;
  std::vector<Bytes> frames_;
  size_t frame_bytes_ = 0;
  int64_t next_offset_ = 0;
  Buffer file_;
};

/// Whether these are the whole bytes of a snapshot: header first, footer last, all batches sound.
Result<QuorumRecords> check_snapshot(ByteView file);

}  // namespace partita::raft
