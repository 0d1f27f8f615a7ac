#include "storage/offset_index.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::storage {
namespace {

constexpr int64_t kRelativeMax = std::numeric_limits<int32_t>::max();

int64_t relative_offset(const uint8_t* entry) {
  return load_be<int32_t>(entry);
}

constexpr IndexShape kShape{.entry_bytes = kOffsetIndexEntryBytes, .key = relative_offset};

Error corrupt(std::string detail) {
  return {Errc::corrupt_data, std::move(detail)};
}

}  // namespace

OffsetIndex::OffsetIndex(Offset base_offset, uint32_t bytes_max)
    : base_offset_(base_offset),
      count_max_(bytes_max / kOffsetIndexEntryBytes),
      last_{.offset = base_offset, .position = 0} {}

Task<Result<OffsetIndex>> OffsetIndex::open(Executor& executor, File& file, Offset base_offset,
                                            uint32_t bytes_max, uint64_t segment_bytes,
                                            IndexCheck check) {
  OffsetIndex index(base_offset, bytes_max);
  CO_TRY(index.count_, co_await count_index_entries(executor, file, kOffsetIndexEntryBytes,
                                                    FirstEntry::never_zero));
  if (index.count_ == 0) co_return index;
  CO_TRY(const auto last,
         co_await read_index_entry(executor, file, kOffsetIndexEntryBytes, index.count_ - 1));
  CO_TRY(index.last_, index.parse(last.data()));
  if (index.last_.position >= segment_bytes) {
    co_return fail(Errc::corrupt_data, "the last index entry points behind the segment");
  }
  if (check == IndexCheck::every) CO_CHECKED(co_await index.check_every(executor, file));
  co_return index;
}

bool OffsetIndex::can_hold(Offset offset) const {
  return (offset - base_offset_).value() <= kRelativeMax;
}

Result<> OffsetIndex::append(File& file, Offset offset, uint32_t position) {
  const OffsetPosition entry{.offset = offset, .position = position};
  return append(file, std::span(&entry, 1));
}

Result<> OffsetIndex::append(File& file, std::span<const OffsetPosition> entries) {
  if (entries.empty()) return {};
  if (entries.size() > places_left()) return fail(Errc::limit_exceeded, "the offset index is full");
  Buffer bytes(entries.size() * kOffsetIndexEntryBytes);
  OffsetPosition last = last_;
  for (const OffsetPosition& entry : entries) {
    CHECK(entry.offset > last.offset);
    CHECK(entry.position > last.position);
    if (!can_hold(entry.offset)) {
      return fail(Errc::limit_exceeded, "the offset is too far from its base");
    }
    uint8_t encoded[kOffsetIndexEntryBytes];
    store_be(encoded, static_cast<int32_t>((entry.offset - base_offset_).value()));
    store_be(encoded + 4, entry.position);
    bytes.append(encoded);
    last = entry;
  }
  CHECKED(file.write(size_bytes(), bytes.view()));
  count_ += static_cast<uint32_t>(entries.size());
  last_ = last;
  return {};
}

std::optional<OffsetPosition> OffsetIndex::lookup_in_memory(Offset target) const {
  if (target >= last_.offset) return last_;
  if (target <= base_offset_) return OffsetPosition{.offset = base_offset_, .position = 0};
  return std::nullopt;
}

Task<Result<OffsetPosition>> OffsetIndex::lookup(Executor& executor, File& file,
                                                 Offset target) const {
  if (const auto known = lookup_in_memory(target)) co_return *known;
  const int64_t key = (target - base_offset_).value();
  CO_TRY(auto found, co_await find_index_entry(executor, file, kShape, count_, key));
  if (mutant("storage.index_off_by_one") && found.count < count_) {
    CO_TRY(found.entry,
           co_await read_index_entry(executor, file, kOffsetIndexEntryBytes, found.count));
    found.count++;
  }
  if (found.count == 0) co_return OffsetPosition{.offset = base_offset_, .position = 0};
  CO_TRY(const OffsetPosition answer, parse(found.entry.data()));
  if (answer.offset > last_.offset || answer.position > last_.position) {
    co_return fail(Errc::corrupt_data, "index entries do not increase");
  }
  co_return answer;
}

Task<Result<>> OffsetIndex::truncate_to(Executor& executor, File& file, Offset offset) {
  if (count_ == 0 || last_.offset < offset) co_return Result<>();
  const int64_t key = (std::max(offset, base_offset_) - base_offset_).value() - 1;
  CO_TRY(const auto found, co_await find_index_entry(executor, file, kShape, count_, key));
  OffsetPosition last{.offset = base_offset_, .position = 0};
  if (found.count > 0) {
    CO_TRY(last, parse(found.entry.data()));
  }
  CO_CHECKED(file.truncate(uint64_t{found.count} * kOffsetIndexEntryBytes));
  count_ = found.count;
  last_ = last;
  co_return Result<>();
}

Result<> OffsetIndex::reset(File& file) {
  CHECKED(file.truncate(0));
  count_ = 0;
  last_ = {.offset = base_offset_, .position = 0};
  return {};
}

Result<OffsetPosition> OffsetIndex::parse(const uint8_t* entry) const {
  const int64_t relative = relative_offset(entry);
  const auto position = load_be<int32_t>(entry + 4);
  if (relative <= 0) return std::unexpected(corrupt("an index entry is not above its base offset"));
  if (position <= 0) return std::unexpected(corrupt("an index entry has an impossible position"));
  return OffsetPosition{.offset = base_offset_ + OffsetDelta(relative),
                        .position = static_cast<uint32_t>(position)};
}

Task<Result<>> OffsetIndex::check_every(Executor& executor, File& file) const {
  OffsetPosition before{.offset = base_offset_, .position = 0};
  const auto judge = [&](const uint8_t* bytes) -> Result<> {
    TRY(const OffsetPosition entry, parse(bytes));
    if (entry.offset <= before.offset || entry.position <= before.position) {
      return std::unexpected(corrupt("index entries do not increase"));
    }
    before = entry;
    return {};
  };
  co_return co_await scan_index_entries(executor, file, kOffsetIndexEntryBytes, count_, judge);
}

}  // namespace partita::storage
