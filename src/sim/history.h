#pragma once
// History: what the clients of one run asked for and were told, and what the log held in the end.
// The workload writes it, checkers read it; nothing in it comes from inside the broker.
//
// Invariants:
//  1. A record is named by its producer and number; its value carries both names, so that what is
//     read back tells which record it is.
//  2. Records of one producer and partition are in `sent` in the order of send(). Times are the
//     world's true time.

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace partita::sim {

struct RecordName {
  uint32_t producer = 0;
  uint32_t number = 0;

  auto operator<=>(const RecordName&) const = default;
  /// "p1-17".
  std::string to_string() const;
};

/// The value of a record: its name, a colon, padding that its name settles, `size` bytes or more.
std::string value_of(RecordName name, size_t size);
/// The name in a value; corrupt_data where the value is not what value_of() makes of it.
Result<RecordName> name_in(std::string_view value);

struct SentRecord {
  RecordName name;
  PartitionIndex partition;
  WallTime timestamp;
  bool idempotent = true;
  size_t value_bytes = 0;
  std::optional<Result<Offset>> answer = {};
  Instant answered = {};
};

struct ReadRecord {
  Offset offset;
  RecordName name;
  WallTime timestamp;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  Instant read = {};
};
using PartitionContents = std::vector<ReadRecord>;

/// A power cut that may take acknowledged records with it: durability below fsync.
struct LossyCut {
  Instant at;
  /// What was acknowledged before stays.
  Instant safe_before;
  /// The values of what goes are no more than this in any partition, where the setting says so.
  std::optional<int64_t> bytes_max = {};
};

struct History {
  std::vector<SentRecord> sent;
  /// What a consumer saw while faults struck, in the order seen.
  std::map<PartitionIndex, PartitionContents> seen;
  /// What the log held when everything was healed.
  std::map<PartitionIndex, PartitionContents> final;
  /// In their order.
  std::vector<LossyCut> lossy_cuts;

  bool loss_allowed() const { return !lossy_cuts.empty(); }
};

/// What is wrong, in words; empty where nothing is.
using Findings = std::vector<std::string>;

}  // namespace partita::sim
