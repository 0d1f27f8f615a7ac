#pragma once
// Kafka's rules for the names of topics, for requests that name one before there is an image of it.

#include <algorithm>
#include <string_view>

namespace partita::broker {

inline constexpr size_t kTopicNameBytesMax = 249;

inline bool is_legal_topic_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > kTopicNameBytesMax) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// Topics that coordinators write and clients may not.
inline bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

}  // namespace partita::broker
