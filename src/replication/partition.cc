#include "replication/partition.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/shard.h"

namespace partita::replication {

Partition::Partition(Scope& scope, storage::PartitionLog& log, Codecs& codecs,
                     PartitionSettings settings)
    : scope_(scope),
      shard_(scope.shard()),
      log_(log),
      codecs_(codecs),
      machine_(settings.self, settings.min_insync_replicas, settings.replica_lag_time_max) {
  log_.set_listener(this);
}

Partition::~Partition() {
  CHECK(uses_ == 0);
  CHECK(pending_appends_.empty());
  log_.set_listener(nullptr);
}

Partition::Use::~Use() {
  if (partition_ == nullptr) return;
  if (--partition_->uses_ == 0) partition_->released_.wake_all();
}

Task<void> Partition::start() {
  const Use use(*this);
  const Result<> loaded = co_await log_.load();
  if (state_ == State::retired) co_return;
  if (!loaded) {
    log_failed(loaded.error());
  } else {
    state_ = State::ready;
    if (view_before_ready_) lead(*std::exchange(view_before_ready_, std::nullopt));
  }
  drain_appends();
  ready_waiters_.wake_all();
}

void Partition::lead(LeaderView view) {
  if (state_ == State::loading) {
    view_before_ready_ = std::move(view);
    return;
  }
  if (state_ != State::ready) return;
  const bool new_epoch = view.leader_epoch != machine_.leader_epoch();
  machine_.lead(view, log_.high_watermark(), log_.log_end_offset(), shard_.now());
  if (new_epoch) log_.begin_leader_epoch(view.leader_epoch);
  advance();
}

void Partition::update_config(std::shared_ptr<const storage::LogConfig> config,
                              int32_t min_insync_replicas) {
  log_.update_config(std::move(config));
  machine_.set_min_insync_replicas(min_insync_replicas);
  if (state_ == State::ready) advance();
}

void Partition::retire() {
  state_ = State::retired;
  drain_appends();
  committed_waiters_.wake_all();
  stable_waiters_.wake_all();
  durable_waiters_.wake_all();
  ready_waiters_.wake_all();
}

Task<void> Partition::released() {
  CHECK(state_ == State::retired);
  // Users end when their own scopes close; this wait must outlast the partition's.
  Scope own(shard_);
  while (uses_ > 0) {
    const Result<> woken = co_await released_.wait(own);
    CHECK(woken.has_value());
  }
}

Result<> Partition::serving() const {
  switch (state_) {
    case State::ready:
    case State::loading: return {};
    case State::failed: return fail(Errc::kafka_storage_error, failure_ ? failure_->detail : "");
    case State::retired: return fail(Errc::not_leader_or_follower);
  }
  return {};
}

Result<> Partition::check_epoch(LeaderEpoch current) const {
  if (current == kNoLeaderEpoch) return {};
  if (current < machine_.leader_epoch()) return fail(Errc::fenced_leader_epoch);
  if (current > machine_.leader_epoch()) return fail(Errc::unknown_leader_epoch);
  return {};
}

void Partition::start_append(PendingAppend& append) {
  if (state_ == State::loading || !pending_appends_.empty()) {
    pending_appends_.push_back(append);
    return;
  }
  append.done.complete(append_now(append.request));
}

void Partition::drain_appends() {
  while (!pending_appends_.empty()) {
    PendingAppend& first = pending_appends_.front();
    pending_appends_.pop_front();
    first.done.complete(append_now(first.request));
  }
}

AppendOutcome Partition::append_now(AppendRequest& request) {
  CHECKED(serving());
  if (request.acks == -1 && !machine_.enough_in_sync()) {
    return std::unexpected(Error{Errc::not_enough_replicas});
  }
  const WallTime now = shard_.clock().wall();
  TRY(storage::LeaderBatch batch, prepare(request, now));
  TRY(const storage::AppendResult result,
      log_.append_as_leader(std::move(batch), machine_.leader_epoch(), now, request.origin));
  advance();
  return AppendAnswer{.base_offset = result.first_offset,
                      .last_offset = result.last_offset,
                      .log_start_offset = result.log_start_offset,
                      .log_append_time = result.log_append_time,
                      .leader_epoch = machine_.leader_epoch()};
}

records::Judged<storage::LeaderBatch> Partition::prepare(AppendRequest& request, WallTime now) {
  if (request.marker_version) {
    // No rule of the topic may keep a transaction from ending.
    return storage::LeaderBatch{
        .bytes = request.bytes,
        .prefix = records::make_prefix(request.checked, log_.config().message_timestamp_type, now),
        .transaction_version = *request.marker_version};
  }
  auto batch = prepare_batch(request.bytes, request.checked, log_.config(), now, codecs_);
  if (batch) batch->guard = request.guard;
  return batch;
}

void Partition::advance() {
  if (machine_.leader_epoch() == kNoLeaderEpoch) return;
  Offset own_end = log_.acknowledged_end();
  if (mutant("replication.acknowledge_unflushed")) own_end = log_.log_end_offset();
  durable_waiters_.wake_reached(own_end);
  if (!machine_.advance(own_end, shard_.now())) return;
  log_.set_high_watermark(machine_.high_watermark());
  committed_waiters_.wake_reached(machine_.high_watermark());
  stable_waiters_.wake_reached(last_stable_offset());
}

Executor& Partition::executor() {
  return shard_.executor();
}

Offset Partition::last_stable_offset() const {
  return std::min(log_.last_stable_offset(), machine_.high_watermark());
}

Offset Partition::readable_end(Isolation isolation) const {
  if (mutant("replication.read_above_high_watermark")) return log_.log_end_offset();
  return isolation == Isolation::read_committed ? last_stable_offset() : high_watermark();
}

Task<Result<>> Partition::acknowledged(Offset end, int16_t acks, Deadline deadline) {
  const Use use(*this);
  const bool all = acks == -1;
  const LeaderEpoch epoch = machine_.leader_epoch();
  while (true) {
    CO_CHECKED(serving());
    if (machine_.leader_epoch() != epoch) co_return fail(Errc::not_leader_or_follower);
    const Offset reached = all ? machine_.high_watermark() : log_.acknowledged_end();
    if (reached >= end || mutant("replication.acknowledge_early")) break;
    Wait wait(scope_, deadline);
    OffsetWaiter waiter(end, wait);
    (all ? committed_waiters_ : durable_waiters_).add(waiter);
    const Result<> woken = co_await wait;
    if (!woken) {
      co_return fail(woken.error().code == Errc::deadline_exceeded ? Errc::request_timed_out
                                                                   : woken.error().code);
    }
  }
  if (all && !machine_.enough_in_sync()) co_return fail(Errc::not_enough_replicas_after_append);
  co_return Result<>();
}

bool Partition::is_acknowledged(Offset end, int16_t acks) const {
  if (state_ != State::ready) return false;
  if (acks != -1) return log_.acknowledged_end() >= end;
  return machine_.high_watermark() >= end && machine_.enough_in_sync();
}

Task<Result<>> Partition::ready() {
  const Use use(*this);
  while (state_ == State::loading) CO_CHECKED(co_await ready_waiters_.wait(scope_));
  co_return serving();
}

Task<Result<FetchAnswer>> Partition::fetch(FetchRead read) {
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  CO_CHECKED(check_epoch(read.current_leader_epoch));
  FetchAnswer answer{.high_watermark = high_watermark(),
                     .last_stable_offset = last_stable_offset(),
                     .log_start_offset = log_.log_start_offset(),
                     .readable_end = readable_end(read.isolation)};
  if (read.from < log_.log_start_offset() || read.from > log_.log_end_offset()) {
    co_return fail(Errc::offset_out_of_range);
  }
  if (read.last_fetched_epoch != kNoLeaderEpoch) {
    const auto ours = log_.end_offset_for_epoch(read.last_fetched_epoch);
    if (ours.end_offset == kNoOffset) co_return fail(Errc::offset_out_of_range);
    if (ours.epoch < read.last_fetched_epoch || ours.end_offset < read.from) {
      answer.diverging = ours;
      co_return answer;
    }
  }
  const size_t bytes_max = read.bytes_max;
  if (read.from >= answer.readable_end || (bytes_max == 0 && !read.at_least_one_batch)) {
    co_return answer;
  }
  Result<storage::ReadResult> got =
      log_.read_tail(read.from, bytes_max, answer.readable_end, read.at_least_one_batch);
  if (!got && got.error().code == Errc::would_block) {
    got = co_await log_.read(read.from, bytes_max, answer.readable_end, read.at_least_one_batch);
  }
  CO_CHECKED(got);
  answer.size = got->size;
  answer.records = std::move(got->bytes);
  const bool committed_only = read.isolation == Isolation::read_committed;
  if (committed_only && answer.size > 0 && log_.has_aborted_transactions(read.from)) {
    CO_TRY(answer.aborted, co_await log_.aborted_transactions(read.from, got->next_offset));
  }
  co_return answer;
}

void Partition::wait_readable(OffsetWaiter& waiter, Isolation isolation) {
  (isolation == Isolation::read_committed ? stable_waiters_ : committed_waiters_).add(waiter);
}

Task<Result<Partition::ListedOffset>> Partition::list_offset(int64_t timestamp,
                                                             LeaderEpoch current_leader_epoch,
                                                             std::optional<Isolation> isolation) {
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  CO_CHECKED(check_epoch(current_leader_epoch));
  const Offset upper_bound = isolation ? readable_end(*isolation) : log_.log_end_offset();
  if (timestamp < 0) co_return co_await list_special(timestamp, upper_bound);
  CO_TRY(const auto found, co_await log_.offset_for_timestamp(WallTime(timestamp), upper_bound));
  if (!found) co_return ListedOffset{};
  co_return ListedOffset{found->timestamp, found->offset, found->leader_epoch};
}

Task<Result<Partition::ListedOffset>> Partition::list_special(int64_t timestamp,
                                                              Offset upper_bound) {
  constexpr int64_t kLatest = -1;
  constexpr int64_t kEarliest = -2;
  constexpr int64_t kMaxTimestamp = -3;
  constexpr int64_t kEarliestLocal = -4;
  switch (timestamp) {
    case kLatest:
      if (machine_.high_watermark() < machine_.epoch_start()) {
        co_return fail(Errc::offset_not_available);
      }
      co_return ListedOffset{kNoTimestamp, upper_bound, machine_.leader_epoch()};
    case kEarliest:
    case kEarliestLocal: {
      const Offset start = log_.log_start_offset();
      const LeaderEpoch epoch =
          start < log_.log_end_offset() ? log_.epoch_of(start) : machine_.leader_epoch();
      co_return ListedOffset{kNoTimestamp, start, epoch};
    }
    case kMaxTimestamp: {
      CO_TRY(const auto found, co_await log_.offset_of_max_timestamp());
      if (!found || found->offset >= upper_bound) co_return ListedOffset{};
      co_return ListedOffset{found->timestamp, found->offset, found->leader_epoch};
    }
    default: co_return ListedOffset{};  // tiered storage holds nothing here
  }
}

Task<Result<storage::PartitionLog::EpochEnd>> Partition::end_offset_for_epoch(LeaderEpoch epoch,
                                                                              LeaderEpoch current) {
  const Use use(*this);
  if (state_ == State::loading) CO_CHECKED(co_await ready());
  CO_CHECKED(serving());
  CO_CHECKED(check_epoch(current));
  if (epoch < LeaderEpoch(0)) co_return storage::PartitionLog::EpochEnd{};
  co_return log_.end_offset_for_epoch(epoch);
}

void Partition::log_flushed() {
  if (state_ == State::ready) advance();
}

void Partition::log_failed(const Error& error) {
  if (state_ == State::retired) return;
  state_ = State::failed;
  failure_ = error;
  drain_appends();
  committed_waiters_.wake_all();
  stable_waiters_.wake_all();
  durable_waiters_.wake_all();
  ready_waiters_.wake_all();
}

void Partition::check_invariants() const {
  machine_.check_invariants();
  CHECK(machine_.high_watermark() <= log_.log_end_offset() || state_ != State::ready);
}

}  // namespace partita::replication
