#pragma once
// What kafka-storage format does: an empty log directory becomes that of a cluster's first node, or
// of one of several.

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/uuid.h"
#include "broker/settings.h"
#include "metadata/features.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::broker {

/// One of --initial-controllers.
struct InitialController {
  NodeId id;
  std::string host;
  uint16_t port = 0;
  DirectoryId directory_id;
};

struct DirectoryFormat {
  /// Who votes at first: this node alone, those given, or nobody that the directory would tell of
  /// (controller.quorum.voters does, or a quorum that this node is added to).
  enum class Quorum { this_node, given, untold };

  std::string cluster_id;
  DirectoryId directory_id;
  std::string host_name;  ///< stands for a controller listener without a host
  Quorum quorum = Quorum::this_node;
  std::vector<InitialController> controllers = {};
  std::vector<std::pair<std::string, int16_t>> features = metadata::bootstrap_features();
};

/// Makes settings.log_dir where it is missing; meta.properties is written last. REQUIRED: nobody
/// else has the directory open.
Task<Result<>> format_directory(Shard& shard, const Settings& settings, DirectoryFormat format);

}  // namespace partita::broker
