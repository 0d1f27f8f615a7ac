#pragma once
// What `kafka-storage format --standalone` of Apache Kafka 4.3.1 leaves in an empty directory
// besides meta.properties: bootstrap.checkpoint (the features a new cluster begins with) and the
// metadata log's 0-0 checkpoint (its one voter). Bytes: docs/formats/metadata-log.md.

#include <string>
#include <vector>

#include "controller/controller_machine.h"
#include "raft/voter_set.h"
#include "runtime/disk.h"

namespace partita::controller {

inline constexpr const char* kBootstrapCheckpoint = "bootstrap.checkpoint";

struct FormatOptions {
  std::string directory;  ///< exists
  raft::Voter voter;      ///< this node: id, directory id, the controller listener's endpoints
};

/// Durable on return; may be repeated after a crash. meta.properties is written after it: that
/// makes the directory a formatted one.
Task<Result<>> format_directory(Executor& executor, Disk& disk, FormatOptions options,
                                WallTime now);

/// The records of bootstrap.checkpoint; none where there is no such file.
Task<Result<Records>> read_bootstrap(Executor& executor, Disk& disk, std::string directory);

}  // namespace partita::controller
