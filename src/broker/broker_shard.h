#pragma once
// BrokerShard: what a broker keeps on one shard: the image it goes by, its partitions and their
// logs, fetch sessions. All of it is touched on this shard only; other shards come by call_on.
//
// Partitions come into being when first asked for, with no file before the first append (DESIGN
// decision 10): a topic costs nothing here until somebody uses it.
//
// Invariants:
//  1. A partition is served only while the image says that this broker leads it, under the image's
//     topic id.
//  2. A deleted partition's log is removed when nobody uses it any more; the same name is not
//     served again before, and an image with a new topic of that name counts as published then.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/append_turns.h"
#include "broker/fetch_session.h"
#include "broker/settings.h"
#include "broker/topic_settings.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "replication/partition.h"
#include "storage/log_directory.h"
#include "storage/shard_logs.h"

namespace partita::broker {

class BrokerShard {
 public:
  BrokerShard(Scope& scope, const Settings& settings, NodeId self, storage::LogDirectory& directory,
              size_t shard_count, Log log);
  ~BrokerShard();
  BrokerShard(const BrokerShard&) = delete;

  Scope& scope() { return scope_; }
  Shard& shard() { return scope_.shard(); }
  const Settings& settings() const { return settings_; }
  NodeId self() const { return self_; }
  const std::shared_ptr<const metadata::Image>& image() const { return image_; }
  FetchSessionCache& fetch_sessions() { return fetch_sessions_; }
  storage::ShardLogs& logs() { return logs_; }
  AppendTurns& append_turns() { return append_turns_; }
  const Log& log() const { return log_; }

  /// Hands over directories that were found at start and belong on this shard. Before any
  /// publish().
  void take_found(std::vector<storage::FoundPartition> found) { found_ = std::move(found); }
  /// From now on this image holds. Returns when the topics that it brings can be served: files of
  /// deleted topics of the same names are out of the way.
  Task<void> publish(std::shared_ptr<const metadata::Image> image,
                     const metadata::Changes& changes);

  /// The partition, made ready for use if this broker leads it: unknown_topic_or_partition,
  /// not_leader_or_follower, leader_not_available (a predecessor of that name is still being
  /// removed). REQUIRED: `topic` is of this shard's image or an older one; the partition belongs on
  /// this shard.
  Result<replication::Partition*> partition(const metadata::TopicImage& topic,
                                            PartitionIndex index);
  /// Ends all partitions' waits; then their logs may be closed. Awaits that nobody uses them; from
  /// the call on, partition() answers not_leader_or_follower.
  Task<void> retire_all();

  /// A wait of a reader that parked here from another shard, by its ticket.
  std::map<uint64_t, Wait*>& parked_readers() { return parked_readers_; }

  size_t partition_count() const;
  void check_invariants() const;

 private:
  struct LocalPartition {
    std::unique_ptr<replication::Partition> partition;
    PartitionEpoch epoch{-1};
  };
  struct LocalTopic {
    std::string name;
    TopicSettings settings;
    std::map<PartitionIndex, LocalPartition> partitions;
  };

  void open_found();
  void apply_topic(const TopicId& id, const metadata::TopicChange& change);
  void apply_configs(const metadata::Changes& changes);
  LocalTopic& local_topic(const metadata::TopicImage& topic);
  replication::Partition& make_partition(LocalTopic& topic, const metadata::TopicImage& image,
                                         PartitionIndex index);
  enum class Files { keep, remove };
  Task<void> let_go(std::unique_ptr<replication::Partition> partition, storage::TopicPartition name,
                    Files files);
  /// Returns when no partition of that topic name is leaving.
  Task<void> gone(std::string topic);
  Task<void> set_aside(storage::FoundPartition found);

  Scope& scope_;
  const Settings& settings_;
  const NodeId self_;
  const size_t shard_count_;
  Log log_;
  std::shared_ptr<const metadata::Image> image_ = metadata::Image::empty();
  storage::ShardLogs logs_;
  replication::Codecs codecs_;
  FetchSessionCache fetch_sessions_;
  AppendTurns append_turns_;
  std::vector<storage::FoundPartition> found_;
  std::map<TopicId, LocalTopic> topics_;
  std::map<storage::TopicPartition, uint32_t> leaving_;
  WaitQueue left_;  // woken when an entry of leaving_ goes
  std::map<uint64_t, Wait*> parked_readers_;
  bool retired_ = false;
};

}  // namespace partita::broker
