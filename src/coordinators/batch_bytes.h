#pragma once
// What a coordinator's records take as one batch of the log, so that a machine can refuse what the
// log would, before its state has changed.

#include <cstddef>
#include <vector>

#include "coordinators/record.h"
#include "records/batch.h"

namespace partita::coordinators {

/// Counts up to the size that the uncompressed batch has. All records of a coordinator's batch have
/// one timestamp and no headers.
class BatchBytes {
 public:
  void add(const CoordinatorRecord& record);
  /// bytes() after add(record).
  size_t with(const CoordinatorRecord& record) const;
  /// The header alone, of a batch without records.
  size_t bytes() const { return bytes_; }
  size_t record_count() const { return records_; }

  static size_t of(const std::vector<CoordinatorRecord>& records);

 private:
  size_t bytes_ = records::kBatchHeaderBytes;
  size_t records_ = 0;
};

}  // namespace partita::coordinators
