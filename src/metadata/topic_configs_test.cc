// The words are those that Apache Kafka 4.3.1 answered to the same values.

#include "metadata/topic_configs.h"

#include <gtest/gtest.h>

namespace partita::metadata {
namespace {

std::string words(const Configs& configs) {
  const auto result = check_topic_configs(configs);
  if (result) return "";
  EXPECT_EQ(result.error().code, Errc::invalid_config);
  return result.error().detail;
}

TEST(TopicConfigs, RefusesInKafkasWords) {
  const struct {
    Configs configs;
    std::string words;
  } kCases[] = {
      {{{"foo.bar", "1"}}, "Unknown topic config name: foo.bar"},
      {{{"durability", "fsync"}}, "Unknown topic config name: durability"},
      {{{"retention.ms", "abc"}},
       "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
      {{{"retention.ms", ""}},
       "Invalid value  for configuration retention.ms: Not a number of type LONG"},
      {{{"retention.ms", "1e3"}},
       "Invalid value 1e3 for configuration retention.ms: Not a number of type LONG"},
      {{{"retention.ms", "-2"}},
       "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
      {{{"segment.bytes", "1"}},
       "Invalid value 1 for configuration segment.bytes: Value must be at least 1048576"},
      {{{"segment.bytes", "99999999999"}},
       "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT"},
      {{{"cleanup.policy", "zip"}},
       "Invalid value zip for configuration cleanup.policy: String must be one of: compact, "
       "delete"},
      {{{"compression.type", "GZIP"}},
       "Invalid value GZIP for configuration compression.type: String must be one of: "
       "uncompressed, zstd, lz4, "
       "snappy, gzip, producer"},
      {{{"preallocate", "maybe"}},
       "Invalid value maybe for configuration preallocate: Expected value to be either true or "
       "false"},
      {{{"min.cleanable.dirty.ratio", "1.5"}},
       "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than "
       "1"},
      {{{"min.cleanable.dirty.ratio", "-1"}},
       "Invalid value -1.0 for configuration min.cleanable.dirty.ratio: Value must be at least 0"},
      {{{"min.cleanable.dirty.ratio", "x"}},
       "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
      {{{"compression.gzip.level", "0"}},
       "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or "
       "equal to -1"},
      {{{"compression.lz4.level", "99"}},
       "Invalid value 99 for configuration compression.lz4.level: Value must be no more than 17"},
      {{{"compression.zstd.level", "-999999"}},
       "Invalid value -999999 for configuration compression.zstd.level: Value must be at least "
       "-131072"},
      {{{"follower.replication.throttled.replicas", "zz"}},
       "Invalid value [zz] for configuration follower.replication.throttled.replicas: "
       "follower.replication.throttled.replicas must be the literal '*' or a list of replicas in "
       "the following "
       "format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."},
      {{{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}},
       "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"},
      {{{"remote.storage.enable", "true"}},
       "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with "
       "remote log storage."},
      {{{"message.timestamp.type", "createtime"}},
       "Invalid value createtime for configuration message.timestamp.type: String must be one of: "
       "CreateTime, "
       "LogAppendTime"},
  };
  for (const auto& c : kCases) EXPECT_EQ(words(c.configs), c.words);
}

TEST(TopicConfigs, AcceptsWhatKafkaAccepts) {
  const Configs kFine[] = {{{"cleanup.policy", ""}},
                           {{"cleanup.policy", "delete, compact"}},
                           {{"cleanup.policy", "delete,delete"}},
                           {{"retention.ms", " 5 "}},
                           {{"retention.ms", "+5"}},
                           {{"retention.bytes", "-5"}},
                           {{"preallocate", " TRUE "}},
                           {{"internal.segment.bytes", "5"}},
                           {{"follower.replication.throttled.replicas", "0:1,1:2"}},
                           {{"follower.replication.throttled.replicas", "*"}}};
  for (const Configs& configs : kFine) EXPECT_EQ(words(configs), "") << configs.begin()->second;
}

TEST(TopicConfigs, EveryDefaultIsInRange) {
  EXPECT_EQ(topic_config_rows().size(), 34u + 1u);
  for (const TopicConfigRow& row : topic_config_rows()) {
    if (!row.hidden) EXPECT_TRUE(check_topic_config(row.name, row.default_value)) << row.name;
  }
}

TEST(TopicConfigs, ValuesComeFromTheFirstSourceThatHasOne) {
  const TopicConfigRow& row = *find_topic_config("retention.ms");
  const Configs none;
  const Configs topic{{"retention.ms", "5"}};
  const Configs cluster{{"log.retention.ms", "777000"}};
  const Configs given{{"log.retention.hours", "2"}};
  EXPECT_EQ(effective_topic_config(row, none, {}).value, "604800000");
  EXPECT_EQ(effective_topic_config(row, none, {}).synonyms,
            (std::vector<ConfigSynonym>{{"log.retention.hours", "168", ConfigSource::defaults}}));
  auto effective = effective_topic_config(row, none, {.static_broker = &given});
  EXPECT_EQ(effective.value, "7200000");
  EXPECT_EQ(effective.source, ConfigSource::static_broker);
  effective = effective_topic_config(row, none,
                                     {.dynamic_default_broker = &cluster, .static_broker = &given});
  EXPECT_EQ(effective.value, "777000");
  EXPECT_EQ(effective.source, ConfigSource::dynamic_default_broker);
  effective = effective_topic_config(row, topic, {.dynamic_default_broker = &cluster});
  EXPECT_EQ(effective.value, "5");
  EXPECT_EQ(effective.synonyms.size(), 3u);
  EXPECT_EQ(effective.source, ConfigSource::topic);
}

}  // namespace
}  // namespace partita::metadata
