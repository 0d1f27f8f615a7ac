// The table of topic configs. Documentation is in our own words.

#include <algorithm>

#include "metadata/topic_configs.h"

namespace partita::metadata {

namespace {

constexpr std::string_view kForever = "9223372036854775807";
constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 3'600'000;
constexpr auto kBoolean = ConfigType::boolean;
constexpr auto kInt = ConfigType::int32;
constexpr auto kLong = ConfigType::int64;
constexpr auto kDouble = ConfigType::float64;
constexpr auto kString = ConfigType::string;
constexpr auto kList = ConfigType::list;

std::vector<TopicConfigRow> retention_rows() {
  return {
      {"cleanup.policy",
       kList,
       "delete",
       "What happens to old records: delete drops segments by age and size, compact keeps the last "
       "record of each "
       "key; both may be given; an empty list keeps everything.",
       {{"log.cleanup.policy", 1, "delete"}}},
      {"delete.retention.ms",
       kLong,
       "86400000",
       "How long a compacted topic keeps tombstones.",
       {{"log.cleaner.delete.retention.ms", 1, "86400000"}}},
      {"file.delete.delay.ms",
       kLong,
       "60000",
       "How long a dropped file waits before it leaves the disk.",
       {{"log.segment.delete.delay.ms", 1, "60000"}}},
      {"max.compaction.lag.ms",
       kLong,
       kForever,
       "A record is compacted at the latest after this time.",
       {{"log.cleaner.max.compaction.lag.ms", 1, kForever}}},
      {"min.cleanable.dirty.ratio",
       kDouble,
       "0.5",
       "A compacted log is cleaned once this part of it has not been cleaned.",
       {{"log.cleaner.min.cleanable.ratio", 1, "0.5"}}},
      {"min.compaction.lag.ms",
       kLong,
       "0",
       "A record stays uncompacted at least this long.",
       {{"log.cleaner.min.compaction.lag.ms", 1, "0"}}},
      {"retention.bytes",
       kLong,
       "-1",
       "Bytes that a partition may have before old segments go; -1: no limit.",
       {{"log.retention.bytes", 1, "-1"}}},
      {"retention.ms",
       kLong,
       "604800000",
       "How long records are kept; -1: for ever.",
       {{"log.retention.ms", 1, ""},
        {"log.retention.minutes", kMinute, ""},
        {"log.retention.hours", kHour, "168"}}},
  };
}

std::vector<TopicConfigRow> remote_rows() {
  return {
      {"local.retention.bytes",
       kLong,
       "-2",
       "Bytes of a partition that stay on the broker where older ones are in remote storage; -2 is "
       "retention.bytes.",
       {{"log.local.retention.bytes", 1, "-2"}}},
      {"local.retention.ms",
       kLong,
       "-2",
       "Age of what stays on the broker where older records are in remote storage; -2 is "
       "retention.ms.",
       {{"log.local.retention.ms", 1, "-2"}}},
      {"remote.log.copy.disable",
       kBoolean,
       "false",
       "No more segments are copied to remote storage.",
       {}},
      {"remote.log.delete.on.disable",
       kBoolean,
       "false",
       "What lies in remote storage is deleted when that is switched off for the topic.",
       {}},
      {"remote.storage.enable", kBoolean, "false", "Old segments move to remote storage.", {}},
  };
}

std::vector<TopicConfigRow> segment_rows() {
  return {
      {"flush.messages",
       kLong,
       kForever,
       "After how many records the log is flushed to the disk: 1 is before every acknowledgement.",
       {{"log.flush.interval.messages", 1, kForever}}},
      {"flush.ms",
       kLong,
       kForever,
       "After how much time the log is flushed to the disk.",
       {{"log.flush.interval.ms", 1, ""}, {"log.flush.scheduler.interval.ms", 1, kForever}}},
      {"index.interval.bytes",
       kInt,
       "4096",
       "Bytes of records between two index entries.",
       {{"log.index.interval.bytes", 1, "4096"}}},
      {"internal.segment.bytes",
       kInt,
       "",
       "The size of a segment below the range of segment.bytes; for tests.",
       {},
       true},
      {"preallocate",
       kBoolean,
       "false",
       "Whether a segment's file gets its full size when it is made.",
       {{"log.preallocate", 1, "false"}}},
      {"segment.bytes",
       kInt,
       "1073741824",
       "The size at which a new segment begins.",
       {{"log.segment.bytes", 1, "1073741824"}}},
      {"segment.index.bytes",
       kInt,
       "10485760",
       "The size that an index may reach.",
       {{"log.index.size.max.bytes", 1, "10485760"}}},
      {"segment.jitter.ms",
       kLong,
       "0",
       "How much earlier, at random, segments roll by time.",
       {{"log.roll.jitter.ms", 1, ""}, {"log.roll.jitter.hours", kHour, ""}}},
      {"segment.ms",
       kLong,
       "604800000",
       "The age at which a new segment begins.",
       {{"log.roll.ms", 1, ""}, {"log.roll.hours", kHour, ""}}},
  };
}

std::vector<TopicConfigRow> message_rows() {
  return {
      {"compression.gzip.level",
       kInt,
       "-1",
       "The level where the broker compresses with gzip.",
       {{"compression.gzip.level", 1, "-1"}}},
      {"compression.lz4.level",
       kInt,
       "9",
       "The level where the broker compresses with lz4.",
       {{"compression.lz4.level", 1, "9"}}},
      {"compression.type",
       kString,
       "producer",
       "The codec that records are stored with: gzip, snappy, lz4, zstd, uncompressed; producer "
       "keeps what came.",
       {{"compression.type", 1, "producer"}}},
      {"compression.zstd.level",
       kInt,
       "3",
       "The level where the broker compresses with zstd.",
       {{"compression.zstd.level", 1, "3"}}},
      {"follower.replication.throttled.replicas",
       kList,
       "",
       "Replicas, as partition:broker or *, whose fetching is throttled on the follower.",
       {}},
      {"leader.replication.throttled.replicas",
       kList,
       "",
       "Replicas, as partition:broker or *, whose fetching is throttled on the leader.",
       {}},
      {"max.message.bytes",
       kInt,
       "1048588",
       "The largest record batch, as it is stored.",
       {{"message.max.bytes", 1, "1048588"}}},
      {"message.downconversion.enable", kBoolean, "true", "Has no effect.", {}, true},
      {"message.timestamp.after.max.ms",
       kLong,
       "3600000",
       "How far a record's timestamp may lie in the future.",
       {{"log.message.timestamp.after.max.ms", 1, "3600000"}}},
      {"message.timestamp.before.max.ms",
       kLong,
       kForever,
       "How far a record's timestamp may lie in the past.",
       {{"log.message.timestamp.before.max.ms", 1, kForever}}},
      {"message.timestamp.type",
       kString,
       "CreateTime",
       "Whether records carry the producer's time (CreateTime) or the broker's (LogAppendTime).",
       {{"log.message.timestamp.type", 1, "CreateTime"}}},
      {"min.insync.replicas",
       kInt,
       "1",
       "How many replicas must be in sync for a write with acks=all.",
       {{"min.insync.replicas", 1, "1"}}},
      {"unclean.leader.election.enable",
       kBoolean,
       "false",
       "Whether a replica that is not in sync may lead, at the loss of records.",
       {{"unclean.leader.election.enable", 1, "false"}}},
  };
}

std::vector<TopicConfigRow> all_rows() {
  std::vector<TopicConfigRow> rows = retention_rows();
  for (TopicConfigRow& row : remote_rows()) rows.push_back(std::move(row));
  for (TopicConfigRow& row : segment_rows()) rows.push_back(std::move(row));
  for (TopicConfigRow& row : message_rows()) rows.push_back(std::move(row));
  std::ranges::sort(rows, {}, &TopicConfigRow::name);
  return rows;
}

}  // namespace

const std::vector<TopicConfigRow>& topic_config_rows() {
  static const std::vector<TopicConfigRow> kRows = all_rows();
  return kRows;
}

const TopicConfigRow* find_topic_config(std::string_view name) {
  const auto& rows = topic_config_rows();
  const auto at = std::ranges::lower_bound(rows, name, {}, &TopicConfigRow::name);
  return at != rows.end() && at->name == name ? &*at : nullptr;
}

}  // namespace partita::metadata
