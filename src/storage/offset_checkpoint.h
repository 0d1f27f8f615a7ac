#pragma once
// The checkpoints of a log directory that hold one offset a partition: "topic partition offset".
// Layout: docs/formats/storage.md.

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "storage/checkpoint_file.h"

namespace partita::storage {

inline constexpr std::string_view kRecoveryPointCheckpoint = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kLogStartCheckpoint = "log-start-offset-checkpoint";
inline constexpr std::string_view kHighWatermarkCheckpoint = "replication-offset-checkpoint";
inline constexpr std::string_view kCleanerCheckpoint = "cleaner-offset-checkpoint";

struct OffsetCheckpointEntry {
  std::string topic;
  PartitionIndex partition;
  Offset offset;

  bool operator==(const OffsetCheckpointEntry&) const = default;
};

/// corrupt_data where anything is malformed or a partition comes twice.
Result<std::vector<OffsetCheckpointEntry>> decode_offset_checkpoint(ByteView bytes);
Bytes encode_offset_checkpoint(std::span<const OffsetCheckpointEntry> entries);

/// not_found where there is no file, corrupt_data where it makes no sense.
Task<Result<std::vector<OffsetCheckpointEntry>>> read_offset_checkpoint(Executor& executor,
                                                                        Disk& disk,
                                                                        std::string path);
/// Durable on return.
Task<Result<>> write_offset_checkpoint(Executor& executor, Disk& disk, std::string path,
                                       std::vector<OffsetCheckpointEntry> entries);

}  // namespace partita::storage
