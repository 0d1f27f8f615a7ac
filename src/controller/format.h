#pragma once
// What `kafka-storage format` of Apache Kafka 4.3.1 leaves in an empty directory besides
// meta.properties: bootstrap.checkpoint (the features a new cluster begins with) and, where it is
// told of voters, the metadata log's 0-0 checkpoint. Bytes: docs/formats/metadata-log.md.

#include <string>
#include <utility>
#include <vector>

#include "controller/controller_machine.h"
#include "metadata/features.h"
#include "raft/voter_set.h"
#include "runtime/disk.h"

namespace partita::controller {

inline constexpr const char* kBootstrapCheckpoint = "bootstrap.checkpoint";

struct FormatOptions {
  std::string directory;  ///< exists
  /// Ids, directory ids, the controller listener's endpoints. Empty: the log does not tell who
  /// votes, as with controller.quorum.voters.
  std::vector<raft::Voter> voters;
  std::vector<std::pair<std::string, int16_t>> features = metadata::bootstrap_features();
};

/// Durable on return; may be repeated after a crash. meta.properties is written after it: that
/// makes the directory a formatted one.
Task<Result<>> format_directory(Executor& executor, Disk& disk, FormatOptions options,
                                WallTime now);

/// The records of bootstrap.checkpoint; none where there is no such file.
Task<Result<Records>> read_bootstrap(Executor& executor, Disk& disk, std::string directory);

}  // namespace partita::controller
