#pragma once
// The table of everything this broker answers: one row a Kafka API, one file a row under handlers/.
// ApiVersions and docs/compatibility.md are derived from it; nothing is advertised that is not
// here.

#include <span>

#include "broker/broker_shard.h"
#include "broker/services.h"
#include "rpc/request_handler.h"
#include "wire/api_key.h"

namespace partita::broker {

/// What a handler is given; one per shard, outlives all requests.
struct HandlerContext {
  BrokerShard& here;  ///< of the shard that the connection is on
  Services& services;
  Log log;
};

using Handle = Task<rpc::Response> (*)(HandlerContext& context, rpc::Request request);

struct Handler {
  wire::ApiKey key;
  int16_t
      listed_from;  ///< what ApiVersions says; clients look for old versions there (KAFKA-18659)
  int16_t first;    ///< what is served
  int16_t last;
  rpc::Overlap overlap;
  Handle handle;
};

/// By rising key. Without `old_versions` the versions that Kafka 4 has dropped are left out.
std::span<const Handler> handler_table(bool old_versions);
/// Null where the key is not served.
const Handler* find_handler(std::span<const Handler> table, wire::ApiKey key);

}  // namespace partita::broker
