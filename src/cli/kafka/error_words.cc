#include "cli/kafka/error_words.h"

#include <algorithm>
#include <iterator>

#include "client/retry.h"
#include "wire/error_code.h"

namespace partita::cli::kafka {
namespace {

struct Words {
  Errc code;
  std::string_view exception;
  std::string_view message;
};

constexpr Words kWords[] = {
    {Errc::unknown_server_error, "UnknownServerException",
     "The server experienced an unexpected error when processing the request."},
    {Errc::offset_out_of_range, "OffsetOutOfRangeException",
     "The requested offset is not within the range of offsets maintained by the server."},
    {Errc::unknown_topic_or_partition, "UnknownTopicOrPartitionException",
     "This server does not host this topic-partition."},
    {Errc::leader_not_available, "LeaderNotAvailableException",
     "There is no leader for this topic-partition as we are in the middle of a leadership "
     "election."},
    {Errc::not_leader_or_follower, "NotLeaderOrFollowerException",
     "For requests intended only for the leader, this error indicates that the broker is not the "
     "current leader. For requests intended for any replica, this error indicates that the broker "
     "is not a replica of the topic partition."},
    {Errc::request_timed_out, "TimeoutException", "The request timed out."},
    {Errc::message_too_large, "RecordTooLargeException",
     "The request included a message larger than the max message size the server will accept."},
    {Errc::offset_metadata_too_large, "OffsetMetadataTooLarge",
     "The metadata field of the offset request was too large."},
    {Errc::coordinator_load_in_progress, "CoordinatorLoadInProgressException",
     "The coordinator is loading and hence can't process requests."},
    {Errc::coordinator_not_available, "CoordinatorNotAvailableException",
     "The coordinator is not available."},
    {Errc::not_coordinator, "NotCoordinatorException", "This is not the correct coordinator."},
    {Errc::invalid_topic_exception, "InvalidTopicException",
     "The request attempted to perform an operation on an invalid topic."},
    {Errc::illegal_generation, "IllegalGenerationException",
     "Specified group generation id is not valid."},
    {Errc::invalid_group_id, "InvalidGroupIdException", "The configured groupId is invalid."},
    {Errc::unknown_member_id, "UnknownMemberIdException",
     "The coordinator is not aware of this member."},
    {Errc::rebalance_in_progress, "RebalanceInProgressException",
     "The group is rebalancing, so a rejoin is needed."},
    {Errc::group_authorization_failed, "GroupAuthorizationException",
     "Group authorization failed."},
    {Errc::topic_authorization_failed, "TopicAuthorizationException",
     "Topic authorization failed."},
    {Errc::cluster_authorization_failed, "ClusterAuthorizationException",
     "Cluster authorization failed."},
    {Errc::unsupported_version, "UnsupportedVersionException",
     "The version of API is not supported."},
    {Errc::topic_already_exists, "TopicExistsException", "Topic with this name already exists."},
    {Errc::invalid_partitions, "InvalidPartitionsException", "Number of partitions is below 1."},
    {Errc::invalid_config, "InvalidConfigurationException", "Configuration is invalid."},
    {Errc::invalid_request, "InvalidRequestException",
     "This most likely occurs because of a request being malformed by the client library or the "
     "message was sent to an incompatible broker. See the broker logs for more details."},
    {Errc::policy_violation, "PolicyViolationException",
     "Request parameters do not satisfy the configured policy."},
    {Errc::invalid_producer_epoch, "InvalidProducerEpochException",
     "Producer attempted to produce with an old epoch."},
    {Errc::transaction_coordinator_fenced, "TransactionCoordinatorFencedException",
     "Indicates that the transaction coordinator sending a WriteTxnMarker is no longer the current "
     "coordinator for a given producer."},
    {Errc::invalid_producer_id_mapping, "InvalidPidMappingException",
     "The producer attempted to use a producer id which is not currently assigned to its "
     "transactional id."},
    {Errc::concurrent_transactions, "ConcurrentTransactionsException",
     "The producer attempted to update a transaction while another concurrent operation on the "
     "same transaction was ongoing."},
    {Errc::invalid_txn_state, "InvalidTxnStateException",
     "The producer attempted a transactional operation in an invalid state."},
    {Errc::non_empty_group, "GroupNotEmptyException", "The group is not empty."},
    {Errc::group_id_not_found, "GroupIdNotFoundException", "The group id does not exist."},
    {Errc::group_subscribed_to_topic, "GroupSubscribedToTopicException",
     "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to "
     "it."},
    {Errc::producer_fenced, "ProducerFencedException",
     "There is a newer producer with the same transactionalId which fences the current one."},
    {Errc::resource_not_found, "ResourceNotFoundException",
     "A request illegally referred to a resource that does not exist."},
    {Errc::transactional_id_not_found, "TransactionalIdNotFoundException",
     "The transactionalId could not be found."},
    {Errc::transactional_id_authorization_failed, "TransactionalIdAuthorizationException",
     "Transactional Id authorization failed."},
};

const Words* words_of(Errc code) {
  const auto* at = std::ranges::find(kWords, code, &Words::code);
  return at == std::end(kWords) ? nullptr : at;
}

}  // namespace

std::string java_message(const Error& error) {
  if (!error.detail.empty()) return error.detail;
  const Words* words = words_of(error.code);
  return std::string(words != nullptr ? words->message : errc_name(error.code));
}

std::string java_exception(const Error& error) {
  const bool timed_out = client::is_connection_error(error.code);
  const Words* words = words_of(timed_out ? Errc::request_timed_out : error.code);
  const std::string_view name = words != nullptr ? words->exception : "UnknownServerException";
  return std::string("org.apache.kafka.common.errors.")
      .append(name)
      .append(": ")
      .append(java_message(error));
}

std::string java_error_name(Errc code) {
  return std::string(wire::error_name(wire::error_code(code)));
}

Error execution_failure(const Error& error) {
  return {error.code, java_exception(error)};
}

Error runtime_failure(const Error& error) {
  return {error.code, "java.util.concurrent.ExecutionException: " + java_exception(error)};
}

}  // namespace partita::cli::kafka
