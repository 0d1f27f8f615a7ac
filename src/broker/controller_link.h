#pragma once
// ControllerLink: the broker's side of its talk with the controller, on one shard for the whole
// broker: forwarded requests of clients, producer ids, and waiting until the image that all shards
// go by shows what the controller has answered, so that no client is told of a topic that the next
// request would not find.
//
// Invariants:
//  1. An answer to a change is given only when every shard goes by an image that shows it, or when
//     the deadline has passed (the change stands all the same).
//  2. A producer id is handed out once; the rest of a block is lost with the process.

#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/settings.h"
#include "metadata/controller_channel.h"
#include "metadata/image.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "wire/messages/create_partitions.h"
#include "wire/messages/create_topics.h"
#include "wire/messages/delete_topics.h"
#include "wire/messages/incremental_alter_configs.h"

namespace partita::broker {

class ControllerLink {
 public:
  ControllerLink(Scope& scope, metadata::ControllerChannel& channel, const Settings& settings,
                 NodeId self, Log log);
  ControllerLink(const ControllerLink&) = delete;

  Scope& scope() { return scope_; }
  void set_broker_epoch(BrokerEpoch epoch) { broker_epoch_ = epoch; }
  /// Every shard goes by this image.
  void published(std::shared_ptr<const metadata::Image> image);

  Task<wire::CreateTopicsResponse> create_topics(wire::CreateTopicsRequest request);
  Task<wire::DeleteTopicsResponse> delete_topics(wire::DeleteTopicsRequest request);
  Task<wire::CreatePartitionsResponse> create_partitions(wire::CreatePartitionsRequest request);
  Task<wire::IncrementalAlterConfigsResponse> incremental_alter_configs(
      wire::IncrementalAlterConfigsRequest request);

  /// Makes topics with the broker's defaults; those that are there already count as made. What
  /// could not be made is logged, and missing from the image afterwards.
  Task<bool> auto_create(std::vector<std::string> names, Deadline deadline);

  Task<Result<ProducerId>> next_producer_id();

 private:
  template <class Condition>
  Task<void> wait_for_image(Condition condition, Deadline deadline);
  Task<Result<>> fetch_producer_ids();

  Scope& scope_;
  Shard& shard_;
  metadata::ControllerChannel& channel_;
  const Settings& settings_;
  const NodeId self_;
  Log log_;
  BrokerEpoch broker_epoch_{-1};
  std::shared_ptr<const metadata::Image> image_ = metadata::Image::empty();
  WaitQueue image_waiters_;
  ProducerId next_producer_id_{0};
  int32_t producer_ids_left_ = 0;
  bool fetching_producer_ids_ = false;
  WaitQueue producer_id_waiters_;
};

}  // namespace partita::broker
