#pragma once
// What a client knows of a topic: immutable, shared by those who look at it, replaced as a whole.

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/uuid.h"

namespace partita::client {

struct TopicPartition {
  std::string topic;
  PartitionIndex partition;

  auto operator<=>(const TopicPartition&) const = default;
  /// "name-0".
  std::string to_string() const { return topic + "-" + std::to_string(partition.value()); }
};

struct PartitionView {
  PartitionIndex index;
  NodeId leader = kNoNode;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  std::optional<Errc> error;
};

struct TopicView {
  std::string name;
  TopicId id;  ///< zero where the broker does not say
  bool is_internal = false;
  std::vector<PartitionView> partitions;  ///< by rising index
  std::optional<Errc> error;

  /// Null where there is none.
  const PartitionView* find(PartitionIndex index) const;
};

using TopicPtr = std::shared_ptr<const TopicView>;

}  // namespace partita::client
