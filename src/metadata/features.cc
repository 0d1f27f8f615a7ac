#include "metadata/features.h"

namespace partita::metadata {

const std::map<std::string, FeatureRange>& supported_features() {
  static const std::map<std::string, FeatureRange> kFeatures{
      {"eligible.leader.replicas.version", {0, 1}},
      {"group.version", {0, 1}},
      {"kraft.version", {0, kKraftVersion}},
      {"metadata.version", {7, kMetadataVersion}},
      {"share.version", {0, 1}},
      {"streams.version", {0, 1}},
      {"transaction.version", {0, 2}},
  };
  return kFeatures;
}

const std::vector<std::pair<std::string, int16_t>>& bootstrap_features() {
  static const std::vector<std::pair<std::string, int16_t>> kLevels{
      {"metadata.version", kMetadataVersion},
      {"eligible.leader.replicas.version", 1},
      {"group.version", 1},
      {"share.version", 1},
      {"streams.version", 1},
      {"transaction.version", 2},
  };
  return kLevels;
}

}  // namespace partita::metadata
