#pragma once
// GroupAdmin: what operators ask of groups: which there are, who is in them, what they committed.
// Belongs to the shard of its Cluster, which outlives it. Classic groups and those of the new
// protocol (KIP-848) are described in one form; what a kind of group does not have is empty.
//
// Invariants:
//  1. As Admin's: an outer Error says that nothing is known of any item, an inner one is the
//     coordinator's answer on that item, in its words.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/admin.h"
#include "client/coordinator.h"

namespace partita::client {

struct GroupListing {
  std::string id;
  std::string protocol_type;
  std::string state;  ///< Kafka's words: Stable, Empty, ...; empty where the broker is too old
  std::string type;   ///< classic, consumer, share, streams, as the broker writes it
};

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assignment;
  std::vector<TopicPartition> target_assignment;
  std::optional<int32_t> epoch;
  /// Whether it speaks the new protocol inside a group of that; nothing for members of classic
  /// groups, and where the broker does not say.
  std::optional<bool> is_upgraded;
};

struct GroupDescription {
  std::string id;
  bool is_classic = true;
  std::string protocol_type;
  std::string state;
  std::string assignor;
  std::optional<int32_t> epoch;
  std::optional<int32_t> assignment_epoch;
  std::vector<GroupMember> members;
  BrokerView coordinator;
};

struct CommittedOffset {
  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata = {};
};
using CommittedOffsets = std::map<TopicPartition, CommittedOffset>;

class GroupAdmin {
 public:
  /// Waits end with `scope`.
  GroupAdmin(Scope& scope, Cluster& cluster) : scope_(scope), cluster_(cluster) {}

  /// Of every broker; only of these states and types, where any are named. In the brokers' order.
  Task<Result<std::vector<GroupListing>>> list(std::vector<std::string> states,
                                               std::vector<std::string> types, Deadline deadline);
  /// A group that is none of consumers is described as the coordinator does, without assignments.
  Task<Result<Outcomes<GroupDescription>>> describe(std::vector<std::string> ids,
                                                    Deadline deadline);
  Task<Result<Outcomes<>>> remove(std::vector<std::string> ids, Deadline deadline);

  Task<Result<CommittedOffsets>> committed(std::string group, Deadline deadline);
  /// Commits from outside: the group has no members, or this is refused partition by partition.
  Task<Result<std::map<TopicPartition, Result<>>>> alter_offsets(std::string group,
                                                                 CommittedOffsets offsets,
                                                                 Deadline deadline);
  Task<Result<std::map<TopicPartition, Result<>>>> delete_offsets(
      std::string group, std::vector<TopicPartition> partitions, Deadline deadline);

  /// A report of the group's coordinator, JSON under the name of a config: what no request of
  /// Kafka's tells ("partita.group.rebalances", "partita.group.lag"). unsupported_version where the
  /// broker has none.
  Task<Result<std::string>> report(std::string group, std::string name, Deadline deadline);

 private:
  Task<Result<>> describe_at(BrokerView coordinator, std::vector<std::string> ids,
                             Outcomes<GroupDescription>& described, Deadline deadline);

  Scope& scope_;
  Cluster& cluster_;
};

}  // namespace partita::client
