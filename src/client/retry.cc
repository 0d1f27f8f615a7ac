#include "client/retry.h"

#include <algorithm>

#include "wire/error_code.h"

namespace partita::client {

bool is_connection_error(Errc code) {
  switch (code) {
    case Errc::connection_reset:
    case Errc::end_of_stream:
    case Errc::deadline_exceeded:
    case Errc::io_error:
    case Errc::not_found:
    case Errc::network_exception: return true;
    default: return false;
  }
}

bool is_transient(Errc code) {
  if (is_connection_error(code)) return true;
  // What goes wrong inside this process has codes of its own, which say nothing about a broker.
  if (code >= Errc::stopped) return false;
  return wire::is_retriable(wire::error_code(code));
}

bool is_stale_metadata(Errc code) {
  switch (code) {
    case Errc::unknown_topic_or_partition:
    case Errc::leader_not_available:
    case Errc::not_leader_or_follower:
    case Errc::replica_not_available:
    case Errc::fenced_leader_epoch:
    case Errc::unknown_leader_epoch:
    case Errc::unknown_topic_id:
    case Errc::inconsistent_topic_id:
    case Errc::listener_not_found:
    case Errc::kafka_storage_error: return true;
    default: return is_connection_error(code);
  }
}

Duration Backoff::next() {
  Duration pause = first_;
  for (uint32_t i = 0; i < attempts_ && pause < most_; i++) pause *= 2;
  attempts_++;
  pause = std::min(pause, most_);
  const auto fifth = static_cast<uint64_t>(pause.count() / 5);
  const auto shift =
      static_cast<int64_t>(random_.below(2 * fifth + 1)) - static_cast<int64_t>(fifth);
  return pause + Duration(shift);
}

}  // namespace partita::client
