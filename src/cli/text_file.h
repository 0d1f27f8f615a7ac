#pragma once
// A small text file that a flag names, read by a command that already runs.

#include <string>

#include "base/error.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::cli {

/// Errors are the disk's; a file of more than 16 MiB is none of these.
Task<Result<std::string>> read_text_file(Shard& shard, std::string path);

}  // namespace partita::cli
