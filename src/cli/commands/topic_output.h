#pragma once
// Topics as `partita topic` shows them: as tables for people, as JSON for programs.

#include <string>
#include <vector>

#include "client/admin.h"

namespace partita::cli {

struct ShownTopic {
  std::string name;
  client::TopicDescription topic;
  std::vector<client::ConfigEntry> configs;  ///< those that were set for it, by name
};

/// Columns as wide as what stands in them, two spaces apart.
std::string table(const std::vector<std::vector<std::string>>& rows);

std::string topics_table(const std::vector<client::TopicPtr>& topics);
std::string topics_json(const std::vector<client::TopicPtr>& topics);
std::string described_text(const std::vector<ShownTopic>& topics);
std::string described_json(const std::vector<ShownTopic>& topics);

}  // namespace partita::cli
