#pragma once
// `meta.properties`: whose a log directory is: node, cluster and the directory's own id. Version 1
// is KRaft's; version 0 (of a ZooKeeper broker) is read. Layout: docs/formats/storage.md.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/uuid.h"

namespace partita::storage {

inline constexpr std::string_view kMetaPropertiesFile = "meta.properties";
inline constexpr uint64_t kMetaPropertiesBytesMax = 64 * 1024;

struct MetaProperties {
  int version = 1;
  std::optional<NodeId> node_id;  ///< broker.id in version 0, where it may be missing
  std::string cluster_id;         ///< empty where it is missing (version 0 only)
  std::optional<DirectoryId> directory_id;

  bool operator==(const MetaProperties&) const = default;
};

/// With the comment lines that Java writes; `now` is what they say.
Bytes encode_meta_properties(const MetaProperties& properties, WallTime now);
/// corrupt_data for an unknown version, a missing or malformed value. Unknown keys are ignored.
Result<MetaProperties> decode_meta_properties(ByteView bytes);

}  // namespace partita::storage
