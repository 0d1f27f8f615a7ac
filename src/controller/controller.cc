#include "controller/controller.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "metadata/image_records.h"
#include "records/batch_builder.h"

namespace partita::controller {

namespace {

/// Kafka's bound of one atomic batch; larger decisions become a transaction of several.
constexpr size_t kBatchRecordsMax = 10'000;
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr Duration kTimerMax = 500ms;

}  // namespace

Controller::Controller(Scope& scope, raft::RaftNode& raft, ControllerOptions options, Log log)
    : scope_(scope),
      shard_(scope.shard()),
      raft_(raft),
      options_(std::move(options)),
      log_(log),
      incarnation_(shard_.random().uuid()),
      machine_(
          options_.settings, [this] { return shard_.random().uuid(); }, shard_.random().next()),
      replay_(metadata::Image::empty()),
      committed_(metadata::Image::empty()),
      last_snapshot_(shard_.now()),
      last_write_(shard_.now()) {}

Controller::~Controller() = default;

Task<Result<>> Controller::start() {
  CO_CHECKED(co_await load_snapshot());
  scope_.spawn(follow());
  scope_.spawn(run_timers());
  while (true) {
    if (failure_) co_return std::unexpected(*failure_);
    if (machine_.active()) {
      const LeaderEpoch epoch = active_epoch_;
      co_return co_await raft_.wait_committed(epoch, raft_.log_end());
    }
    if (raft_.leader() != kNoNode && raft_.leader() != options_.settings.self) co_return Result<>();
    CO_CHECKED(co_await changed_.wait(scope_));
  }
}

void Controller::fail_with(const Error& error) {
  if (failure_ || error.code == Errc::stopped) return;
  log_.error("The controller stops: {}", describe(error));
  failure_ = error;
  machine_.deactivate();
  changed_.wake_all();
}

// --- following the log ---

Task<Result<>> Controller::load_snapshot() {
  const auto id = raft_.latest_snapshot();
  if (!id) co_return Result<>();
  CO_TRY(const Bytes file, co_await raft_.read_snapshot(*id));
  CO_CHECKED(replay_.load_snapshot(file.view(), id->offset, id->epoch));
  co_return take_finished();
}

Result<> Controller::take_finished() {
  TRY(auto finished, replay_.take_finished());
  if (!finished.empty()) committed_ = std::move(finished.back().image);
  return {};
}

Task<void> Controller::follow() {
  while (!scope_.closed() && !failure_) {
    Result<> done = co_await follow_committed();
    if (done) done = follow_leadership();
    if (done) done = co_await maybe_snapshot();
    if (!done) co_return fail_with(done.error());
    changed_.wake_all();
    if (replay_.next_offset() < raft_.high_watermark()) continue;
    done = co_await raft_.wait_change(kNoDeadline);
    if (!done) co_return fail_with(done.error());
  }
}

Task<Result<>> Controller::follow_committed() {
  while (replay_.next_offset() < raft_.high_watermark()) {
    CO_TRY(const Bytes bytes, co_await raft_.read_committed(replay_.next_offset(), kReadBytes));
    records::BatchIterator batches(bytes.view());
    while (true) {
      CO_TRY(const auto batch, batches.next());
      if (!batch) break;
      if (batch->next_offset() <= replay_.next_offset()) continue;
      CO_CHECKED(replay_.add(*batch));
    }
  }
  co_return take_finished();
}

Result<> Controller::follow_leadership() {
  if (machine_.active() && (!raft_.is_leader() || raft_.epoch() != active_epoch_)) {
    log_.info("No longer the active controller");
    machine_.deactivate();
  }
  if (machine_.active() || !raft_.is_leader()) return {};
  const auto& role = std::get<raft::Leader>(raft_.machine().role());
  if (replay_.next_offset() <= role.epoch_start || replay_.next_offset() < raft_.high_watermark())
    return {};
  active_epoch_ = raft_.epoch();
  const auto batches =
      machine_.activate(committed_, replay_.in_transaction(), incarnation_, shard_.now());
  log_.info("The active controller, in epoch {}", active_epoch_.value());
  for (const Records& records : batches) CHECKED(write(records));
  return {};
}

// --- writing ---

Result<> Controller::ready() const {
  if (failure_) return std::unexpected(*failure_);
  if (!machine_.active() || !raft_.is_leader() || raft_.epoch() != active_epoch_)
    return fail(Errc::not_controller);
  return {};
}

Result<> Controller::append_batch(std::span<const metadata::Record> records) {
  const WallTime now = shard_.clock().wall();
  records::BatchBuilder builder(
      {.base_offset = raft_.log_end(), .partition_leader_epoch = active_epoch_});
  for (const metadata::Record& record : records) {
    TRY(const Bytes frame, metadata::encode_record(record));
    builder.append({.value = frame.view(), .timestamp = now});
  }
  TRY(Bytes batch, builder.build());
  return raft_.append(active_epoch_, std::move(batch), static_cast<int32_t>(records.size()));
}

Result<Controller::Written> Controller::write(const Records& records) {
  CHECKED(ready());
  if (records.size() <= kBatchRecordsMax) {
    CHECKED(append_batch(records));
  } else {
    COVERED("controller.large_decision");
    const std::vector<metadata::Record> begin{
        {wire::BeginTransactionRecord{.name = "Large change"}, 0}};
    const std::vector<metadata::Record> end{{wire::EndTransactionRecord{}, 0}};
    CHECKED(append_batch(begin));
    for (size_t at = 0; at < records.size(); at += kBatchRecordsMax) {
      CHECKED(append_batch(
          std::span(records).subspan(at, std::min(kBatchRecordsMax, records.size() - at))));
    }
    if (!mutant("controller.unfinished_transaction")) CHECKED(append_batch(end));
  }
  last_write_ = shard_.now();
  CHECKED(machine_.replay(records, raft_.log_end(), active_epoch_, shard_.clock().wall()));
  DCHECK((machine_.check_invariants(), true));
  return Written{active_epoch_, raft_.log_end()};
}

template <class Response>
Task<Result<Response>> Controller::commit(Decision<Response> decision) {
  Written written{active_epoch_, raft_.log_end()};
  if (!decision.records.empty()) {
    auto result = write(decision.records);
    if (!result) {
      // Records that were decided but not appended leave the machine behind the log for good.
      if (result.error().code != Errc::not_controller) fail_with(result.error());
      co_return std::unexpected(result.error());
    }
    written = *result;
  }
  // What was decided without records may rest on records that are not committed yet.
  if (!mutant("controller.early_answer"))
    CO_CHECKED(co_await raft_.wait_committed(written.epoch, written.end));
  co_return std::move(decision.response);
}

// --- requests ---

Task<Result<wire::BrokerRegistrationResponse>> Controller::broker_registration(
    wire::BrokerRegistrationRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.register_broker(request, raft_.log_end(), shard_.now()));
}

Task<Result<wire::BrokerHeartbeatResponse>> Controller::broker_heartbeat(
    wire::BrokerHeartbeatRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.heartbeat(request, raft_.log_end(), shard_.now()));
}

Task<Result<wire::AllocateProducerIdsResponse>> Controller::allocate_producer_ids(
    wire::AllocateProducerIdsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.allocate_producer_ids(request));
}

Task<Result<wire::CreateTopicsResponse>> Controller::create_topics(
    wire::CreateTopicsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.create_topics(request));
}

Task<Result<wire::DeleteTopicsResponse>> Controller::delete_topics(
    wire::DeleteTopicsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.delete_topics(request));
}

Task<Result<wire::CreatePartitionsResponse>> Controller::create_partitions(
    wire::CreatePartitionsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.create_partitions(request));
}

Task<Result<wire::IncrementalAlterConfigsResponse>> Controller::incremental_alter_configs(
    wire::IncrementalAlterConfigsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.incremental_alter_configs(request));
}

Task<Result<wire::AlterConfigsResponse>> Controller::alter_configs(
    wire::AlterConfigsRequest request) {
  CO_CHECKED(ready());
  co_return co_await commit(machine_.alter_configs(request));
}

// --- time ---

Task<void> Controller::run_timers() {
  while (!failure_) {
    const Instant latest = shard_.now() + kTimerMax;
    if (!co_await sleep_until(scope_, std::clamp(machine_.next_tick(), shard_.now() + 1ms, latest)))
      co_return;
    if (!ready()) continue;
    Result<> done = fence_expired();
    if (done) done = maybe_no_op();
    if (!done && done.error().code != Errc::not_controller) co_return fail_with(done.error());
  }
}

Result<> Controller::fence_expired() {
  const Records records = machine_.tick(shard_.now());
  if (records.empty()) return {};
  log_.warn("A broker's session has ended: it is fenced");
  CHECKED(write(records));
  return {};
}

Result<> Controller::maybe_no_op() {
  // Followers learn of the committed end by records that come after it; without any nobody has to.
  const Instant now = shard_.now();
  if (now - last_write_ < options_.idle_interval || !raft_.has_remote_readers(now - 10s)) return {};
  CHECKED(write({{wire::NoOpRecord{}, 0}}));
  return {};
}

Task<Result<>> Controller::maybe_snapshot() {
  const Instant now = shard_.now();
  const bool due =
      raft_.bytes_since_snapshot() >= options_.snapshot_bytes ||
      (raft_.bytes_since_snapshot() > 0 && now - last_snapshot_ >= options_.snapshot_interval);
  if (!due || replay_.in_transaction() || replay_.next_offset() == raft_.log_start())
    co_return Result<>();
  last_snapshot_ = now;
  const raft::OffsetAndEpoch id = raft_.snapshot_id(replay_.next_offset());
  raft::SnapshotBuilder builder = raft_.start_snapshot(id, committed_->last_timestamp_ms());
  CO_CHECKED(metadata::write_image(
      *committed_, [&builder](ByteView frame) { return builder.add_frame(frame); }));
  co_return co_await raft_.finish_snapshot(id, std::move(builder));
}

}  // namespace partita::controller
