#pragma once
// How one partition changes when a broker goes or comes: ISR, eligible leader replicas (KIP-966)
// and leader, in the order of Kafka's PartitionChangeBuilder (semantics 3.5). Pure functions.
//
// A partition with one replica is its own case: nobody else could lead it, so that a broker that
// goes changes nothing, and its return brings the leader back (docs/formats/metadata-log.md, "Where
// ours differs"). Only after an unclean stop its leader epoch is raised, because the log may have
// lost a tail that readers saw.

#include <functional>
#include <optional>

#include "metadata/image.h"
#include "metadata/record.h"

namespace partita::controller {

struct ElectionRules {
  std::function<bool(NodeId)> active;  ///< registered, not fenced, not shutting down
  bool elr = false;                    ///< eligible.leader.replicas.version is at least 1
  int32_t min_insync_replicas = 1;
  bool unclean = false;  ///< unclean.leader.election.enable
};

enum class Departure {
  fenced,            ///< fenced, or in controlled shutdown: its log stays whole
  unclean_shutdown,  ///< it stopped without closing its logs
};

/// The change when `broker` leaves; nothing where it plays no part.
std::optional<wire::PartitionChangeRecord> broker_left(const TopicId& topic, PartitionIndex index,
                                                       const metadata::PartitionImage& partition,
                                                       NodeId broker, Departure how,
                                                       const ElectionRules& rules);
/// The change when `broker` is active again; nothing where it is not needed.
std::optional<wire::PartitionChangeRecord> broker_returned(
    const TopicId& topic, PartitionIndex index, const metadata::PartitionImage& partition,
    NodeId broker, const ElectionRules& rules);

}  // namespace partita::controller
