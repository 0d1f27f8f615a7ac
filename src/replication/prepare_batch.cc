#include "replication/prepare_batch.h"

#include "records/recompress.h"

namespace partita::replication {
namespace {

using records::Judged;
using records::ProducedBatch;

records::TopicRules rules_of(const storage::LogConfig& config) {
  return {.max_message_bytes = config.max_message_bytes,
          .segment_bytes = config.segment_bytes,
          .timestamp_type = config.message_timestamp_type,
          .timestamp_before_max_ms = config.message_timestamp_before_max_ms,
          .timestamp_after_max_ms = config.message_timestamp_after_max_ms,
          .keys_required = config.cleanup_compact};
}

}  // namespace

Judged<storage::LeaderBatch> prepare_batch(const Bytes& received, ProducedBatch& checked,
                                           const storage::LogConfig& config, WallTime now,
                                           Codecs& codecs) {
  const records::TopicRules rules = rules_of(config);
  const size_t cap = records::inflated_bytes_cap(config.max_message_bytes);
  Buffer inflated;
  if (config.cleanup_compact) {
    CHECKED(records::check_inside(checked, codecs.decompressor, cap, &inflated));
  }
  CHECKED(records::check_rules(checked, rules, now, inflated.view()));
  Bytes bytes = received;
  if (config.compression_type) {
    TRY(Bytes made,
        records::recompress_produced(checked, *config.compression_type, config.compression_level,
                                     cap, codecs.decompressor, codecs.compressor));
    if (!made.empty()) {
      bytes = std::move(made);
      CHECKED(records::check_rules(checked, rules, now));
    }
  }
  return storage::LeaderBatch{std::move(bytes),
                              records::make_prefix(checked, config.message_timestamp_type, now)};
}

}  // namespace partita::replication
