#pragma once
// CoordinatorPartition: one partition of an internal topic with its machine, as long as this broker
// leads it: loads the machine from the log, lets events in, appends what they decide, and lets
// answers out when that is committed. Kafka's CoordinatorRuntime.
//
//   state     meaning                                           next
//   loading   the log is replayed; events wait                  active, failed, closed
//   active    events are decided                                loading (an append failed), closed
//   failed    the log cannot be read: not available; retried    loading, closed
//   closed    led no longer, or the broker stops                -
//
// Invariants:
//  1. Answers and releases leave when their records, and all records before them, are committed. Of
//     an event whose records were not committed nothing leaves but an error.
//  2. When an append fails, everything that rests on uncommitted state is refused, and a new
//     machine replays the log (StateMachine, invariant 4).
//  3. The machine's tick() comes at its next_deadline(), whether requests come or not.
// Belongs to the partition's shard. REQUIRED: stop() has returned before destruction.

#include <functional>
#include <memory>
#include <utility>

#include "coordinators/coordinator_log.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "storage/producer_state.h"

namespace partita::coordinators {

/// Where releases go. Called on the partition's shard; may not suspend.
template <class Release>
class ReleaseSink {
 public:
  virtual ~ReleaseSink() = default;
  /// The records that it rests on are committed.
  virtual void released(Release release) = 0;
  /// They were not, and nobody knows whether they ever will be.
  virtual void refused(Release release, const Error& why) = 0;
  /// What the machine still owed is owed no longer: it was thrown away.
  virtual void forgotten(const Error& why) = 0;
};

/// Kafka's word for an error of the log or the replica, as clients of a coordinator hear it.
Error coordinator_error(const Error& error);

template <class Machine>
class CoordinatorPartition {
 public:
  using Effects = typename Machine::Effects;
  using MakeMachine = std::function<std::unique_ptr<Machine>()>;

  /// `led_in`: the leader epoch that it coordinates in.
  CoordinatorPartition(Shard& shard, replication::Partition& partition, LeaderEpoch led_in,
                       MakeMachine make, ReleaseSink<typename Machine::Release>& sink, Log log)
      : shard_(shard),
        scope_(shard),
        log_(log),
        led_in_(led_in),
        coordinator_log_(partition, log),
        make_(std::move(make)),
        sink_(sink) {}
  CoordinatorPartition(const CoordinatorPartition&) = delete;

  /// Loads, then keeps the machine's time. `image` is what the machine starts with.
  void start(std::shared_ptr<const metadata::Image> image) {
    image_ = std::move(image);
    scope_.spawn(run());
  }
  /// Refuses everything that waits. Returns when nothing of it runs.
  Task<void> stop() {
    if (state_ != State::closed) {
      state_ = State::closed;
      sink_.forgotten(Error{Errc::not_coordinator});
      changed_.wake_all();
      scope_.close();
    }
    co_await scope_.join();
    // Whoever is inside decide() leaves by himself: the partition ends all waits.
    Scope own(shard_);
    while (deciding_ > 0) {
      if (!co_await left_.wait(own)) break;
    }
  }

  void image_changed(std::shared_ptr<const metadata::Image> image) {
    image_ = std::move(image);
    scope_.spawn(tell_of_image());
  }

  /// decide(machine, now, effects) as soon as the machine is loaded; its value when it is
  /// committed. coordinator_load_in_progress, coordinator_not_available, not_coordinator,
  /// request_timed_out.
  template <class Decide, class T = std::invoke_result_t<Decide&, Machine&, Now, Effects&>>
  Task<Result<T>> decide(Decide decide) {
    const Inside inside(*this);
    CO_CHECKED(co_await active());
    Effects effects;
    T value = decide(*machine_, now(), effects);
    CO_CHECKED(co_await commit(std::move(effects)));
    co_return value;
  }
  /// The machine as it is, nullptr while it is not loaded. For listings.
  const Machine* machine() const { return state_ == State::active ? machine_.get() : nullptr; }
  /// Why machine() is nullptr.
  Error absence() const {
    return Error{state_ == State::loading  ? Errc::coordinator_load_in_progress
                 : state_ == State::failed ? Errc::coordinator_not_available
                                           : Errc::not_coordinator};
  }

  /// Appends a transaction's marker, which the machine hears of. Answers when it is committed, with
  /// the errors of replication::Partition::append_marker and of decide().
  Task<Result<>> end_transaction(storage::EndTxnMarker marker) {
    const Inside inside(*this);
    CO_CHECKED(co_await active());
    // Events wait until the machine knows of it: they come behind it in the log.
    markers_++;
    const auto end = co_await coordinator_log_.partition().append_marker(marker);
    if (end && state_ == State::active) {
      machine_->replay(ReplayedMarker{.producer = {marker.producer_id, marker.producer_epoch},
                                      .is_commit = marker.is_commit,
                                      .offset = *end - OffsetDelta(1),
                                      .timestamp = now().wall});
    }
    if (--markers_ == 0) changed_.wake_all();
    CO_CHECKED(end);
    co_return co_await coordinator_log_.committed(*end, shard_.now() + kCommitWait);
  }

  replication::Partition& partition() const { return coordinator_log_.partition(); }
  LeaderEpoch led_in() const { return led_in_; }
  TopicId topic_id() const { return partition().log().topic_id(); }

 private:
  enum class State { loading, active, failed, closed };
  static constexpr Duration kLoadWait = 5s;
  static constexpr Duration kCommitWait = 5s;  ///< Kafka's offsets.commit.timeout.ms
  static constexpr Duration kRetryWait = 1s;

  struct Inside {
    explicit Inside(CoordinatorPartition& of) : owner(of) { owner.deciding_++; }
    Inside(const Inside&) = delete;
    ~Inside() {
      if (--owner.deciding_ == 0) owner.left_.wake_all();
    }
    CoordinatorPartition& owner;
  };

  std::string name() const { return partition().log().name().to_string(); }
  Now now() const { return {.instant = shard_.now(), .wall = shard_.clock().wall()}; }

  Task<Result<>> active() {
    const Deadline deadline = shard_.now() + kLoadWait;
    while (state_ == State::loading || markers_ > 0) {
      if (!co_await changed_.wait(scope_, deadline)) break;
    }
    if (markers_ > 0 && state_ == State::active) co_return fail(Errc::coordinator_not_available);
    if (state_ == State::active) co_return Result<>();
    co_return std::unexpected(absence());
  }

  Task<void> tell_of_image() {
    const Inside inside(*this);
    // One that is not active yet begins with the newest.
    if (!co_await active()) co_return;
    Effects effects;
    machine_->image_changed(image_, now(), effects);
    commit_beside(std::move(effects));
  }

  Task<void> run() {
    while (state_ != State::closed) {
      if (!co_await load()) {
        if (!co_await sleep_for(scope_, kRetryWait)) co_return;
        continue;
      }
      co_await keep_time();
    }
  }

  Task<bool> load() {
    if (state_ == State::closed) co_return false;
    state_ = State::loading;
    machine_ = make_();
    const ReplayTarget target{
        .record = [this](const ReplayedRecord& record) { return machine_->replay(record); },
        .marker = [this](const ReplayedMarker& marker) { machine_->replay(marker); }};
    const Result<> loaded = co_await coordinator_log_.load(target);
    if (state_ == State::closed) co_return false;
    if (!loaded) {
      log_.error("{} cannot be loaded: {}", name(), describe(loaded.error()));
      state_ = State::failed;
      changed_.wake_all();
      co_return false;
    }
    state_ = State::active;
    Effects effects;
    machine_->image_changed(image_, now(), effects);
    machine_->loaded(now(), effects);
    commit_beside(std::move(effects));
    changed_.wake_all();
    co_return true;
  }

  /// Until the machine is thrown away.
  Task<void> keep_time() {
    while (state_ == State::active) {
      asleep_until_ = machine_->next_deadline();
      if (asleep_until_ > shard_.now()) {
        const Result<> woken = co_await earlier_.wait(scope_, asleep_until_);
        if (!woken && woken.error().code == Errc::stopped) co_return;
        if (state_ != State::active) co_return;
        if (machine_->next_deadline() > shard_.now()) continue;
      }
      if (!co_await active()) continue;
      Effects effects;
      machine_->tick(now(), effects);
      commit_beside(std::move(effects));
    }
  }

  void commit_beside(Effects effects) {
    if (effects.records.empty() && effects.releases.empty()) return;
    scope_.spawn_always([](CoordinatorPartition& self, Effects what) -> Task<void> {
      const Inside inside(self);
      const Result<> done = co_await self.commit(std::move(what));
      if (!done && done.error().code != Errc::not_coordinator) {
        self.log_.warn("{}: a decision is not committed: {}", self.name(), describe(done.error()));
      }
    }(*this, std::move(effects)));
  }

  /// Appends at once; lets the releases go when everything up to there is committed.
  Task<Result<>> commit(Effects effects) {
    if (machine_->next_deadline() < asleep_until_) earlier_.wake_all();
    Offset end = coordinator_log_.end();
    if (!effects.records.empty()) {
      const auto appended =
          co_await coordinator_log_.append(effects.records, effects.transaction, now().wall);
      if (!appended) {
        const Error why = coordinator_error(appended.error());
        for (auto& release : effects.releases) sink_.refused(std::move(release), why);
        start_over(appended.error());
        co_return std::unexpected(why);
      }
      end = *appended;
    }
    const Result<> committed = co_await coordinator_log_.committed(end, shard_.now() + kCommitWait);
    for (auto& release : effects.releases) {
      if (committed) {
        sink_.released(std::move(release));
      } else {
        sink_.refused(std::move(release), coordinator_error(committed.error()));
      }
    }
    if (!committed) co_return std::unexpected(coordinator_error(committed.error()));
    co_return Result<>();
  }

  void start_over(const Error& why) {
    if (state_ != State::active) return;
    log_.error("{}: an append failed, the log is read again: {}", name(), describe(why));
    state_ = State::loading;
    sink_.forgotten(Error{Errc::not_coordinator});
    earlier_.wake_all();
  }

  Shard& shard_;
  Scope scope_;
  Log log_;
  const LeaderEpoch led_in_;
  CoordinatorLog coordinator_log_;
  const MakeMachine make_;
  ReleaseSink<typename Machine::Release>& sink_;
  std::shared_ptr<const metadata::Image> image_;
  State state_ = State::loading;
  std::unique_ptr<Machine> machine_;
  WaitQueue changed_;  // loading has ended
  WaitQueue earlier_;  // the machine wants its tick earlier, or is gone
  Instant asleep_until_;
  size_t deciding_ = 0;
  size_t markers_ = 0;  // being appended
  WaitQueue left_;
};

}  // namespace partita::coordinators
