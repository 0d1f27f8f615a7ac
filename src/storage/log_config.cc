#include "storage/log_config.h"

#include <algorithm>

namespace partita::storage {
namespace {

/// Milliseconds as a Duration; what is longer than it can tell is as good as never.
Duration duration_of(int64_t ms) {
  return ms >= to_ms(Duration::max()) ? Duration::max() : from_ms(ms);
}

}  // namespace

void apply_flush_config(LogConfig& config, const FlushConfig& flush) {
  if (!flush.flush_messages && !flush.flush_ms) return;
  const int64_t messages = flush.flush_messages.value_or(kNever);
  const int64_t ms = flush.flush_ms.value_or(kNever);
  if (messages <= 1 || ms <= 0) {
    config.durability = Durability::fsync;
  } else if (messages == kNever && ms == kNever) {
    config.durability = Durability::os;
  } else {
    config.durability = Durability::interval;
    config.flush_interval = duration_of(ms);
    config.flush_interval_messages = messages;
    config.flush_interval_bytes = kNever;
  }
}

int64_t segment_jitter(const LogConfig& config, uint64_t random) {
  const int64_t bound = std::min(config.segment_jitter_ms, config.segment_ms);
  if (bound <= 0) return 0;
  return static_cast<int64_t>(random % static_cast<uint64_t>(bound));
}

}  // namespace partita::storage
