#include "cli/java_order.h"

#include <algorithm>
#include <bit>

namespace partita::cli {
namespace {

/// The next UTF-8 code point of `text`; bytes that are none stand for themselves.
uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (size == 1 || size > text.size()) {
    text.remove_prefix(1);
    return first;
  }
  uint32_t point = first & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) point = point << 6 | (byte(i) & 0x3fu);
  text.remove_prefix(size);
  return point;
}

}  // namespace

int32_t java_hash(std::string_view text) {
  uint32_t hash = 0;
  while (!text.empty()) {
    const uint32_t point = take_code_point(text);
    if (point < 0x10000) {
      hash = hash * 31 + point;
    } else {
      hash = hash * 31 + (0xd800 + ((point - 0x10000) >> 10));
      hash = hash * 31 + (0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash);
}

int32_t java_hash(std::string_view topic, int32_t partition) {
  const uint32_t hash = 31 * (31 + static_cast<uint32_t>(partition));
  return static_cast<int32_t>(hash + static_cast<uint32_t>(java_hash(topic)));
}

std::vector<size_t> java_hash_order(const std::vector<int32_t>& hashes, size_t expected) {
  size_t buckets = std::bit_ceil(std::max<size_t>(expected, 1));
  // The table doubles when it holds more than three quarters of its size.
  while (hashes.size() > buckets / 4 * 3 + (buckets % 4) * 3 / 4) buckets *= 2;
  std::vector<std::pair<size_t, size_t>> placed;  // bucket, and place in `hashes`
  placed.reserve(hashes.size());
  for (size_t i = 0; i < hashes.size(); i++) {
    const auto hash = static_cast<uint32_t>(hashes[i]);
    placed.emplace_back((hash ^ (hash >> 16)) & (buckets - 1), i);
  }
  std::ranges::sort(placed);
  std::vector<size_t> ordered;
  ordered.reserve(placed.size());
  for (const auto& [bucket, index] : placed) ordered.push_back(index);
  return ordered;
}

std::vector<std::string> java_map_order(const std::vector<std::string>& keys, size_t expected) {
  std::vector<int32_t> hashes;
  hashes.reserve(keys.size());
  for (const std::string& key : keys) hashes.push_back(java_hash(key));
  std::vector<std::string> ordered;
  ordered.reserve(keys.size());
  for (const size_t index : java_hash_order(hashes, expected)) ordered.push_back(keys[index]);
  return ordered;
}

}  // namespace partita::cli
