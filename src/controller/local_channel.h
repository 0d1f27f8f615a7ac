#pragma once
// LocalChannel: the controller of this very node, for its broker side. Requests are handed over in
// memory on the controller's shard; nothing else sets it apart from a channel over a connection.

#include "controller/controller.h"
#include "metadata/controller_channel.h"

namespace partita::controller {

class LocalChannel final : public metadata::ControllerChannel {
 public:
  explicit LocalChannel(Controller& controller) : controller_(controller) {}

  Task<Result<wire::BrokerRegistrationResponse>> broker_registration(
      wire::BrokerRegistrationRequest request) override;
  Task<Result<wire::BrokerHeartbeatResponse>> broker_heartbeat(
      wire::BrokerHeartbeatRequest request) override;
  Task<Result<wire::AllocateProducerIdsResponse>> allocate_producer_ids(
      wire::AllocateProducerIdsRequest request) override;
  Task<Result<wire::FetchResponse>> fetch(wire::FetchRequest request) override;
  Task<Result<wire::FetchSnapshotResponse>> fetch_snapshot(
      wire::FetchSnapshotRequest request) override;
  Task<Result<wire::DescribeQuorumResponse>> describe_quorum(
      wire::DescribeQuorumRequest request) override;
  Task<Result<wire::CreateTopicsResponse>> create_topics(
      wire::CreateTopicsRequest request) override;
  Task<Result<wire::DeleteTopicsResponse>> delete_topics(
      wire::DeleteTopicsRequest request) override;
  Task<Result<wire::CreatePartitionsResponse>> create_partitions(
      wire::CreatePartitionsRequest request) override;
  Task<Result<wire::IncrementalAlterConfigsResponse>> incremental_alter_configs(
      wire::IncrementalAlterConfigsRequest request) override;
  Task<Result<wire::AlterConfigsResponse>> alter_configs(
      wire::AlterConfigsRequest request) override;

 private:
  Controller& controller_;
};

}  // namespace partita::controller
