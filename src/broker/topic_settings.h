#pragma once
// A topic's effective configuration: its own configs over the broker's settings, in the form that
// logs and partitions take.

#include <memory>
#include <string>

#include "broker/settings.h"
#include "metadata/image.h"
#include "metadata/topic_configs.h"
#include "storage/log_config.h"

namespace partita::broker {

struct TopicSettings {
  std::shared_ptr<const storage::LogConfig> log;
  int32_t min_insync_replicas = 1;
};

/// The value of one config in effect for `topic`, and where it comes from.
metadata::EffectiveConfig effective_config(const metadata::Image& image, const std::string& topic,
                                           const metadata::TopicConfigRow& row,
                                           const Settings& settings);

/// Values that are out of range (a log that another Kafka wrote) count as not set.
TopicSettings topic_settings(const metadata::Image& image, const std::string& topic,
                             const Settings& settings);

}  // namespace partita::broker
