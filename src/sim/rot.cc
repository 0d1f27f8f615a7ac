#include "sim/rot.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/check.h"
#include "records/batch.h"

namespace partita::sim {
namespace {

using runtime::sim::SimDisk;

/// Of the CRC field: everything from here on shows in it.
constexpr size_t kFirstCheckedByte = 17;
constexpr std::string_view kLogSuffix = ".log";

/// A segment that another one follows.
struct RolledSegment {
  std::string path;
  PartitionIndex partition;
  Offset base;
  Offset end;
};

std::vector<RolledSegment> rolled_segments(const SimDisk& disk, const std::string& topic) {
  std::vector<RolledSegment> all;
  for (int32_t index = 0;; index++) {
    const std::string directory = fmt::format("/data/{}-{}", topic, index);
    const auto found = disk.image().find(directory);
    if (!found) return all;
    std::vector<std::pair<Offset, std::string>> files;  // in order, as their names are
    for (const auto& [name, inode] : disk.image().entries(*found)) {
      if (!name.ends_with(kLogSuffix)) continue;
      int64_t base = 0;
      std::from_chars(name.data(), name.data() + name.size(), base);
      files.emplace_back(Offset(base), directory + "/" + name);
    }
    for (size_t i = 0; i + 1 < files.size(); i++) {
      all.push_back({.path = files[i].second,
                     .partition = PartitionIndex(index),
                     .base = files[i].first,
                     .end = files[i + 1].first});
    }
  }
}

}  // namespace

std::optional<Rot> rot_one_batch(SimDisk& disk, Random& random, const std::string& topic) {
  const auto segments = rolled_segments(disk, topic);
  if (segments.empty()) return std::nullopt;
  const RolledSegment& segment = segments[random.below(segments.size())];
  const auto contents = disk.contents(segment.path);
  CHECK(contents.has_value());
  std::vector<std::pair<size_t, records::BatchView>> batches;
  records::BatchIterator iterator(contents->view());
  while (true) {
    const size_t at = iterator.position();
    const auto batch = iterator.next();
    if (!batch || !*batch) break;
    batches.emplace_back(at, **batch);
  }
  if (batches.empty()) return std::nullopt;
  const auto& [at, batch] = batches[random.below(batches.size())];
  const size_t byte = kFirstCheckedByte + random.below(batch.total_size() - kFirstCheckedByte);
  const Rot rot{.partition = segment.partition,
                .first = batch.base_offset(),
                .last = batch.last_offset(),
                .segment_base = segment.base,
                .segment_end = segment.end};
  const auto mask = static_cast<uint8_t>(1U << random.below(8));
  CHECK(disk.flip_bits(segment.path, at + byte, mask).has_value());
  return rot;
}

}  // namespace partita::sim
