#include "runtime/sim/sim_node.h"

#include "base/check.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {

namespace {

// Tags of a node's own streams.
constexpr uint64_t kNodeTag = 0xe000'0000'0000'0000;
constexpr uint64_t kDiskTag = 0xe000'0000'0000'0001;
constexpr uint64_t kOriginTag = 0xe000'0000'0000'0002;
constexpr uint64_t kShardTag = 0xe000'0001'0000'0000;

Duration origin_of(const SimNodeOptions& options, const SimRandom& random) {
  if (options.clock_origin >= Duration(0)) return options.clock_origin;
  return Duration(random.split(kOriginTag).below(Duration(1h).count()));
}

std::string address_of(const SimNodeOptions& options, uint32_t index) {
  if (!options.address.empty()) return options.address;
  return "10.0." + std::to_string((index + 1) / 256) + "." + std::to_string((index + 1) % 256);
}

}  // namespace

SimShard::SimShard(SimProcess& process, ShardId id, uint32_t world_index)
    : process_(process),
      world_index_(world_index),
      random_(process.node().world().random(kShardTag + world_index)),
      disk_(process.node().disk(), *this),
      net_(process.node().world().net(), *this),
      shard_(id, *this, timers_, process.node().clock(), disk_, net_, random_) {}

SimNode& SimShard::node() {
  return process_.node();
}
SimWorld& SimShard::world() {
  return process_.node().world();
}

void SimShard::ready(std::coroutine_handle<> coroutine) {
  ready_.push_back(coroutine);
  world().make_runnable(*this);
}

void SimShard::post(Work work) {
  world().post(*this, std::move(work));
}

SimProcess::SimProcess(SimNode& node, uint64_t generation, uint32_t shards)
    : node_(node), generation_(generation) {
  CHECK(shards > 0);
  for (uint32_t i = 0; i < shards; i++) {
    shards_.push_back(
        std::make_unique<SimShard>(*this, ShardId(i), node.world().take_shard_index()));
  }
}

uint64_t SimProcess::begin(Finish finish) {
  if (!alive_) {
    finish(true);
    return 0;
  }
  const uint64_t operation = next_operation_++;
  under_way_.emplace(operation, std::move(finish));
  return operation;
}

void SimProcess::end(uint64_t operation, bool stopped) {
  auto node = under_way_.extract(operation);
  if (!node.empty()) node.mapped()(stopped);
}

void SimProcess::finish(uint64_t operation) {
  end(operation, false);
}
void SimProcess::stop(uint64_t operation) {
  end(operation, true);
}

void SimProcess::die() {
  alive_ = false;
  while (!under_way_.empty()) end(under_way_.begin()->first, true);
}

SimNode::SimNode(SimWorld& world, uint32_t index, SimNodeOptions options)
    : world_(world),
      index_(index),
      name_(options.name.empty() ? "node" + std::to_string(index) : options.name),
      address_(address_of(options, index)),
      random_(world.random(kNodeTag + (uint64_t{index} << 8))),
      clock_(world.now(), origin_of(options, random_)),
      disk_(*this, std::move(options.image), random_.split(kDiskTag)) {
  processes_.push_back(std::make_unique<SimProcess>(*this, 1, options.shards));
}

void SimNode::crash(CrashMode mode) {
  CHECK(running());
  world_.trace(EventKind::fault, index_, static_cast<uint64_t>(mode));
  const bool power_cut = mode == CrashMode::power_cut;
  process().die();
  world_.net().process_ended(*this, power_cut);
  if (power_cut) {
    powered_ = false;
    disk_.power_cut();
  }
  disk_.release_all(process());
  if (paused_) resume();
}

void SimNode::restart(uint32_t shards) {
  CHECK(!running());
  if (!std::exchange(powered_, true)) world_.net().powered_up(*this);
  const uint32_t count = shards > 0 ? shards : static_cast<uint32_t>(process().shard_count());
  processes_.push_back(std::make_unique<SimProcess>(*this, processes_.size() + 1, count));
}

void SimNode::pause() {
  paused_ = true;
}

void SimNode::resume() {
  if (!paused_) return;
  paused_ = false;
  world_.node_resumed(*this);
}

}  // namespace partita::runtime::sim
