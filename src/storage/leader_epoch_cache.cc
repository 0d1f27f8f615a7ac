#include "storage/leader_epoch_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::storage {
namespace {

constexpr int kVersion = 0;

Result<EpochEntry> parse_entry(std::string_view line) {
  std::array<std::string_view, 2> words;
  CHECKED(split_words(line, words));
  TRY(const int64_t epoch, parse_count(words[0], std::numeric_limits<int32_t>::max()));
  TRY(const int64_t start, parse_count(words[1], std::numeric_limits<int64_t>::max()));
  return EpochEntry{.epoch = LeaderEpoch(static_cast<int32_t>(epoch)),
                    .start_offset = Offset(start)};
}

}  // namespace

Result<LeaderEpochCache> LeaderEpochCache::decode(ByteView bytes) {
  TRY(const auto lines, parse_checkpoint(bytes, kVersion));
  LeaderEpochCache cache;
  cache.entries_.reserve(lines.size());
  for (const std::string_view line : lines) {
    TRY(const EpochEntry entry, parse_entry(line));
    if (!cache.entries_.empty()) {
      const EpochEntry& before = cache.entries_.back();
      if (entry.epoch <= before.epoch || entry.start_offset <= before.start_offset) {
        return fail(Errc::corrupt_data, "leader epochs do not increase");
      }
    }
    cache.entries_.push_back(entry);
  }
  return cache;
}

Bytes LeaderEpochCache::encode() const {
  std::string lines;
  for (const EpochEntry& entry : entries_) {
    fmt::format_to(std::back_inserter(lines), "{} {}\n", entry.epoch.value(),
                   entry.start_offset.value());
  }
  return encode_checkpoint(kVersion, entries_.size(), lines);
}

std::optional<EpochEntry> LeaderEpochCache::latest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

std::optional<EpochEntry> LeaderEpochCache::earliest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front();
}

std::optional<LeaderEpoch> LeaderEpochCache::previous_epoch(LeaderEpoch epoch) const {
  const auto at = std::ranges::lower_bound(entries_, epoch, {}, &EpochEntry::epoch);
  if (at == entries_.begin()) return std::nullopt;
  return std::prev(at)->epoch;
}

std::optional<LeaderEpoch> LeaderEpochCache::epoch_for_offset(Offset offset) const {
  const auto at = std::ranges::upper_bound(entries_, offset, {}, &EpochEntry::start_offset);
  if (at == entries_.begin()) return std::nullopt;
  return std::prev(at)->epoch;
}

bool LeaderEpochCache::assign(LeaderEpoch epoch, Offset start_offset) {
  if (epoch.value() < 0 || start_offset.value() < 0) return false;
  if (!entries_.empty()) {
    const EpochEntry& last = entries_.back();
    if (last.epoch == epoch && last.start_offset <= start_offset) return false;
  }
  while (!entries_.empty() &&
         (entries_.back().epoch >= epoch || entries_.back().start_offset >= start_offset)) {
    entries_.pop_back();
  }
  entries_.push_back({.epoch = epoch, .start_offset = start_offset});
  needs_write_ = true;
  DCHECK(entries_.size() < 2 || entries_[entries_.size() - 2].start_offset < start_offset);
  return true;
}

LeaderEpochCache::EpochEnd LeaderEpochCache::end_offset_for(LeaderEpoch epoch,
                                                            Offset log_end) const {
  if (entries_.empty() || epoch.value() < 0 || epoch > entries_.back().epoch) return {};
  if (epoch == entries_.back().epoch) return {.epoch = epoch, .end_offset = log_end};
  const auto higher = std::ranges::upper_bound(entries_, epoch, {}, &EpochEntry::epoch);
  CHECK(higher != entries_.end());
  if (higher == entries_.begin()) return {.epoch = epoch, .end_offset = higher->start_offset};
  return {.epoch = std::prev(higher)->epoch, .end_offset = higher->start_offset};
}

void LeaderEpochCache::truncate_from_end(Offset end_offset) {
  while (!entries_.empty() && entries_.back().start_offset >= end_offset) {
    entries_.pop_back();
    needs_write_ = true;
  }
}

void LeaderEpochCache::truncate_from_start(Offset start_offset) {
  const auto after =
      std::ranges::upper_bound(entries_, start_offset, {}, &EpochEntry::start_offset);
  if (after == entries_.begin()) return;
  const auto floor = std::prev(after);
  if (floor == entries_.begin() && floor->start_offset == start_offset) return;
  floor->start_offset = start_offset;
  entries_.erase(entries_.begin(), floor);
  needs_write_ = true;
}

void LeaderEpochCache::clip(Offset log_start, Offset log_end) {
  if (mutant("storage.epoch_not_clipped")) return;
  truncate_from_end(log_end);
  truncate_from_start(log_start);
}

void LeaderEpochCache::clear() {
  needs_write_ = needs_write_ || !entries_.empty();
  entries_.clear();
}

void LeaderEpochCache::check_invariants() const {
  for (size_t i = 0; i < entries_.size(); i++) {
    CHECK(entries_[i].epoch.value() >= 0);
    CHECK(entries_[i].start_offset.value() >= 0);
    CHECK(i == 0 || entries_[i - 1].epoch < entries_[i].epoch);
    CHECK(i == 0 || entries_[i - 1].start_offset < entries_[i].start_offset);
  }
}

}  // namespace partita::storage
