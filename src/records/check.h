#pragma once
// The judgement on a produced batch, in two steps. check_produced needs only the bytes and runs
// where they arrive; check_rules knows the topic and the time and runs where the partition lives.
// Between them check_inside looks into a compressed batch where the topic demands it. make_prefix
// answers what the log writes in front of the untouched rest.
//
// Invariants:
//  1. Every refusal carries the error code that the client is answered with (INVALID_RECORD,
//     CORRUPT_MESSAGE, ...), and the batch indexes of records where single records are at fault.
//  2. Received bytes are never changed. A ProducedBatch borrows them.
//  3. No memory is taken that the bytes only announce.

#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "records/batch.h"
#include "records/compress.h"

namespace partita::records {

/// One entry of RecordErrors in the produce response.
struct RecordFault {
  int32_t batch_index;
  std::string message;
};
inline constexpr size_t kRecordFaultsMax = 16;  ///< further ones are not listed

struct Rejection {
  Error error;
  std::vector<RecordFault> faults = {};

  Rejection(Error why) : error(std::move(why)) {}  // NOLINT: TRY converts
  Rejection(Error why, std::vector<RecordFault> which)
      : error(std::move(why)), faults(std::move(which)) {}
};

template <class T>
using Judged = std::expected<T, Rejection>;

struct ProducedBatch {
  BatchView batch;
  Codec codec;
  int32_t record_count;
  /// Whether the records were read; false for a compressed batch that nobody inflated.
  bool records_read = false;
  /// Of the records where they were read, else what the header says.
  WallTime min_timestamp;
  WallTime max_timestamp;
  /// The first record with max_timestamp; nothing where records were not read.
  std::optional<OffsetDelta> offset_of_max_timestamp;
  /// Batch index of the first record without a key; nothing where there is none or records were not
  /// read.
  std::optional<int32_t> first_null_key;
  size_t inflated_bytes = 0;  ///< of the records; 0 where they were not read
};

struct ProduceVersion {
  bool zstd_allowed = true;  ///< Produce 7 and later
};

/// `data` is what a produce request carries for one partition.
Judged<ProducedBatch> check_produced(ByteView data, ProduceVersion version = {});

/// Inflates and reads the records of a compressed batch, and fills `produced` in; nothing to do
/// where they were read. INVALID_RECORD for garbage and for more than inflated_bytes_max. Where
/// `keep` is given the inflated records are left there.
Judged<void> check_inside(ProducedBatch& produced, Decompressor& decompressor,
                          size_t inflated_bytes_max, Buffer* keep = nullptr);

/// What a topic's configuration says about its batches.
struct TopicRules {
  int32_t max_message_bytes = 1048588;
  int32_t segment_bytes = 1 << 30;
  TimestampType timestamp_type = TimestampType::create_time;
  int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
  int64_t timestamp_after_max_ms = 3600000;
  bool keys_required = false;  ///< compacted
};

/// Where records were not read, time rules judge what the header says, and keys are not judged:
/// call check_inside first for a topic with keys_required. `inflated` are the records if
/// check_inside kept them: refusals then list records.
Judged<void> check_rules(const ProducedBatch& produced, const TopicRules& rules, WallTime now,
                         ByteView inflated = {});

/// What is written before batch.bytes().subspan(prefix.size()): not yet stamped. The header is made
/// anew only where the topic stamps append time or the maximum timestamp of records that were read
/// is not what the header says.
BatchPrefix make_prefix(const ProducedBatch& produced, TimestampType type, WallTime now);

}  // namespace partita::records
