// Loading a PartitionLog: recovery, then the producers from the newest snapshot on.

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/batch_scan.h"
#include "storage/partition_log_state.h"
#include "storage/partition_metadata.h"
#include "storage/producer_replay.h"
#include "storage/recovery.h"

namespace partita::storage {
namespace {

/// Writes partition.metadata where a crash has lost it: without it the records could be taken for
/// those of another topic of the name. Whether it was missing.
Task<Result<bool>> name_topic(Shard& shard, std::string directory, TopicId id) {
  if (id.is_zero()) co_return false;
  const std::string path = join_path(directory, kPartitionMetadataFile);
  const auto bytes =
      co_await read_file(shard.executor(), shard.disk(), path, kPartitionMetadataBytesMax);
  if (bytes && decode_partition_metadata(bytes->view())) co_return false;
  if (!bytes && bytes.error().code != Errc::not_found &&
      bytes.error().code != Errc::limit_exceeded) {
    co_return std::unexpected(bytes.error());
  }
  COVERED("storage.partition_metadata_written_anew");
  CO_TRY(const auto file, shard.disk().open(path, OpenMode::create_or_open));
  CO_CHECKED(file->truncate(0));
  CO_CHECKED(file->write(0, encode_partition_metadata(id).view()));
  co_return true;
}

}  // namespace

Task<Result<>> PartitionLog::load() {
  while (loading_) CO_CHECKED(co_await changed_.wait(context_.scope));
  if (loaded_) co_return usable();
  CO_CHECKED(usable());
  loading_ = true;
  const Result<> result = co_await load_files();
  loading_ = false;
  loaded_ = result.has_value();
  changed_.wake_all();
  if (loaded_ || result.error().code == Errc::stopped) co_return result;
  // Nothing was cut for it: another attempt may find the disk better, but a disk that fails is not
  // to be trusted.
  state_.reset();
  if (result.error().code == Errc::io_error) fail_with(result.error());
  co_return fail(Errc::kafka_storage_error, describe(result.error()));
}

Task<Result<>> PartitionLog::load_files() {
  const Offset recovery_point = durable_end_;
  const LogOffsets offsets{.log_start = log_start_,
                           .recovery_point = recovery_point,
                           .high_watermark = high_watermark_,
                           .clean = clean_};
  LogRecovery recovery(context_, directory_, offsets, config_);
  CO_CHECKED(co_await recovery.run());
  state_.reset();
  State& s = state();
  s.segments = std::move(recovery.segments);
  s.epochs = std::move(recovery.epochs);
  s.quarantined = std::move(recovery.quarantined);
  s.pending_files = std::move(recovery.to_sync);
  if (recovery.names_changed) s.pending_directories.push_back(directory_);
  log_start_ = checkpoint_log_start_ = recovery.log_start;
  log_end_ = recovery.log_end;
  durable_end_ = std::min(recovery_point, log_end_);
  if (!recovery.active_ready) {
    COVERED("storage.segment_after_recovery");
    CO_CHECKED(start_segment(log_end_, context_.shard.clock().wall()));
  }
  CO_TRY(const bool named, co_await name_topic(context_.shard, directory_, topic_id_));
  if (named) {
    s.pending_files.push_back(join_path(directory_, kPartitionMetadataFile));
    s.pending_directories.push_back(directory_);
  }
  high_watermark_ = std::clamp(high_watermark_, log_start_, log_end_);
  CO_CHECKED(co_await load_producers(std::move(recovery.snapshots)));
  CO_CHECKED(co_await rebuild_txn_indexes(std::move(recovery.without_txn_index)));
  if (mutant("storage.skip_sync.recovered")) {
    durable_end_ = log_end_;
  } else if (dirty()) {
    CO_CHECKED(co_await context_.flusher.flush_now(*this));
  }
  CHECK(durable_end_ == log_end_);
  co_return Result<>();
}

Task<Result<>> PartitionLog::load_producers(std::vector<Offset> snapshots) {
  State& s = state();
  s.snapshots = std::move(snapshots);
  s.producers.reset(log_start_);
  // Transactions that ended above the high watermark are in no snapshot behind their marker.
  CO_TRY(Offset from, co_await load_snapshot_below(high_watermark_.next(), s.producers));
  if (from == kNoOffset && s.segments.size() > 1) {
    // Snapshots have been lost, or the high watermark has: all of the log would be too much to
    // read.
    CO_TRY(from, co_await load_snapshot_below(log_end_.next(), s.producers));
  }
  s.snapshot_offset = from;
  for (const auto& segment : s.segments) {
    if (segment->end_offset() <= from) continue;
    CO_CHECKED(co_await replay_segment(*segment, from, s.producers, {}));
  }
  s.producers.advance_to(log_end_);
  s.producers.on_log_start(log_start_);
  s.producers.on_high_watermark(high_watermark_);
  co_return Result<>();
}

Task<Result<>> PartitionLog::rebuild_txn_indexes(std::vector<Offset> bases) {
  if (bases.empty() || mutant("storage.txn_index_not_rebuilt")) co_return Result<>();
  COVERED("storage.txn_indexes_rebuilt");
  State& s = state();
  std::ranges::sort(bases);
  ProducerState producers(s.producer_options);
  CO_TRY(Offset from, co_await load_snapshot_below(bases.front().next(), producers));
  from = std::max(from, log_start_);
  for (const auto& segment : s.segments) {
    if (segment->end_offset() <= from) continue;
    if (segment->base_offset() > bases.back()) break;
    Aborted aborted;
    if (std::ranges::count(bases, segment->base_offset()) > 0) {
      aborted = [&segment](const AbortedTxn& txn) { return segment->append_aborted(txn); };
    }
    CO_CHECKED(co_await replay_segment(*segment, from, producers, aborted));
    if (!aborted || !segment->has_txn_index()) continue;
    CO_CHECKED(segment->complete_txn_index(s.pending_files));
    s.pending_directories.push_back(directory_);
  }
  co_return Result<>();
}

Task<Result<Offset>> PartitionLog::load_snapshot_below(Offset limit, ProducerState& into) {
  auto& snapshots = state().snapshots;
  while (true) {
    const auto after = std::ranges::lower_bound(snapshots, limit);
    if (after == snapshots.begin()) co_return kNoOffset;
    const Offset newest = *std::prev(after);
    const Result<> loaded = co_await load_snapshot(newest, into);
    if (loaded) co_return newest;
    if (loaded.error().code != Errc::corrupt_data) co_return std::unexpected(loaded.error());
    COVERED("storage.snapshot_unusable");
    context_.log.warn("{}/{} is no producer snapshot: {}", directory_,
                      producer_snapshot_name(newest), describe(loaded.error()));
    CO_CHECKED(context_.shard.disk().unlink(join_path(directory_, producer_snapshot_name(newest))));
    std::erase(snapshots, newest);
  }
}

Task<Result<>> PartitionLog::load_snapshot(Offset offset, ProducerState& into) {
  const auto bytes = co_await read_file(context_.shard.executor(), context_.shard.disk(),
                                        join_path(directory_, producer_snapshot_name(offset)),
                                        kProducerSnapshotBytesMax);
  if (!bytes && bytes.error().code == Errc::limit_exceeded) {
    co_return fail(Errc::corrupt_data, bytes.error().detail);
  }
  CO_CHECKED(bytes);
  CO_TRY(const auto entries, decode_producer_snapshot(bytes->view()));
  co_return into.load(entries, offset, context_.shard.now());
}

Task<Result<>> PartitionLog::replay_segment(Segment& segment, Offset from, ProducerState& into,
                                            const Aborted& aborted) {
  while (from < segment.end_offset()) {
    const auto start = co_await segment.position_of(from);
    if (!start && start.error().code != Errc::corrupt_data)
      co_return std::unexpected(start.error());
    if (start) {
      CO_TRY(FilePin file, segment.pin());
      BatchScan scan(context_.shard.executor(), *file, *start, segment.size(), size_t{256} << 10);
      CO_TRY(from, co_await replay_batches(scan, from, into, aborted));
    }
    // What recovery has quarantined hides its producers too; those behind it are known.
    Offset next = segment.end_offset();
    for (const OffsetRange& range : state().quarantined) {
      if (range.end > from && range.end < next) next = range.end;
    }
    from = next;
  }
  co_return Result<>();
}

Task<Result<Offset>> PartitionLog::replay_batches(BatchScan& scan, Offset from, ProducerState& into,
                                                  const Aborted& aborted) {
  const Instant now = context_.shard.now();
  while (true) {
    const auto header = co_await scan.next_header();
    if (!header && header.error().code == Errc::corrupt_data) co_return from;
    CO_CHECKED(header);
    if (!*header) co_return from;
    from = std::max(from, (**header).next_offset());
    if (!(**header).attributes().is_control()) {
      into.apply(ProducerBatch::of(**header), now);
      continue;
    }
    if (!(**header).has_producer_id()) continue;
    const auto batch = co_await scan.whole_batch();
    if (!batch && batch.error().code == Errc::corrupt_data) co_return from;
    CO_CHECKED(batch);
    const auto marker = read_end_txn_marker(*batch);
    if (!marker || !*marker) continue;
    const auto ended = into.apply(**marker, now);
    if (ended && ended->is_aborted && aborted) CO_CHECKED(aborted(aborted_txn_of(*ended)));
  }
}

}  // namespace partita::storage
