#pragma once
// What consumers put into the bytes that a classic group carries for them: subscriptions into
// JoinGroup's metadata, assignments into SyncGroup's. The coordinator passes both on unread; it
// looks into them only to know which topics are read and which partitions moved.
// Layout: int16 version, then ConsumerProtocolSubscription or ConsumerProtocolAssignment. A version
// that is not known yet is read as the last known one: later ones only add fields behind.

#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "coordinators/group/rebalance_history.h"

namespace partita::coordinators {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

/// Adds the topics that a subscription names: malformed.
Result<> add_subscribed_topics(ByteView metadata, std::set<std::string, std::less<>>& topics);
/// Whether both subscriptions can be read and name the same topics.
bool same_topics(ByteView a, ByteView b);
/// Adds the partitions that an assignment gives to `member`; no bytes give none: malformed.
Result<> add_assigned_partitions(std::string_view member, ByteView assignment, Ownership& owned);

}  // namespace partita::coordinators
