#pragma once
// ControllerChannel: how the broker side of a node talks to the active controller, wherever that
// runs. The requests and responses are KRaft's own (DESIGN decision 3); the first implementation
// hands them over in memory (controller/local_channel.h), another sends them over a connection.
//
// Invariants:
//  1. One channel belongs to one shard: its methods are called there, and answer there. Calls may
//     overlap.
//  2. An Error means that no answer came: stopped, connection_reset, deadline_exceeded,
//     not_controller. The caller retries with backoff. What the controller refuses is an error code
//     inside a response.
//  3. A response to a change arrives after the quorum has committed it, never before.
//  4. Strings and arrays of a request are owned: they may cross shards.

#include "base/error.h"

namespace partita {
template <class T>
class Task;
}  // namespace partita

// Each message lives in a namespace of its own, as the generator makes it.
namespace partita::wire {
namespace allocate_producer_ids_request {
struct AllocateProducerIdsRequest;
}
namespace allocate_producer_ids_response {
struct AllocateProducerIdsResponse;
}
namespace alter_configs_request {
struct AlterConfigsRequest;
}
namespace alter_configs_response {
struct AlterConfigsResponse;
}
namespace broker_heartbeat_request {
struct BrokerHeartbeatRequest;
}
namespace broker_heartbeat_response {
struct BrokerHeartbeatResponse;
}
namespace broker_registration_request {
struct BrokerRegistrationRequest;
}
namespace broker_registration_response {
struct BrokerRegistrationResponse;
}
namespace create_partitions_request {
struct CreatePartitionsRequest;
}
namespace create_partitions_response {
struct CreatePartitionsResponse;
}
namespace create_topics_request {
struct CreateTopicsRequest;
}
namespace create_topics_response {
struct CreateTopicsResponse;
}
namespace delete_topics_request {
struct DeleteTopicsRequest;
}
namespace delete_topics_response {
struct DeleteTopicsResponse;
}
namespace describe_quorum_request {
struct DescribeQuorumRequest;
}
namespace describe_quorum_response {
struct DescribeQuorumResponse;
}
namespace fetch_request {
struct FetchRequest;
}
namespace fetch_response {
struct FetchResponse;
}
namespace fetch_snapshot_request {
struct FetchSnapshotRequest;
}
namespace fetch_snapshot_response {
struct FetchSnapshotResponse;
}
namespace incremental_alter_configs_request {
struct IncrementalAlterConfigsRequest;
}
namespace incremental_alter_configs_response {
struct IncrementalAlterConfigsResponse;
}
using allocate_producer_ids_request::AllocateProducerIdsRequest;
using allocate_producer_ids_response::AllocateProducerIdsResponse;
using alter_configs_request::AlterConfigsRequest;
using alter_configs_response::AlterConfigsResponse;
using broker_heartbeat_request::BrokerHeartbeatRequest;
using broker_heartbeat_response::BrokerHeartbeatResponse;
using broker_registration_request::BrokerRegistrationRequest;
using broker_registration_response::BrokerRegistrationResponse;
using create_partitions_request::CreatePartitionsRequest;
using create_partitions_response::CreatePartitionsResponse;
using create_topics_request::CreateTopicsRequest;
using create_topics_response::CreateTopicsResponse;
using delete_topics_request::DeleteTopicsRequest;
using delete_topics_response::DeleteTopicsResponse;
using describe_quorum_request::DescribeQuorumRequest;
using describe_quorum_response::DescribeQuorumResponse;
using fetch_request::FetchRequest;
using fetch_response::FetchResponse;
using fetch_snapshot_request::FetchSnapshotRequest;
using fetch_snapshot_response::FetchSnapshotResponse;
using incremental_alter_configs_request::IncrementalAlterConfigsRequest;
using incremental_alter_configs_response::IncrementalAlterConfigsResponse;
}  // namespace partita::wire

namespace partita::metadata {

class ControllerChannel {
 public:
  virtual ~ControllerChannel() = default;

  virtual Task<Result<wire::BrokerRegistrationResponse>> broker_registration(
      wire::BrokerRegistrationRequest request) = 0;
  virtual Task<Result<wire::BrokerHeartbeatResponse>> broker_heartbeat(
      wire::BrokerHeartbeatRequest request) = 0;
  virtual Task<Result<wire::AllocateProducerIdsResponse>> allocate_producer_ids(
      wire::AllocateProducerIdsRequest request) = 0;

  /// Of __cluster_metadata-0 only; parks up to max_wait_ms where there is nothing new. What it
  /// answers is committed.
  virtual Task<Result<wire::FetchResponse>> fetch(wire::FetchRequest request) = 0;
  virtual Task<Result<wire::FetchSnapshotResponse>> fetch_snapshot(
      wire::FetchSnapshotRequest request) = 0;
  virtual Task<Result<wire::DescribeQuorumResponse>> describe_quorum(
      wire::DescribeQuorumRequest request) = 0;

  // Forwarded requests of clients. Fields for every version are filled in: the broker encodes the
  // version that its client asked for.
  virtual Task<Result<wire::CreateTopicsResponse>> create_topics(
      wire::CreateTopicsRequest request) = 0;
  virtual Task<Result<wire::DeleteTopicsResponse>> delete_topics(
      wire::DeleteTopicsRequest request) = 0;
  virtual Task<Result<wire::CreatePartitionsResponse>> create_partitions(
      wire::CreatePartitionsRequest request) = 0;
  virtual Task<Result<wire::IncrementalAlterConfigsResponse>> incremental_alter_configs(
      wire::IncrementalAlterConfigsRequest request) = 0;
  virtual Task<Result<wire::AlterConfigsResponse>> alter_configs(
      wire::AlterConfigsRequest request) = 0;
};

}  // namespace partita::metadata
