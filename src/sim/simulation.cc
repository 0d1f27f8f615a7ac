#include "sim/simulation.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/sim/world.h"
#include "sim/checkers/acknowledged.h"
#include "sim/checkers/directory.h"
#include "sim/checkers/duplicates.h"
#include "sim/checkers/liveness.h"
#include "sim/checkers/order.h"
#include "sim/rot.h"
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
  const Plan& plan() const { return plan_; }

 private:
  Result<> go();
  Result<> start_broker();
  void strike(const PlannedStrike& strike);
  void crash(CrashMode mode, bool stop_first = false);
  void crash_and_start(CrashMode mode, bool stop_first = false);
  void strike_link(const PlannedStrike& strike);
  void strike_disk(const PlannedStrike& strike);
  void strike_clock(const PlannedStrike& strike);
  void run_until_counted(uint64_t (Workload::*count)() const, Duration limit);
  void note_power_cut();
  void note_failed_start();
  void heal();
  Result<> finish();
  void judge_history();
  Deadline soon() { return workload_.shard().now() + kStartMax; }
  Result<> stop_and_look();
  Result<> rot();
  void note(Verdict verdict, const Findings& findings);
  template <class T>
  Result<T> run_client(const char* what, Task<Result<T>> task);

  SimWorld world_;
  Log log_;
  runtime::sim::SimRandom random_;
  const Plan plan_;
  History history_;
  SimNode& server_;
  SimNode& clients_;
  SimBroker broker_;
  Workload workload_;
  /// Since when the disk has not been well, in the life of this process.
  std::optional<Instant> disk_trouble_;
  /// When a process was killed whose unflushed records the page cache may still hold alone.
  std::optional<Instant> killed_;
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

void Simulation::note(Verdict verdict, const Findings& findings) {
  if (findings.empty()) return;
  const bool graver = verdict == Verdict::safety || outcome_.verdict == Verdict::passed;
  if (graver) outcome_.verdict = verdict;
  outcome_.findings.insert(outcome_.findings.end(), findings.begin(), findings.end());
}

Outcome Simulation::run() {
  const Result<> gone = go();
  world_.run(workload_.shard(), workload_.close());
  broker_.crash(CrashMode::kill, false);
  if (!gone) note(Verdict::liveness, {describe(gone.error())});
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
  CHECKED(run_client("creating the topic", workload_.create_topic(soon())));
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
    note(Verdict::start, {"the broker does not start: it is still at it"});
    return fail(Errc::deadline_exceeded, "the broker does not start");
  }
  note_failed_start();
  return broker_.started();
}

template <class T>
Result<T> Simulation::run_client(const char* what, Task<Result<T>> task) {
  const Instant last = world_.now() + kHealedMax;
  Result<T> result = world_.run(workload_.shard(), std::move(task));
  if (!result) return fail(result.error().code, fmt::format("{}: {}", what, result.error().detail));
  if (world_.now() > last) return fail(Errc::deadline_exceeded, what);
  return result;
}

void Simulation::note_failed_start() {
  if (!broker_.start_ended() || broker_.started() || disk_trouble_) return;
  note(Verdict::start, {"the broker does not start: " + describe(broker_.started().error())});
}

/// What this power cut may take of what was acknowledged.
void Simulation::note_power_cut() {
  const Instant now = world_.now();
  switch (plan_.durability) {
    case storage::Durability::fsync: return;
    case storage::Durability::os:
      history_.lossy_cuts.push_back({.at = now, .safe_before = Instant(Duration::min())});
      return;
    case storage::Durability::interval: break;
  }
  const Instant well_until = std::min(disk_trouble_.value_or(now), killed_.value_or(now));
  LossyCut cut{.at = now, .safe_before = well_until - plan_.flush_interval - kFlushMax};
  if (well_until == now) cut.bytes_max = plan_.flush_interval_bytes;
  history_.lossy_cuts.push_back(cut);
}

void Simulation::crash(CrashMode mode, bool stop_first) {
  note_failed_start();
  const Instant before = world_.now();
  // A clean stop has left nothing in the page cache alone.
  if (broker_.crash(mode, stop_first)) {
    killed_.reset();
  } else if (mode == CrashMode::power_cut) {
    note_power_cut();
    killed_.reset();
  } else {
    killed_ = std::min(killed_.value_or(before), disk_trouble_.value_or(before));
  }
}

void Simulation::crash_and_start(CrashMode mode, bool stop_first) {
  crash(mode, stop_first);
  world_.run_for(Duration(random_.below(200'000'000)));
  server_.disk().clear_planned();
  disk_trouble_.reset();
  broker_.start();
}

/// Until the count grows, for `limit` at the most.
void Simulation::run_until_counted(uint64_t (Workload::*count)() const, Duration limit) {
  const uint64_t before = (workload_.*count)();
  world_.run_until([&] { return (workload_.*count)() > before; }, world_.now() + limit);
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
    case FaultKind::stall_disk_crash:
    case FaultKind::full_disk:
    case FaultKind::sync_error:
    case FaultKind::read_error:
    case FaultKind::read_error_at_start: return strike_disk(planned);
    case FaultKind::power_cut_at_answer:
      run_until_counted(&Workload::acknowledged, planned.lasts);
      return crash_and_start(CrashMode::power_cut);
    case FaultKind::power_cut_at_decision:
      run_until_counted(&Workload::decisions, planned.lasts);
      return crash_and_start(CrashMode::power_cut);
    case FaultKind::step_wall_clock: return strike_clock(planned);
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
  const CrashMode either = planned.detail % 2 == 0 ? CrashMode::kill : CrashMode::power_cut;
  disk_trouble_ = std::min(disk_trouble_.value_or(world_.now()), world_.now());
  const auto plan = [&](DiskCall call, DiskFault fault) {
    disk.plan({.call = call,
               .fault = fault,
               .nth = planned.detail % 7 + 1,
               .times = planned.detail % 5 + 1});
    world_.run_for(planned.lasts);
  };
  switch (planned.kind) {
    case FaultKind::stall_disk: return disk.stall(planned.lasts);
    case FaultKind::stall_disk_crash:
      disk.stall(planned.lasts);
      world_.run_for(planned.lasts * (planned.detail % 10) / 10);
      return crash_and_start(either);
    case FaultKind::full_disk:
      plan(DiskCall::write, DiskFault::no_space);
      return crash_and_start(either);
    case FaultKind::read_error:
      plan(DiskCall::read, DiskFault::io_error);
      return crash_and_start(either);
    case FaultKind::read_error_at_start:
      crash(either);
      broker_.start();
      plan(DiskCall::read, DiskFault::io_error);
      return crash_and_start(CrashMode::kill);
    default: break;
  }
  plan(DiskCall::sync, DiskFault::io_error);
  // What a failed sync lost is on no disk, but in the page cache: only the machine's end shows it.
  crash_and_start(CrashMode::power_cut);
}

void Simulation::strike_clock(const PlannedStrike& planned) {
  // Not further than a broker lets timestamps run ahead of it.
  const Duration by = Duration(2min) + Duration(1min) * (planned.detail % 50);
  const Duration step = planned.detail % 3 == 0 ? -by : by;
  server_.clock().step_wall(step);
  world_.run_for(std::min(planned.lasts, plan_.retention_check_interval * 9 / 10));
  server_.clock().step_wall(-step);
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
  workload_.wind_down();
  if (!world_.run_until([&] { return workload_.ended(); }, world_.now() + kHealedMax)) {
    return fail(Errc::deadline_exceeded, "clients wait for ever");
  }
  CHECKED(run_client("one more record each", workload_.probe(soon())));
  if (plan_.power_cut_at_end) {
    crash_and_start(CrashMode::power_cut);
    CHECKED(start_broker());
  }
  CHECKED(run_client("reading all", workload_.read_all(soon())));
  judge_history();
  CHECKED(run_client("companions", workload_.check_companions(soon())));
  return stop_and_look();
}

void Simulation::judge_history() {
  note(Verdict::safety, check_acknowledged(history_));
  note(Verdict::safety, check_order(history_));
  note(Verdict::safety, check_duplicates(history_));
  note(Verdict::liveness, check_liveness(history_));
}

/// Stops the broker in order and looks at what it left; in some runs with rot in it.
Result<> Simulation::stop_and_look() {
  if (!broker_.crash(CrashMode::kill, true)) {
    broker_.start();
    return fail(Errc::io_error, "the broker does not stop in order");
  }
  note(Verdict::safety, check_directory(server_.disk()));
  if (plan_.rot_at_end) return rot();
  broker_.start();
  return start_broker();
}

/// One bit of a rolled segment is wrong: its batch is never served, and everything else is.
Result<> Simulation::rot() {
  const std::optional<Rot> rot = rot_one_batch(server_.disk(), random_, kTopic);
  broker_.start();
  CHECKED(start_broker());
  if (!rot) return {};
  const auto read = [&](Offset from, bool must_be) {
    return run_client("reading rot", workload_.read_rotten(rot->partition, from, must_be));
  };
  CHECKED(read(rot->first, false));
  CHECKED(read(rot->last.next(), false));
  if (rot->segment_base > Offset(0)) CHECKED(read(Offset(rot->segment_base.value() - 1), true));
  CHECKED(read(rot->segment_end, true));
  return run_client("one more record each beside rot", workload_.probe(soon()));
}

}  // namespace

Outcome simulate(uint64_t seed, Log log) {
  Simulation simulation(seed, log);
#if PARTITA_FAULTS
  faults::set_buggify(seed, simulation.plan().buggify_one_in);
#endif
  Outcome outcome = simulation.run();
#if PARTITA_FAULTS
  faults::set_buggify(0, 0);
#endif
  return outcome;
}

}  // namespace partita::sim
