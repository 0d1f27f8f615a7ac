#pragma once
// Which errors a client tries again on its own, and how long it pauses before.

#include <cstdint>

#include "base/error.h"
#include "base/time.h"
#include "runtime/random.h"

namespace partita::client {

/// The connection failed or the time of one request ran out: whether the broker acted on it is not
/// known.
bool is_connection_error(Errc code);
/// Connection errors and what Kafka calls retriable.
bool is_transient(Errc code);
/// The leader is not where the metadata said: asking for metadata comes before trying again.
bool is_stale_metadata(Errc code);

/// Pauses that double up to a bound, each changed at random by up to a fifth.
class Backoff {
 public:
  Backoff(Duration first, Duration most, Random& random)
      : first_(first), most_(most), random_(random) {}

  Duration next();
  uint32_t attempts() const { return attempts_; }

 private:
  const Duration first_;
  const Duration most_;
  Random& random_;
  uint32_t attempts_ = 0;
};

}  // namespace partita::client
