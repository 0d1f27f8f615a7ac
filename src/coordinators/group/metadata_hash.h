#pragma once
// The hash of what a consumer group's topics look like (ids, names, partition counts, racks), as
// Apache Kafka 4.3 keeps it in a group's record of kind 3: where it differs the group rebalances.
// The same value as Kafka's, so that a group goes on without a rebalance on either's directories.

#include <cstdint>
#include <set>
#include <string>

#include "base/bytes.h"
#include "metadata/image.h"

namespace partita::coordinators {

/// XXH3, 64 bits, without a seed.
uint64_t xxh3(ByteView bytes);

/// 0 for no topics; a topic that does not exist counts as such.
int64_t metadata_hash(const std::set<std::string>& topics, const metadata::Image& image);

}  // namespace partita::coordinators
