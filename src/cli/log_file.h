#pragma once
// A file of record batches (a segment, or a snapshot of metadata), read batch by batch: memory is
// bounded by the largest batch.

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "records/batch.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::cli {

/// One batch of an open file, read on its own.
struct StoredBatch {
  Buffer bytes;
  records::BatchView view;
  uint64_t position;
};

class LogFile {
 public:
  static Task<Result<LogFile>> open(Shard& shard, std::string path);

  uint64_t size() const { return size_; }

  /// The batch at `position`; nothing where the bytes there are no whole batch.
  Task<Result<std::optional<StoredBatch>>> batch_at(uint64_t position);

 private:
  LogFile(Shard& shard, std::unique_ptr<File> file, uint64_t size)
      : shard_(shard), file_(std::move(file)), size_(size) {}

  Shard& shard_;
  std::unique_ptr<File> file_;
  uint64_t size_;
};

}  // namespace partita::cli
