#pragma once
// Who votes. A replica is its id and its directory: the same id with a new disk is a stranger
// (semantics 3.13). Plain value types.

#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/uuid.h"

namespace partita::raft {

struct ReplicaKey {
  NodeId id = kNoNode;
  DirectoryId directory;  ///< zero: unknown, as at kraft.version 0
  auto operator<=>(const ReplicaKey&) const = default;
};

struct VoterEndpoint {
  std::string listener;
  std::string host;
  uint16_t port = 0;
  bool operator==(const VoterEndpoint&) const = default;
};

struct Voter {
  ReplicaKey key;
  std::vector<VoterEndpoint> endpoints;
  int16_t kraft_version_min = 0;
  int16_t kraft_version_max = 1;
  bool operator==(const Voter&) const = default;
};

class VoterSet {
 public:
  VoterSet() = default;
  explicit VoterSet(std::vector<Voter> voters);

  const std::map<NodeId, Voter>& voters() const { return voters_; }
  size_t size() const { return voters_.size(); }
  bool empty() const { return voters_.empty(); }
  /// More than half.
  size_t majority() const { return voters_.size() / 2 + 1; }
  /// Whether this replica votes. A zero directory on either side matches by id alone.
  bool contains(const ReplicaKey& key) const;
  bool contains(NodeId id) const { return voters_.contains(id); }
  bool is_only(const ReplicaKey& key) const { return size() == 1 && contains(key); }
  const Voter* find(NodeId id) const;
  bool operator==(const VoterSet&) const = default;

 private:
  std::map<NodeId, Voter> voters_;
};

}  // namespace partita::raft
