#pragma once
// An Image as records: what a snapshot holds. Replaying them into an empty Image makes the same
// state again. Order as Apache Kafka's: features (metadata.version first), brokers, controllers,
// topics with their partitions, configs, client quotas, producer ids, ACLs, SCRAM credentials,
// delegation tokens.

#include <functional>

#include "base/bytes.h"
#include "base/error.h"
#include "metadata/image.h"
#include "metadata/record.h"

namespace partita::metadata {

/// Calls `take` with each record's frame; the first error ends it. A frame is valid during the call
/// only.
Result<> write_image(const Image& image, const std::function<Result<>(ByteView frame)>& take);

/// The record that makes this partition as it stands.
Record partition_record(const TopicId& topic, PartitionIndex index,
                        const PartitionImage& partition);
Record register_broker_record(const BrokerImage& broker);

}  // namespace partita::metadata
