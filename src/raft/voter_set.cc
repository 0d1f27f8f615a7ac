#include "raft/voter_set.h"

namespace partita::raft {

VoterSet::VoterSet(std::vector<Voter> voters) {
  for (Voter& voter : voters) {
    const NodeId id = voter.key.id;
    voters_.insert_or_assign(id, std::move(voter));
  }
}

bool VoterSet::contains(const ReplicaKey& key) const {
  const Voter* voter = find(key.id);
  if (voter == nullptr) return false;
  return key.directory.is_zero() || voter->key.directory.is_zero() ||
         voter->key.directory == key.directory;
}

const Voter* VoterSet::find(NodeId id) const {
  const auto at = voters_.find(id);
  return at == voters_.end() ? nullptr : &at->second;
}

}  // namespace partita::raft
