#pragma once
// Plan: what one run is made of, all drawn from its seed before anything starts: the machine, the
// settings, the clients and the faults.

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/settings.h"
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
  full_disk,   ///< some writes fail; then a crash
  sync_error,  ///< a sync fails and its pages are lost; then a power cut
};

struct PlannedStrike {
  Duration after{};  ///< the strike before, or the beginning
  FaultKind kind = FaultKind::kill;
  Duration lasts{};
  uint32_t detail = 0;
};

struct ProducerPlan {
  bool idempotent = true;
  int16_t acks = -1;
  size_t batch_bytes = 0;
  Duration linger{};
  uint32_t records = 0;
  Duration pause_max{};  ///< between two records
  size_t value_bytes_max = 0;
};

struct Plan {
  uint32_t shards = 1;
  storage::Durability durability = storage::Durability::fsync;
  std::map<std::string, broker::Settings::Given, std::less<>> settings;
  int32_t partitions = 1;
  std::vector<ProducerPlan> producers;
  std::vector<PlannedStrike> strikes;
  bool power_cut_at_end = false;
  uint32_t reset_one_in = 0;
};

Plan draw_plan(Random& random, const std::string& address);

}  // namespace partita::sim
