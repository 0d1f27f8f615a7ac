#include "storage/flusher.h"

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "base/fault_points.h"
#include "runtime/disk.h"
#include "storage/flush_work.h"
#include "storage/log_config.h"
#include "storage/partition_log.h"

namespace partita::storage {
namespace {

/// Until a flush that found no room is tried again.
constexpr Duration kRetryDelay = 1s;

/// Lets everything that is ready run first.
struct EndOfTurn {
  Executor& executor;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { executor.ready(waiting); }
  void await_resume() const {}
};

/// One operation of several that run beside each other.
struct Operation {
  explicit Operation(Executor& executor, size_t which) : done(executor), work(which) {}
  Completion<Result<>> done;
  size_t work;  // whose it is
  std::unique_ptr<File> file;
};

}  // namespace

struct Flusher::Round {
  struct Part {
    PartitionLog* log;
    FlushWork work;
    Result<> result;
    bool postponed = false;  // there was no room to begin: the log is as dirty as before
  };
  std::vector<Part> parts;
  bool filesystem_synced = false;

  size_t file_count() const {
    size_t count = 0;
    for (const Part& part : parts) count += part.work.file_count();
    return count;
  }
};

struct Flusher::DueTimer final : Timer {
  explicit DueTimer(Flusher& owner) : flusher(owner) {}
  void fire() override { flusher.flush_due(flusher.shard_.now()); }
  Flusher& flusher;
};

Flusher::Flusher(Scope& scope, std::string directory, size_t file_syncs_max)
    : scope_(scope),
      shard_(scope.shard()),
      directory_(std::move(directory)),
      file_syncs_max_(file_syncs_max),
      timer_(std::make_unique<DueTimer>(*this)) {}

Flusher::~Flusher() {
  shard_.timers().cancel(*timer_);
  CHECK(!running_);
}

void Flusher::appended(PartitionLog& log, size_t bytes) {
  auto& mark = log.flush_mark;
  mark.unflushed_bytes += bytes;
  const LogConfig& config = log.config();
  switch (config.durability) {
    case Durability::fsync: return mark_dirty(log);
    case Durability::interval:
      if (mark.unflushed_bytes >= static_cast<uint64_t>(config.flush_interval_bytes))
        return mark_dirty(log);
      if (!mark.timer_set) flush_later(log, shard_.now() + config.flush_interval);
      return;
    case Durability::os:
      // What was appended is left to the operating system; only a roll asks for a flush.
      if (log.rolled_since_flush()) mark_dirty(log);
      return;
  }
}

void Flusher::mark_dirty(PartitionLog& log) {
  if (log.flush_mark.queued || scope_.closed()) return;
  log.flush_mark.queued = true;
  dirty_.push_back(&log);
  start();
}

void Flusher::start() {
  if (running_) return;
  running_ = true;
  scope_.spawn(run());
}

Task<Result<>> Flusher::flush_now(PartitionLog& log) {
  CO_CHECKED(log.usable());
  if (!log.dirty() && !log.flush_mark.in_round) co_return Result<>();
  // The round under way may have begun before the last append.
  const uint64_t enough = log.flush_mark.rounds + (log.flush_mark.in_round ? 2 : 1);
  if (log.dirty() || log.flush_mark.in_round) mark_dirty(log);
  while (log.flush_mark.rounds < enough) {
    CO_CHECKED(co_await round_ended_.wait(scope_));
    CO_CHECKED(log.usable());
  }
  co_return log.usable();
}

Task<Result<>> Flusher::quiesce(PartitionLog& log) {
  while (log.flush_mark.queued || log.flush_mark.in_round) {
    CO_CHECKED(co_await round_ended_.wait(scope_));
  }
  co_return Result<>();
}

void Flusher::forget(PartitionLog& log) {
  CHECK(!log.flush_mark.in_round);
  std::erase(dirty_, &log);
  std::erase_if(due_, [&](const auto& entry) { return entry.second == &log; });
  log.flush_mark = {};
}

void Flusher::flush_later(PartitionLog& log, Instant when) {
  log.flush_mark.timer_set = true;
  due_.emplace(when, &log);
  if (timer_->is_set()) {
    if (timer_->when() <= when) return;
    shard_.timers().cancel(*timer_);
  }
  shard_.timers().set(*timer_, when);
}

void Flusher::flush_due(Instant now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    PartitionLog& log = *due_.begin()->second;
    due_.erase(due_.begin());
    log.flush_mark.timer_set = false;
    if (log.dirty()) mark_dirty(log);
  }
  if (!due_.empty()) shard_.timers().set(*timer_, due_.begin()->first);
}

Task<void> Flusher::run() {
  while (!dirty_.empty()) {
    co_await EndOfTurn{shard_.executor()};
    Round round;
    for (PartitionLog* log : std::exchange(dirty_, {})) {
      log->flush_mark.queued = false;
      if (!log->usable()) continue;
      log->flush_mark.in_round = true;
      log->flush_mark.unflushed_bytes = 0;
      round.parts.push_back({.log = log, .work = {}, .result = {}});
      Result<FlushWork> work = log->begin_flush();
      if (work) {
        round.parts.back().work = *std::move(work);
      } else {
        round.parts.back().result = std::unexpected(work.error());
        round.parts.back().postponed = work.error().code == Errc::no_space;
      }
    }
    ++metrics_.flushes;
    metrics_.logs_flushed += round.parts.size();
    co_await flush_round(round);
    end_round(round);
    round_ended_.wake_all();
  }
  running_ = false;
}

Task<void> Flusher::flush_round(Round& round) {
  co_await sync_files(round);
  co_await rename_files(round);
  co_await sync_directories(round);
}

void Flusher::end_round(Round& round) {
  for (Round::Part& part : round.parts) {
    part.work.active.release();
    auto& mark = part.log->flush_mark;
    mark.in_round = false;
    ++mark.rounds;
    if (part.postponed) {
      flush_later(*part.log, shard_.now() + kRetryDelay);
      continue;
    }
    if (!part.result) ++metrics_.failures;
    part.log->end_flush(part.work.end, part.result);
  }
}

Task<void> Flusher::sync_files(Round& round) {
  if (round.file_count() > file_syncs_max_) {
    round.filesystem_synced = true;
    const Result<> result = co_await sync_filesystem();
    // The error speaks of the whole filesystem: every log with unflushed bytes there is in doubt.
    for (Round::Part& part : round.parts) {
      if (!result && part.result) part.result = result;
    }
    co_return;
  }
  std::deque<Operation> operations;
  for (size_t i = 0; i < round.parts.size(); ++i) {
    Round::Part& part = round.parts[i];
    if (!part.result) continue;
    if (part.work.active && !mutant("storage.skip_sync.active")) {
      part.work.active->start_sync(operations.emplace_back(shard_.executor(), i).done);
    }
    for (const std::string& path : part.work.files) {
      Result<std::unique_ptr<File>> file = shard_.disk().open(path, OpenMode::write);
      if (!file) {
        part.result = std::unexpected(file.error());
        break;
      }
      Operation& operation = operations.emplace_back(shard_.executor(), i);
      operation.file = *std::move(file);
      operation.file->start_sync(operation.done);
    }
  }
  metrics_.file_syncs += operations.size();
  for (Operation& operation : operations) {
    const Result<> result = co_await operation.done;
    if (!result) round.parts[operation.work].result = result;
  }
}

Task<void> Flusher::rename_files(Round& round) {
  for (Round::Part& part : round.parts) {
    for (const FlushWork::Rename& rename : part.work.renames) {
      if (!part.result) break;
      part.result = shard_.disk().rename(rename.from, rename.to);
    }
  }
  co_return;
}

Task<void> Flusher::sync_directories(Round& round) {
  std::vector<std::string> paths;
  if (mutant("storage.skip_directory_sync")) co_return;
  for (const Round::Part& part : round.parts) {
    // A sync of the whole filesystem has made names durable, but for those that came after it.
    if (!part.result || (round.filesystem_synced && part.work.renames.empty())) continue;
    paths.insert(paths.end(), part.work.directories.begin(), part.work.directories.end());
  }
  std::ranges::sort(paths);
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  Result<> result;
  if (paths.size() > file_syncs_max_) {
    result = co_await sync_filesystem();
  } else {
    std::deque<Operation> operations;
    for (const std::string& path : paths) {
      Operation& operation = operations.emplace_back(shard_.executor(), 0);
      shard_.disk().start_sync_directory(path, operation.done);
    }
    metrics_.directory_syncs += operations.size();
    for (Operation& operation : operations) {
      const Result<> one = co_await operation.done;
      if (!one) result = one;
    }
  }
  for (Round::Part& part : round.parts) {
    if (!result && part.result && !part.work.directories.empty()) part.result = result;
  }
}

Task<Result<>> Flusher::sync_filesystem() {
  ++metrics_.filesystem_syncs;
  co_return co_await sync_all(shard_.executor(), shard_.disk(), directory_);
}

}  // namespace partita::storage
