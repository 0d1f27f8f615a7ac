#include "cli/kafka/hanging_transactions.h"

#include <algorithm>
#include <set>

namespace partita::cli::kafka {

using client::TopicPartition;

namespace {

constexpr size_t kPartitionsAtOnce = 500;

Task<Result<std::vector<TopicPartition>>> partitions_to_search(ClientContext& context,
                                                               HangingSearch search,
                                                               Deadline deadline) {
  if (search.topic && search.partition) {
    co_return std::vector{TopicPartition{*search.topic, *search.partition}};
  }
  client::Admin admin(context.scope, context.cluster);
  std::vector<std::string> topics;
  if (search.topic) {
    topics.push_back(*search.topic);
  } else {
    CO_TRY(const auto all, co_await admin.list_topics(deadline));
    for (const client::TopicPtr& topic : all) topics.push_back(topic->name);
  }
  CO_TRY(const auto described, co_await admin.describe_topics(std::move(topics), deadline));
  std::vector<TopicPartition> partitions;
  for (const auto& topic : described) {
    if (!topic.result) co_return std::unexpected(topic.result.error());
    for (const auto& each : topic.result->partitions) {
      const bool there =
          !search.broker || std::ranges::find(each.replicas, *search.broker) != each.replicas.end();
      if (there) partitions.push_back({topic.name, each.index});
    }
  }
  co_return partitions;
}

/// Open for longer than any transaction should be.
Task<Result<std::vector<HangingTransaction>>> old_transactions(ClientContext& context,
                                                               HangingSearch search,
                                                               Deadline deadline) {
  client::TransactionAdmin admin(context.scope, context.cluster);
  CO_TRY(const auto partitions, co_await partitions_to_search(context, search, deadline));
  std::vector<HangingTransaction> old;
  for (size_t at = 0; at < partitions.size(); at += kPartitionsAtOnce) {
    const size_t end = std::min(at + kPartitionsAtOnce, partitions.size());
    std::vector<TopicPartition> some(partitions.begin() + static_cast<ptrdiff_t>(at),
                                     partitions.begin() + static_cast<ptrdiff_t>(end));
    CO_TRY(const auto answers,
           co_await admin.describe_producers(std::move(some), search.broker, deadline));
    const int64_t now = context.shard().clock().wall().ms();
    for (const auto& [partition, producers] : answers) {
      if (!producers) co_return std::unexpected(producers.error());
      for (const client::PartitionProducer& each : *producers) {
        const bool is_old = now - each.last_timestamp.ms() > to_ms(search.older_than);
        if (each.transaction_start && is_old) old.push_back({partition, each});
      }
    }
  }
  co_return old;
}

}  // namespace

Task<Result<std::vector<HangingTransaction>>> find_hanging_transactions(ClientContext& context,
                                                                        HangingSearch search,
                                                                        Deadline deadline) {
  CO_TRY(std::vector<HangingTransaction> found,
         co_await old_transactions(context, std::move(search), deadline));
  if (found.empty()) co_return found;
  client::TransactionAdmin admin(context.scope, context.cluster);
  client::TransactionFilter filter;
  for (const HangingTransaction& each : found) filter.producer_ids.push_back(each.producer.id);
  CO_TRY(const auto listed, co_await admin.list(std::move(filter), deadline));
  std::map<ProducerId, std::string> ids;
  std::vector<std::string> names;
  for (const client::TransactionListing& each : listed) {
    if (ids.emplace(each.producer_id, each.transactional_id).second) {
      names.push_back(each.transactional_id);
    }
  }
  CO_TRY(const auto described, co_await admin.describe(std::move(names), deadline));
  std::map<std::string, std::set<TopicPartition>> expected;
  for (const auto& each : described) {
    if (each.result) {
      expected[each.name] = {each.result->partitions.begin(), each.result->partitions.end()};
    } else if (each.result.error().code != Errc::transactional_id_not_found) {
      co_return std::unexpected(each.result.error());
    }
  }
  // Where the coordinator still has the partition on its list, a marker will come.
  std::erase_if(found, [&](const HangingTransaction& each) {
    const auto id = ids.find(each.producer.id);
    return id != ids.end() && expected[id->second].contains(each.partition);
  });
  co_return found;
}

}  // namespace partita::cli::kafka
