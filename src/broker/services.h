#pragma once
// What handlers reach beyond their own shard. Made at start, outlives all requests, never changes.

#include <string>
#include <vector>

#include "base/ids.h"
#include "broker/settings.h"

namespace partita::broker {

class BrokerShard;
class ControllerLink;
class Coordinators;

struct Services {
  const Settings& settings;
  NodeId self;
  std::string cluster_id;
  std::vector<BrokerShard*> shards;              ///< by shard id
  ControllerLink& controller;                    ///< on the shard of shards[0]
  std::vector<Coordinators*> coordinators = {};  ///< by shard id
};

}  // namespace partita::broker
