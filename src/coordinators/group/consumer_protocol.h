#pragma once
// ConsumerProtocol: what classic consumers put into the opaque bytes of JoinGroup and SyncGroup, an
// int16 version and a message. Versions that are newer than ours are read as ours: they only ever
// append.

#include "base/bytes.h"
#include "base/error.h"
#include "coordinators/group/partition_set.h"
#include "metadata/image.h"
#include "wire/data/consumer_protocol_assignment.h"
#include "wire/data/consumer_protocol_subscription.h"

namespace partita::coordinators {

/// Errc::malformed for what is no subscription, no assignment.
Result<wire::ConsumerProtocolSubscriptionView> parse_subscription(ByteView bytes);
Result<wire::ConsumerProtocolAssignmentView> parse_assignment(ByteView bytes);
/// The version that the bytes begin with, one that we can write.
int16_t protocol_version_of(ByteView bytes);

/// Topics by the image's names; what it does not know stays out.
Bytes encode_assignment(const AssignedPartitions& partitions, const metadata::Image& image,
                        int16_t version);
Bytes encode_assignment(const PartitionSet& partitions, const metadata::Image& image,
                        int16_t version);

}  // namespace partita::coordinators
