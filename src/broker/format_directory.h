#pragma once
// What kafka-storage format does: an empty log directory becomes that of a cluster's first node.

#include <string>

#include "base/error.h"
#include "base/uuid.h"
#include "broker/settings.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace partita::broker {

/// Makes settings.log_dir where it is missing; meta.properties is written last. `host_name` stands
/// for a controller listener without a host. REQUIRED: nobody else has the directory open.
Task<Result<>> format_directory(Shard& shard, const Settings& settings, std::string cluster_id,
                                DirectoryId directory_id, std::string host_name);

}  // namespace partita::broker
