#include "client/transaction_admin.h"

#include <algorithm>

#include "client/admin_call.h"
#include "wire/messages/describe_producers.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/init_producer_id.h"
#include "wire/messages/list_transactions.h"
#include "wire/messages/write_txn_markers.h"

namespace partita::client {
namespace {

struct PartitionItem {
  TopicPartition partition;
};

Result<> take_listing(const Answer& answer, NodeId broker, std::vector<TransactionListing>& all) {
  TRY(const auto response,
      wire::ListTransactionsResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  for (const auto& each : response.transaction_states) {
    all.push_back({.transactional_id = std::string(each.transactional_id),
                   .producer_id = ProducerId(each.producer_id),
                   .state = std::string(each.transaction_state),
                   .coordinator = broker});
  }
  return {};
}

Result<TransactionDescription> read_description(const Answer& answer) {
  TRY(const auto response,
      wire::DescribeTransactionsResponseView::decode(answer.body.view(), answer.version));
  if (response.transaction_states.empty()) return fail(Errc::malformed, "no answer");
  const auto each = *response.transaction_states.begin();
  CHECKED(result_of(each.error_code, std::nullopt));
  TransactionDescription description{.coordinator = kNoNode,
                                     .state = std::string(each.transaction_state),
                                     .producer_id = ProducerId(each.producer_id),
                                     .producer_epoch = ProducerEpoch(each.producer_epoch),
                                     .timeout = from_ms(each.transaction_timeout_ms),
                                     .start = std::nullopt,
                                     .partitions = {}};
  if (each.transaction_start_time_ms >= 0) {
    description.start = WallTime(each.transaction_start_time_ms);
  }
  for (const auto& topic : each.topics) {
    for (const int32_t index : topic.partitions) {
      description.partitions.push_back({std::string(topic.topic), PartitionIndex(index)});
    }
  }
  return description;
}

wire::DescribeProducersRequest producers_request(const std::vector<PartitionItem>& items) {
  wire::DescribeProducersRequest request;
  for (const PartitionItem& each : items) {
    topic_in(request.topics, each.partition.topic)
        .partition_indexes.push_back(each.partition.partition.value());
  }
  return request;
}

PartitionProducer producer_of(const wire::describe_producers_response::ProducerStateView& from) {
  PartitionProducer producer{.id = ProducerId(from.producer_id),
                             .epoch = from.producer_epoch,
                             .last_sequence = from.last_sequence,
                             .last_timestamp = WallTime(from.last_timestamp),
                             .coordinator_epoch = std::nullopt,
                             .transaction_start = std::nullopt};
  if (from.coordinator_epoch >= 0) producer.coordinator_epoch = from.coordinator_epoch;
  if (from.current_txn_start_offset >= 0) {
    producer.transaction_start = Offset(from.current_txn_start_offset);
  }
  return producer;
}

Result<> take_producers(const Answer& answer, PartitionAnswers<PartitionProducers>& answers) {
  TRY(const auto response,
      wire::DescribeProducersResponseView::decode(answer.body.view(), answer.version));
  for (const auto& topic : response.topics) {
    for (const auto& each : topic.partitions) {
      const TopicPartition partition{std::string(topic.name), PartitionIndex(each.partition_index)};
      if (auto failed = result_of(each.error_code, each.error_message); !failed) {
        answers.insert_or_assign(partition, std::unexpected(std::move(failed).error()));
        continue;
      }
      PartitionProducers producers;
      for (const auto& producer : each.active_producers) {
        producers.push_back(producer_of(producer));
      }
      answers.insert_or_assign(partition, std::move(producers));
    }
  }
  return {};
}

struct MarkerItem : TransactionToAbort {};

wire::WriteTxnMarkersRequest marker_request(const std::vector<MarkerItem>& items) {
  wire::WriteTxnMarkersRequest request;
  for (const MarkerItem& each : items) {
    auto& marker = request.markers.emplace_back();
    marker.producer_id = each.producer_id.value();
    marker.producer_epoch = each.producer_epoch.value();
    marker.coordinator_epoch = each.coordinator_epoch;
    marker.transaction_result = false;
    topic_in(marker.topics, each.partition.topic)
        .partition_indexes.push_back(each.partition.partition.value());
  }
  return request;
}

Result<> take_markers(const Answer& answer, PartitionAnswers<bool>& answers) {
  TRY(const auto response,
      wire::WriteTxnMarkersResponseView::decode(answer.body.view(), answer.version));
  for (const auto& marker : response.markers) {
    for (const auto& topic : marker.topics) {
      for (const auto& each : topic.partitions) {
        const auto error = wire::errc_of(each.error_code);
        answers.insert_or_assign({std::string(topic.name), PartitionIndex(each.partition_index)},
                                 error ? Result<bool>(fail(*error)) : Result<bool>(true));
      }
    }
  }
  return {};
}

Result<bool> read_identity(const Answer& answer) {
  TRY(const auto response,
      wire::InitProducerIdResponseView::decode(answer.body.view(), answer.version));
  CHECKED(result_of(response.error_code, std::nullopt));
  return true;
}

}  // namespace

Task<Result<std::vector<TransactionListing>>> TransactionAdmin::list(TransactionFilter filter,
                                                                     Deadline deadline) {
  Admin admin(scope_, cluster_);
  CO_TRY(const ClusterDescription cluster, co_await admin.describe_cluster(deadline));
  std::vector<TransactionListing> all;
  for (const BrokerView& broker : cluster.brokers) {
    cluster_.learn_broker(broker);
    Backoff pauses = cluster_.backoff();
    while (true) {
      wire::ListTransactionsRequest request;
      request.state_filters = filter.states;
      for (const ProducerId id : filter.producer_ids) {
        request.producer_id_filters.push_back(id.value());
      }
      request.duration_filter = filter.longer_than ? to_ms(*filter.longer_than) : -1;
      request.transactional_id_pattern = filter.id_pattern;
      const Result<Answer> answer =
          co_await cluster_.ask(scope_, broker.id, std::move(request), deadline);
      const Result<> taken = answer ? take_listing(*answer, broker.id, all)
                                    : Result<>(std::unexpected(answer.error()));
      if (taken) break;
      const Duration pause = pauses.next();
      const bool again = is_transient(taken.error().code);
      if (!again || cluster_.shard().now() + pause >= deadline) {
        co_return std::unexpected(taken.error());
      }
      CO_CHECKED(co_await sleep_for(scope_, pause));
    }
  }
  co_return all;
}

Task<Result<Outcomes<TransactionDescription>>> TransactionAdmin::describe(
    std::vector<std::string> ids, Deadline deadline) {
  Outcomes<TransactionDescription> outcomes;
  for (const std::string& id : ids) {
    Coordinator coordinator(cluster_, CoordinatorType::transaction, id);
    wire::DescribeTransactionsRequest request;
    request.transactional_ids.push_back(id);
    auto description = co_await coordinator.ask<TransactionDescription>(scope_, std::move(request),
                                                                        read_description, deadline);
    if (description) {
      CO_TRY(description->coordinator, co_await coordinator.find(scope_, deadline));
    }
    outcomes.push_back({.name = id, .result = std::move(description)});
  }
  co_return outcomes;
}

Task<Result<PartitionAnswers<PartitionProducers>>> TransactionAdmin::describe_producers(
    std::vector<TopicPartition> partitions, std::optional<NodeId> broker, Deadline deadline) {
  std::vector<PartitionItem> items;
  for (TopicPartition& each : partitions) items.push_back({std::move(each)});
  if (!broker) {
    using Question =
        LeaderQuestion<PartitionItem, PartitionProducers, wire::DescribeProducersRequest>;
    co_return co_await ask_leaders(scope_, cluster_,
                                   Question{.request = producers_request, .take = take_producers},
                                   std::move(items), deadline);
  }
  Admin admin(scope_, cluster_);
  CO_TRY(const ClusterDescription cluster, co_await admin.describe_cluster(deadline));
  for (const BrokerView& each : cluster.brokers) cluster_.learn_broker(each);
  CO_TRY(const Answer answer,
         co_await cluster_.ask(scope_, *broker, producers_request(items), deadline));
  PartitionAnswers<PartitionProducers> answers;
  CO_CHECKED(take_producers(answer, answers));
  co_return answers;
}

Task<Result<>> TransactionAdmin::abort(TransactionToAbort transaction, Deadline deadline) {
  using Question = LeaderQuestion<MarkerItem, bool, wire::WriteTxnMarkersRequest>;
  const TopicPartition partition = transaction.partition;
  CO_TRY(const auto answers,
         co_await ask_leaders(scope_, cluster_,
                              Question{.request = marker_request, .take = take_markers},
                              std::vector{MarkerItem{std::move(transaction)}}, deadline));
  const auto at = answers.find(partition);
  if (at == answers.end()) co_return fail(Errc::malformed, "no answer about the partition");
  if (!at->second) co_return std::unexpected(at->second.error());
  co_return Result<>();
}

Task<Result<>> TransactionAdmin::force_terminate(std::string transactional_id, Deadline deadline) {
  constexpr int32_t kTimeoutMs = 60'000;  // of a transaction that nobody begins
  Coordinator coordinator(cluster_, CoordinatorType::transaction, transactional_id);
  Backoff pauses = cluster_.backoff();
  while (true) {
    wire::InitProducerIdRequest request;
    request.transactional_id = transactional_id;
    request.transaction_timeout_ms = kTimeoutMs;
    const Result<bool> done =
        co_await coordinator.ask<bool>(scope_, std::move(request), read_identity, deadline);
    if (done) co_return Result<>();
    const Duration pause = pauses.next();
    const bool again = done.error().code == Errc::concurrent_transactions;
    if (!again || cluster_.shard().now() + pause >= deadline) {
      co_return std::unexpected(done.error());
    }
    CO_CHECKED(co_await sleep_for(scope_, pause));
  }
}

}  // namespace partita::client
