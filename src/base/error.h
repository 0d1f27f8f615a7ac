#pragma once
// The project's one error channel: Errc says what went wrong, Error adds words, Result<T> carries
// either.
//
// Invariants:
//  1. Every function that can fail returns Result and is [[nodiscard]]; nothing of ours throws.
//  2. The first block of Errc is Kafka's error table in Kafka's order and words; the numbers on the
//     wire are wire/error_code.h's business alone. The second block is what can go wrong inside one
//     process.
//  3. Bytes from a disk or a peer that make no sense are an Error, never a CHECK.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace partita {

enum class Errc {
  // Kafka's errors (Errors of the protocol guide), without NONE.
  unknown_server_error,
  offset_out_of_range,
  corrupt_message,
  unknown_topic_or_partition,
  invalid_fetch_size,
  leader_not_available,
  not_leader_or_follower,
  request_timed_out,
  broker_not_available,
  replica_not_available,
  message_too_large,
  stale_controller_epoch,
  offset_metadata_too_large,
  network_exception,
  coordinator_load_in_progress,
  coordinator_not_available,
  not_coordinator,
  invalid_topic_exception,
  record_list_too_large,
  not_enough_replicas,
  not_enough_replicas_after_append,
  invalid_required_acks,
  illegal_generation,
  inconsistent_group_protocol,
  invalid_group_id,
  unknown_member_id,
  invalid_session_timeout,
  rebalance_in_progress,
  invalid_commit_offset_size,
  topic_authorization_failed,
  group_authorization_failed,
  cluster_authorization_failed,
  invalid_timestamp,
  unsupported_sasl_mechanism,
  illegal_sasl_state,
  unsupported_version,
  topic_already_exists,
  invalid_partitions,
  invalid_replication_factor,
  invalid_replica_assignment,
  invalid_config,
  not_controller,
  invalid_request,
  unsupported_for_message_format,
  policy_violation,
  out_of_order_sequence_number,
  duplicate_sequence_number,
  invalid_producer_epoch,
  invalid_txn_state,
  invalid_producer_id_mapping,
  invalid_transaction_timeout,
  concurrent_transactions,
  transaction_coordinator_fenced,
  transactional_id_authorization_failed,
  security_disabled,
  operation_not_attempted,
  kafka_storage_error,
  log_dir_not_found,
  sasl_authentication_failed,
  unknown_producer_id,
  reassignment_in_progress,
  delegation_token_auth_disabled,
  delegation_token_not_found,
  delegation_token_owner_mismatch,
  delegation_token_request_not_allowed,
  delegation_token_authorization_failed,
  delegation_token_expired,
  invalid_principal_type,
  non_empty_group,
  group_id_not_found,
  fetch_session_id_not_found,
  invalid_fetch_session_epoch,
  listener_not_found,
  topic_deletion_disabled,
  fenced_leader_epoch,
  unknown_leader_epoch,
  unsupported_compression_type,
  stale_broker_epoch,
  offset_not_available,
  member_id_required,
  preferred_leader_not_available,
  group_max_size_reached,
  fenced_instance_id,
  eligible_leaders_not_available,
  election_not_needed,
  no_reassignment_in_progress,
  group_subscribed_to_topic,
  invalid_record,
  unstable_offset_commit,
  throttling_quota_exceeded,
  producer_fenced,
  resource_not_found,
  duplicate_resource,
  unacceptable_credential,
  inconsistent_voter_set,
  invalid_update_version,
  feature_update_failed,
  principal_deserialization_failure,
  snapshot_not_found,
  position_out_of_range,
  unknown_topic_id,
  duplicate_broker_registration,
  broker_id_not_registered,
  inconsistent_topic_id,
  inconsistent_cluster_id,
  transactional_id_not_found,
  fetch_session_topic_id_error,
  ineligible_replica,
  new_leader_elected,
  offset_moved_to_tiered_storage,
  fenced_member_epoch,
  unreleased_instance_id,
  unsupported_assignor,
  stale_member_epoch,
  mismatched_endpoint_type,
  unsupported_endpoint_type,
  unknown_controller_id,
  unknown_subscription_id,
  telemetry_too_large,
  invalid_registration,
  transaction_abortable,
  invalid_record_state,
  share_session_not_found,
  invalid_share_session_epoch,
  fenced_state_epoch,
  invalid_voter_key,
  duplicate_voter,
  voter_not_found,
  invalid_regular_expression,
  rebootstrap_required,
  streams_invalid_topology,
  streams_invalid_topology_epoch,
  streams_topology_fenced,
  share_session_limit_reached,

  // Inside a process.
  stopped,            ///< the scope, connection or broker that was waited on is closing
  would_block,        ///< not now; ask to be told when
  deadline_exceeded,  ///< the deadline of a wait passed
  end_of_stream,      ///< the peer closed in an orderly way
  connection_reset,   ///< the peer is gone, or refused
  io_error,           ///< a disk or socket failed (EIO and its like)
  no_space,           ///< the disk is full
  not_found,          ///< no such file
  already_exists,     ///< the file is there
  locked,             ///< another process holds the directory
  corrupt_data,       ///< bytes on disk contradict their checksum or format
  truncated_data,     ///< bytes end before the structure does
  malformed,          ///< a peer's bytes are no legal message
  limit_exceeded,     ///< a named bound would be passed
  invalid_argument,   ///< a setting or a flag makes no sense
};

struct Error {
  Errc code;
  std::string detail = {};

  bool operator==(const Error&) const = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// The enumerator's name, for logs.
std::string_view errc_name(Errc code);

/// "name: detail".
std::string describe(const Error& error);

inline std::unexpected<Error> fail(Errc code, std::string detail = {}) {
  return std::unexpected(Error{code, std::move(detail)});
}

}  // namespace partita

#define PARTITA_CONCAT_(a, b) a##b
#define PARTITA_CONCAT(a, b) PARTITA_CONCAT_(a, b)
#define PARTITA_TRY_(temporary, leave, declaration, ...)               \
  auto&& temporary = (__VA_ARGS__);                                    \
  if (!temporary) leave std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
#define PARTITA_CHECKED_(temporary, leave, ...)     \
  if (auto&& temporary = (__VA_ARGS__); !temporary) \
  leave std::unexpected(std::move(temporary).error())

/// TRY(auto x, f()): declares x with f()'s value, or returns its error. CO_TRY: the same in a
/// coroutine.
#define TRY(declaration, ...) \
  PARTITA_TRY_(PARTITA_CONCAT(try_, __COUNTER__), return, declaration, __VA_ARGS__)
#define CO_TRY(declaration, ...) \
  PARTITA_TRY_(PARTITA_CONCAT(try_, __COUNTER__), co_return, declaration, __VA_ARGS__)
/// CHECKED(f()): returns f()'s error, if any; for Result<void>. CO_CHECKED: the same in a
/// coroutine.
#define CHECKED(...) PARTITA_CHECKED_(PARTITA_CONCAT(checked_, __COUNTER__), return, __VA_ARGS__)
#define CO_CHECKED(...) \
  PARTITA_CHECKED_(PARTITA_CONCAT(checked_, __COUNTER__), co_return, __VA_ARGS__)
