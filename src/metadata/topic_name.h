#pragma once
// What Apache Kafka calls a legal topic name.

#include <string>
#include <string_view>

#include "base/error.h"

namespace partita::metadata {

/// Errc::invalid_topic_exception in Kafka's words.
Result<> check_topic_name(std::string_view name);

/// '.' and '_' name the same metric: names that differ in nothing else collide.
std::string collision_key(std::string_view name);

}  // namespace partita::metadata
