#include "wire/error_code.h"

#include <algorithm>
#include <array>

namespace partita::wire {
namespace {

struct ErrorRow {
  Errc errc;
  int16_t code;
  std::string_view name;
  bool retriable;
};

// By rising code.
constexpr ErrorRow kErrors[] = {
    {Errc::unknown_server_error, -1, "UNKNOWN_SERVER_ERROR", false},
    {Errc::offset_out_of_range, 1, "OFFSET_OUT_OF_RANGE", false},
    {Errc::corrupt_message, 2, "CORRUPT_MESSAGE", true},
    {Errc::unknown_topic_or_partition, 3, "UNKNOWN_TOPIC_OR_PARTITION", true},
    {Errc::invalid_fetch_size, 4, "INVALID_FETCH_SIZE", false},
    {Errc::leader_not_available, 5, "LEADER_NOT_AVAILABLE", true},
    {Errc::not_leader_or_follower, 6, "NOT_LEADER_OR_FOLLOWER", true},
    {Errc::request_timed_out, 7, "REQUEST_TIMED_OUT", true},
    {Errc::broker_not_available, 8, "BROKER_NOT_AVAILABLE", false},
    {Errc::replica_not_available, 9, "REPLICA_NOT_AVAILABLE", true},
    {Errc::message_too_large, 10, "MESSAGE_TOO_LARGE", false},
    {Errc::stale_controller_epoch, 11, "STALE_CONTROLLER_EPOCH", false},
    {Errc::offset_metadata_too_large, 12, "OFFSET_METADATA_TOO_LARGE", false},
    {Errc::network_exception, 13, "NETWORK_EXCEPTION", true},
    {Errc::coordinator_load_in_progress, 14, "COORDINATOR_LOAD_IN_PROGRESS", true},
    {Errc::coordinator_not_available, 15, "COORDINATOR_NOT_AVAILABLE", true},
    {Errc::not_coordinator, 16, "NOT_COORDINATOR", true},
    {Errc::invalid_topic_exception, 17, "INVALID_TOPIC_EXCEPTION", false},
    {Errc::record_list_too_large, 18, "RECORD_LIST_TOO_LARGE", false},
    {Errc::not_enough_replicas, 19, "NOT_ENOUGH_REPLICAS", true},
    {Errc::not_enough_replicas_after_append, 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true},
    {Errc::invalid_required_acks, 21, "INVALID_REQUIRED_ACKS", false},
    {Errc::illegal_generation, 22, "ILLEGAL_GENERATION", false},
    {Errc::inconsistent_group_protocol, 23, "INCONSISTENT_GROUP_PROTOCOL", false},
    {Errc::invalid_group_id, 24, "INVALID_GROUP_ID", false},
    {Errc::unknown_member_id, 25, "UNKNOWN_MEMBER_ID", false},
    {Errc::invalid_session_timeout, 26, "INVALID_SESSION_TIMEOUT", false},
    {Errc::rebalance_in_progress, 27, "REBALANCE_IN_PROGRESS", false},
    {Errc::invalid_commit_offset_size, 28, "INVALID_COMMIT_OFFSET_SIZE", false},
    {Errc::topic_authorization_failed, 29, "TOPIC_AUTHORIZATION_FAILED", false},
    {Errc::group_authorization_failed, 30, "GROUP_AUTHORIZATION_FAILED", false},
    {Errc::cluster_authorization_failed, 31, "CLUSTER_AUTHORIZATION_FAILED", false},
    {Errc::invalid_timestamp, 32, "INVALID_TIMESTAMP", false},
    {Errc::unsupported_sasl_mechanism, 33, "UNSUPPORTED_SASL_MECHANISM", false},
    {Errc::illegal_sasl_state, 34, "ILLEGAL_SASL_STATE", false},
    {Errc::unsupported_version, 35, "UNSUPPORTED_VERSION", false},
    {Errc::topic_already_exists, 36, "TOPIC_ALREADY_EXISTS", false},
    {Errc::invalid_partitions, 37, "INVALID_PARTITIONS", false},
    {Errc::invalid_replication_factor, 38, "INVALID_REPLICATION_FACTOR", false},
    {Errc::invalid_replica_assignment, 39, "INVALID_REPLICA_ASSIGNMENT", false},
    {Errc::invalid_config, 40, "INVALID_CONFIG", false},
    {Errc::not_controller, 41, "NOT_CONTROLLER", true},
    {Errc::invalid_request, 42, "INVALID_REQUEST", false},
    {Errc::unsupported_for_message_format, 43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false},
    {Errc::policy_violation, 44, "POLICY_VIOLATION", false},
    {Errc::out_of_order_sequence_number, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER", false},
    {Errc::duplicate_sequence_number, 46, "DUPLICATE_SEQUENCE_NUMBER", false},
    {Errc::invalid_producer_epoch, 47, "INVALID_PRODUCER_EPOCH", false},
    {Errc::invalid_txn_state, 48, "INVALID_TXN_STATE", false},
    {Errc::invalid_producer_id_mapping, 49, "INVALID_PRODUCER_ID_MAPPING", false},
    {Errc::invalid_transaction_timeout, 50, "INVALID_TRANSACTION_TIMEOUT", false},
    {Errc::concurrent_transactions, 51, "CONCURRENT_TRANSACTIONS", true},
    {Errc::transaction_coordinator_fenced, 52, "TRANSACTION_COORDINATOR_FENCED", false},
    {Errc::transactional_id_authorization_failed, 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
     false},
    {Errc::security_disabled, 54, "SECURITY_DISABLED", false},
    {Errc::operation_not_attempted, 55, "OPERATION_NOT_ATTEMPTED", false},
    {Errc::kafka_storage_error, 56, "KAFKA_STORAGE_ERROR", true},
    {Errc::log_dir_not_found, 57, "LOG_DIR_NOT_FOUND", false},
    {Errc::sasl_authentication_failed, 58, "SASL_AUTHENTICATION_FAILED", false},
    {Errc::unknown_producer_id, 59, "UNKNOWN_PRODUCER_ID", false},
    {Errc::reassignment_in_progress, 60, "REASSIGNMENT_IN_PROGRESS", false},
    {Errc::delegation_token_auth_disabled, 61, "DELEGATION_TOKEN_AUTH_DISABLED", false},
    {Errc::delegation_token_not_found, 62, "DELEGATION_TOKEN_NOT_FOUND", false},
    {Errc::delegation_token_owner_mismatch, 63, "DELEGATION_TOKEN_OWNER_MISMATCH", false},
    {Errc::delegation_token_request_not_allowed, 64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false},
    {Errc::delegation_token_authorization_failed, 65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED",
     false},
    {Errc::delegation_token_expired, 66, "DELEGATION_TOKEN_EXPIRED", false},
    {Errc::invalid_principal_type, 67, "INVALID_PRINCIPAL_TYPE", false},
    {Errc::non_empty_group, 68, "NON_EMPTY_GROUP", false},
    {Errc::group_id_not_found, 69, "GROUP_ID_NOT_FOUND", false},
    {Errc::fetch_session_id_not_found, 70, "FETCH_SESSION_ID_NOT_FOUND", true},
    {Errc::invalid_fetch_session_epoch, 71, "INVALID_FETCH_SESSION_EPOCH", true},
    {Errc::listener_not_found, 72, "LISTENER_NOT_FOUND", true},
    {Errc::topic_deletion_disabled, 73, "TOPIC_DELETION_DISABLED", false},
    {Errc::fenced_leader_epoch, 74, "FENCED_LEADER_EPOCH", true},
    {Errc::unknown_leader_epoch, 75, "UNKNOWN_LEADER_EPOCH", true},
    {Errc::unsupported_compression_type, 76, "UNSUPPORTED_COMPRESSION_TYPE", false},
    {Errc::stale_broker_epoch, 77, "STALE_BROKER_EPOCH", false},
    {Errc::offset_not_available, 78, "OFFSET_NOT_AVAILABLE", true},
    {Errc::member_id_required, 79, "MEMBER_ID_REQUIRED", false},
    {Errc::preferred_leader_not_available, 80, "PREFERRED_LEADER_NOT_AVAILABLE", true},
    {Errc::group_max_size_reached, 81, "GROUP_MAX_SIZE_REACHED", false},
    {Errc::fenced_instance_id, 82, "FENCED_INSTANCE_ID", false},
    {Errc::eligible_leaders_not_available, 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true},
    {Errc::election_not_needed, 84, "ELECTION_NOT_NEEDED", true},
    {Errc::no_reassignment_in_progress, 85, "NO_REASSIGNMENT_IN_PROGRESS", false},
    {Errc::group_subscribed_to_topic, 86, "GROUP_SUBSCRIBED_TO_TOPIC", false},
    {Errc::invalid_record, 87, "INVALID_RECORD", false},
    {Errc::unstable_offset_commit, 88, "UNSTABLE_OFFSET_COMMIT", true},
    {Errc::throttling_quota_exceeded, 89, "THROTTLING_QUOTA_EXCEEDED", true},
    {Errc::producer_fenced, 90, "PRODUCER_FENCED", false},
    {Errc::resource_not_found, 91, "RESOURCE_NOT_FOUND", false},
    {Errc::duplicate_resource, 92, "DUPLICATE_RESOURCE", false},
    {Errc::unacceptable_credential, 93, "UNACCEPTABLE_CREDENTIAL", false},
    {Errc::inconsistent_voter_set, 94, "INCONSISTENT_VOTER_SET", false},
    {Errc::invalid_update_version, 95, "INVALID_UPDATE_VERSION", false},
    {Errc::feature_update_failed, 96, "FEATURE_UPDATE_FAILED", false},
    {Errc::principal_deserialization_failure, 97, "PRINCIPAL_DESERIALIZATION_FAILURE", false},
    {Errc::snapshot_not_found, 98, "SNAPSHOT_NOT_FOUND", false},
    {Errc::position_out_of_range, 99, "POSITION_OUT_OF_RANGE", false},
    {Errc::unknown_topic_id, 100, "UNKNOWN_TOPIC_ID", true},
    {Errc::duplicate_broker_registration, 101, "DUPLICATE_BROKER_REGISTRATION", false},
    {Errc::broker_id_not_registered, 102, "BROKER_ID_NOT_REGISTERED", false},
    {Errc::inconsistent_topic_id, 103, "INCONSISTENT_TOPIC_ID", true},
    {Errc::inconsistent_cluster_id, 104, "INCONSISTENT_CLUSTER_ID", false},
    {Errc::transactional_id_not_found, 105, "TRANSACTIONAL_ID_NOT_FOUND", false},
    {Errc::fetch_session_topic_id_error, 106, "FETCH_SESSION_TOPIC_ID_ERROR", true},
    {Errc::ineligible_replica, 107, "INELIGIBLE_REPLICA", false},
    {Errc::new_leader_elected, 108, "NEW_LEADER_ELECTED", false},
    {Errc::offset_moved_to_tiered_storage, 109, "OFFSET_MOVED_TO_TIERED_STORAGE", false},
    {Errc::fenced_member_epoch, 110, "FENCED_MEMBER_EPOCH", false},
    {Errc::unreleased_instance_id, 111, "UNRELEASED_INSTANCE_ID", false},
    {Errc::unsupported_assignor, 112, "UNSUPPORTED_ASSIGNOR", false},
    {Errc::stale_member_epoch, 113, "STALE_MEMBER_EPOCH", false},
    {Errc::mismatched_endpoint_type, 114, "MISMATCHED_ENDPOINT_TYPE", false},
    {Errc::unsupported_endpoint_type, 115, "UNSUPPORTED_ENDPOINT_TYPE", false},
    {Errc::unknown_controller_id, 116, "UNKNOWN_CONTROLLER_ID", false},
    {Errc::unknown_subscription_id, 117, "UNKNOWN_SUBSCRIPTION_ID", false},
    {Errc::telemetry_too_large, 118, "TELEMETRY_TOO_LARGE", false},
    {Errc::invalid_registration, 119, "INVALID_REGISTRATION", false},
    {Errc::transaction_abortable, 120, "TRANSACTION_ABORTABLE", false},
    {Errc::invalid_record_state, 121, "INVALID_RECORD_STATE", false},
    {Errc::share_session_not_found, 122, "SHARE_SESSION_NOT_FOUND", true},
    {Errc::invalid_share_session_epoch, 123, "INVALID_SHARE_SESSION_EPOCH", true},
    {Errc::fenced_state_epoch, 124, "FENCED_STATE_EPOCH", false},
    {Errc::invalid_voter_key, 125, "INVALID_VOTER_KEY", false},
    {Errc::duplicate_voter, 126, "DUPLICATE_VOTER", false},
    {Errc::voter_not_found, 127, "VOTER_NOT_FOUND", false},
    {Errc::invalid_regular_expression, 128, "INVALID_REGULAR_EXPRESSION", false},
    {Errc::rebootstrap_required, 129, "REBOOTSTRAP_REQUIRED", false},
    {Errc::streams_invalid_topology, 130, "STREAMS_INVALID_TOPOLOGY", false},
    {Errc::streams_invalid_topology_epoch, 131, "STREAMS_INVALID_TOPOLOGY_EPOCH", false},
    {Errc::streams_topology_fenced, 132, "STREAMS_TOPOLOGY_FENCED", false},
    {Errc::share_session_limit_reached, 133, "SHARE_SESSION_LIMIT_REACHED", true},
};

const ErrorRow* find_error(int16_t code) {
  const auto* found = std::ranges::lower_bound(kErrors, code, {}, &ErrorRow::code);
  return found != std::end(kErrors) && found->code == code ? found : nullptr;
}

/// Kafka's error for what can only go wrong inside one process.
Errc kafka_errc(Errc code) {
  switch (code) {
    case Errc::stopped: return Errc::not_leader_or_follower;
    case Errc::would_block:
    case Errc::deadline_exceeded: return Errc::request_timed_out;
    case Errc::end_of_stream:
    case Errc::connection_reset: return Errc::network_exception;
    case Errc::io_error:
    case Errc::no_space:
    case Errc::locked:
    case Errc::corrupt_data:
    case Errc::truncated_data: return Errc::kafka_storage_error;
    case Errc::malformed:
    case Errc::invalid_argument: return Errc::invalid_request;
    case Errc::limit_exceeded: return Errc::policy_violation;
    case Errc::not_found: return Errc::resource_not_found;
    case Errc::already_exists: return Errc::duplicate_resource;
    case Errc::unknown_server_error:
    case Errc::offset_out_of_range:
    case Errc::corrupt_message:
    case Errc::unknown_topic_or_partition:
    case Errc::invalid_fetch_size:
    case Errc::leader_not_available:
    case Errc::not_leader_or_follower:
    case Errc::request_timed_out:
    case Errc::broker_not_available:
    case Errc::replica_not_available:
    case Errc::message_too_large:
    case Errc::stale_controller_epoch:
    case Errc::offset_metadata_too_large:
    case Errc::network_exception:
    case Errc::coordinator_load_in_progress:
    case Errc::coordinator_not_available:
    case Errc::not_coordinator:
    case Errc::invalid_topic_exception:
    case Errc::record_list_too_large:
    case Errc::not_enough_replicas:
    case Errc::not_enough_replicas_after_append:
    case Errc::invalid_required_acks:
    case Errc::illegal_generation:
    case Errc::inconsistent_group_protocol:
    case Errc::invalid_group_id:
    case Errc::unknown_member_id:
    case Errc::invalid_session_timeout:
    case Errc::rebalance_in_progress:
    case Errc::invalid_commit_offset_size:
    case Errc::topic_authorization_failed:
    case Errc::group_authorization_failed:
    case Errc::cluster_authorization_failed:
    case Errc::invalid_timestamp:
    case Errc::unsupported_sasl_mechanism:
    case Errc::illegal_sasl_state:
    case Errc::unsupported_version:
    case Errc::topic_already_exists:
    case Errc::invalid_partitions:
    case Errc::invalid_replication_factor:
    case Errc::invalid_replica_assignment:
    case Errc::invalid_config:
    case Errc::not_controller:
    case Errc::invalid_request:
    case Errc::unsupported_for_message_format:
    case Errc::policy_violation:
    case Errc::out_of_order_sequence_number:
    case Errc::duplicate_sequence_number:
    case Errc::invalid_producer_epoch:
    case Errc::invalid_txn_state:
    case Errc::invalid_producer_id_mapping:
    case Errc::invalid_transaction_timeout:
    case Errc::concurrent_transactions:
    case Errc::transaction_coordinator_fenced:
    case Errc::transactional_id_authorization_failed:
    case Errc::security_disabled:
    case Errc::operation_not_attempted:
    case Errc::kafka_storage_error:
    case Errc::log_dir_not_found:
    case Errc::sasl_authentication_failed:
    case Errc::unknown_producer_id:
    case Errc::reassignment_in_progress:
    case Errc::delegation_token_auth_disabled:
    case Errc::delegation_token_not_found:
    case Errc::delegation_token_owner_mismatch:
    case Errc::delegation_token_request_not_allowed:
    case Errc::delegation_token_authorization_failed:
    case Errc::delegation_token_expired:
    case Errc::invalid_principal_type:
    case Errc::non_empty_group:
    case Errc::group_id_not_found:
    case Errc::fetch_session_id_not_found:
    case Errc::invalid_fetch_session_epoch:
    case Errc::listener_not_found:
    case Errc::topic_deletion_disabled:
    case Errc::fenced_leader_epoch:
    case Errc::unknown_leader_epoch:
    case Errc::unsupported_compression_type:
    case Errc::stale_broker_epoch:
    case Errc::offset_not_available:
    case Errc::member_id_required:
    case Errc::preferred_leader_not_available:
    case Errc::group_max_size_reached:
    case Errc::fenced_instance_id:
    case Errc::eligible_leaders_not_available:
    case Errc::election_not_needed:
    case Errc::no_reassignment_in_progress:
    case Errc::group_subscribed_to_topic:
    case Errc::invalid_record:
    case Errc::unstable_offset_commit:
    case Errc::throttling_quota_exceeded:
    case Errc::producer_fenced:
    case Errc::resource_not_found:
    case Errc::duplicate_resource:
    case Errc::unacceptable_credential:
    case Errc::inconsistent_voter_set:
    case Errc::invalid_update_version:
    case Errc::feature_update_failed:
    case Errc::principal_deserialization_failure:
    case Errc::snapshot_not_found:
    case Errc::position_out_of_range:
    case Errc::unknown_topic_id:
    case Errc::duplicate_broker_registration:
    case Errc::broker_id_not_registered:
    case Errc::inconsistent_topic_id:
    case Errc::inconsistent_cluster_id:
    case Errc::transactional_id_not_found:
    case Errc::fetch_session_topic_id_error:
    case Errc::ineligible_replica:
    case Errc::new_leader_elected:
    case Errc::offset_moved_to_tiered_storage:
    case Errc::fenced_member_epoch:
    case Errc::unreleased_instance_id:
    case Errc::unsupported_assignor:
    case Errc::stale_member_epoch:
    case Errc::mismatched_endpoint_type:
    case Errc::unsupported_endpoint_type:
    case Errc::unknown_controller_id:
    case Errc::unknown_subscription_id:
    case Errc::telemetry_too_large:
    case Errc::invalid_registration:
    case Errc::transaction_abortable:
    case Errc::invalid_record_state:
    case Errc::share_session_not_found:
    case Errc::invalid_share_session_epoch:
    case Errc::fenced_state_epoch:
    case Errc::invalid_voter_key:
    case Errc::duplicate_voter:
    case Errc::voter_not_found:
    case Errc::invalid_regular_expression:
    case Errc::rebootstrap_required:
    case Errc::streams_invalid_topology:
    case Errc::streams_invalid_topology_epoch:
    case Errc::streams_topology_fenced:
    case Errc::share_session_limit_reached: return code;
  }
  return Errc::unknown_server_error;
}

constexpr size_t kErrcCount = static_cast<size_t>(Errc::invalid_argument) + 1;

/// Codes by Errc, for those that are Kafka's own.
constexpr std::array<int16_t, kErrcCount> codes_by_errc() {
  std::array<int16_t, kErrcCount> codes = {};
  for (const ErrorRow& row : kErrors) codes[static_cast<size_t>(row.errc)] = row.code;
  return codes;
}
constexpr std::array<int16_t, kErrcCount> kCodes = codes_by_errc();

}  // namespace

int16_t error_code(Errc code) {
  return kCodes[static_cast<size_t>(kafka_errc(code))];
}

std::optional<Errc> errc_of(int16_t code) {
  if (code == kNoError) return std::nullopt;
  const ErrorRow* row = find_error(code);
  return row == nullptr ? Errc::unknown_server_error : row->errc;
}

std::string_view error_name(int16_t code) {
  if (code == kNoError) return "NONE";
  const ErrorRow* row = find_error(code);
  return row == nullptr ? "UNKNOWN_SERVER_ERROR" : row->name;
}

bool is_retriable(int16_t code) {
  const ErrorRow* row = find_error(code);
  return row != nullptr && row->retriable;
}

}  // namespace partita::wire
