#pragma once
// What every client of a cluster is told: where to begin, how long to wait, how to try again.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace partita::client {

/// Where a broker listens, as clients name it.
struct BrokerAddress {
  std::string host;
  uint16_t port = 9092;

  auto operator<=>(const BrokerAddress&) const = default;
  /// "host:9092", "[::1]:9092".
  std::string to_string() const;
};

/// "a:9092,b:9093,[::1]:9092". Errc::invalid_argument where an entry has no port, or a bad one, or
/// where there is no entry.
Result<std::vector<BrokerAddress>> parse_bootstrap(std::string_view text);

struct ClusterSettings {
  std::vector<BrokerAddress> bootstrap;
  std::string client_id = "partita";
  Duration request_timeout = 30s;     ///< of one request; a connection that passes it is given up
  Duration connection_timeout = 10s;  ///< of one attempt to connect
  Duration retry_backoff = 100ms;     ///< the first pause; doubles
  Duration retry_backoff_max = 1s;
  Duration metadata_max_age = 300s;
  bool allow_auto_create_topics = true;
};

}  // namespace partita::client
