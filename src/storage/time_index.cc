#include "storage/time_index.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::storage {
namespace {

int64_t timestamp_of(const uint8_t* entry) {
  return load_be<int64_t>(entry);
}
int64_t relative_offset(const uint8_t* entry) {
  return load_be<int32_t>(entry + 8);
}

constexpr IndexShape kByTimestamp{.entry_bytes = kTimeIndexEntryBytes, .key = timestamp_of};
constexpr IndexShape kByOffset{.entry_bytes = kTimeIndexEntryBytes, .key = relative_offset};

Error corrupt(std::string detail) {
  return {Errc::corrupt_data, std::move(detail)};
}

}  // namespace

TimeIndex::TimeIndex(Offset base_offset, uint32_t bytes_max)
    : base_offset_(base_offset),
      count_max_(bytes_max / kTimeIndexEntryBytes),
      last_{.timestamp = kNoTimestamp, .offset = base_offset} {}

Task<Result<TimeIndex>> TimeIndex::open(Executor& executor, File& file, Offset base_offset,
                                        uint32_t bytes_max, Offset end_offset, IndexCheck check) {
  TimeIndex index(base_offset, bytes_max);
  CO_TRY(index.count_, co_await count_index_entries(executor, file, kTimeIndexEntryBytes,
                                                    FirstEntry::may_be_zero));
  if (index.count_ == 0) co_return index;
  CO_TRY(const auto last,
         co_await read_index_entry(executor, file, kTimeIndexEntryBytes, index.count_ - 1));
  CO_TRY(index.last_, index.parse(last.data()));
  if (index.last_.offset >= end_offset) {
    co_return fail(Errc::corrupt_data, "the last time index entry points behind the segment");
  }
  if (check == IndexCheck::every) CO_CHECKED(co_await index.check_every(executor, file));
  co_return index;
}

Result<> TimeIndex::maybe_append(File& file, WallTime timestamp, Offset offset, Closing closing) {
  if (timestamp <= last_.timestamp) return {};
  CHECK(offset >= last_.offset);
  if (count_ >= count_max_ || (is_full() && closing == Closing::no)) {
    return fail(Errc::limit_exceeded, "the time index is full");
  }
  const int64_t relative = (offset - base_offset_).value();
  if (relative > std::numeric_limits<int32_t>::max()) {
    return fail(Errc::limit_exceeded, "the offset is too far from its base");
  }
  uint8_t entry[kTimeIndexEntryBytes];
  store_be(entry, timestamp.ms());
  store_be(entry + 8, static_cast<int32_t>(relative));
  CHECKED(file.write(size_bytes(), ByteView(entry, sizeof entry)));
  count_++;
  last_ = {.timestamp = timestamp, .offset = offset};
  return {};
}

Result<> TimeIndex::maybe_append(File& file, std::span<const TimestampEntry> entries) {
  Buffer bytes(entries.size() * kTimeIndexEntryBytes);
  TimestampEntry last = last_;
  for (const TimestampEntry& entry : entries) {
    if (entry.timestamp <= last.timestamp) continue;
    CHECK(entry.offset >= last.offset);
    const int64_t relative = (entry.offset - base_offset_).value();
    if (relative > std::numeric_limits<int32_t>::max()) {
      return fail(Errc::limit_exceeded, "the offset is too far from its base");
    }
    uint8_t encoded[kTimeIndexEntryBytes];
    store_be(encoded, entry.timestamp.ms());
    store_be(encoded + 8, static_cast<int32_t>(relative));
    bytes.append(encoded);
    last = entry;
  }
  const auto count = static_cast<uint32_t>(bytes.size() / kTimeIndexEntryBytes);
  if (count == 0) return {};
  if (count + 1 > places_left()) return fail(Errc::limit_exceeded, "the time index is full");
  CHECKED(file.write(size_bytes(), bytes.view()));
  count_ += count;
  last_ = last;
  return {};
}

std::optional<TimestampEntry> TimeIndex::lookup_in_memory(WallTime target) const {
  if (target >= last_.timestamp) return last_;
  if (target <= kNoTimestamp) {
    return TimestampEntry{.timestamp = kNoTimestamp, .offset = base_offset_};
  }
  return std::nullopt;
}

Task<Result<TimestampEntry>> TimeIndex::lookup(Executor& executor, File& file,
                                               WallTime target) const {
  if (const auto known = lookup_in_memory(target)) co_return *known;
  CO_TRY(auto found, co_await find_index_entry(executor, file, kByTimestamp, count_, target.ms()));
  if (mutant("storage.time_index_wrong_entry") && found.count < count_) {
    CO_TRY(found.entry,
           co_await read_index_entry(executor, file, kTimeIndexEntryBytes, found.count));
    found.count++;
  }
  if (found.count == 0) {
    co_return TimestampEntry{.timestamp = kNoTimestamp, .offset = base_offset_};
  }
  CO_TRY(const TimestampEntry answer, parse(found.entry.data()));
  if (answer.timestamp > last_.timestamp || answer.offset > last_.offset) {
    co_return fail(Errc::corrupt_data, "time index entries do not increase");
  }
  co_return answer;
}

Task<Result<>> TimeIndex::truncate_to(Executor& executor, File& file, Offset offset) {
  if (count_ == 0 || last_.offset < offset) co_return Result<>();
  const int64_t key = (std::max(offset, base_offset_) - base_offset_).value() - 1;
  CO_TRY(const auto found, co_await find_index_entry(executor, file, kByOffset, count_, key));
  TimestampEntry last{.timestamp = kNoTimestamp, .offset = base_offset_};
  if (found.count > 0) {
    CO_TRY(last, parse(found.entry.data()));
  }
  CO_CHECKED(file.truncate(uint64_t{found.count} * kTimeIndexEntryBytes));
  count_ = found.count;
  last_ = last;
  co_return Result<>();
}

Result<> TimeIndex::reset(File& file) {
  CHECKED(file.truncate(0));
  count_ = 0;
  last_ = {.timestamp = kNoTimestamp, .offset = base_offset_};
  return {};
}

Result<TimestampEntry> TimeIndex::parse(const uint8_t* entry) const {
  const int64_t relative = relative_offset(entry);
  if (relative < 0) return std::unexpected(corrupt("a time index entry is below its base offset"));
  if (timestamp_of(entry) < 0) {
    return std::unexpected(corrupt("a time index entry has a negative timestamp"));
  }
  return TimestampEntry{.timestamp = WallTime(timestamp_of(entry)),
                        .offset = base_offset_ + OffsetDelta(relative)};
}

Task<Result<>> TimeIndex::check_every(Executor& executor, File& file) const {
  TimestampEntry before{.timestamp = kNoTimestamp, .offset = base_offset_};
  const auto judge = [&](const uint8_t* bytes) -> Result<> {
    TRY(const TimestampEntry entry, parse(bytes));
    if (entry.timestamp <= before.timestamp || entry.offset < before.offset) {
      return std::unexpected(corrupt("time index entries do not increase"));
    }
    before = entry;
    return {};
  };
  co_return co_await scan_index_entries(executor, file, kTimeIndexEntryBytes, count_, judge);
}

}  // namespace partita::storage
