#pragma once
// BatchScan: walks the batches of one segment file from a position to an end, through a buffer of
// its own.
//
// Invariants:
//  1. Bytes that are no batch are corrupt_data (also a batch that reaches beyond the end); what the
//     disk answers (io_error) passes unchanged, so that the two cannot be confused.
//  2. The buffer grows only to the size of a batch that lies before the end.
// After an error the position is that of the batch that was not read. Borrowed views last until the
// next call.

#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "records/batch.h"
#include "runtime/disk.h"

namespace partita::storage {

class BatchScan {
 public:
  /// A chunk is what one read takes. `file` is pinned by the caller.
  BatchScan(Executor& executor, File& file, uint64_t position, uint64_t end,
            size_t chunk = size_t{16} << 10);

  /// Where the next batch begins.
  uint64_t position() const { return position_; }
  /// The next header, without its records; nothing at the end.
  Task<Result<std::optional<records::BatchHeader>>> next_header();
  /// The next whole batch, its CRC and fields verified; nothing at the end.
  Task<Result<std::optional<records::BatchView>>> next_batch();
  /// Looks again at the batch that next_header() answered, as a whole and verified.
  Task<Result<records::BatchView>> whole_batch();

 private:
  Task<Result<ByteView>> bytes_at(uint64_t position, size_t wanted);

  Executor& executor_;
  File& file_;
  const uint64_t end_;
  const size_t chunk_;
  uint64_t position_;
  uint64_t last_position_ = 0;
  Buffer buffer_;
  uint64_t buffer_start_ = 0;
};

}  // namespace partita::storage
