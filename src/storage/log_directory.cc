#include "storage/log_directory.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fault_points.h"
#include "storage/clean_shutdown.h"
#include "storage/deleted_files.h"
#include "storage/offset_checkpoint.h"
#include "storage/partition_metadata.h"

namespace partita::storage {
namespace {

constexpr std::string_view kFileNames[] = {kRecoveryPointCheckpoint, kLogStartCheckpoint,
                                           kHighWatermarkCheckpoint};

bool is_retired(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) && name.find('.') != std::string_view::npos;
}

}  // namespace

LogDirectory::LogDirectory(Scope& home, LogDirectoryOptions options, Log log)
    : home_(home), path_(std::move(options.path)), log_(log) {}

LogDirectory::~LogDirectory() = default;

Task<Result<std::unique_ptr<LogDirectory>>> LogDirectory::open(Scope& home,
                                                               LogDirectoryOptions options,
                                                               Log log) {
  const bool create = options.create;
  std::unique_ptr<LogDirectory> directory(new LogDirectory(home, std::move(options), log));
  CO_CHECKED(co_await directory->load(create));
  co_return directory;
}

Task<Result<>> LogDirectory::load(bool create) {
  Shard& shard = home_.shard();
  if (create) {
    const Result<> made = shard.disk().make_directory(path_);
    if (!made && made.error().code != Errc::already_exists) co_return made;
    if (made)
      CO_CHECKED(co_await sync_directory(shard.executor(), shard.disk(), parent_path(path_)));
  }
  CO_TRY(lock_, shard.disk().lock(path_));
  CO_CHECKED(co_await load_meta_properties());
  CO_TRY(clean_shutdown_epoch_,
         co_await read_clean_shutdown(shard.executor(), shard.disk(), path_));
  for (const CheckpointFile which : {kRecoveryPoint, kLogStart, kHighWatermark}) {
    CO_CHECKED(co_await load_checkpoint(which));
  }
  CO_CHECKED(co_await find_partitions());
  // Nothing may be appended while the marker could still be found after a crash.
  if (mutant("storage.keep_clean_marker")) co_return Result<>();
  co_return co_await remove_clean_shutdown(shard.executor(), shard.disk(), path_);
}

Task<Result<>> LogDirectory::load_meta_properties() {
  Shard& shard = home_.shard();
  const auto bytes =
      co_await read_file(shard.executor(), shard.disk(), join_path(path_, kMetaPropertiesFile),
                         kMetaPropertiesBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) co_return Result<>();
  CO_CHECKED(bytes);
  CO_TRY(meta_properties_, decode_meta_properties(bytes->view()));
  co_return Result<>();
}

Task<Result<>> LogDirectory::write_meta_properties(MetaProperties properties) {
  CO_CHECKED(online());
  Shard& shard = home_.shard();
  CO_CHECKED(co_await write_checkpoint(shard.executor(), shard.disk(),
                                       join_path(path_, kMetaPropertiesFile),
                                       encode_meta_properties(properties, shard.clock().wall())));
  meta_properties_ = std::move(properties);
  co_return Result<>();
}

Task<Result<>> LogDirectory::load_checkpoint(CheckpointFile which) {
  Shard& shard = home_.shard();
  const std::string path = join_path(path_, kFileNames[which]);
  auto entries = co_await read_offset_checkpoint(shard.executor(), shard.disk(), path);
  if (!entries && entries.error().code == Errc::corrupt_data) {
    // Recovery then reads whole logs, and a log starts with its first segment.
    COVERED("storage.checkpoint_unusable");
    log_.warn("{} makes no sense and is done without: {}", path, describe(entries.error()));
    clean_shutdown_epoch_.reset();
    co_return Result<>();
  }
  if (!entries && entries.error().code == Errc::not_found) co_return Result<>();
  CO_CHECKED(entries);
  for (OffsetCheckpointEntry& entry : *entries) {
    rows_[{.topic = std::move(entry.topic), .partition = entry.partition}].offsets[which] =
        entry.offset;
  }
  co_return Result<>();
}

Task<Result<>> LogDirectory::find_partitions() {
  Disk& disk = home_.shard().disk();
  CO_TRY(const auto entries, disk.list(path_));
  std::map<TopicPartition, Row> rows;
  for (const DirectoryEntry& entry : entries) {
    const std::string path = join_path(path_, entry.name);
    if (!entry.is_directory) {
      if (entry.name.ends_with(".tmp")) CO_CHECKED(disk.unlink(path));
      continue;
    }
    if (is_retired(entry.name, "-delete")) {
      CO_CHECKED(remove_tree(disk, path));
      continue;
    }
    auto name = TopicPartition::parse(entry.name);
    if (!name) continue;
    CO_TRY(const TopicId topic_id, co_await read_topic_id(path));
    const auto row = rows_.find(*name);
    FoundPartition found{.name = *name, .topic_id = topic_id, .directory = path, .offsets = {}};
    if (row != rows_.end()) {
      const Row& offsets = row->second;
      found.offsets.log_start = offsets.offsets[kLogStart].value_or(Offset(0));
      found.offsets.recovery_point = offsets.offsets[kRecoveryPoint].value_or(Offset(0));
      found.offsets.high_watermark = offsets.offsets[kHighWatermark].value_or(Offset(0));
      // Without the recovery point nobody knows where a clean log ends.
      found.offsets.clean = clean_shutdown_epoch_ && offsets.offsets[kRecoveryPoint];
      rows[*name] = offsets;
    }
    found_.push_back(std::move(found));
  }
  const bool stale = rows.size() < rows_.size();
  rows_ = std::move(rows);
  if (!stale) co_return Result<>();
  // What the files say of partitions that are not here must not be taken for later ones of the same
  // name.
  COVERED("storage.stale_checkpoint_entries");
  for (const CheckpointFile which : {kRecoveryPoint, kLogStart, kHighWatermark}) {
    CO_CHECKED(co_await write(which));
  }
  co_return Result<>();
}

Task<Result<TopicId>> LogDirectory::read_topic_id(std::string directory) {
  Shard& shard = home_.shard();
  const auto bytes =
      co_await read_file(shard.executor(), shard.disk(),
                         join_path(directory, kPartitionMetadataFile), kPartitionMetadataBytesMax);
  if (!bytes && bytes.error().code != Errc::not_found &&
      bytes.error().code != Errc::limit_exceeded) {
    co_return std::unexpected(bytes.error());
  }
  const auto id = bytes ? decode_partition_metadata(bytes->view())
                        : Result<TopicId>(std::unexpected(bytes.error()));
  if (id) co_return *id;
  COVERED("storage.partition_metadata_unusable");
  log_.warn("{} does not tell its topic id: {}", directory, describe(id.error()));
  co_return TopicId();
}

Result<> LogDirectory::online() const {
  if (failure_) return fail(Errc::kafka_storage_error, describe(*failure_));
  return {};
}

void LogDirectory::fail_with(Error error) {
  if (failure_) return;
  log_.error("The log directory {} has failed and goes offline: {}", path_, describe(error));
  failure_ = std::move(error);
}

Task<bool> LogDirectory::report_failure(Error error) {
  fail_with(std::move(error));
  co_return true;
}

Task<Result<>> LogDirectory::write(size_t which) {
  Writer& writer = writers_[which];
  const uint64_t mine = ++writer.wanted;
  while (writer.written < mine) {
    CO_CHECKED(online());
    if (writer.running) {
      CO_CHECKED(co_await written_.wait(home_));
      continue;
    }
    writer.running = true;
    const uint64_t covered = writer.wanted;
    const Result<> result = which == kNames ? co_await sync_directory(home_.shard().executor(),
                                                                      home_.shard().disk(), path_)
                                            : co_await replace(static_cast<CheckpointFile>(which));
    writer.running = false;
    if (result) writer.written = covered;
    written_.wake_all();
    if (!result && result.error().code == Errc::io_error) fail_with(result.error());
    CO_CHECKED(result);
  }
  co_return Result<>();
}

Task<Result<>> LogDirectory::write_if(bool changed, CheckpointFile which) {
  const Writer& writer = writers_[which];
  if (!changed && writer.written == writer.wanted) co_return online();
  co_return co_await write(which);
}

bool LogDirectory::set(const TopicPartition& name, CheckpointFile which, Offset offset) {
  // A missing entry says the same as 0.
  auto& at = rows_[name].offsets[which];
  return std::exchange(at, offset).value_or(Offset(0)) != offset;
}

Task<Result<>> LogDirectory::replace(CheckpointFile which) {
  std::vector<OffsetCheckpointEntry> entries;
  entries.reserve(rows_.size());
  for (const auto& [name, row] : rows_) {
    if (!row.offsets[which]) continue;
    entries.push_back(
        {.topic = name.topic, .partition = name.partition, .offset = *row.offsets[which]});
  }
  Shard& shard = home_.shard();
  co_return co_await write_offset_checkpoint(
      shard.executor(), shard.disk(), join_path(path_, kFileNames[which]), std::move(entries));
}

Task<Result<>> LogDirectory::write_checkpoints(std::vector<CheckpointEntry> entries) {
  bool recovery_points = false;
  bool log_starts = false;
  for (const CheckpointEntry& entry : entries) {
    recovery_points |= set(entry.name, kRecoveryPoint, entry.recovery_point);
    log_starts |= set(entry.name, kLogStart, entry.log_start);
  }
  CO_CHECKED(co_await write_if(recovery_points, kRecoveryPoint));
  co_return co_await write_if(log_starts, kLogStart);
}

Task<Result<>> LogDirectory::write_high_watermarks(std::vector<CheckpointEntry> entries) {
  bool changed = false;
  for (const CheckpointEntry& entry : entries) {
    changed |= set(entry.name, kHighWatermark, entry.high_watermark);
  }
  co_return co_await write_if(changed, kHighWatermark);
}

Task<Result<>> LogDirectory::write_log_start(TopicPartition name, Offset log_start) {
  co_return co_await write_if(set(name, kLogStart, log_start), kLogStart);
}

Task<Result<>> LogDirectory::lower_recovery_point(TopicPartition name, Offset recovery_point) {
  const auto row = rows_.find(name);
  const bool lower = row != rows_.end() && row->second.offsets[kRecoveryPoint] &&
                     *row->second.offsets[kRecoveryPoint] > recovery_point;
  if (lower) set(name, kRecoveryPoint, recovery_point);
  co_return co_await write_if(lower, kRecoveryPoint);
}

Task<Result<>> LogDirectory::forget(TopicPartition name) {
  const auto row = rows_.find(name);
  bool written = false;
  const Row gone = row == rows_.end() ? Row() : row->second;
  if (row != rows_.end()) rows_.erase(row);
  // Each of these syncs the directory, and with it the partition's new name.
  for (const CheckpointFile which : {kRecoveryPoint, kLogStart, kHighWatermark}) {
    if (!gone.offsets[which]) continue;
    CO_CHECKED(co_await write(which));
    written = true;
  }
  co_return written ? Result<>() : co_await write(kNames);
}

Task<Result<>> LogDirectory::close_cleanly(BrokerEpoch epoch) {
  CO_CHECKED(online());
  Shard& shard = home_.shard();
  CO_CHECKED(co_await write_clean_shutdown(shard.executor(), shard.disk(), path_, epoch));
  lock_.reset();
  co_return Result<>();
}

}  // namespace partita::storage
