#pragma once
// SimBroker: a whole broker on a simulated machine: started, stopped in order, crashed in the
// middle of anything, and started again on what the disk kept.
//
// Invariants:
//  1. The old process's objects are gone before the next one starts.
//  2. Called from outside every shard; crash() and stop() step the world until they are done.

#include <memory>
#include <optional>

#include "broker/node.h"
#include "runtime/sim/world.h"

namespace partita::sim {

class SimBroker {
 public:
  SimBroker(runtime::sim::SimNode& node, broker::Settings settings, Log log)
      : node_(node), settings_(std::move(settings)), log_(log) {}
  SimBroker(const SimBroker&) = delete;

  /// Begins to start; restarts the machine's process where it was crashed.
  void start();
  /// Whether the start has ended, well or not.
  bool start_ended() const { return starting_ && starting_->ended(); }
  /// REQUIRED: the start has ended. The same answer every time.
  const Result<>& started();
  /// From any state after start(); `stop_first` stops it in order before, where it had started.
  /// Whether that went well.
  bool crash(runtime::sim::CrashMode mode, bool stop_first);

 private:
  runtime::sim::SimWorld& world() { return node_.world(); }

  runtime::sim::SimNode& node_;
  const broker::Settings settings_;
  Log log_;
  // Of one process.
  broker::Settings used_;
  std::unique_ptr<broker::Node> broker_;
  std::unique_ptr<runtime::sim::Driven<Result<>>> starting_;
  std::optional<Result<>> started_;
};

}  // namespace partita::sim
