#include "sim/sim_broker.h"

#include "base/check.h"

namespace partita::sim {
namespace {

constexpr Duration kStopMax = 30s;

}  // namespace

void SimBroker::start() {
  CHECK(!broker_);
  if (!node_.running()) node_.restart();
  std::vector<Shard*> shards;
  for (uint32_t i = 0; i < node_.process().shard_count(); i++) shards.push_back(&node_.shard(i));
  used_ = settings_;
  broker_ = std::make_unique<broker::Node>(std::move(shards), used_, node_.address(), log_);
  starting_ = std::make_unique<runtime::sim::Driven<Result<>>>();
  starting_->start(node_.shard().executor(), broker_->start());
}

const Result<>& SimBroker::started() {
  if (!started_) started_ = starting_->take();
  return *started_;
}

bool SimBroker::crash(runtime::sim::CrashMode mode, bool stop_first) {
  CHECK(broker_ != nullptr);
  Shard& shard = node_.shard();
  bool stopped = false;
  bool well = false;
  if (stop_first && start_ended() && started()) {
    // Where it cannot write its last words, what follows is a crash as any other.
    well = world().run(shard, broker_->stop(shard.now() + kStopMax)).has_value();
    stopped = true;
  }
  node_.crash(mode);
  CHECK(world().run_until([&] { return starting_->ended(); }, world().now() + Duration(1h)));
  if (!stopped) world().run(shard, broker_->abandon());
  starting_.reset();
  started_.reset();
  broker_.reset();
  return well;
}

}  // namespace partita::sim
