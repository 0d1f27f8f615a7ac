// Cutting a PartitionLog off at either end: truncation, DeleteRecords, retention. Everything is
// durable on return, and what a crash finds in between is a log that recovery makes the old or the
// new one.

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/cross_shard.h"
#include "storage/deleted_files.h"
#include "storage/partition_log_state.h"

namespace partita::storage {

Task<Result<>> PartitionLog::lower_recovery_point(Offset offset) {
  if (offset >= durable_end_ || mutant("storage.skip_lowered_recovery_point")) co_return Result<>();
  // First the checkpoint, then the bytes: it must never speak of offsets that are written a second
  // time.
  // In memory before both, or a checkpoint of all logs that comes in between would raise it again.
  durable_end_ = offset;
  LogDirectory& directory = context_.directory;
  co_return co_await call_on(context_.shard, directory.home(), [&directory, name = name_, offset] {
    return directory.lower_recovery_point(name, offset);
  });
}

Result<> PartitionLog::remove_segments(size_t first, size_t count) {
  auto& segments = state_->segments;
  CHECK(first + count <= segments.size());
  for (size_t i = first; i < first + count; ++i) {
    CHECKED(segments[i]->rename_away(config_->file_delete_delay_ms));
  }
  const auto begin = segments.begin() + static_cast<ptrdiff_t>(first);
  const auto end = begin + static_cast<ptrdiff_t>(count);
  if (state_->readers > 0) {
    std::move(begin, end, std::back_inserter(state_->retired));
  }
  segments.erase(begin, end);
  return {};
}

Result<> PartitionLog::remove_snapshots_from(Offset offset) {
  auto& snapshots = state_->snapshots;
  while (!snapshots.empty() && snapshots.back() >= offset) {
    const std::string path = join_path(directory_, producer_snapshot_name(snapshots.back()));
    CHECKED(context_.deleted.rename_away(path, context_.shard.now()));
    snapshots.pop_back();
  }
  state_->snapshot_offset = snapshots.empty() ? kNoOffset : snapshots.back();
  return {};
}

Task<Result<>> PartitionLog::truncate_to(Offset offset) {
  CO_CHECKED(co_await load());
  if (offset >= log_end_) co_return Result<>();
  if (offset < log_start_ || !has_files_) co_return co_await truncate_fully_and_start_at(offset);
  COVERED("storage.truncated");
  CO_CHECKED(co_await context_.flusher.flush_now(*this));
  CO_CHECKED(co_await lower_recovery_point(offset));
  State& s = state();
  ++s.generation;
  s.cursors = {};
  s.tail.truncate_to(offset);
  const size_t last = segment_index(offset);
  CO_CHECKED(remove_segments(last + 1, s.segments.size() - last - 1));
  CO_CHECKED(co_await readers_gone());
  CO_CHECKED(co_await active().truncate_to(offset));
  ++s.generation;
  log_end_ = active().end_offset();
  durable_end_ = std::min(durable_end_, log_end_);
  high_watermark_ = std::min(high_watermark_, log_end_);
  begun_epoch_ = kNoLeaderEpoch;
  s.epochs.truncate_from_end(log_end_);
  std::erase_if(s.quarantined, [&](const OffsetRange& range) { return range.first >= log_end_; });
  CO_CHECKED(remove_snapshots_from(log_end_.next()));
  CO_CHECKED(co_await load_producers(std::vector<Offset>(s.snapshots)));
  s.pending_files.push_back(active().path(kLogSuffix));
  s.pending_directories.push_back(directory_);
  co_return co_await context_.flusher.flush_now(*this);
}

Task<Result<>> PartitionLog::truncate_fully_and_start_at(Offset offset) {
  CO_CHECKED(co_await load());
  CO_CHECKED(co_await context_.flusher.flush_now(*this));
  begun_epoch_ = kNoLeaderEpoch;
  if (!has_files_) {
    log_start_ = log_end_ = durable_end_ = high_watermark_ = offset;
    if (state_) state_->producers.reset(offset);
    co_return Result<>();
  }
  COVERED("storage.truncated_fully");
  CO_CHECKED(co_await lower_recovery_point(offset));
  // With this checkpoint a log that ends below is begun anew there, however far the removal has
  // come.
  CO_CHECKED(co_await write_log_start(offset));
  State& s = state();
  ++s.generation;
  s.cursors = {};
  s.tail.clear();
  CO_CHECKED(remove_segments(0, s.segments.size()));
  CO_CHECKED(remove_snapshots_from(Offset(0)));
  log_start_ = log_end_ = durable_end_ = high_watermark_ = offset;
  s.epochs.clear();
  s.quarantined.clear();
  s.producers.reset(offset);
  // A snapshot that came back beside the new segment could not be told from one that retention left
  // behind.
  CO_CHECKED(co_await sync_directory(context_.shard.executor(), context_.shard.disk(), directory_));
  CO_CHECKED(start_segment(offset, context_.shard.clock().wall()));
  co_return co_await context_.flusher.flush_now(*this);
}

Task<Result<>> PartitionLog::write_log_start(Offset offset) {
  checkpoint_log_start_ = offset;
  if (mutant("storage.skip_log_start_checkpoint")) co_return Result<>();
  LogDirectory& directory = context_.directory;
  co_return co_await call_on(context_.shard, directory.home(), [&directory, name = name_, offset] {
    return directory.write_log_start(name, offset);
  });
}

Task<Result<>> PartitionLog::delete_records(Offset offset) {
  CO_CHECKED(co_await load());
  if (offset > high_watermark_) {
    co_return fail(Errc::offset_out_of_range, "records above the high watermark stay");
  }
  co_return co_await move_log_start(offset);
}

Task<Result<>> PartitionLog::move_log_start(Offset offset) {
  if (offset <= log_start_) co_return Result<>();
  CHECK(offset <= log_end_);
  if (!has_files_) co_return Result<>();
  // Another move may be waiting for its checkpoint: the file never goes back.
  offset = std::max(offset, checkpoint_log_start_);
  // Removed names may come back after a crash; the checkpoint keeps their records out of sight.
  CO_CHECKED(co_await write_log_start(offset));
  CO_CHECKED(usable());
  State& s = state();
  log_start_ = std::max(log_start_, std::min(offset, log_end_));
  high_watermark_ = std::max(high_watermark_, log_start_);
  s.epochs.truncate_from_start(log_start_);
  s.producers.on_log_start(log_start_);
  std::erase_if(s.quarantined, [&](const OffsetRange& range) { return range.end <= log_start_; });
  size_t count = 0;
  while (count + 1 < s.segments.size() && s.segments[count]->end_offset() <= log_start_ &&
         s.segments[count]->end_offset() <= durable_end_) {
    ++count;
  }
  CO_CHECKED(remove_segments(0, count));
  co_return remove_old_snapshots();
}

Result<> PartitionLog::remove_old_snapshots() {
  // The newest one is kept wherever it stands: it knows the producers of what was removed.
  auto& snapshots = state_->snapshots;
  size_t count = 0;
  while (count + 1 < snapshots.size() &&
         snapshots[count] < state_->segments.front()->base_offset()) {
    const std::string path = join_path(directory_, producer_snapshot_name(snapshots[count]));
    CHECKED(context_.deleted.rename_away(
        path, context_.shard.now() + from_ms(config_->file_delete_delay_ms)));
    ++count;
  }
  snapshots.erase(snapshots.begin(), snapshots.begin() + static_cast<ptrdiff_t>(count));
  return {};
}

Task<Result<Offset>> PartitionLog::retention_start(WallTime now) {
  State& s = state();
  Offset start = log_start_;
  if (!config_->cleanup_delete) co_return start;
  uint64_t size = size_bytes();
  const auto bytes_max = static_cast<uint64_t>(config_->retention_bytes);
  const Offset limit = std::min(high_watermark_, durable_end_);
  for (Offset at = s.segments.front()->base_offset(); at < log_end_;) {
    Segment& segment = *s.segments[segment_index(at)];
    const Offset end = segment.end_offset();
    if (segment.size() == 0 || end > limit) break;
    bool expired = config_->retention_bytes >= 0 && size >= bytes_max &&
                   (mutant("storage.retention_deletes_too_much") ||
                    (size - segment.size() >= bytes_max && &segment != s.segments.back().get()));
    if (!expired && config_->retention_ms >= 0) {
      const uint64_t segment_size = segment.size();
      CO_TRY(const SegmentTimestamp largest, co_await segment.max_timestamp());
      CO_CHECKED(usable());
      // Without timestamps nothing tells a segment's age.
      expired =
          largest.timestamp.ms() >= 0 && now.ms() - largest.timestamp.ms() > config_->retention_ms;
      if (segment_size == 0) break;
    }
    if (!expired) break;
    size -= segment.size();
    start = end;
    at = end;
  }
  co_return start;
}

Task<Result<size_t>> PartitionLog::delete_old_segments(WallTime now) {
  CO_CHECKED(co_await load());
  if (!has_files_ || state_->segments.empty()) co_return size_t{0};
  Offset start = log_start_;
  {
    const Reading reading(*this);
    CO_TRY(start, co_await retention_start(now));
  }
  const size_t before = segment_count();
  if (start == log_end_ && active().size() > 0) {
    // Even the active segment is too old: it is closed, and goes with the others.
    CO_CHECKED(roll(now));
    CO_CHECKED(co_await context_.flusher.flush_now(*this));
    CO_CHECKED(co_await move_log_start(start));
    co_return before + 1 - segment_count();
  }
  CO_CHECKED(co_await move_log_start(std::max(start, log_start_)));
  // DeleteRecords may have left segments that were not flushed yet.
  co_return before - std::min(before, segment_count());
}

}  // namespace partita::storage
