#include "broker/topic_settings.h"

#include <charconv>

#include "metadata/topic_configs.h"

namespace partita::broker {
namespace {

/// The values in effect for one topic, as text; one that its row refuses counts as the default.
class Effective {
 public:
  Effective(const metadata::Image& image, const std::string& topic, const Settings& settings)
      : image_(image), topic_(topic), settings_(settings) {}

  metadata::EffectiveConfig config(std::string_view name) const {
    return effective_config(image_, topic_, *metadata::find_topic_config(name), settings_);
  }
  std::string text(std::string_view name) const {
    std::string value = config(name).value;
    if (metadata::check_topic_config(name, value)) return value;
    return std::string(metadata::find_topic_config(name)->default_value);
  }
  int64_t number(std::string_view name) const {
    const std::string value = text(name);
    int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
  }
  int32_t small(std::string_view name) const { return static_cast<int32_t>(number(name)); }
  bool flag(std::string_view name) const { return text(name) == "true"; }
  /// Nothing where only the default speaks.
  std::optional<int64_t> number_if_set(std::string_view name) const {
    if (config(name).source == metadata::ConfigSource::defaults) return std::nullopt;
    return number(name);
  }

 private:
  const metadata::Image& image_;
  const std::string& topic_;
  const Settings& settings_;
};

bool has_word(std::string_view list, std::string_view word) {
  return list.find(word) != std::string_view::npos;
}

std::optional<int> codec_level(const Effective& effective, records::Codec codec) {
  switch (codec) {
    case records::Codec::gzip: return effective.small("compression.gzip.level");
    case records::Codec::lz4: return effective.small("compression.lz4.level");
    case records::Codec::zstd: return effective.small("compression.zstd.level");
    default: return std::nullopt;
  }
}

void set_sizes(const Effective& effective, storage::LogConfig& log) {
  log.segment_bytes = effective.small("segment.bytes");
  // What tests set goes before, as in Kafka.
  if (const auto bytes = effective.number_if_set("internal.segment.bytes")) {
    log.segment_bytes = static_cast<int32_t>(*bytes);
  }
  log.segment_ms = effective.number("segment.ms");
  log.segment_jitter_ms = effective.number("segment.jitter.ms");
  log.segment_index_bytes = effective.small("segment.index.bytes");
  log.index_interval_bytes = effective.small("index.interval.bytes");
  log.retention_bytes = effective.number("retention.bytes");
  log.retention_ms = effective.number("retention.ms");
  log.file_delete_delay_ms = effective.number("file.delete.delay.ms");
  log.preallocate = effective.flag("preallocate");
  const std::string policy = effective.text("cleanup.policy");
  log.cleanup_delete = has_word(policy, "delete");
  log.cleanup_compact = has_word(policy, "compact");
}

void set_records(const Effective& effective, storage::LogConfig& log) {
  log.max_message_bytes = effective.small("max.message.bytes");
  log.message_timestamp_type = effective.text("message.timestamp.type") == "LogAppendTime"
                                   ? records::TimestampType::log_append_time
                                   : records::TimestampType::create_time;
  log.message_timestamp_before_max_ms = effective.number("message.timestamp.before.max.ms");
  log.message_timestamp_after_max_ms = effective.number("message.timestamp.after.max.ms");
  log.compression_type = records::codec_from_name(effective.text("compression.type"));
  if (log.compression_type) log.compression_level = codec_level(effective, *log.compression_type);
  log.min_insync_replicas = effective.small("min.insync.replicas");
}

void set_durability(const Effective& effective, const Settings& settings, storage::LogConfig& log) {
  log.durability = settings.durability;
  log.flush_interval = settings.durability_interval;
  log.flush_interval_bytes = settings.durability_interval_bytes;
  storage::apply_flush_config(log, {.flush_messages = effective.number_if_set("flush.messages"),
                                    .flush_ms = effective.number_if_set("flush.ms")});
  log.producer_id_expiration_ms = to_ms(settings.producer_id_expiration);
}

}  // namespace

metadata::EffectiveConfig effective_config(const metadata::Image& image, const std::string& topic,
                                           const metadata::TopicConfigRow& row,
                                           const Settings& settings) {
  constexpr auto kBroker = metadata::ConfigResourceType::broker;
  const std::string node = std::to_string(settings.node_id);
  return metadata::effective_topic_config(row, image.topic_configs(topic),
                                          {.dynamic_broker = &image.configs({kBroker, node}),
                                           .dynamic_default_broker = &image.configs({kBroker, ""}),
                                           .static_broker = &settings.static_configs});
}

TopicSettings topic_settings(const metadata::Image& image, const std::string& topic,
                             const Settings& settings) {
  const Effective effective(image, topic, settings);
  auto log = std::make_shared<storage::LogConfig>();
  set_sizes(effective, *log);
  set_records(effective, *log);
  set_durability(effective, settings, *log);
  const int32_t min_insync_replicas = log->min_insync_replicas;
  return {.log = std::move(log), .min_insync_replicas = min_insync_replicas};
}

}  // namespace partita::broker
