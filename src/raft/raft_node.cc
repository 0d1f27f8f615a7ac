#include "raft/raft_node.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::raft {

namespace {

Bytes joined(const ByteChain& chain) {
  if (chain.size() == 1) return chain.front();
  Buffer all(chain_size(chain));
  for (const Bytes& part : chain) all.append(part.view());
  return std::move(all).freeze();
}

}  // namespace

struct RaftNode::TickTimer final : Timer {
  explicit TickTimer(RaftNode& node) : node(node) {}
  ~TickTimer() { node.shard_.timers().cancel(*this); }
  void fire() override { node.dispatch(Tick{}); }
  RaftNode& node;
};

Task<Result<std::unique_ptr<RaftNode>>> RaftNode::open(Scope& scope,
                                                       storage::LogDirectory& directory,
                                                       std::optional<storage::FoundPartition> found,
                                                       RaftNodeOptions options, Log log) {
  CO_TRY(auto opened, co_await MetadataLog::open(scope, directory, std::move(found),
                                                 options.static_voters, log));
  auto node =
      std::unique_ptr<RaftNode>(new RaftNode(scope, std::move(options), std::move(opened), log));
  if (!node->machine_->voters().is_only(node->options_.self)) {
    co_return fail(Errc::invalid_argument,
                   "this node (" + std::to_string(node->options_.self.id.value()) + ", directory " +
                       node->options_.self.directory.to_string() +
                       ") is not the only voter of its metadata quorum, which is not served yet");
  }
  node->start();
  co_return node;
}

RaftNode::RaftNode(Scope& scope, RaftNodeOptions options, std::unique_ptr<MetadataLog> log,
                   Log lines)
    : scope_(scope),
      shard_(scope.shard()),
      options_(std::move(options)),
      lines_(lines),
      log_(std::move(log)),
      machine_(std::make_unique<RaftMachine>(RaftSettings{.self = options_.self},
                                             log_->take_boot_state(), shard_.random().next())),
      timer_(std::make_unique<TickTimer>(*this)) {
  kraft_version_ = log_->kraft_version();
  log_->set_listener(this);
}

RaftNode::~RaftNode() {
  log_->set_listener(nullptr);
}

void RaftNode::start() {
  busy_ = true;
  scope_.spawn(run_start());
}

Task<void> RaftNode::run_start() {
  const auto done = co_await carry_out(machine_->start(shard_.now()));
  if (!done) fail_with(done.error());
  co_await drain();
}

Offset RaftNode::high_watermark() const {
  return machine_->high_watermark() == kNoOffset ? Offset(0) : machine_->high_watermark();
}

// --- events and effects ---

void RaftNode::dispatch(Event event) {
  if (failure_ || closed_) return;
  events_.push_back(std::move(event));
  if (busy_) return;
  busy_ = true;
  scope_.spawn(drain());
}

Task<void> RaftNode::drain() {
  while (!events_.empty() && !failure_) {
    const Event event = std::move(events_.front());
    events_.pop_front();
    Effects effects = machine_->step(event, shard_.now());
    DCHECK((machine_->check_invariants(), true));
    if (const auto done = co_await carry_out(std::move(effects)); !done) fail_with(done.error());
  }
  busy_ = false;
  arm_timer();
  note_change();
}

Task<Result<>> RaftNode::carry_out(Effects effects) {
  for (Effect& effect : effects) {
    if (auto* append = std::get_if<AppendRecords>(&effect)) {
      CHECK(append->base == log_->log_end());
      append_result_ = log_->append(std::move(pending_batch_), append->epoch);
      if (!append_result_) co_return append_result_;
    } else if (std::holds_alternative<HighWatermark>(effect) ||
               std::holds_alternative<RoleChanged>(effect)) {
      note_change();
    } else if (auto* reply = std::get_if<Reply>(&effect)) {
      answer(std::move(*reply));
    } else {
      CO_CHECKED(co_await carry_out_slow(effect));
    }
  }
  co_return Result<>();
}

Task<Result<>> RaftNode::carry_out_slow(const Effect& effect) {
  if (const auto* persist = std::get_if<Persist>(&effect))
    co_return co_await log_->persist(persist->state);
  if (const auto* start = std::get_if<AppendEpochStart>(&effect))
    co_return append_epoch_start(*start);
  if (const auto* failed = std::get_if<Fail>(&effect)) co_return std::unexpected(failed->error);
  // What is left concerns other voters, and open() has made sure that there are none.
  co_return fail(Errc::unknown_server_error, "the metadata quorum asks for another voter");
}

Result<> RaftNode::append_epoch_start(const AppendEpochStart& start) {
  CHECK(start.base == log_->log_end());
  TRY(Bytes batch,
      epoch_start_batch(start, options_.self.id, machine_->voters(), shard_.clock().wall()));
  bytes_since_snapshot_ += batch.size();
  lines_.info("Leads the metadata quorum in epoch {} from offset {} on", start.epoch.value(),
              start.base.value());
  return log_->append(std::move(batch), start.epoch);
}

void RaftNode::answer(Reply reply) {
  const auto at = std::ranges::find(waiting_, reply.id, &Waiting::id);
  if (at == waiting_.end()) return;
  auto* done = at->done;
  waiting_.erase(at);
  done->complete(std::move(reply.response));
}

void RaftNode::fail_with(Error error) {
  if (failure_) return;
  lines_.error("The metadata quorum's replica stops: {}", describe(error));
  failure_ = std::move(error);
  for (const Waiting& waiting : std::exchange(waiting_, {}))
    waiting.done->complete(std::unexpected(*failure_));
  note_change();
}

void RaftNode::arm_timer() {
  shard_.timers().cancel(*timer_);
  if (failure_ || closed_ || scope_.closed()) return;
  const Instant next = machine_->next_tick();
  if (next != kNoDeadline) shard_.timers().set(*timer_, next);
}

void RaftNode::note_change() {
  changed_.wake_all();
}

void RaftNode::log_flushed() {
  dispatch(Flushed{log_->durable_end()});
}

void RaftNode::log_failed(const Error& error) {
  fail_with(error);
}

// --- what the owner asks ---

bool RaftNode::has_remote_readers(Instant since) const {
  const auto* leader = std::get_if<Leader>(&machine_->role());
  if (leader == nullptr) return false;
  const auto recent = [&](const auto& entry) {
    return entry.second.last_fetch >= since && entry.second.end != kNoOffset;
  };
  return std::ranges::any_of(leader->voters, recent) ||
         std::ranges::any_of(leader->observers, recent);
}

Result<> RaftNode::append(LeaderEpoch epoch, Bytes batch, int32_t count) {
  if (failure_) return std::unexpected(*failure_);
  if (closed_) return fail(Errc::stopped);
  if (!is_leader() || machine_->epoch() != epoch) return fail(Errc::not_controller);
  const size_t size = batch.size();
  pending_batch_ = std::move(batch);
  append_result_ = Result<>();
  // Appending suspends nowhere: the event is carried out within this call.
  dispatch(Append{epoch, count});
  CHECKED(append_result_);
  if (failure_) return std::unexpected(*failure_);
  bytes_since_snapshot_ += size;
  return {};
}

Task<Result<>> RaftNode::wait_committed(LeaderEpoch epoch, Offset end) {
  while (true) {
    if (failure_) co_return std::unexpected(*failure_);
    if (high_watermark() >= end && machine_->epoch_at(end - OffsetDelta(1)) == epoch)
      co_return Result<>();
    if (machine_->epoch() != epoch || !machine_->is_leader()) co_return fail(Errc::not_controller);
    CO_CHECKED(co_await changed_.wait(scope_));
  }
}

Task<Result<>> RaftNode::wait_change(Deadline deadline) {
  if (failure_) co_return std::unexpected(*failure_);
  const auto waited = co_await changed_.wait(scope_, deadline);
  if (!waited && waited.error().code == Errc::deadline_exceeded) co_return Result<>();
  co_return waited;
}

Task<Result<Bytes>> RaftNode::read_committed(Offset from, size_t bytes_max) {
  if (failure_) co_return std::unexpected(*failure_);
  if (from >= high_watermark()) co_return Bytes();
  CO_TRY(const auto read, co_await log_->read(from, bytes_max, high_watermark()));
  co_return joined(read.bytes);
}

// --- snapshots ---

Task<Result<Bytes>> RaftNode::read_snapshot(OffsetAndEpoch id) {
  CO_TRY(const uint64_t size, co_await log_->snapshot_size(id));
  co_return co_await log_->read_snapshot(id, 0, size);
}

OffsetAndEpoch RaftNode::snapshot_id(Offset end) const {
  CHECK(end > Offset(0));
  CHECK(end <= high_watermark());
  return {end, machine_->epoch_at(end - OffsetDelta(1))};
}

SnapshotBuilder RaftNode::start_snapshot(OffsetAndEpoch id, int64_t last_contained_timestamp_ms) {
  SnapshotBuilder builder(id, last_contained_timestamp_ms, shard_.clock().wall());
  if (kraft_version_ < 1) return builder;
  const auto added = builder.add_quorum(kraft_version_, machine_->voters());
  CHECK(added.has_value());
  return builder;
}

Task<Result<>> RaftNode::finish_snapshot(OffsetAndEpoch id, SnapshotBuilder builder) {
  if (failure_) co_return std::unexpected(*failure_);
  if (log_->has_snapshot(id)) co_return Result<>();
  CO_TRY(Buffer file, builder.finish());
  const uint64_t appended_before = bytes_since_snapshot_;
  const size_t size = file.size();
  CO_CHECKED(co_await log_->save_snapshot(id, std::move(file)));
  CO_CHECKED(co_await log_->trim(id));
  bytes_since_snapshot_ -= appended_before;
  lines_.info("Snapshot {} of {} bytes; the metadata log starts at {}", snapshot_name(id), size,
              log_->log_start().value());
  dispatch(SnapshotTaken{id, log_->log_start()});
  co_return Result<>();
}

Task<Result<>> RaftNode::close() {
  while (busy_ && !failure_) CO_CHECKED(co_await changed_.wait(scope_));
  closed_ = true;
  shard_.timers().cancel(*timer_);
  for (const Waiting& waiting : std::exchange(waiting_, {}))
    waiting.done->complete(fail(Errc::stopped));
  log_->set_listener(nullptr);
  if (failure_) co_return std::unexpected(*failure_);
  co_return co_await log_->close();
}

}  // namespace partita::raft
