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

bool has_other_codec(const ProducedBatch& checked, const storage::LogConfig& config) {
  return config.compression_type && *config.compression_type != checked.codec;
}

/// The batch with the topic's codec, judged anew as what it has become.
Judged<storage::LeaderBatch> with_topic_codec(const ProducedBatch& checked, ByteView records,
                                              const storage::LogConfig& config, WallTime now,
                                              Codecs& codecs) {
  records::RecompressOptions options{.codec = *config.compression_type,
                                     .compression_level = config.compression_level,
                                     .max_timestamp = checked.max_timestamp};
  if (config.message_timestamp_type == records::TimestampType::log_append_time) {
    options.append_time = now;
  }
  TRY(Bytes bytes, records::recompress(checked.batch, records, options, codecs.compressor));
  TRY(const records::BatchView batch, records::BatchView::parse(bytes.view()));
  if (batch.total_size() > static_cast<size_t>(config.max_message_bytes)) {
    return std::unexpected(Error{Errc::message_too_large});
  }
  return storage::LeaderBatch{std::move(bytes), records::BatchPrefix::of(batch)};
}

}  // namespace

Judged<storage::LeaderBatch> prepare_batch(const Bytes& received, ProducedBatch& checked,
                                           const storage::LogConfig& config, WallTime now,
                                           Codecs& codecs) {
  const bool recompress = has_other_codec(checked, config);
  Buffer inflated;
  if (!checked.records_read && (config.cleanup_compact || recompress)) {
    CHECKED(records::check_inside(checked, codecs.decompressor,
                                  records::inflated_bytes_cap(config.max_message_bytes),
                                  &inflated));
  }
  CHECKED(records::check_rules(checked, rules_of(config), now, inflated.view()));
  if (recompress) {
    const ByteView records = inflated.size() > 0 ? inflated.view() : checked.batch.records();
    return with_topic_codec(checked, records, config, now, codecs);
  }
  return storage::LeaderBatch{received,
                              records::make_prefix(checked, config.message_timestamp_type, now)};
}

}  // namespace partita::replication
