#pragma once
// Kafka's requests by number: which versions we can read and write, and which header goes before
// each. ApiKey itself and the table are generated from the schemas; what a broker offers is its
// handler table's business.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wire/api_key_enum.h"
#include "wire/descriptor.h"

namespace partita::wire {

struct ApiInfo {
  ApiKey key;
  std::string_view name;  ///< as in Kafka's documentation: "Produce"
  VersionRange
      versions;  ///< that we have schemas for; wider than Kafka 4.3's where old clients need it
  int16_t last_stable;    ///< above it a version is only offered when unstable ones are switched on
  int16_t flexible_from;  ///< more than versions.last where none is
  bool on_broker;         ///< served by broker listeners
  bool on_controller;     ///< served by controller listeners
  const MessageDescriptor* request;
  const MessageDescriptor* response;
};

/// By rising key.
std::span<const ApiInfo> all_apis();
/// Null for a number that names nothing we know.
const ApiInfo* find_api(int16_t key);
const ApiInfo& api_info(ApiKey key);
std::string_view api_name(ApiKey key);

/// The version of the header before a request; the request's version need not be one that we know.
int16_t request_header_version(ApiKey key, int16_t version);
int16_t response_header_version(ApiKey key, int16_t version);

}  // namespace partita::wire
