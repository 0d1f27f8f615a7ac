#include "sim/simulation.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "runtime/sim/world.h"
#include "sim/checkers/acknowledged.h"
#include "sim/checkers/duplicates.h"
#include "sim/checkers/liveness.h"
#include "sim/checkers/order.h"
#include "sim/sim_broker.h"
#include "sim/workload.h"

namespace partita::sim {
namespace {

using runtime::sim::CrashMode;
using runtime::sim::DiskCall;
using runtime::sim::DiskFault;
using runtime::sim::Driven;
using runtime::sim::SimNode;
using runtime::sim::SimWorld;

constexpr uint64_t kPlanStream = 1001;
constexpr uint32_t kClientMachines = 1;
constexpr Duration kStartMax = 60s;
constexpr Duration kHealedMax = 180s;
constexpr const char* kBrokerAddress = "10.0.0.1";

class Simulation {
 public:
  Simulation(uint64_t seed, Log log);
  Outcome run();

 private:
  Result<> go();
  Result<> start_broker();
  void strike(const PlannedStrike& strike);
  void crash(CrashMode mode, bool stop_first = false);
  void crash_and_start(CrashMode mode, bool stop_first = false);
  void strike_link(const PlannedStrike& strike);
  void strike_disk(const PlannedStrike& strike);
  void heal();
  Result<> finish();
  template <class T>
  Result<T> run_client(Task<Result<T>> task, Duration limit);

  SimWorld world_;
  Log log_;
  runtime::sim::SimRandom random_;
  const Plan plan_;
  History history_;
  SimNode& server_;
  SimNode& clients_;
  SimBroker broker_;
  Workload workload_;
  Outcome outcome_;
};

broker::Settings settings_of(const Plan& plan) {
  auto settings = broker::parse_settings(plan.settings);
  CHECK(settings.has_value());
  return *std::move(settings);
}

Plan plan_of(Random& random) {
  return draw_plan(random, kBrokerAddress);
}

Simulation::Simulation(uint64_t seed, Log log)
    : world_(seed),
      log_(log),
      random_(world_.random(kPlanStream)),
      plan_(plan_of(random_)),
      server_(world_.add_node({.address = kBrokerAddress, .shards = plan_.shards})),
      clients_(world_.add_node({.shards = kClientMachines})),
      broker_(server_, settings_of(plan_), log.in("broker")),
      workload_(clients_, kBrokerAddress, plan_, history_, log.in("client")) {
  world_.net().options().reset_one_in = plan_.reset_one_in;
}

Outcome Simulation::run() {
  const Result<> gone = go();
  const auto note = [&](Verdict verdict, const Findings& findings) {
    if (findings.empty()) return;
    if (outcome_.verdict != Verdict::safety) outcome_.verdict = verdict;
    outcome_.findings.insert(outcome_.findings.end(), findings.begin(), findings.end());
  };
  world_.run(workload_.shard(), workload_.close());
  crash(CrashMode::kill);
  if (gone) {
    note(Verdict::safety, check_acknowledged(history_));
    note(Verdict::safety, check_order(history_));
    note(Verdict::safety, check_duplicates(history_));
    note(Verdict::liveness, check_liveness(history_));
  } else {
    note(Verdict::liveness, {describe(gone.error())});
  }
  note(Verdict::safety, workload_.findings());
  outcome_.trace_hash = world_.trace_hash();
  outcome_.steps = world_.steps();
  outcome_.sent = history_.sent.size();
  outcome_.acknowledged = static_cast<size_t>(std::ranges::count_if(
      history_.sent, [](const SentRecord& sent) { return sent.answer && *sent.answer; }));
  outcome_.strikes = plan_.strikes.size();
  outcome_.plan =
      fmt::format("{} shards, durability {}, {} partitions, {} producers", plan_.shards,
                  plan_.settings.at("durability").value, plan_.partitions, plan_.producers.size());
  return std::move(outcome_);
}

/// The whole run up to the last read; an Error where something did not end, or ended badly, that
/// nothing disturbed.
Result<> Simulation::go() {
  broker_.start();
  CHECKED(start_broker());
  CHECKED(run_client(workload_.create_topic(workload_.shard().now() + kStartMax), kHealedMax));
  workload_.start();
  for (const PlannedStrike& planned : plan_.strikes) {
    world_.run_for(planned.after);
    strike(planned);
  }
  heal();
  return finish();
}

Result<> Simulation::start_broker() {
  if (!world_.run_until([&] { return broker_.start_ended(); }, world_.now() + kStartMax)) {
    return fail(Errc::deadline_exceeded, "the broker does not start");
  }
  if (const Result<>& started = broker_.started(); !started) {
    return fail(started.error().code, "the broker does not start: " + started.error().detail);
  }
  return {};
}

template <class T>
Result<T> Simulation::run_client(Task<Result<T>> task, Duration limit) {
  const Instant last = world_.now() + limit;
  Result<T> result = world_.run(workload_.shard(), std::move(task));
  if (result && world_.now() > last) return fail(Errc::deadline_exceeded, "a call of a client");
  return result;
}

void Simulation::crash(CrashMode mode, bool stop_first) {
  if (mode == CrashMode::power_cut && plan_.durability != storage::Durability::fsync) {
    history_.loss_allowed = true;
  }
  broker_.crash(mode, stop_first);
}

void Simulation::crash_and_start(CrashMode mode, bool stop_first) {
  crash(mode, stop_first);
  world_.run_for(Duration(random_.below(200'000'000)));
  server_.disk().clear_planned();
  broker_.start();
}

void Simulation::strike(const PlannedStrike& planned) {
  log_.info("strike {} at {} ms", static_cast<int>(planned.kind),
            to_ms(world_.now().since_start()));
  switch (planned.kind) {
    case FaultKind::kill: return crash_and_start(CrashMode::kill);
    case FaultKind::power_cut: return crash_and_start(CrashMode::power_cut);
    case FaultKind::orderly_stop: return crash_and_start(CrashMode::kill, true);
    case FaultKind::orderly_stop_power_cut: return crash_and_start(CrashMode::power_cut, true);
    case FaultKind::cut_link:
    case FaultKind::reset_connections:
    case FaultKind::half_open:
    case FaultKind::slow_link: return strike_link(planned);
    case FaultKind::stall_disk:
    case FaultKind::full_disk:
    case FaultKind::sync_error: return strike_disk(planned);
  }
}

void Simulation::strike_link(const PlannedStrike& planned) {
  runtime::sim::SimNet& net = world_.net();
  if (planned.kind == FaultKind::reset_connections) return net.reset(server_, clients_);
  if (planned.kind == FaultKind::half_open) {
    return planned.detail % 2 == 0 ? net.half_open(server_, clients_)
                                   : net.half_open(clients_, server_);
  }
  if (planned.kind == FaultKind::slow_link) {
    net.set_delay(server_, clients_, {.least = 1ms, .most = 30ms, .tail_one_in = 20, .tail = 1s});
    net.set_delay(clients_, server_, {.least = 1ms, .most = 50ms, .tail_one_in = 20, .tail = 1s});
    return;
  }
  if (planned.detail % 3 != 0) net.cut(server_, clients_);
  if (planned.detail % 3 != 1) net.cut(clients_, server_);
  world_.run_for(planned.lasts);
  net.heal_all();
}

void Simulation::strike_disk(const PlannedStrike& planned) {
  runtime::sim::SimDisk& disk = server_.disk();
  if (planned.kind == FaultKind::stall_disk) return disk.stall(planned.lasts);
  const bool full = planned.kind == FaultKind::full_disk;
  disk.plan({.call = full ? DiskCall::write : DiskCall::sync,
             .fault = full ? DiskFault::no_space : DiskFault::io_error,
             .nth = planned.detail % 7 + 1,
             .times = planned.detail % 5 + 1});
  world_.run_for(planned.lasts);
  // What a failed sync lost is on no disk, but in the page cache: only the machine's end shows it.
  crash_and_start(full && planned.detail % 2 == 0 ? CrashMode::kill : CrashMode::power_cut);
}

void Simulation::heal() {
  world_.net().heal_all();
  world_.net().options().reset_one_in = 0;
  const runtime::sim::Latency delay = runtime::sim::NetOptions{}.delay;
  world_.net().set_delay(server_, clients_, delay);
  world_.net().set_delay(clients_, server_, delay);
  server_.disk().clear_planned();
}

Result<> Simulation::finish() {
  CHECKED(start_broker());
  if (!world_.run_until([&] { return workload_.producers_ended(); }, world_.now() + kHealedMax)) {
    return fail(Errc::deadline_exceeded, "producers wait for ever");
  }
  CHECKED(run_client(workload_.probe(workload_.shard().now() + kStartMax), kHealedMax));
  if (plan_.power_cut_at_end) {
    crash_and_start(CrashMode::power_cut);
    CHECKED(start_broker());
  }
  return run_client(workload_.read_all(workload_.shard().now() + kStartMax), kHealedMax);
}

}  // namespace

Outcome simulate(uint64_t seed, Log log) {
  return Simulation(seed, log).run();
}

}  // namespace partita::sim
