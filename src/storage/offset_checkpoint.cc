#include "storage/offset_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

namespace partita::storage {
namespace {

constexpr int kVersion = 0;

Result<OffsetCheckpointEntry> parse_entry(std::string_view line) {
  std::array<std::string_view, 3> words;
  CHECKED(split_words(line, words));
  TRY(const int64_t partition, parse_count(words[1], std::numeric_limits<int32_t>::max()));
  TRY(const int64_t offset, parse_count(words[2], std::numeric_limits<int64_t>::max()));
  return OffsetCheckpointEntry{.topic = std::string(words[0]),
                               .partition = PartitionIndex(static_cast<int32_t>(partition)),
                               .offset = Offset(offset)};
}

/// Whether a partition stands there twice.
bool has_twins(const std::vector<OffsetCheckpointEntry>& entries) {
  using Name = std::pair<std::string_view, PartitionIndex>;
  std::vector<Name> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.emplace_back(entry.topic, entry.partition);
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

}  // namespace

Result<std::vector<OffsetCheckpointEntry>> decode_offset_checkpoint(ByteView bytes) {
  TRY(const auto lines, parse_checkpoint(bytes, kVersion));
  std::vector<OffsetCheckpointEntry> entries;
  entries.reserve(lines.size());
  for (const std::string_view line : lines) {
    TRY(auto entry, parse_entry(line));
    entries.push_back(std::move(entry));
  }
  if (has_twins(entries)) return fail(Errc::corrupt_data, "a partition comes twice");
  return entries;
}

Bytes encode_offset_checkpoint(std::span<const OffsetCheckpointEntry> entries) {
  std::string lines;
  for (const auto& entry : entries) {
    fmt::format_to(std::back_inserter(lines), "{} {} {}\n", entry.topic, entry.partition.value(),
                   entry.offset.value());
  }
  return encode_checkpoint(kVersion, entries.size(), lines);
}

Task<Result<std::vector<OffsetCheckpointEntry>>> read_offset_checkpoint(Executor& executor,
                                                                        Disk& disk,
                                                                        std::string path) {
  CO_TRY(const Bytes bytes, co_await read_file(executor, disk, path, kCheckpointBytesMax));
  co_return decode_offset_checkpoint(bytes.view());
}

Task<Result<>> write_offset_checkpoint(Executor& executor, Disk& disk, std::string path,
                                       std::vector<OffsetCheckpointEntry> entries) {
  co_return co_await write_checkpoint(executor, disk, std::move(path),
                                      encode_offset_checkpoint(entries));
}

}  // namespace partita::storage
