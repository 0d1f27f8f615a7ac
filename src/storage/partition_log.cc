#include "storage/partition_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/cross_shard.h"
#include "storage/partition_log_state.h"
#include "storage/partition_metadata.h"

namespace partita::storage {

PartitionLog::PartitionLog(LogContext& context, TopicPartition name, TopicId topic_id,
                           std::string directory, std::shared_ptr<const LogConfig> config)
    : context_(context),
      name_(std::move(name)),
      topic_id_(topic_id),
      directory_(std::move(directory)),
      config_(std::move(config)),
      loaded_(true),
      clean_(true) {}

PartitionLog::PartitionLog(LogContext& context, TopicPartition name, TopicId topic_id,
                           std::string directory, std::shared_ptr<const LogConfig> config,
                           const LogOffsets& offsets)
    : context_(context),
      name_(std::move(name)),
      topic_id_(topic_id),
      directory_(std::move(directory)),
      config_(std::move(config)),
      log_start_(offsets.log_start),
      checkpoint_log_start_(offsets.log_start),
      log_end_(std::max(offsets.recovery_point, offsets.log_start)),
      durable_end_(offsets.recovery_point),
      high_watermark_(std::clamp(offsets.high_watermark, log_start_, log_end_)),
      clean_(offsets.clean),
      has_files_(true) {}

PartitionLog::~PartitionLog() {
  CHECK(!state_ || state_->readers == 0);
}

PartitionLog::State& PartitionLog::state() {
  if (!state_) state_ = std::make_unique<State>(context_, *config_);
  return *state_;
}

Segment& PartitionLog::active() {
  CHECK(state_ && !state_->segments.empty());
  return *state_->segments.back();
}

void PartitionLog::update_config(std::shared_ptr<const LogConfig> config) {
  CHECK(config != nullptr);
  config_ = std::move(config);
}

Result<> PartitionLog::usable() const {
  if (failure_) return std::unexpected(*failure_);
  return {};
}

namespace {

/// The disk that failed one log is not trusted with the others.
Task<void> take_offline(LogContext& context, Error error) {
  LogDirectory& directory = context.directory;
  (void)co_await call_on(context.shard, directory.home(), [&directory, error = std::move(error)] {
    return directory.report_failure(error);
  });
}

}  // namespace

void PartitionLog::fail_with(Error error) {
  if (failure_) return;
  context_.log.error("The log of {} has failed and is closed: {}", name_.to_string(),
                     describe(error));
  failure_ =
      std::make_unique<Error>(Error{.code = Errc::kafka_storage_error, .detail = describe(error)});
  if (state_) state_->tail.clear();
  if (listener_ != nullptr) listener_->log_failed(*failure_);
  if (error.code != Errc::io_error) return;
  context_.offline = error;
  context_.scope.spawn(take_offline(context_, std::move(error)));
}

void PartitionLog::retire(Error error) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(error));
  if (state_) state_->tail.clear();
}

Task<Result<>> PartitionLog::readers_gone() {
  while (loading_ || (state_ && state_->readers > 0)) {
    CO_CHECKED(co_await changed_.wait(context_.scope));
  }
  co_return Result<>();
}

Offset PartitionLog::acknowledged_end() const {
  const bool early = mutant("storage.early_ack");
  return config_->durability == Durability::fsync && !early ? durable_end_ : log_end_;
}

void PartitionLog::set_high_watermark(Offset offset) {
  high_watermark_ = std::clamp(offset, log_start_, log_end_);
  if (state_) state_->producers.on_high_watermark(high_watermark_);
}

Offset PartitionLog::last_stable_offset() const {
  if (!state_) return high_watermark_;
  return state_->producers.last_stable_offset(log_start_, high_watermark_);
}

uint64_t PartitionLog::size_bytes() const {
  uint64_t size = 0;
  if (state_) {
    for (const auto& segment : state_->segments) size += segment->size();
  }
  return size;
}

size_t PartitionLog::segment_count() const {
  return state_ ? state_->segments.size() : 0;
}

std::vector<OffsetRange> PartitionLog::quarantined() const {
  return state_ ? state_->quarantined : std::vector<OffsetRange>();
}

ProducerState& PartitionLog::producers() {
  return state().producers;
}

size_t PartitionLog::expire_producers(Instant now) {
  return state_ ? state_->producers.expire(now) : 0;
}

const LeaderEpochCache& PartitionLog::epochs() {
  return state().epochs;
}

void PartitionLog::begin_leader_epoch(LeaderEpoch epoch) {
  if (epoch <= latest_epoch().value_or(kNoLeaderEpoch)) return;
  begun_epoch_ = epoch;
  begun_at_ = log_end_;
}

std::optional<LeaderEpoch> PartitionLog::latest_epoch() const {
  if (begun_epoch_ != kNoLeaderEpoch) return begun_epoch_;
  const auto latest = state_ ? state_->epochs.latest() : std::nullopt;
  return latest ? std::optional(latest->epoch) : std::nullopt;
}

PartitionLog::EpochEnd PartitionLog::end_offset_for_epoch(LeaderEpoch epoch) const {
  const auto latest = state_ ? state_->epochs.latest() : std::nullopt;
  const bool begun = begun_epoch_ != kNoLeaderEpoch;
  if (begun && epoch == begun_epoch_) return {.epoch = epoch, .end_offset = log_end_};
  if (begun && epoch < begun_epoch_ && epoch.value() >= 0) {
    // Up to where the epoch begins that has no batch yet, the file's epochs speak.
    if (!latest) return {.epoch = epoch, .end_offset = begun_at_};
    if (epoch > latest->epoch) return {.epoch = latest->epoch, .end_offset = begun_at_};
  }
  if (!latest || (begun && epoch > begun_epoch_)) return {};
  const auto end = state_->epochs.end_offset_for(epoch, begun ? begun_at_ : log_end_);
  return {.epoch = end.epoch, .end_offset = end.end_offset};
}

LeaderEpoch PartitionLog::epoch_of(Offset offset) const {
  if (!state_) return kNoLeaderEpoch;
  return state_->epochs.epoch_for_offset(offset).value_or(kNoLeaderEpoch);
}

Result<> PartitionLog::materialise(WallTime now) {
  CHECK(!has_files_);
  if (context_.offline) return fail(Errc::kafka_storage_error, describe(*context_.offline));
  COVERED("storage.materialised");
  Disk& disk = context_.shard.disk();
  const Result<> made = disk.make_directory(directory_);
  if (!made && made.error().code != Errc::already_exists) return made;
  const std::string metadata = join_path(directory_, kPartitionMetadataFile);
  TRY(auto file, disk.open(metadata, OpenMode::create_or_open));
  CHECKED(file->truncate(0));
  if (!mutant("storage.no_partition_metadata")) {
    CHECKED(file->write(0, encode_partition_metadata(topic_id_).view()));
  }
  CHECKED(start_segment(log_end_, now));
  state().pending_files.push_back(metadata);
  state().pending_directories.push_back(parent_path(directory_));
  has_files_ = true;
  return {};
}

Result<> PartitionLog::start_segment(Offset base, WallTime now) {
  State& s = state();
  auto segment = std::make_unique<Segment>(context_, directory_, base, 0, base, *config_);
  CHECKED(segment->create(now));
  s.segments.push_back(std::move(segment));
  s.pending_directories.push_back(directory_);
  return {};
}

Result<> PartitionLog::roll(WallTime now) {
  CHECKED(ready_to_append());
  if (!has_files_ || active().size() == 0) return {};
  COVERED("storage.rolled");
  State& s = state();
  CHECKED(write_snapshot());
  std::vector<std::string> files;
  const std::string log_path = active().path(kLogSuffix);
  CHECKED(active().seal(files));
  const Result<> started = start_segment(log_end_, now);
  if (!started) {
    active().unseal();
    return started;
  }
  s.pending_files.insert(s.pending_files.end(), files.begin(), files.end());
  // What the old segment has unflushed goes by its path from now on.
  if (std::exchange(s.active_dirty, false)) s.pending_files.push_back(log_path);
  return {};
}

Result<> PartitionLog::write_snapshot() {
  State& s = state();
  if (s.snapshot_offset == log_end_) return {};
  const std::string path = join_path(directory_, producer_snapshot_name(log_end_));
  TRY(auto file, context_.shard.disk().open(path, OpenMode::create_or_open));
  CHECKED(file->truncate(0));
  const auto entries = s.producers.snapshot();
  CHECKED(file->write(0, encode_producer_snapshot(entries).view()));
  s.snapshot_offset = log_end_;
  if (s.snapshots.empty() || s.snapshots.back() != log_end_) s.snapshots.push_back(log_end_);
  s.pending_files.push_back(path);
  s.pending_directories.push_back(directory_);
  return {};
}

Result<> PartitionLog::prepare_close() {
  CHECKED(usable());
  CHECK(loaded_);
  if (!has_files_) return {};
  CHECKED(write_snapshot());
  if (active().has_txn_index()) state().pending_directories.push_back(directory_);
  return active().prepare_close(state().pending_files);
}

bool PartitionLog::rolled_since_flush() const {
  return state_ && (!state_->pending_files.empty() || !state_->pending_directories.empty() ||
                    state_->epochs.needs_write());
}

bool PartitionLog::dirty() const {
  return has_files_ && state_ && (state_->active_dirty || rolled_since_flush());
}

Result<FlushWork> PartitionLog::begin_flush() {
  FlushWork work{.end = log_end_};
  if (!dirty()) return work;
  State& s = state();
  if (s.epochs.needs_write() && !mutant("storage.skip_epoch_write")) {
    // One flush of a log is under way at a time: the temporary file is not written again before its
    // rename.
    const std::string path = join_path(directory_, kLeaderEpochCheckpoint);
    const std::string temporary = path + ".tmp";
    TRY(auto file, context_.shard.disk().open(temporary, OpenMode::create_or_open));
    CHECKED(file->truncate(0));
    CHECKED(file->write(0, s.epochs.encode().view()));
    work.files.push_back(temporary);
    work.renames.push_back({.from = temporary, .to = path});
    work.directories.push_back(directory_);
  }
  if (s.active_dirty) {
    TRY(work.active, active().pin());
    s.active_dirty = false;
  }
  s.epochs.mark_written();
  work.files.insert(work.files.end(), s.pending_files.begin(), s.pending_files.end());
  work.directories.insert(work.directories.end(), s.pending_directories.begin(),
                          s.pending_directories.end());
  s.pending_files.clear();
  s.pending_directories.clear();
  return work;
}

void PartitionLog::end_flush(Offset end, const Result<>& result) {
  if (!result) return fail_with(result.error());
  if (failure_ || end <= durable_end_) return;
  CHECK(end <= log_end_);
  durable_end_ = end;
  if (listener_ != nullptr) listener_->log_flushed();
}

void PartitionLog::check_invariants() const {
  CHECK(log_start_ <= high_watermark_);
  CHECK(high_watermark_ <= log_end_);
  CHECK(durable_end_ <= log_end_);
  if (!state_) return;
  state_->epochs.check_invariants();
  state_->producers.check_invariants();
  Offset end = kNoOffset;
  for (const auto& segment : state_->segments) {
    CHECK(segment->base_offset() >= end);
    end = segment->end_offset();
  }
  if (!state_->segments.empty()) CHECK(end == log_end_);
}

}  // namespace partita::storage
