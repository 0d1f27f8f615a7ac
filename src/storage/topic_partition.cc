#include "storage/topic_partition.h"

#include <algorithm>
#include <charconv>

namespace partita::storage {
namespace {

constexpr size_t kTopicNameMax = 249;

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

std::string TopicPartition::to_string() const {
  return topic + "-" + std::to_string(partition.value());
}

std::optional<TopicPartition> TopicPartition::parse(std::string_view directory_name) {
  const size_t dash = directory_name.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || dash > kTopicNameMax) return std::nullopt;
  const std::string_view topic = directory_name.substr(0, dash);
  const std::string_view number = directory_name.substr(dash + 1);
  if (!std::ranges::all_of(topic, is_topic_character)) return std::nullopt;
  int32_t partition = -1;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), partition);
  if (error != std::errc() || end != number.data() + number.size() || partition < 0) {
    return std::nullopt;
  }
  // "topic-007" would name the same partition as "topic-7".
  if (number.size() > 1 && number.front() == '0') return std::nullopt;
  return TopicPartition{.topic = std::string(topic), .partition = PartitionIndex(partition)};
}

}  // namespace partita::storage
