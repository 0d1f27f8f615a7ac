#pragma once
// The bounds of server connections. Kafka's setting of the same meaning is named where there is
// one.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/time.h"

namespace partita::rpc {

struct ServerSettings {
  size_t frame_bytes_max = 104'857'600;  ///< socket.request.max.bytes
  Duration idle_max = 10min;             ///< connections.max.idle.ms
  /// A frame's size and the least of a header, from its first byte on.
  Duration header_max = 10s;
  /// While a frame arrives, each window brings at least so many bytes.
  Duration rate_window = 30s;
  size_t rate_window_bytes_min = 30 << 10;
  /// With responses to send and a peer that takes none. Long, because a Java consumer that is not
  /// polled (up to max.poll.interval.ms, 5 minutes) leaves a response unread.
  Duration write_stall_max = 6min;
  /// Requests under way when their peer has gone get so long to end.
  Duration drain_max = 10s;

  // Of one connection; beyond them it is not read. One frame alone may exceed the bytes.
  size_t requests_in_flight_max = 1000;
  size_t bytes_in_flight_max = 16 << 20;
  size_t fetches_in_flight_max = 8;

  // Of all connections of a shard: beyond the first, a connection with requests in flight begins no
  // new frame; one whose large frame would pass the second is closed.
  size_t memory_soft = 256 << 20;
  size_t memory_hard = 512 << 20;

  // Of one shard.
  size_t connections_max =
      std::numeric_limits<size_t>::max();  ///< max.connections: accepting pauses
  size_t connections_per_ip_max =
      std::numeric_limits<size_t>::max();  ///< max.connections.per.ip: closed at once
};

/// Counted since the start; read by whoever shows metrics, on the shard.
struct ServerMetrics {
  uint64_t connections_accepted = 0;
  uint64_t connections_refused = 0;  ///< max.connections.per.ip
  uint64_t connections_closed_idle = 0;
  uint64_t connections_closed_for_cause = 0;  ///< bad bytes, too slow, too much
  uint64_t requests = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
};

}  // namespace partita::rpc
