// The first passes of recovery: what a directory holds, and what a crash left half done in it.

#include <algorithm>

#include "base/fault_points.h"
#include "storage/batch_scan.h"
#include "storage/deleted_files.h"
#include "storage/producer_snapshot.h"
#include "storage/recovery.h"
#include "storage/shard_logs.h"

namespace partita::storage {
namespace {

constexpr std::string_view kSwapSuffix = ".swap";
constexpr std::string_view kCleanedSuffix = ".cleaned";

/// The base offset of "<base>.log" + suffix.
std::optional<Offset> parse_log_name(std::string_view name, std::string_view suffix) {
  return parse_segment_file_name(name, std::string(kLogSuffix) + std::string(suffix));
}

bool is_leftover(std::string_view name) {
  return name.ends_with(kDeletedSuffix) || name.ends_with(kCleanedSuffix) || name.ends_with(".tmp");
}

}  // namespace

Result<> LogRecovery::unlink(std::string_view name) {
  const Result<> gone = context_.shard.disk().unlink(path(name));
  if (!gone && gone.error().code == Errc::not_found) return {};
  return gone;
}

Task<Result<>> LogRecovery::list_files() {
  Disk& disk = context_.shard.disk();
  CO_TRY(auto entries, disk.list(directory_));
  CO_CHECKED(co_await complete_swaps(entries));
  if (names_changed) {
    CO_TRY(entries, disk.list(directory_));
  }
  for (const DirectoryEntry& entry : entries) CO_CHECKED(list_file(entry));
  co_return remove_orphans(entries);
}

Result<> LogRecovery::list_file(const DirectoryEntry& entry) {
  if (entry.is_directory) return {};
  if (is_leftover(entry.name)) return unlink(entry.name);
  if (const auto base = parse_segment_file_name(entry.name, kLogSuffix)) {
    found_.push_back({.base = *base, .size = entry.size});
  } else if (const auto indexed = parse_segment_file_name(entry.name, kTxnIndexSuffix)) {
    // The names are sorted: its log comes before it.
    const bool follows_log = !found_.empty() && found_.back().base == *indexed;
    if (follows_log) found_.back().has_txn_index = true;
  } else if (const auto offset = parse_producer_snapshot_name(entry.name)) {
    snapshots.push_back(*offset);
  }
  return {};
}

Result<> LogRecovery::remove_orphans(const std::vector<DirectoryEntry>& entries) {
  for (const DirectoryEntry& entry : entries) {
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix}) {
      const auto base = parse_segment_file_name(entry.name, suffix);
      if (!base) continue;
      const bool has_log =
          std::ranges::any_of(found_, [&](const Found& found) { return found.base == *base; });
      if (!has_log) CHECKED(unlink(entry.name));
    }
  }
  return {};
}

Task<Result<>> LogRecovery::complete_swaps(const std::vector<DirectoryEntry>& entries) {
  std::optional<Offset> first_cleaned;
  for (const DirectoryEntry& entry : entries) {
    const auto base = parse_log_name(entry.name, kCleanedSuffix);
    if (base && (!first_cleaned || *base < *first_cleaned)) first_cleaned = base;
  }
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(kSwapSuffix)) continue;
    names_changed = true;
    const auto base = parse_log_name(entry.name, kSwapSuffix);
    // While a lower one was still being renamed to .swap, the originals are all there.
    if (base && !(first_cleaned && *first_cleaned <= *base)) {
      swapped_.push_back(*base);
      CO_CHECKED(co_await complete_swap(*base, entries));
      continue;
    }
    // An index is dropped in either case: its entries come from the segment that is in place. That
    // of a segment whose own name is final may have been needed there.
    COVERED("storage.swap_dropped");
    const auto indexed = parse_segment_file_name(
        entry.name, std::string(kTxnIndexSuffix) + std::string(kSwapSuffix));
    if (indexed) swapped_.push_back(*indexed);
    CO_CHECKED(unlink(entry.name));
  }
  co_return Result<>();
}

Task<Result<>> LogRecovery::complete_swap(Offset base, const std::vector<DirectoryEntry>& entries) {
  COVERED("storage.swap_completed");
  Disk& disk = context_.shard.disk();
  const std::string swap = segment_file_name(base, kLogSuffix) + std::string(kSwapSuffix);
  CO_TRY(auto file, disk.open(path(swap), OpenMode::read));
  CO_TRY(const uint64_t size, file->size());
  BatchScan scan(context_.shard.executor(), *file, 0, size);
  Offset end = base.next();
  while (true) {
    CO_TRY(const auto header, co_await scan.next_header());
    if (!header) break;
    end = header->next_offset();
  }
  for (const DirectoryEntry& entry : entries) {
    const auto original = parse_segment_file_name(entry.name, kLogSuffix);
    if (!original || *original < base || *original >= end) continue;
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix}) {
      CO_CHECKED(unlink(segment_file_name(*original, suffix)));
    }
    if (*original != base) CO_CHECKED(unlink(entry.name));
  }
  co_return disk.rename(path(swap), path(segment_file_name(base, kLogSuffix)));
}

}  // namespace partita::storage
