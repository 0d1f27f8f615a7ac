#include "cli/kafka/release_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "metadata/features.h"

namespace partita::cli::kafka {
namespace {

constexpr MetadataVersion kVersions[] = {
    {7, "3.3-IV3"},  {8, "3.4-IV0"},  {9, "3.5-IV0"},  {10, "3.5-IV1"}, {11, "3.5-IV2"},
    {12, "3.6-IV0"}, {13, "3.6-IV1"}, {14, "3.6-IV2"}, {15, "3.7-IV0"}, {16, "3.7-IV1"},
    {17, "3.7-IV2"}, {18, "3.7-IV3"}, {19, "3.7-IV4"}, {20, "3.8-IV0"}, {21, "3.9-IV0"},
    {22, "4.0-IV0"}, {23, "4.0-IV1"}, {24, "4.0-IV2"}, {25, "4.0-IV3"}, {26, "4.1-IV0"},
    {27, "4.1-IV1"}, {28, "4.2-IV0"}, {29, "4.2-IV1"}, {30, "4.3-IV0"}, {31, "4.4-IV0"},
};

constexpr FeatureRow kFeatures[] = {
    {.name = kKraftVersionFeature, .since = 21},
    {.name = "transaction.version", .level_max = 2, .since = 24},
    {.name = "group.version", .since = 22},
    {.name = "eligible.leader.replicas.version", .since = 26, .depends_on = 23},
    {.name = "share.version", .since = 28},
    {.name = "streams.version", .since = 29},
};

/// What is compared with the versions' names: two numbers at the most. "4.3.1" -> "4.3".
std::string_view release_key(std::string_view text) {
  const size_t second = text.find('.', std::min(text.find('.'), text.size() - 1) + 1);
  if (second == text.npos) return text;
  // Dots alone at the end are no further part.
  if (text.find_first_not_of('.', second) == text.npos) return text;
  return text.substr(0, second);
}

Error java(std::string_view exception, std::string_view words) {
  return {Errc::invalid_argument,
          fmt::format("Exception in thread \"main\" java.lang.{}: {}", exception, words)};
}

Result<int16_t> kraft_level(std::optional<int16_t> asked, bool dynamic_quorum) {
  if (!asked) return static_cast<int16_t>(dynamic_quorum ? 1 : 0);
  constexpr std::string_view kFlags = "--standalone, --initial-controllers, or";
  if (*asked == 0 && dynamic_quorum) {
    return fail(Errc::invalid_argument,
                fmt::format("Cannot set kraft.version to 0 if controller.quorum.voters is empty "
                            "and one of the flags {} --no-initial-controllers is used. For dynamic "
                            "controllers support, try removing the --feature flag for "
                            "kraft.version.",
                            kFlags));
  }
  if (*asked != 0 && !dynamic_quorum) {
    return fail(Errc::invalid_argument,
                fmt::format("Cannot set kraft.version to {0} unless controller.quorum.voters is "
                            "empty and one of the flags {1} --no-initial-controllers is used. For "
                            "dynamic controllers support, try using one of {1} "
                            "--no-initial-controllers and removing controller.quorum.voters.",
                            *asked, kFlags));
  }
  return *asked;
}

Result<> check_known(const FeatureLevels& asked) {
  std::vector<std::string_view> known;
  for (const FeatureRow& row : kFeatures) known.push_back(row.name);
  std::ranges::sort(known);
  for (const auto& [name, level] : asked) {
    if (name == kMetadataVersionFeature || find_feature(name)) continue;
    return fail(Errc::invalid_argument,
                fmt::format("Unsupported feature: {}. Supported features are: {}", name,
                            fmt::join(known, ", ")));
  }
  return {};
}

Result<> check_level(const FeatureRow& row, int16_t level, int16_t metadata_version) {
  if (level < 0 || level > row.level_max) {
    return std::unexpected(
        java("IllegalArgumentException",
             fmt::format("No feature:{} with feature level {}", row.name, level)));
  }
  if (level > 0 && metadata_version < row.depends_on) {
    return std::unexpected(
        java("IllegalArgumentException",
             fmt::format("{} could not be set to {} because it depends on {} level {}", row.name,
                         level, kMetadataVersionFeature, row.depends_on)));
  }
  return {};
}

}  // namespace

std::span<const FeatureRow> feature_rows() {
  return kFeatures;
}

const FeatureRow* find_feature(std::string_view name) {
  const auto* found = std::ranges::find(kFeatures, name, &FeatureRow::name);
  return found == std::end(kFeatures) ? nullptr : found;
}

int16_t default_level(const FeatureRow& feature, int16_t metadata_version) {
  return metadata_version >= feature.since ? feature.level_max : int16_t{0};
}

bool is_production(MetadataVersion version) {
  return version.level <= metadata::kMetadataVersion;
}

MetadataVersion metadata_version_latest() {
  return *metadata_version_of(metadata::kMetadataVersion);
}

MetadataVersion metadata_version_oldest() {
  return kVersions[0];
}

std::optional<MetadataVersion> metadata_version_of(int16_t level) {
  const auto* found = std::ranges::find(kVersions, level, &MetadataVersion::level);
  return found == std::end(kVersions) ? std::nullopt : std::optional(*found);
}

std::string level_range() {
  return fmt::format("from {} to {}", std::begin(kVersions)->level,
                     std::prev(std::end(kVersions))->level);
}

Result<MetadataVersion> find_release(std::string_view text, Stability wanted) {
  const std::string_view key = text.empty() ? text : release_key(text);
  std::optional<MetadataVersion> found;
  std::vector<std::string_view> names;
  for (const MetadataVersion& each : kVersions) {
    if (wanted == Stability::production && !is_production(each)) continue;
    names.push_back(each.name);
    // A release without its -IV is the last one of that number that is out.
    const bool short_form = is_production(each) && each.name.substr(0, each.name.find('-')) == key;
    if (each.name == key || short_form) found = each;
  }
  if (found) return *found;
  return fail(Errc::invalid_argument,
              fmt::format("Unknown metadata.version '{}'. Supported metadata.version are: {}", text,
                          fmt::join(names, ", ")));
}

Result<FeatureLevels> effective_levels(MetadataVersion release, const FeatureLevels& asked,
                                       bool dynamic_quorum) {
  CHECKED(check_known(asked));
  FeatureLevels levels{{std::string(kMetadataVersionFeature), release.level}};
  for (const FeatureRow& row : kFeatures) {
    const auto found = asked.find(row.name);
    std::optional<int16_t> wanted;
    if (found != asked.end()) wanted = found->second;
    int16_t level = wanted.value_or(default_level(row, release.level));
    if (row.name == kKraftVersionFeature) {
      TRY(level, kraft_level(wanted, dynamic_quorum));
    }
    levels[std::string(row.name)] = level;
  }
  for (const auto& [name, level] : levels) {
    const FeatureRow* row = find_feature(name);
    if (row) CHECKED(check_level(*row, level, release.level));
  }
  return levels;
}

std::optional<int16_t> parse_short(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  int16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace partita::cli::kafka
