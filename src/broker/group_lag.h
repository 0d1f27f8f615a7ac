#pragma once
// How far a group is behind what is written, in records and in time, and how soon retention takes
// what it has not read yet. Nothing of it is kept: it is looked up when somebody asks.
//
// Invariants:
//  1. Lag counts offsets, as Kafka's tools do: markers and what compaction removed count along.
//  2. What another broker leads is told as such, without numbers.
// Offsets ending in _end are exclusive.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/handler_table.h"

namespace partita::broker {

/// A partition as its leader sees it, from one reader's place on.
struct ReadPlace {
  Offset committed;
  Offset log_start;
  Offset visible_end;                        ///< the high watermark
  Offset stable_end;                         ///< the last stable offset
  WallTime next_timestamp = kNoTimestamp;    ///< of the first record that is not read yet
  WallTime newest_timestamp = kNoTimestamp;  ///< of the newest visible record
  uint64_t log_bytes = 0;
  int64_t retention_ms = -1;     ///< -1: kept for ever, or until compaction
  int64_t retention_bytes = -1;  ///< the same
};

enum class LagWarning {
  none,
  retention_soon,  ///< within a tenth of the retention the next record may go
  records_lost,    ///< the next record is gone: the log begins behind the committed offset
  beyond_end,      ///< more was committed than the log has: records were lost, or it was made anew
};

struct PlaceLag {
  int64_t records = 0;         ///< up to visible_end
  int64_t stable_records = 0;  ///< up to stable_end: what a reader of committed records lacks
  std::optional<int64_t> ms;   ///< between the next record and the newest; 0 where none is lacking
  /// Until retention.ms lets the next record go, at the earliest; nothing where it does not.
  std::optional<int64_t> goes_in_ms;
  /// What may be written until retention.bytes lets it go, by its share of the log's offsets.
  std::optional<int64_t> goes_after_bytes;
  int64_t records_lost = 0;  ///< between the committed offset and the log's start
  LagWarning warning = LagWarning::none;
};
PlaceLag lag_at(const ReadPlace& place, WallTime now);

struct PartitionLag {
  std::string topic;
  PartitionIndex partition;
  Offset committed;
  WallTime committed_at;
  Result<ReadPlace> place;  ///< unknown_topic_or_partition, not_leader_or_follower, ...
  NodeId leader = kNoNode;
};
struct GroupLag {
  std::string group;
  WallTime now;
  std::vector<PartitionLag> partitions;
};

/// Of all that the group has committed: group_id_not_found, and the errors of coordination.h.
Task<Result<GroupLag>> find_group_lag(HandlerContext& context, std::string_view group);

/// {"group", "records", "ms", "partitions": [{"topic", "partition", "committed", "committed_at",
/// "leader", "error", "log_start", "end", "stable_end", "lag", "stable_lag", "lag_ms",
/// "goes_in_ms", "goes_after_bytes", "records_lost", "warning"}]}. Sums and maxima of what is
/// known; of a partition with an error what follows "error" is left out; null is what nobody knows;
/// warnings are RETENTION_SOON, RECORDS_LOST, BEYOND_END, or null.
std::string to_json(const GroupLag& lag);

}  // namespace partita::broker
