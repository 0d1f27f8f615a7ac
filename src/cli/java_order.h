#pragma once
// The order in which Java's HashMap answers its keys: Kafka's tools print some lists in it, and
// scripts compare their output.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace partita::cli {

/// String.hashCode() of UTF-8 text.
int32_t java_hash(std::string_view text);
/// TopicPartition.hashCode().
int32_t java_hash(std::string_view topic, int32_t partition);

/// Keys of these hashes, put one after the other into a HashMap that was made for `expected`
/// entries, in the map's order: places in `hashes`.
std::vector<size_t> java_hash_order(const std::vector<int32_t>& hashes, size_t expected = 16);

/// `keys`, inserted one after the other into a HashMap that was made for `expected` entries
/// (new HashMap<>(expected)), in the map's order. Without `expected`: new HashMap<>().
std::vector<std::string> java_map_order(const std::vector<std::string>& keys, size_t expected = 16);

}  // namespace partita::cli
