#pragma once
// ControllerChannel: how the broker side of a node talks to the active controller, wherever that
// runs. The requests and responses are KRaft's own (DESIGN decision 3); the first implementation
// hands them over in memory (controller/local_channel.h), another sends them over a connection.
//
// Invariants:
//  1. One channel belongs to one shard: its methods are called there, and answer there. Calls may
//  overlap.
//  2. An Error means that no answer came: stopped, connection_reset, deadline_exceeded,
//  not_controller. The caller
//     retries with backoff. What the controller refuses is an error code inside a response.
//  3. A response to a change arrives after the quorum has committed it, never before.
//  4. Strings and arrays of a request are owned: they may cross shards.

#include "base/error.h"

namespace partita {
template <class T>
class Task;
}  // namespace partita

namespace partita::wire {
struct AllocateProducerIdsRequest;
struct AllocateProducerIdsResponse;
struct AlterConfigsRequest;
struct AlterConfigsResponse;
struct BrokerHeartbeatRequest;
struct BrokerHeartbeatResponse;
struct BrokerRegistrationRequest;
struct BrokerRegistrationResponse;
struct CreatePartitionsRequest;
struct CreatePartitionsResponse;
struct CreateTopicsRequest;
struct CreateTopicsResponse;
struct DeleteTopicsRequest;
struct DeleteTopicsResponse;
struct DescribeQuorumRequest;
struct DescribeQuorumResponse;
struct FetchRequest;
struct FetchResponse;
struct FetchSnapshotRequest;
struct FetchSnapshotResponse;
struct IncrementalAlterConfigsRequest;
struct IncrementalAlterConfigsResponse;
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
