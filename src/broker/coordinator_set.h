#pragma once
// CoordinatorSet: the coordinators of one kind on one shard: one for each partition of their
// internal topic that this broker leads and that lives here.
//
// Invariants:
//  1. A coordinator holds its partition in use: it stops before the partition may go.
//  2. What has records starts as soon as it is led (sessions and transactions end by time without
//     anybody asking), the rest with its first request.
// Owned by Coordinators, on its shard.

#include <functional>
#include <map>
#include <memory>

#include "broker/broker_shard.h"
#include "coordinators/coordinator_partition.h"

namespace partita::broker {

/// `Sink` takes the machine's releases; one per coordinator.
template <class Machine, class Sink>
class CoordinatorSet {
 public:
  using Coordinator = coordinators::CoordinatorPartition<Machine>;
  struct Hosted {
    std::unique_ptr<Sink> sink;
    std::unique_ptr<Coordinator> coordinator;
  };
  using MakeMachine = std::function<std::unique_ptr<Machine>(PartitionIndex, LeaderEpoch)>;
  using MakeSink = std::function<std::unique_ptr<Sink>(PartitionIndex)>;

  CoordinatorSet(BrokerShard& shard, std::string_view topic, MakeMachine make, MakeSink make_sink,
                 Log log)
      : shard_(shard),
        topic_(topic),
        make_(std::move(make)),
        make_sink_(std::move(make_sink)),
        log_(log) {}

  /// Before the shard goes by `image`: what that takes away stops. Returns when it has.
  Task<void> leave(const metadata::Image& image) {
    const auto topic = image.topic(topic_);
    for (auto at = hosted_.begin(); at != hosted_.end();) {
      if (still_led(image, topic.get(), at->first, *at->second.coordinator)) {
        ++at;
        continue;
      }
      Hosted leaving = std::move(at->second);
      at = hosted_.erase(at);
      co_await leaving.coordinator->stop();
      co_await leaving.sink->stop();
    }
  }

  /// After the shard goes by its image: what is found there starts, machines hear of it.
  void enter() {
    if (stopped_) return;
    for (auto& [index, one] : hosted_) one.coordinator->image_changed(shard_.image());
    const auto topic = shard_.image()->topic(topic_);
    if (topic == nullptr) return;
    for (const auto& [name, log] : shard_.logs().logs()) {
      if (name.topic != topic_ || !log->has_files() || hosted_.contains(name.partition)) continue;
      if (log->topic_id() == topic->id) start(*topic, name.partition);
    }
  }

  Task<void> stop() {
    stopped_ = true;
    while (!hosted_.empty()) {
      Hosted leaving = std::move(hosted_.begin()->second);
      hosted_.erase(hosted_.begin());
      co_await leaving.coordinator->stop();
      co_await leaving.sink->stop();
    }
  }

  /// Of a partition that belongs on this shard: not_coordinator, coordinator_not_available.
  Result<Hosted*> find(PartitionIndex index) {
    if (const auto found = hosted_.find(index); found != hosted_.end()) return &found->second;
    if (stopped_) return fail(Errc::not_coordinator);
    const auto topic = shard_.image()->topic(topic_);
    if (topic == nullptr) return fail(Errc::coordinator_not_available);
    return start(*topic, index);
  }

  const std::map<PartitionIndex, Hosted>& all() const { return hosted_; }

 private:
  bool still_led(const metadata::Image& image, const metadata::TopicImage* topic,
                 PartitionIndex index, const Coordinator& coordinator) const {
    if (topic == nullptr) return false;
    const metadata::PartitionImage* partition = image.partition(topic->id, index);
    return partition != nullptr && partition->leader == shard_.self() &&
           partition->leader_epoch == coordinator.led_in() && topic->id == coordinator.topic_id();
  }

  Result<Hosted*> start(const metadata::TopicImage& topic, PartitionIndex index) {
    const auto partition = shard_.partition(topic, index);
    if (!partition) return std::unexpected(coordinators::coordinator_error(partition.error()));
    const LeaderEpoch epoch = shard_.image()->partition(topic.id, index)->leader_epoch;
    Hosted& made = hosted_[index];
    made.sink = make_sink_(index);
    made.coordinator = std::make_unique<Coordinator>(
        shard_.shard(), **partition, epoch, [this, index, epoch] { return make_(index, epoch); },
        *made.sink, log_);
    made.coordinator->start(shard_.image());
    return &made;
  }

  BrokerShard& shard_;
  const std::string topic_;
  const MakeMachine make_;
  const MakeSink make_sink_;
  Log log_;
  std::map<PartitionIndex, Hosted> hosted_;
  bool stopped_ = false;
};

}  // namespace partita::broker
