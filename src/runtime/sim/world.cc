#include "runtime/sim/world.h"

#include <algorithm>

#include "base/check.h"

namespace partita::runtime::sim {

namespace {

// Tags of the streams that the world splits from its seed; scenarios split with tags of their own
// choice.
constexpr uint64_t kScheduleTag = 0xf000'0000'0000'0001;
constexpr uint64_t kNetTag = 0xf000'0000'0000'0002;
constexpr uint32_t kNoShard = UINT32_MAX;

}  // namespace

SimWorld::SimWorld(uint64_t seed, SimOptions options)
    : seed_(seed),
      options_(options),
      seed_random_(seed),
      schedule_random_(seed_random_.split(kScheduleTag)),
      net_(*this, options.net, seed_random_.split(kNetTag)) {}

SimWorld::~SimWorld() = default;

SimNode& SimWorld::add_node(SimNodeOptions options) {
  const uint32_t index = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back(std::make_unique<SimNode>(*this, index, std::move(options)));
  SimNode& node = *nodes_.back();
  net_.set_host(node.name(), {node.address()});
  return node;
}

void SimWorld::trace(EventKind kind, uint64_t place, uint64_t payload) {
  const uint64_t what = mix64(place ^ (static_cast<uint64_t>(kind) << 56)) ^ payload;
  trace_hash_ =
      mix64(trace_hash_ + mix64(what ^ static_cast<uint64_t>(now_.since_start().count())));
}

void SimWorld::schedule(Instant when, SimShard* target, EventKind kind, uint64_t payload,
                        Work work) {
  events_.push_back(
      {std::max(when, now_), next_sequence_++, target, kind, payload, std::move(work)});
  std::ranges::push_heap(events_, Later());
}

void SimWorld::make_runnable(SimShard& shard) {
  if (shard.queued_ || shard.ready_.empty() || shard.node().paused()) return;
  shard.queued_ = true;
  runnable_.push_back(&shard);
}

void SimWorld::post(SimShard& to, Work work) {
  const uint32_t from = current_ ? current_->world_index() : kNoShard;
  Instant& last = to.last_arrival_[from];
  last = std::max(last, now_ + options_.post.draw(schedule_random_));
  schedule(last, &to, EventKind::post, from, std::move(work));
}

SimWorld::DueTimers SimWorld::next_timers() {
  DueTimers first;
  for (const auto& node : nodes_) {
    if (node->paused()) continue;
    for (const auto& process : node->processes_) {
      for (uint32_t i = 0; i < process->shard_count(); i++) {
        SimShard& shard = process->sim_shard(i);
        const std::optional<Instant> next = shard.timers_.next();
        if (!next) continue;
        const Instant when = std::max(node->clock().true_time_of(*next), now_);
        if (!first.shard || when < first.when) first = {when, &shard};
      }
    }
  }
  return first;
}

bool SimWorld::step() {
  return step_before(kNoDeadline);
}

/// Does one thing that is due before `limit`; false where nothing is.
bool SimWorld::step_before(Instant limit) {
  const DueTimers timers = next_timers();
  const bool timers_first = timers.shard && (events_.empty() || timers.when < events_.front().when);
  const Instant next = timers_first      ? timers.when
                       : events_.empty() ? kNoDeadline
                                         : events_.front().when;
  const bool nothing_planned = !timers_first && events_.empty();
  const bool due = !nothing_planned && next <= now_;
  if (!runnable_.empty() && (!due || schedule_random_.below(2) == 0)) {
    if (now_ >= limit) return false;
    run_ready();
  } else {
    if (nothing_planned || next >= limit) return false;
    now_ = std::max(now_, next);
    if (timers_first) {
      fire_timers(timers);
    } else {
      run_event();
    }
  }
  steps_++;
  return true;
}

void SimWorld::run_ready() {
  const size_t at = schedule_random_.below(runnable_.size());
  SimShard& shard = *runnable_[at];
  const auto leave_queue = [&] {
    runnable_[at] = runnable_.back();
    runnable_.pop_back();
    shard.queued_ = false;
  };
  if (shard.node().paused()) return leave_queue();
  const size_t chosen = schedule_random_.below(shard.ready_.size());
  const std::coroutine_handle<> coroutine = shard.ready_[chosen];
  shard.ready_[chosen] = shard.ready_.back();
  shard.ready_.pop_back();
  if (shard.ready_.empty()) leave_queue();
  trace(EventKind::ready, shard.world_index(), chosen);
  current_ = &shard;
  coroutine.resume();
  current_ = nullptr;
  now_ = now_ + options_.step_cost;
}

void SimWorld::run_event() {
  std::ranges::pop_heap(events_, Later());
  Event event = std::move(events_.back());
  events_.pop_back();
  if (event.target && event.target->node().paused()) {
    held_.push_back(std::move(event));
    return;
  }
  trace(event.kind, event.target ? event.target->world_index() : kNoShard, event.payload);
  current_ = event.target;
  event.work();
  current_ = nullptr;
}

void SimWorld::fire_timers(DueTimers due) {
  trace(EventKind::timer, due.shard->world_index(), 0);
  current_ = due.shard;
  due.shard->timers_.fire_due(due.shard->shard().now());
  current_ = nullptr;
}

bool SimWorld::run_until(const std::function<bool()>& done, Instant limit) {
  while (!done()) {
    if (!step_before(limit)) return done();
  }
  return true;
}

void SimWorld::run_for(Duration duration) {
  const Instant end = now_ + duration;
  while (step_before(end)) {
  }
  now_ = std::max(now_, end);
}

void SimWorld::node_resumed(SimNode& node) {
  std::vector<Event> held = std::exchange(held_, {});
  for (Event& event : held) {
    if (&event.target->node() != &node) {
      held_.push_back(std::move(event));
    } else {
      schedule(now_, event.target, event.kind, event.payload, std::move(event.work));
    }
  }
  for (const auto& process : node.processes_) {
    for (uint32_t i = 0; i < process->shard_count(); i++) make_runnable(process->sim_shard(i));
  }
}

}  // namespace partita::runtime::sim
