#include "controller/local_channel.h"

namespace partita::controller {

namespace {

/// A channel leads to the active controller: its epoch is what the caller would have learnt first.
template <class Request>
void in_current_epoch(Request& request, LeaderEpoch epoch) {
  for (auto& topic : request.topics) {
    for (auto& partition : topic.partitions) {
      if (partition.current_leader_epoch <= 0) partition.current_leader_epoch = epoch.value();
    }
  }
}

}  // namespace

Task<Result<wire::BrokerRegistrationResponse>> LocalChannel::broker_registration(
    wire::BrokerRegistrationRequest request) {
  return controller_.broker_registration(std::move(request));
}

Task<Result<wire::BrokerHeartbeatResponse>> LocalChannel::broker_heartbeat(
    wire::BrokerHeartbeatRequest request) {
  return controller_.broker_heartbeat(std::move(request));
}

Task<Result<wire::AllocateProducerIdsResponse>> LocalChannel::allocate_producer_ids(
    wire::AllocateProducerIdsRequest request) {
  return controller_.allocate_producer_ids(std::move(request));
}

Task<Result<wire::FetchResponse>> LocalChannel::fetch(wire::FetchRequest request) {
  in_current_epoch(request, controller_.raft().epoch());
  return controller_.raft().fetch(std::move(request));
}

Task<Result<wire::FetchSnapshotResponse>> LocalChannel::fetch_snapshot(
    wire::FetchSnapshotRequest request) {
  in_current_epoch(request, controller_.raft().epoch());
  return controller_.raft().fetch_snapshot(std::move(request));
}

Task<Result<wire::DescribeQuorumResponse>> LocalChannel::describe_quorum(
    wire::DescribeQuorumRequest request) {
  co_return controller_.raft().describe_quorum(request);
}

Task<Result<wire::CreateTopicsResponse>> LocalChannel::create_topics(
    wire::CreateTopicsRequest request) {
  return controller_.create_topics(std::move(request));
}

Task<Result<wire::DeleteTopicsResponse>> LocalChannel::delete_topics(
    wire::DeleteTopicsRequest request) {
  return controller_.delete_topics(std::move(request));
}

Task<Result<wire::CreatePartitionsResponse>> LocalChannel::create_partitions(
    wire::CreatePartitionsRequest request) {
  return controller_.create_partitions(std::move(request));
}

Task<Result<wire::IncrementalAlterConfigsResponse>> LocalChannel::incremental_alter_configs(
    wire::IncrementalAlterConfigsRequest request) {
  return controller_.incremental_alter_configs(std::move(request));
}

Task<Result<wire::AlterConfigsResponse>> LocalChannel::alter_configs(
    wire::AlterConfigsRequest request) {
  return controller_.alter_configs(std::move(request));
}

}  // namespace partita::controller
