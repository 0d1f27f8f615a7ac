#pragma once
// Where replicas of new partitions go: striped over racks and, within a rack, over brokers, so that
// leaders and followers spread evenly. Unfenced brokers first; the first replica is always an
// unfenced one; one replica a broker. Pure: the order of racks and brokers is drawn from the seed.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "metadata/image.h"

namespace partita::controller {

struct UsableBroker {
  NodeId id;
  std::optional<std::string> rack;
  bool fenced = false;
};

class ReplicaPlacer {
 public:
  ReplicaPlacer(std::vector<UsableBroker> brokers, uint64_t seed);

  /// Errc::invalid_replication_factor in Kafka's words where no placement can be.
  Result<> check(int replication_factor) const;
  /// The replicas of the next partition. REQUIRED: check(replication_factor) was well.
  metadata::NodeList next(int replication_factor);

 private:
  struct Rack {
    std::vector<NodeId> unfenced;
    std::vector<NodeId> fenced;
    size_t turn = 0;  ///< where this rack's next partition begins
  };
  void shuffle();

  std::vector<Rack> racks_;
  size_t first_rack_ = 0;
  size_t placed_ = 0;  ///< since the last shuffle
  size_t unfenced_ = 0;
  size_t total_ = 0;
  uint64_t random_;
};

}  // namespace partita::controller
