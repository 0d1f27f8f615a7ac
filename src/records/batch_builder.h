#pragma once
// Makes one batch out of records: for clients, raft, coordinators, compaction and tests.
//
// Invariants:
//  1. What build() answers passes BatchView::verify(), and check_produced() where records were
//     appended without gaps and base_offset is 0.
//  2. Records lie behind space for the header from the start: an uncompressed batch is built
//     without a copy.
// Not thread-safe.

#include <algorithm>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "records/batch.h"
#include "records/compress.h"
#include "records/record.h"

namespace partita::records {

struct NewRecord {
  std::optional<ByteView> key = {};
  std::optional<ByteView> value = {};
  WallTime timestamp = kNoTimestamp;
  std::span<const RecordHeader> headers = {};
};

struct BatchOptions {
  Codec codec = Codec::none;
  std::optional<int> compression_level = {};
  Offset base_offset = Offset(0);
  LeaderEpoch partition_leader_epoch = kNoLeaderEpoch;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
  /// Makes the type LogAppendTime with this time.
  std::optional<WallTime> append_time = {};

  // For compaction, which keeps what the batch was before records went.
  std::optional<int32_t> last_offset_delta = {};  ///< else that of the last record
  std::optional<WallTime> base_timestamp =
      {};  ///< else that of the first record; must be set before the first append
  std::optional<WallTime> max_timestamp = {};  ///< else the largest of the records
  bool delete_horizon = false;                 ///< base_timestamp is one
};

class BatchBuilder {
 public:
  explicit BatchBuilder(BatchOptions options = {});

  /// Everything but base_timestamp may change until build().
  BatchOptions& options() { return options_; }

  /// At the next offset.
  void append(const NewRecord& record);
  /// REQUIRED: delta is larger than every one before, and at least 0.
  void append_at(int32_t offset_delta, const NewRecord& record);
  /// A control record of this kind.
  void append_control(ByteView key, ByteView value, WallTime timestamp);

  /// Room for a batch of this size before compression, where it is known.
  void reserve(size_t bytes) { buffer_.reserve(bytes); }

  int32_t record_count() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// Of the batch as it is, before compression.
  size_t size() const { return std::max(buffer_.size(), kBatchHeaderBytes); }
  /// What append() would make of size().
  size_t size_with(const NewRecord& record) const;

  /// The batch; the builder is empty afterwards and may be filled again. Errc::message_too_large
  /// where the length field cannot hold its size, Errc::invalid_argument for an impossible level.
  Result<Bytes> build(Compressor& compressor);
  /// For Codec::none, which needs no compressor. REQUIRED: options().codec is none.
  Result<Bytes> build();

 private:
  void open();
  void put_record(int32_t offset_delta, const NewRecord& record);
  void write_header(uint8_t* to, size_t total_size) const;
  Result<Bytes> seal(Buffer batch);
  void clear();

  BatchOptions options_;
  Buffer buffer_;
  int32_t count_ = 0;
  int32_t last_delta_ = -1;
  std::optional<WallTime> first_timestamp_;
  WallTime max_timestamp_ = kNoTimestamp;
  bool too_large_ = false;
};

}  // namespace partita::records
