#include "storage/recovery.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/batch_scan.h"
#include "storage/deleted_files.h"
#include "storage/log_config.h"
#include "storage/producer_snapshot.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

constexpr uint64_t kEpochCheckpointBytesMax = uint64_t{16} << 20;

void note_epoch(LeaderEpochCache& epochs, const records::BatchHeader& batch) {
  const LeaderEpoch epoch = batch.partition_leader_epoch();
  if (epoch.value() < 0 || epochs.epoch_for_offset(batch.base_offset()) == epoch) return;
  epochs.assign(epoch, batch.base_offset());
}

}  // namespace

LogRecovery::LogRecovery(LogContext& context, std::string directory, LogOffsets offsets,
                         std::shared_ptr<const LogConfig> config)
    : context_(context),
      directory_(std::move(directory)),
      offsets_(offsets),
      config_(std::move(config)) {}

Task<Result<>> LogRecovery::run() {
  CO_CHECKED(co_await list_files());
  CO_CHECKED(drop_below_log_start());
  CO_CHECKED(co_await load_epochs());
  bool done = false;
  if (offsets_.clean) {
    CO_TRY(done, co_await load_clean());
  }
  if (!done) CO_CHECKED(co_await recover());
  co_return finish();
}

Result<> LogRecovery::drop_below_log_start() {
  // Before anything is read: of the names that retention removed some may be back, with gaps
  // between.
  while (found_.size() > 1 && found_[1].base <= offsets_.log_start) {
    COVERED("storage.segment_below_log_start");
    Segment segment(context_, directory_, found_[0].base, found_[0].size, found_[1].base, *config_);
    CHECKED(segment.rename_away(config_->file_delete_delay_ms));
    found_.erase(found_.begin());
  }
  return {};
}

Task<Result<bool>> LogRecovery::load_clean() {
  log_end = std::max(offsets_.recovery_point, offsets_.log_start);
  if (found_.empty()) co_return log_end == offsets_.log_start;
  for (size_t i = 0; i < found_.size(); ++i) {
    const bool last = i + 1 == found_.size();
    const Offset end = last ? log_end : found_[i + 1].base;
    if (found_[i].base > end) break;
    segments.push_back(make_segment(found_[i], end));
  }
  if (segments.size() == found_.size()) {
    const Result<Offset> end = co_await segments.back()->activate();
    if (!end && end.error().code != Errc::corrupt_data) co_return std::unexpected(end.error());
    if (end && *end == log_end) {
      CO_CHECKED(co_await open_txn_indexes(segments.size()));
      if (!epochs_known_) CO_CHECKED(co_await fill_epochs(segments.size()));
      active_ready = true;
      co_return true;
    }
  }
  COVERED("storage.clean_stop_contradicted");
  context_.log.warn("{} is not as its clean stop left it: recovering", directory_);
  segments.clear();
  co_return false;
}

std::unique_ptr<Segment> LogRecovery::make_segment(const Found& found, Offset end) {
  auto segment =
      std::make_unique<Segment>(context_, directory_, found.base, found.size, end, *config_);
  if (found.has_txn_index) segment->found_txn_index();
  return segment;
}

Task<Result<>> LogRecovery::open_txn_indexes(size_t segment_count) {
  for (size_t i = 0; i < segment_count; ++i) {
    Segment& segment = *segments[i];
    Result<> opened = co_await segment.open_txn_index();
    if (std::ranges::count(swapped_, segment.base_offset()) > 0) {
      opened = fail(Errc::corrupt_data, "the segment was just put in place");
    }
    if (opened) continue;
    const Errc code = opened.error().code;
    if (code != Errc::corrupt_data && code != Errc::truncated_data) co_return opened;
    COVERED("storage.txn_index_made_anew");
    context_.log.warn("Making {} anew: {}", segment.path(kTxnIndexSuffix),
                      describe(opened.error()));
    CO_CHECKED(segment.drop_txn_index());
    without_txn_index.push_back(segment.base_offset());
  }
  co_return Result<>();
}

Task<Result<>> LogRecovery::recover() {
  const Offset recovery_point = offsets_.recovery_point;
  // The segment that holds the last synced record is the first to be read: one that is followed by
  // another below the recovery point was synced with its indexes.
  size_t first = 0;
  while (first + 1 < found_.size() && found_[first + 1].base < recovery_point) ++first;
  for (size_t i = 0; i < found_.size(); ++i) {
    const Offset end = i < first ? found_[i + 1].base : found_[i].base;
    segments.push_back(make_segment(found_[i], end));
  }
  CO_CHECKED(co_await open_txn_indexes(std::min(first, segments.size())));
  if (!epochs_known_) CO_CHECKED(co_await fill_epochs(std::min(first, segments.size())));
  log_end = segments.empty() ? offsets_.log_start : segments[first]->base_offset();
  for (size_t i = first; i < segments.size(); ++i) {
    if (!bridge_gap(segments[i]->base_offset())) {
      CO_CHECKED(set_aside_from(i));
      break;
    }
    CO_TRY(const bool goes_on, co_await recover_segment(i));
    if (!goes_on) break;
  }
  if (active_ready) CO_CHECKED(co_await segments.back()->activate());
  if (log_end < recovery_point) {
    COVERED("storage.end_below_recovery_point");
    context_.log.error("{} ends at {}, below its recovery point {}: those records are lost here",
                       directory_, log_end.value(), recovery_point.value());
    quarantined.push_back({.first = log_end, .end = recovery_point});
    log_end = recovery_point;
    active_ready = false;
  }
  names_changed = true;
  co_return Result<>();
}

bool LogRecovery::bridge_gap(Offset next_base) {
  if (next_base <= log_end) return true;
  if (next_base > offsets_.recovery_point) return false;
  COVERED("storage.gap_below_recovery_point");
  quarantined.push_back({.first = log_end, .end = next_base});
  log_end = next_base;
  return true;
}

void LogRecovery::note_marker(const Segment& segment, const records::BatchHeader& batch) {
  if (!batch.attributes().is_control() || !batch.has_producer_id()) return;
  const Offset base = segment.base_offset();
  if (without_txn_index.empty() || without_txn_index.back() != base) {
    without_txn_index.push_back(base);
  }
}

Task<Result<bool>> LogRecovery::recover_segment(size_t index) {
  Segment& segment = *segments[index];
  const uint64_t size = found_[index].size;
  active_ready = false;
  CO_CHECKED(segment.begin_rebuild());
  CO_TRY(FilePin file, segment.pin());
  SegmentScan scan(context_.shard.executor(), *file, segment.base_offset(), size);
  uint64_t position = 0;
  bool force_entry = false;
  Result<> indexed;
  const auto note = [&](const ScannedBatch& found) {
    const BatchFacts facts{.last_offset = found.batch.last_offset(),
                           .max_timestamp = found.batch.max_timestamp(),
                           .bytes = found.batch.total_size()};
    if (indexed) {
      indexed = segment.index_found(found.position, found.batch.base_offset(), facts, force_entry);
    }
    force_entry = false;
    note_marker(segment, found.batch);
    note_epoch(epochs, found.batch);
  };
  while (true) {
    CO_TRY(const auto bad, co_await scan.walk(position, log_end, note));
    CO_CHECKED(indexed);
    log_end = scan.expected();
    if (!bad) break;
    if (bad->expected >= offsets_.recovery_point) {
      CO_CHECKED(co_await end_log_at(index, *bad));
      active_ready = true;
      co_return false;
    }
    COVERED("storage.corruption_quarantined");
    context_.log.error("{} is corrupt at position {} (offset {}): {}", segment.path(kLogSuffix),
                       bad->position, bad->expected.value(), bad->what);
    // Without a good batch behind it the file is of no more use: the next segment tells how much is
    // missing.
    if (!bad->next_position) co_return true;
    quarantined.push_back({.first = bad->expected, .end = bad->next_offset});
    position = *bad->next_position;
    log_end = bad->next_offset;
    force_entry = true;
  }
  active_ready = true;
  if (index + 1 < segments.size()) {
    CO_CHECKED(segment.seal(to_sync));
  }
  to_sync.push_back(segment.path(kLogSuffix));
  co_return true;
}

Task<Result<>> LogRecovery::end_log_at(size_t index, const BadRegion& bad) {
  Segment& segment = *segments[index];
  COVERED("storage.torn_tail");
  context_.log.warn("{} ends at position {} (offset {}), {} bytes before its end: {}",
                    segment.path(kLogSuffix), bad.position, bad.expected.value(),
                    found_[index].size - bad.position, bad.what);
  if (bad.next_position) {
    CO_CHECKED(co_await keep_cut(segment, bad.position, found_[index].size));
  }
  CO_TRY(FilePin file, segment.pin());
  CO_CHECKED(file->truncate(bad.position));
  to_sync.push_back(segment.path(kLogSuffix));
  co_return set_aside_from(index + 1);
}

Result<> LogRecovery::set_aside_from(size_t index) {
  for (size_t i = index; i < segments.size(); ++i) {
    COVERED("storage.segment_set_aside");
    const Offset base = segments[i]->base_offset();
    const std::string log = segment_file_name(base, kLogSuffix);
    if (found_[i].size > 0) {
      CHECKED(context_.shard.disk().rename(path(log), path(log + ".0.cut")));
    } else {
      CHECKED(unlink(log));
    }
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix}) {
      CHECKED(unlink(segment_file_name(base, suffix)));
    }
  }
  for (size_t i = index; i < segments.size(); ++i) sync_no_more(*segments[i]);
  segments.resize(std::min(index, segments.size()));
  return {};
}

void LogRecovery::sync_no_more(const Segment& segment) {
  std::erase_if(to_sync, [&](const std::string& path) {
    return path == segment.path(kLogSuffix) || path == segment.path(kOffsetIndexSuffix) ||
           path == segment.path(kTimeIndexSuffix);
  });
  std::erase(without_txn_index, segment.base_offset());
}

Task<Result<>> LogRecovery::keep_cut(Segment& segment, uint64_t position, uint64_t size) {
  constexpr size_t kChunk = size_t{1} << 20;
  COVERED("storage.cut_bytes_kept");
  Executor& executor = context_.shard.executor();
  CO_TRY(FilePin from, segment.pin());
  const std::string name = segment.path(kLogSuffix) + "." + std::to_string(position) + ".cut";
  CO_TRY(auto to, context_.shard.disk().open(name, OpenMode::create_or_open));
  CO_CHECKED(to->truncate(0));
  Buffer chunk(kChunk);
  for (uint64_t at = position; at < size;) {
    chunk.resize(std::min<uint64_t>(kChunk, size - at));
    CO_CHECKED(co_await read_exactly(executor, *from, at, chunk.span()));
    CO_CHECKED(to->write(at - position, chunk.view()));
    at += chunk.size();
  }
  CO_CHECKED(co_await sync(executor, *to));
  co_return co_await sync_directory(executor, context_.shard.disk(), directory_);
}

Task<Result<>> LogRecovery::load_epochs() {
  const Result<Bytes> bytes =
      co_await read_file(context_.shard.executor(), context_.shard.disk(),
                         path(kLeaderEpochCheckpoint), kEpochCheckpointBytesMax);
  if (!bytes && bytes.error().code != Errc::not_found) co_return std::unexpected(bytes.error());
  const Result<LeaderEpochCache> decoded =
      bytes ? LeaderEpochCache::decode(bytes->view())
            : Result<LeaderEpochCache>(std::unexpected(bytes.error()));
  epochs_known_ = decoded.has_value();
  if (decoded) {
    epochs = *decoded;
  } else if (!found_.empty()) {
    COVERED("storage.epochs_made_anew");
    context_.log.warn("Making the leader epochs of {} anew: {}", directory_,
                      describe(decoded.error()));
  }
  co_return Result<>();
}

Task<Result<>> LogRecovery::fill_epochs(size_t segment_count) {
  for (size_t i = 0; i < segment_count; ++i) {
    CO_TRY(FilePin file, segments[i]->pin());
    BatchScan scan(context_.shard.executor(), *file, 0, segments[i]->size());
    while (true) {
      const auto header = co_await scan.next_header();
      if (!header && header.error().code == Errc::corrupt_data) break;
      CO_CHECKED(header);
      if (!*header) break;
      note_epoch(epochs, **header);
    }
  }
  co_return Result<>();
}

Result<> LogRecovery::finish() {
  log_start = offsets_.log_start;
  if (!segments.empty()) log_start = std::max(log_start, segments.front()->base_offset());
  if (log_end < log_start) {
    COVERED("storage.end_below_log_start");
    for (const auto& segment : segments) {
      CHECKED(segment->rename_away(config_->file_delete_delay_ms));
      sync_no_more(*segment);
    }
    segments.clear();
    log_end = log_start;
  }
  if (found_.empty() || segments.empty()) {
    // Without a segment the log begins anew at log_start: older producers are none of its own.
    for (const Offset offset : snapshots) CHECKED(unlink(producer_snapshot_name(offset)));
    snapshots.clear();
  }
  if (segments.empty()) active_ready = false;
  epochs.clip(log_start, log_end);
  std::erase_if(quarantined, [&](const OffsetRange& range) { return range.end <= log_start; });
  for (const Offset offset : snapshots) {
    if (offset > log_end) CHECKED(unlink(producer_snapshot_name(offset)));
  }
  std::erase_if(snapshots, [&](Offset offset) { return offset > log_end; });
  return {};
}

}  // namespace partita::storage
