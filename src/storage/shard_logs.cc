#include "storage/shard_logs.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/cross_shard.h"
#include "storage/deleted_files.h"
#include "storage/log_config.h"

namespace partita::storage {
namespace {

/// A wall clock that moved by this much more or less than the monotonic one has been stepped.
constexpr int64_t kWallStepMs = 60'000;
constexpr size_t kFileNameMax = 255;
constexpr Duration kDirectoryDeleteDelay = 60s;  // file.delete.delay.ms of the broker

/// "topic-0.5ee2b1...-delete": the topic is cut where the name would be too long for a file system.
std::string retired_name(const TopicPartition& name, const Uuid& unique, std::string_view suffix) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string tail = "-" + std::to_string(name.partition.value()) + ".";
  for (const uint8_t byte : unique.bytes()) {
    tail += kHex[byte >> 4];
    tail += kHex[byte & 15];
  }
  tail.append(suffix);
  return name.topic.substr(0, kFileNameMax - tail.size()) + tail;
}

}  // namespace

ShardLogs::ShardLogs(Scope& scope, LogDirectory& directory, ShardLogsOptions options, Log log)
    : scope_(scope),
      directory_(directory),
      files_(scope.shard().disk(), options.open_files_max),
      tail_(options.tail_ring_bytes),
      flusher_(scope, directory.path(), options.file_syncs_max),
      deleted_(std::make_unique<DeletedFiles>(scope.shard().disk())),
      context_{.shard = scope.shard(),
               .scope = scope,
               .directory = directory,
               .files = files_,
               .tail = tail_,
               .flusher = flusher_,
               .deleted = *deleted_,
               .decompressor = decompressor_,
               .parts = {},
               .offline = {},
               .log = log},
      // A step before the first look is one too.
      last_retention_({scope.shard().now(), scope.shard().clock().wall()}) {}

ShardLogs::~ShardLogs() = default;

PartitionLog& ShardLogs::create(TopicPartition name, TopicId topic_id,
                                std::shared_ptr<const LogConfig> config) {
  const std::string path = join_path(directory_.path(), name.to_string());
  auto log = std::make_unique<PartitionLog>(context_, name, topic_id, path, std::move(config));
  const auto [at, added] = logs_.emplace(std::move(name), std::move(log));
  CHECK(added);
  return *at->second;
}

PartitionLog& ShardLogs::open(const FoundPartition& found, TopicId topic_id,
                              std::shared_ptr<const LogConfig> config) {
  CHECK(found.topic_id == topic_id || found.topic_id.is_zero());
  auto log = std::make_unique<PartitionLog>(context_, found.name, topic_id, found.directory,
                                            std::move(config), found.offsets);
  const auto [at, added] = logs_.emplace(found.name, std::move(log));
  CHECK(added);
  return *at->second;
}

PartitionLog* ShardLogs::find(const TopicPartition& name) {
  const auto at = logs_.find(name);
  return at == logs_.end() ? nullptr : at->second.get();
}

Task<Result<>> ShardLogs::retire(TopicPartition name, std::string from, std::string_view suffix,
                                 bool removed_later) {
  Disk& disk = scope_.shard().disk();
  const std::string to =
      join_path(directory_.path(), retired_name(name, scope_.shard().random().uuid(), suffix));
  Result<> gone = disk.rename(from, to);
  if (gone) {
    if (removed_later) {
      deleted_->add_directory(to, scope_.shard().now() + kDirectoryDeleteDelay);
    }
    // What the checkpoints say of the name must not be taken for the next partition that has it.
    LogDirectory& directory = directory_;
    gone = co_await call_on(scope_.shard(), directory_.home(),
                            [&directory, name] { return directory.forget(name); });
  }
  // Nor may what is left of it be taken for that.
  if (!gone && gone.error().code != Errc::stopped) context_.offline = gone.error();
  co_return gone;
}

Task<Result<>> ShardLogs::remove(TopicPartition name) {
  const auto at = logs_.find(name);
  if (at == logs_.end()) co_return fail(Errc::unknown_topic_or_partition, name.to_string());
  PartitionLog& log = *at->second;
  log.retire({.code = Errc::unknown_topic_or_partition, .detail = "the partition is deleted"});
  CO_CHECKED(co_await flusher_.quiesce(log));
  CO_CHECKED(co_await log.readers_gone());
  flusher_.forget(log);
  const bool has_files = log.has_files();
  const std::string path = log.directory();
  logs_.erase(name);
  if (!has_files || mutant("storage.deleted_files_stay")) co_return Result<>();
  co_return co_await retire(name, path, "-delete", true);
}

Task<Result<>> ShardLogs::set_aside(FoundPartition found) {
  CHECK(find(found.name) == nullptr);
  co_return co_await retire(found.name, found.directory, "-stray", false);
}

Task<Result<>> ShardLogs::delete_due_files(Instant now) {
  co_return deleted_->remove_due(now);
}

Task<Result<size_t>> ShardLogs::delete_old_segments(Instant now, WallTime wall) {
  const auto last = std::exchange(last_retention_, std::pair(now, wall));
  if (last) {
    const int64_t step = (wall.ms() - last->second.ms()) - to_ms(now - last->first);
    const bool stepped = step > kWallStepMs || step < -kWallStepMs;
    if (stepped && !mutant("storage.retention_believes_clock")) {
      COVERED("storage.wall_clock_stepped");
      context_.log.warn("The wall clock was stepped by {} ms: retention waits for the next check",
                        step);
      co_return size_t{0};
    }
  }
  std::vector<TopicPartition> names;
  for (const auto& [name, log] : logs_) {
    if (log->has_files()) names.push_back(name);
  }
  size_t count = 0;
  for (const TopicPartition& name : names) {
    PartitionLog* log = find(name);
    if (log == nullptr || !log->usable()) continue;
    CO_CHECKED(co_await log->load());
    CO_TRY(const size_t deleted, co_await log->delete_old_segments(wall));
    count += deleted;
  }
  co_return count;
}

size_t ShardLogs::expire_producers(Instant now) {
  size_t count = 0;
  for (const auto& [name, log] : logs_) count += log->expire_producers(now);
  return count;
}

std::vector<CheckpointEntry> ShardLogs::checkpoint_entries() const {
  std::vector<CheckpointEntry> entries;
  for (const auto& [name, log] : logs_) {
    if (!log->has_files()) continue;
    entries.push_back({.name = name,
                       .recovery_point = log->recovery_point(),
                       .log_start = log->checkpoint_log_start(),
                       .high_watermark = log->high_watermark()});
  }
  return entries;
}

Task<Result<>> ShardLogs::write_checkpoints() {
  LogDirectory& directory = directory_;
  co_return co_await call_on(scope_.shard(), directory_.home(),
                             [&directory, entries = checkpoint_entries()] {
                               return directory.write_checkpoints(entries);
                             });
}

Task<Result<>> ShardLogs::write_high_watermarks() {
  LogDirectory& directory = directory_;
  co_return co_await call_on(scope_.shard(), directory_.home(),
                             [&directory, entries = checkpoint_entries()] {
                               return directory.write_high_watermarks(entries);
                             });
}

Task<Result<>> ShardLogs::close_cleanly() {
  std::vector<PartitionLog*> with_files;
  for (const auto& [name, log] : logs_) {
    if (log->has_files()) with_files.push_back(log.get());
  }
  for (PartitionLog* log : with_files) {
    // One that nobody touched since a clean stop is as that left it.
    if (!log->loaded() && log->clean()) continue;
    CO_CHECKED(co_await log->load());
    CO_CHECKED(log->prepare_close());
  }
  // All are marked before the first is waited for: they share few flushes.
  for (PartitionLog* log : with_files) flusher_.mark_dirty(*log);
  for (PartitionLog* log : with_files) {
    if (log->loaded()) CO_CHECKED(co_await flusher_.flush_now(*log));
  }
  CO_CHECKED(co_await write_checkpoints());
  co_return co_await write_high_watermarks();
}

}  // namespace partita::storage
