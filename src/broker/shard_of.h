#pragma once
// Which shard a partition lives on, for life: a hash of what names it, so that nobody keeps a table
// (DESIGN decision 7). Not durable: another shard count spreads partitions anew at the next start.

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/uuid.h"

namespace partita::broker {

inline size_t shard_of(const TopicId& topic, PartitionIndex partition, size_t shards) {
  uint64_t hash =
      load_be<uint64_t>(topic.bytes().data()) ^ load_be<uint64_t>(topic.bytes().data() + 8);
  hash += static_cast<uint32_t>(partition.value()) * 0x9e3779b97f4a7c15ull;
  hash ^= hash >> 32;
  return static_cast<size_t>((hash * 0xd6e8feb86659fd93ull) >> 32) % shards;
}

}  // namespace partita::broker
