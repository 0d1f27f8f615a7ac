#include "storage/index_entries.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace partita::storage {
namespace {

bool all_zero(const uint8_t* entry, uint32_t entry_bytes) {
  return std::all_of(entry, entry + entry_bytes, [](uint8_t byte) { return byte == 0; });
}

Task<Result<bool>> is_zero_at(Executor& executor, File& file, uint32_t entry_bytes,
                              uint32_t index) {
  CO_TRY(const auto entry, co_await read_index_entry(executor, file, entry_bytes, index));
  co_return all_zero(entry.data(), entry_bytes);
}

}  // namespace

Task<Result<std::array<uint8_t, kIndexEntryBytesMax>>> read_index_entry(Executor& executor,
                                                                        File& file,
                                                                        uint32_t entry_bytes,
                                                                        uint32_t index) {
  std::array<uint8_t, kIndexEntryBytesMax> entry = {};
  CO_CHECKED(co_await read_exactly(executor, file, uint64_t{index} * entry_bytes,
                                   ByteSpan(entry.data(), entry_bytes)));
  co_return entry;
}

Task<Result<IndexFind>> find_index_entry(Executor& executor, File& file, IndexShape shape,
                                         uint32_t count, int64_t key) {
  CHECK(shape.entry_bytes <= kIndexEntryBytesMax);
  const uint32_t block_entries = kIndexSearchBytes / shape.entry_bytes;
  uint32_t low = 0;  // entries below are known to have a key of at most `key`
  uint32_t high = count;
  while (high - low >= block_entries) {
    const uint32_t middle = low + (high - low) / 2;
    CO_TRY(const auto entry, co_await read_index_entry(executor, file, shape.entry_bytes, middle));
    if (shape.key(entry.data()) <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }

  const uint32_t first = low > 0 ? low - 1 : 0;  // the answer may be the one before the block
  std::array<uint8_t, kIndexSearchBytes> block;
  const ByteSpan bytes(block.data(), size_t{high - first} * shape.entry_bytes);
  CO_CHECKED(co_await read_exactly(executor, file, uint64_t{first} * shape.entry_bytes, bytes));
  IndexFind found{.count = low};
  while (found.count < high &&
         shape.key(block.data() + (found.count - first) * shape.entry_bytes) <= key) {
    found.count++;
  }
  if (found.count > 0) {
    const uint8_t* last = block.data() + (found.count - 1 - first) * shape.entry_bytes;
    std::copy(last, last + shape.entry_bytes, found.entry.begin());
  }
  co_return found;
}

Task<Result<uint32_t>> count_index_entries(Executor& executor, File& file, uint32_t entry_bytes,
                                           FirstEntry first) {
  CO_TRY(const uint64_t size, file.size());
  if (size % entry_bytes != 0) {
    co_return fail(Errc::corrupt_data, "the index ends inside an entry");
  }
  if (size > uint64_t{1} << 31) co_return fail(Errc::corrupt_data, "the index is too large");
  const auto total = static_cast<uint32_t>(size / entry_bytes);
  uint32_t low = 0;
  if (first == FirstEntry::may_be_zero && total > 0) {
    CO_TRY(const bool zero, co_await is_zero_at(executor, file, entry_bytes, 0));
    if (zero && total > 1) {
      CO_TRY(const bool next_zero, co_await is_zero_at(executor, file, entry_bytes, 1));
      if (next_zero) co_return 0;
    }
    low = 1;
  }
  if (low == total) co_return total;
  CO_TRY(const bool padded, co_await is_zero_at(executor, file, entry_bytes, total - 1));
  if (!padded) co_return total;
  uint32_t high = total - 1;  // known to be padding
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    CO_TRY(const bool zero, co_await is_zero_at(executor, file, entry_bytes, middle));
    if (zero) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  co_return low;
}

Task<Result<>> scan_index_entries(Executor& executor, File& file, uint32_t entry_bytes,
                                  uint32_t count,
                                  const std::function<Result<>(const uint8_t* entry)>& judge) {
  CHECK(kIndexScanBytes % entry_bytes == 0);
  const uint64_t end = uint64_t{count} * entry_bytes;
  Buffer buffer(std::min<uint64_t>(end, kIndexScanBytes));
  for (uint64_t position = 0; position < end; position += buffer.size()) {
    buffer.resize(std::min<uint64_t>(end - position, kIndexScanBytes));
    CO_CHECKED(co_await read_exactly(executor, file, position, buffer.span()));
    for (size_t at = 0; at < buffer.size(); at += entry_bytes) {
      CO_CHECKED(judge(buffer.data() + at));
    }
  }
  co_return Result<>();
}

}  // namespace partita::storage
