#pragma once
// `partition.metadata`: which topic a partition's directory belongs to. Layout:
// docs/formats/storage.md.

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/uuid.h"

namespace partita::storage {

inline constexpr std::string_view kPartitionMetadataFile = "partition.metadata";
inline constexpr uint64_t kPartitionMetadataBytesMax = 4096;

Bytes encode_partition_metadata(TopicId topic_id);
/// corrupt_data for another version, a zero id or anything malformed.
Result<TopicId> decode_partition_metadata(ByteView bytes);

}  // namespace partita::storage
