// AddPartitionsToTxn: a client's partitions into its transaction (up to version 3), or other
// brokers' questions and additions before they append, many transactions at once (from 4 on).
// All partitions of a transaction are added, or none.

#include "broker/coordination.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/topic_names.h"
#include "broker/handlers/transaction_errors.h"
#include "rpc/response_frame.h"
#include "wire/error_code.h"
#include "wire/messages/add_partitions_to_txn.h"

namespace partita::broker {
namespace {

using Request = wire::AddPartitionsToTxnRequestView;
using TopicResult = wire::AddPartitionsToTxnResponse::AddPartitionsToTxnTopicResult;
using coordinators::TransactionClaim;
using coordinators::TransactionPartitions;

constexpr int16_t kFirstOfBrokers = 4;
constexpr int16_t kFirstWithFenced = 2;

/// What is wrong with a partition before any coordinator is asked.
int16_t check_partition(const HandlerContext& context, std::string_view topic, int32_t partition,
                        bool of_client) {
  if (of_client && is_internal_topic(topic)) {
    return wire::error_code(Errc::topic_authorization_failed);
  }
  const auto known = context.here.image()->topic(topic);
  if (known == nullptr || known->partition(PartitionIndex(partition)) == nullptr) {
    return wire::error_code(Errc::unknown_topic_or_partition);
  }
  return wire::kNoError;
}

/// One result a partition, in the request's order, each with error_of(topic, partition).
template <class Topics, class ErrorOf>
std::vector<TopicResult> results(const Topics& topics, ErrorOf error_of) {
  std::vector<TopicResult> out;
  for (const auto& topic : topics) {
    TopicResult& one = out.emplace_back();
    one.name = topic.name;
    for (const int32_t partition : topic.partitions) {
      one.results_by_partition.push_back(
          {.partition_index = partition, .partition_error_code = error_of(topic.name, partition)});
    }
  }
  return out;
}

template <class Topics>
Task<std::vector<TopicResult>> verify(HandlerContext& context, TransactionClaim claim,
                                      Topics topics) {
  const auto decide = [&](TransactionMachine& machine, Now, TransactionMachine::Effects&) {
    return results(topics, [&](std::string_view topic, int32_t partition) {
      return wire::error_code(machine.verify_partition(claim, topic, partition));
    });
  };
  auto verified = co_await on_transaction(context, claim.transactional_id, decide);
  if (verified) co_return std::move(*verified);
  co_return results(topics, [&](auto, auto) { return wire::error_code(verified.error().code); });
}

template <class Topics>
Task<std::vector<TopicResult>> add(HandlerContext& context, TransactionClaim claim, Topics topics,
                                   int16_t version) {
  TransactionPartitions partitions;
  for (const auto& topic : topics) {
    std::set<int32_t>& indexes = partitions[std::string(topic.name)];
    for (const int32_t partition : topic.partitions) indexes.insert(partition);
  }
  const auto decide = [&](TransactionMachine& machine, Now now, TransactionMachine::Effects& out) {
    return machine.add_partitions(
        {.claim = claim, .partitions = partitions, .bumps_epoch = version >= kFirstOfBrokers}, now,
        out);
  };
  const auto added = co_await on_transaction(context, claim.transactional_id, decide);
  int16_t error = wire::kNoError;
  if (!added) error = wire::error_code(added.error().code);
  if (added && !*added) error = transaction_error(added->error(), version >= kFirstWithFenced);
  co_return results(topics, [error](auto, auto) { return error; });
}

template <class Topics>
Task<std::vector<TopicResult>> handle_one(HandlerContext& context, TransactionClaim claim,
                                          Topics topics, bool verify_only, int16_t version) {
  const bool of_client = version < kFirstOfBrokers;
  const auto check = [&](std::string_view topic, int32_t partition) {
    return check_partition(context, topic, partition, of_client);
  };
  std::vector<TopicResult> checked = results(topics, check);
  bool good = true;
  for (const TopicResult& topic : checked) {
    for (const auto& one : topic.results_by_partition) good &= one.partition_error_code == 0;
  }
  if (!good) {
    for (TopicResult& topic : checked) {
      for (auto& one : topic.results_by_partition) {
        if (one.partition_error_code != wire::kNoError) continue;
        one.partition_error_code = wire::error_code(Errc::operation_not_attempted);
      }
    }
    co_return checked;
  }
  if (claim.transactional_id.empty()) {
    co_return results(topics, [](auto, auto) { return wire::error_code(Errc::invalid_request); });
  }
  if (verify_only) co_return co_await verify(context, claim, topics);
  co_return co_await add(context, claim, topics, version);
}

}  // namespace

Task<rpc::Response> handle_add_partitions_to_txn(HandlerContext& context, rpc::Request request) {
  const auto body = Request::decode(request.body, request.version);
  if (!body) co_return close_malformed(request, body.error());
  wire::AddPartitionsToTxnResponse response;
  if (request.version < kFirstOfBrokers) {
    const TransactionClaim claim{
        .transactional_id = body->v3_and_below_transactional_id,
        .producer = {.id = ProducerId(body->v3_and_below_producer_id),
                     .epoch = ProducerEpoch(body->v3_and_below_producer_epoch)}};
    response.results_by_topic_v3_and_below =
        co_await handle_one(context, claim, body->v3_and_below_topics, false, request.version);
    co_return rpc::reply(request, response);
  }
  for (const auto& transaction : body->transactions) {
    const TransactionClaim claim{.transactional_id = transaction.transactional_id,
                                 .producer = {.id = ProducerId(transaction.producer_id),
                                              .epoch = ProducerEpoch(transaction.producer_epoch)}};
    auto topics = co_await handle_one(context, claim, transaction.topics, transaction.verify_only,
                                      request.version);
    response.results_by_transaction.push_back(
        {.transactional_id = std::string(transaction.transactional_id),
         .topic_results = std::move(topics)});
  }
  co_return rpc::reply(request, response);
}

}  // namespace partita::broker
