#pragma once
// Files of a log directory as text, in the form of Kafka's DumpLogSegments: segments, indexes, time
// indexes, indexes of aborted transactions, producer snapshots, metadata snapshots. Files are read
// batch by batch: memory is bounded by the largest batch, and by what indexes hold.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/coordinator_text.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::cli {

struct DumpOptions {
  bool records = false;   ///< --deep-iteration
  bool payloads = false;  ///< --print-data-log; makes `records` true
  bool metadata = false;  ///< --cluster-metadata-decoder; makes `payloads` true
  /// The decoders of coordinators' topics; make `payloads` true.
  CoordinatorLog coordinator = CoordinatorLog::none;
  bool skip_record_metadata = false;
  bool sanity_check = false;  ///< of indexes: nothing else is done with them
  bool verify_only = false;   ///< of indexes: nothing but what is wrong
  int64_t batches_bytes_max = INT64_MAX;
};

/// Where text goes, piece by piece.
struct DumpOutput {
  std::function<void(std::string_view)> out;
  std::function<void(std::string_view)> err;
};

/// One file after the other; what was found wrong inside is told at the end, on `err`. Errors are
/// of files that cannot be read, or whose names say nothing.
Task<Result<>> dump_files(Shard& shard, std::vector<std::string> files, DumpOptions options,
                          const DumpOutput& output);

}  // namespace partita::cli
