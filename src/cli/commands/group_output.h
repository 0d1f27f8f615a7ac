#pragma once
// What partita group prints: tables for people, JSON for programs.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/group_admin.h"

namespace partita::cli {

using Json = nlohmann::ordered_json;

/// A group and how far it is behind, by partition.
struct ShownGroup {
  client::GroupDescription group;
  client::CommittedOffsets committed;
  std::map<client::TopicPartition, Offset> ends;
};

std::string groups_text(const std::vector<client::GroupListing>& groups);
std::string groups_json(const std::vector<client::GroupListing>& groups);
std::string group_text(const ShownGroup& shown);
Json group_json(const ShownGroup& shown);

/// The broker's report partita.group.lag.
std::string lag_text(const Json& report);
/// How many of its partitions have a warning.
size_t lag_warnings(const Json& report);
/// The same report of a broker that has none, from what anybody can ask: records only.
Json lag_of(const ShownGroup& shown);

/// The broker's report partita.group.rebalances.
std::string rebalances_text(const std::string& group, const Json& report);

}  // namespace partita::cli
