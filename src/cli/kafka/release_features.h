#pragma once
// Which level of each feature a release of Kafka begins with, up to 4.3.1: what kafka-storage and
// its like are asked for by --release-version and --feature.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace partita::cli::kafka {

/// A level of metadata.version: 30 is "4.3-IV0".
struct MetadataVersion {
  int16_t level = 0;
  std::string_view name;
};

inline constexpr std::string_view kMetadataVersionFeature = "metadata.version";
inline constexpr std::string_view kKraftVersionFeature = "kraft.version";

/// A feature beside metadata.version.
struct FeatureRow {
  std::string_view name;
  int16_t level_max = 1;
  int16_t since = 0;       ///< releases of this metadata.version and later begin with level_max
  int16_t depends_on = 0;  ///< the metadata.version that level 1 needs; 0: none
};

/// In the order that Kafka lists them in.
std::span<const FeatureRow> feature_rows();
const FeatureRow* find_feature(std::string_view name);
/// What a release begins with.
int16_t default_level(const FeatureRow& feature, int16_t metadata_version);

/// Newest and oldest that a cluster can be made with.
MetadataVersion metadata_version_latest();
MetadataVersion metadata_version_oldest();

enum class Stability { any, production };
/// "4.3-IV0", "4.3" or "4.3.1"; invalid_argument in Kafka's words.
Result<MetadataVersion> find_release(std::string_view text, Stability wanted);
std::optional<MetadataVersion> metadata_version_of(int16_t level);
bool is_production(MetadataVersion version);
/// "from 7 to 31".
std::string level_range();

using FeatureLevels = std::map<std::string, int16_t, std::less<>>;

/// The levels that a new cluster begins with: those asked for, checked, and the release's own for
/// the rest. Errors are what Kafka's formatter prints.
Result<FeatureLevels> effective_levels(MetadataVersion release, const FeatureLevels& asked,
                                       bool dynamic_quorum);

/// As Java reads a short.
std::optional<int16_t> parse_short(std::string_view text);

}  // namespace partita::cli::kafka
