#pragma once
// Requests about partitions that only their leaders answer: split by leader, asked, and asked again
// where a leader has moved, until the deadline.

#include <map>
#include <string>
#include <vector>

#include "client/cluster.h"

namespace partita::client {

template <class Value>
using PartitionAnswers = std::map<TopicPartition, Result<Value>>;

/// What one kind of request is made of.
template <class Item, class Value, class Request>
struct LeaderQuestion {
  Request (*request)(const std::vector<Item>& items);  ///< items have a member `partition`
  /// Into `answers`; an Error where the response makes no sense.
  Result<> (*take)(const Answer& answer, PartitionAnswers<Value>& answers);
};

/// The inner Errors are the leaders' answers; the outer one says that nothing is known.
template <class Item, class Value, class Request>
Task<Result<PartitionAnswers<Value>>> ask_leaders(Scope& scope, Cluster& cluster,
                                                  LeaderQuestion<Item, Value, Request> question,
                                                  std::vector<Item> items, Deadline deadline) {
  PartitionAnswers<Value> answers;
  Backoff pauses = cluster.backoff();
  while (true) {
    std::map<NodeId, std::vector<Item>> by_leader;
    for (const Item& item : items) {
      const TopicPartition& name = item.partition;
      const Result<TopicPtr> topic = co_await cluster.topic(scope, name.topic, deadline);
      if (!topic && topic.error().code != Errc::unknown_topic_or_partition) {
        co_return std::unexpected(topic.error());
      }
      const PartitionView* partition = topic ? (*topic)->find(name.partition) : nullptr;
      if (partition == nullptr) {
        answers.insert_or_assign(name, fail(Errc::unknown_topic_or_partition));
      } else if (partition->leader == kNoNode) {
        answers.insert_or_assign(name, fail(Errc::leader_not_available));
      } else {
        by_leader[partition->leader].push_back(item);
      }
    }
    for (auto& [leader, theirs] : by_leader) {
      const Result<Answer> answer =
          co_await cluster.ask(scope, leader, question.request(theirs), deadline);
      if (answer) {
        CO_CHECKED(question.take(*answer, answers));
      } else if (is_transient(answer.error().code)) {
        for (const Item& each : theirs) {
          answers.insert_or_assign(each.partition, std::unexpected(answer.error()));
        }
      } else {
        co_return std::unexpected(answer.error());
      }
    }
    // What may come right is asked again.
    std::erase_if(items, [&](const Item& item) {
      const auto found = answers.find(item.partition);
      return found != answers.end() && (found->second || !is_transient(found->second.error().code));
    });
    const Duration pause = pauses.next();
    if (items.empty() || cluster.shard().now() + pause >= deadline) co_return answers;
    CO_CHECKED(co_await sleep_for(scope, pause));
    const Result<> refreshed = co_await cluster.refresh(scope, deadline);
    if (!refreshed && !is_transient(refreshed.error().code)) {
      co_return std::unexpected(refreshed.error());
    }
  }
}

/// The entry of a topic in a request, made where it is missing.
template <class Topic>
Topic& topic_in(std::vector<Topic>& topics, const std::string& name) {
  for (Topic& each : topics) {
    if (each.name == name) return each;
  }
  topics.emplace_back().name = name;
  return topics.back();
}

}  // namespace partita::client
