#pragma once
// The features of the cluster as Apache Kafka 4.3.1 has them: what a node registers, and what a new
// cluster begins with.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "metadata/image.h"

namespace partita::metadata {

inline constexpr int16_t kMetadataVersion = 30;  ///< 4.3-IV0
inline constexpr int16_t kKraftVersion = 1;

/// What brokers and controllers register. Levels that this broker does not serve yet are registered
/// all the same, so that a log that Apache Kafka finalised is opened; ApiVersions tells clients
/// what is served.
const std::map<std::string, FeatureRange>& supported_features();

/// The levels that `kafka-storage format` finalises, in its order.
const std::vector<std::pair<std::string, int16_t>>& bootstrap_features();

}  // namespace partita::metadata
