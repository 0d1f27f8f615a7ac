#pragma once
// The records of one batch, ready for iteration whatever its codec. Borrows from an uncompressed
// batch, owns what it inflated from a compressed one.

#include "base/bytes.h"
#include "base/error.h"
#include "records/batch.h"
#include "records/compress.h"
#include "records/record.h"

namespace partita::records {

class BatchRecords {
 public:
  /// Errc::corrupt_data where the codec bits or the compressed bytes are wrong,
  /// Errc::limit_exceeded past the cap. The batch's bytes must outlive this if it is not
  /// compressed.
  static Result<BatchRecords> open(const BatchView& batch, Decompressor& decompressor,
                                   size_t inflated_bytes_max = kInflatedBytesMax);

  ByteView bytes() const { return inflated_ ? inflated_->view() : borrowed_; }
  RecordIterator iterate() const { return {bytes(), count_}; }

 private:
  BatchRecords(ByteView borrowed, std::optional<Buffer> inflated, int32_t count)
      : borrowed_(borrowed), inflated_(std::move(inflated)), count_(count) {}

  ByteView borrowed_;
  std::optional<Buffer> inflated_;
  int32_t count_;
};

}  // namespace partita::records
