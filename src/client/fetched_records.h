#pragma once
// The records of one partition out of one fetch response, handed out one by one: CRCs checked,
// batches inflated one at a time, control batches and aborted transactions left out.
//
// Invariants:
//  1. Records come with rising offsets, the first at or after the offset that was fetched from.
//  2. position() is where to go on: behind the last record handed out, and behind batches that had
//     none to hand out.
//  3. A batch that the response cut off at its end is left for the next fetch.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "records/batch_records.h"

namespace partita::client {

struct ConsumedRecord {
  const std::string* topic = nullptr;  ///< of the assignment: lives as long as that
  PartitionIndex partition;
  Offset offset;
  WallTime timestamp;
  records::TimestampType timestamp_type = records::TimestampType::create_time;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  records::RecordHeaders headers;
};

/// What a record's views borrow from.
struct FetchedBatch {
  Bytes bytes;
  records::BatchRecords records;
};
using FetchedBatchPtr = std::shared_ptr<const FetchedBatch>;

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

struct FetchedOptions {
  bool check_crcs = true;
  /// With read_committed: what the broker says was aborted.
  std::vector<AbortedTransaction> aborted = {};
};

class FetchedRecords {
 public:
  FetchedRecords(Bytes bytes, Offset from, FetchedOptions options);

  /// The next record, without topic and partition; false at the end. Its views borrow from
  /// batch(), which changes with a later call. corrupt_message where bytes make no sense:
  /// position() stays before them.
  Result<bool> next(ConsumedRecord& record, records::Decompressor& decompressor);
  const FetchedBatchPtr& batch() const { return batch_; }
  Offset position() const { return position_; }
  /// Of the last batch that was read; -1 before.
  LeaderEpoch leader_epoch() const { return leader_epoch_; }

 private:
  Result<bool> open_batch(records::Decompressor& decompressor);
  bool is_left_out(const records::BatchView& batch);
  Error corrupt(const Error& cause) const;

  const Bytes bytes_;
  const bool check_crcs_;
  records::BatchIterator batches_;
  Offset position_;
  LeaderEpoch leader_epoch_ = kNoLeaderEpoch;
  std::vector<AbortedTransaction> aborted_;  // by falling first offset
  std::set<ProducerId> aborting_;
  FetchedBatchPtr batch_;
  std::optional<records::BatchView> view_;
  std::optional<records::RecordIterator> records_;
};

}  // namespace partita::client
