#pragma once
// Companion: a client that lives beside the producers of a run and pursues something of its own,
// judging by itself what it is told. All companions share one machine, one shard and one scope.
//
// Invariants:
//  1. run() ends soon after wind_down is set, faults or not; check() comes after run() and when
//     everything is healed: then no answer may be missing.
//  2. Only what cannot be the faults' doing goes into `findings`.

#include <string>

#include "base/log.h"
#include "client/cluster_settings.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "runtime/sim/world.h"
#include "sim/history.h"
#include "sim/plan.h"

namespace partita::sim {

/// What clients of a run are given; outlives them.
struct ClientContext {
  runtime::sim::SimWorld& world;
  Shard& shard;
  Scope& scope;
  const Plan& plan;
  std::string broker_address;
  Log log;
  Findings findings = {};
  bool wind_down = false;

  /// Of a client that begins at one of the listeners.
  client::ClusterSettings cluster_settings() {
    client::ClusterSettings settings;
    const uint16_t port = plan.ports[shard.random().below(plan.ports.size())];
    settings.bootstrap = {{.host = broker_address, .port = port}};
    settings.request_timeout = std::chrono::seconds(5);
    settings.connection_timeout = std::chrono::seconds(5);
    return settings;
  }
  bool goes_on() const { return !wind_down && !scope.closed(); }
  Task<Result<>> pause(Duration most) {
    return sleep_for(scope, Duration(shard.random().below(static_cast<uint64_t>(most.count()))));
  }
};

class Companion {
 public:
  virtual ~Companion() = default;
  virtual Task<void> run() = 0;
  /// An Error where something did not end; what is wrong goes into the findings.
  virtual Task<Result<>> check(Deadline deadline) = 0;
  /// The scope is closed: ends what run() and check() wait for.
  virtual Task<void> stop() = 0;
  /// Nothing runs in the scope any more.
  virtual Task<void> close() = 0;
  /// How often it was told that something has been done.
  virtual uint64_t decisions() const { return 0; }
};

}  // namespace partita::sim
