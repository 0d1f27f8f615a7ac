#pragma once
// TopicPartition: Kafka's name of a partition, also as the name of its directory: "topic-0".

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace partita::storage {

struct TopicPartition {
  std::string topic;
  PartitionIndex partition;

  std::string to_string() const;
  /// Nothing for a name that is no partition's directory: not "<legal topic>-<number>".
  static std::optional<TopicPartition> parse(std::string_view directory_name);
  auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace partita::storage
