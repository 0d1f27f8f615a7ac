#include "broker/maintenance.h"

#include "runtime/shard.h"

namespace partita::broker {
namespace {

constexpr Duration kDeletedFilesInterval = 1s;
constexpr Duration kProducerExpirationInterval = 10min;  // Kafka's, a setting there

void warn_unless_stopped(const Log& log, const char* what, const Result<>& result) {
  if (!result && result.error().code != Errc::stopped) {
    log.error("{}: {}", what, describe(result.error()));
  }
}

Task<void> keep_retention(BrokerShard& shard, Log log) {
  while (co_await sleep_for(shard.scope(), shard.settings().retention_check_interval)) {
    const auto deleted = co_await shard.logs().delete_old_segments(shard.shard().now(),
                                                                   shard.shard().clock().wall());
    if (!deleted) {
      warn_unless_stopped(log, "retention", std::unexpected(deleted.error()));
    } else if (*deleted > 0) {
      log.info("retention deleted {} segments", *deleted);
    }
  }
}

Task<void> unlink_deleted(BrokerShard& shard, Log log) {
  while (co_await sleep_for(shard.scope(), kDeletedFilesInterval)) {
    warn_unless_stopped(log, "unlinking deleted files",
                        co_await shard.logs().delete_due_files(shard.shard().now()));
  }
}

Task<void> expire_producers(BrokerShard& shard, Log log) {
  while (co_await sleep_for(shard.scope(), kProducerExpirationInterval)) {
    const size_t count = shard.logs().expire_producers(shard.shard().now());
    if (count > 0) log.info("{} idle producers were forgotten", count);
  }
}

Task<void> checkpoint_offsets(BrokerShard& shard, Log log) {
  while (co_await sleep_for(shard.scope(), shard.settings().recovery_point_checkpoint_interval)) {
    warn_unless_stopped(log, "recovery point checkpoint",
                        co_await shard.logs().write_checkpoints());
  }
}

Task<void> checkpoint_high_watermarks(BrokerShard& shard, Log log) {
  while (co_await sleep_for(shard.scope(), shard.settings().high_watermark_checkpoint_interval)) {
    warn_unless_stopped(log, "high watermark checkpoint",
                        co_await shard.logs().write_high_watermarks());
  }
}

}  // namespace

void start_maintenance(BrokerShard& shard, Log log) {
  shard.scope().spawn(keep_retention(shard, log));
  shard.scope().spawn(unlink_deleted(shard, log));
  shard.scope().spawn(expire_producers(shard, log));
  shard.scope().spawn(checkpoint_offsets(shard, log));
  shard.scope().spawn(checkpoint_high_watermarks(shard, log));
}

}  // namespace partita::broker
