#pragma once
// Plan: what one run is made of, all drawn from its seed before anything starts: the machine, the
// settings, the clients and the faults.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/settings.h"
#include "records/batch.h"
#include "runtime/random.h"

namespace partita::sim {

enum class FaultKind {
  kill,
  power_cut,
  orderly_stop,            ///< and a kill
  orderly_stop_power_cut,  ///< and a power cut
  cut_link,                ///< one direction or both, for a while
  reset_connections,
  half_open,
  slow_link,
  stall_disk,
  stall_disk_crash,       ///< and a crash before it goes on
  full_disk,              ///< some writes fail; then a crash
  sync_error,             ///< a sync fails and its pages are lost; then a power cut
  read_error,             ///< some reads fail; then a crash
  read_error_at_start,    ///< a crash, and reads fail while the broker comes back; then another
  power_cut_at_answer,    ///< when a record has just been acknowledged
  power_cut_at_decision,  ///< when an operator has just been answered
  step_wall_clock,        ///< by minutes, and back before retention looks a second time
};
inline constexpr int kFaultKinds = static_cast<int>(FaultKind::step_wall_clock) + 1;

struct PlannedStrike {
  Duration after{};  ///< the strike before, or the beginning
  FaultKind kind = FaultKind::kill;
  Duration lasts{};
  uint32_t detail = 0;
};

struct ProducerPlan {
  bool idempotent = true;
  int16_t acks = -1;
  records::Codec codec = records::Codec::none;
  size_t batch_bytes = 0;
  Duration linger{};
  uint32_t records = 0;
  Duration pause_max{};  ///< between two records
  size_t value_bytes_max = 0;
};

/// A topic that retention cuts while it is written and read.
struct RetainedPlan {
  std::optional<int64_t> bytes;  ///< retention.bytes, or
  std::optional<int64_t> ms;     ///< retention.ms
};

struct Plan {
  uint32_t shards = 1;
  storage::Durability durability = storage::Durability::fsync;
  Duration flush_interval{};         ///< of Durability::interval
  int64_t flush_interval_bytes = 0;  ///< the same
  Duration retention_check_interval{};
  int64_t segment_bytes = 0;
  std::map<std::string, broker::Settings::Given, std::less<>> settings;
  std::vector<uint16_t> ports;  ///< a listener each
  int32_t partitions = 1;
  int32_t partitions_max = 1;  ///< the topic grows so far
  std::vector<ProducerPlan> producers;
  std::optional<RetainedPlan> retained;
  bool operates = false;  ///< somebody creates, changes and deletes topics
  bool probes = false;    ///< somebody sends what no client should
  std::vector<PlannedStrike> strikes;
  bool power_cut_at_end = false;
  bool rot_at_end = false;
  uint32_t reset_one_in = 0;
  uint32_t buggify_one_in = 0;
};

Plan draw_plan(Random& random, const std::string& address);

}  // namespace partita::sim
