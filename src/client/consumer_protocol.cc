#include "client/consumer_protocol.h"

#include <algorithm>

#include "wire/data/consumer_protocol_assignment.h"
#include "wire/data/consumer_protocol_subscription.h"

namespace partita::client {
namespace {

constexpr int16_t kVersionMax = 3;
constexpr int16_t kAssignmentVersion = 1;  // the first that every living client reads

template <class Message>
Result<Bytes> encode_versioned(const Message& message, int16_t version) {
  wire::Writer writer;
  writer.int16(version);
  CHECKED(message.encode(writer, version));
  TRY(const ByteChain chain, std::move(writer).finish());
  Buffer all(chain_size(chain));
  for (const Bytes& part : chain) all.append(part.view());
  return std::move(all).freeze();
}

template <class View>
Result<View> decode_versioned(ByteView bytes) {
  if (bytes.size() < sizeof(int16_t)) return fail(Errc::malformed, "no version");
  const auto version = load_be<int16_t>(bytes.data());
  if (version < 0) return fail(Errc::malformed, "version " + std::to_string(version));
  // A newer version only has more behind what this one has.
  return View::decode(bytes.subspan(sizeof(int16_t)), std::min(version, kVersionMax));
}

template <class Topics>
std::vector<TopicPartition> partitions_of(const Topics& topics) {
  std::vector<TopicPartition> all;
  for (const auto& topic : topics) {
    for (const int32_t each : topic.partitions) {
      all.push_back({std::string(topic.topic), PartitionIndex(each)});
    }
  }
  std::ranges::sort(all);
  return all;
}

template <class Topic>
std::vector<Topic> by_topic(const std::vector<TopicPartition>& partitions) {
  std::vector<Topic> topics;
  for (const TopicPartition& each : partitions) {
    auto at = std::ranges::find(topics, each.topic, &Topic::topic);
    if (at == topics.end()) {
      topics.push_back({.topic = each.topic, .partitions = {}});
      at = std::prev(topics.end());
    }
    at->partitions.push_back(each.partition.value());
  }
  return topics;
}

}  // namespace

Result<Bytes> encode_subscription(const Subscription& subscription) {
  wire::ConsumerProtocolSubscription message;
  message.topics = subscription.topics;
  std::ranges::sort(message.topics);
  message.owned_partitions =
      by_topic<wire::consumer_protocol_subscription::TopicPartition>(subscription.owned);
  message.generation_id = subscription.generation;
  return encode_versioned(message, kVersionMax);
}

Result<Subscription> decode_subscription(ByteView bytes) {
  TRY(const auto view, decode_versioned<wire::ConsumerProtocolSubscriptionView>(bytes));
  Subscription subscription{.topics = {},
                            .owned = partitions_of(view.owned_partitions),
                            .generation = view.generation_id};
  for (const std::string_view topic : view.topics) subscription.topics.emplace_back(topic);
  return subscription;
}

Result<Bytes> encode_assignment(const std::vector<TopicPartition>& partitions) {
  wire::ConsumerProtocolAssignment message;
  message.assigned_partitions =
      by_topic<wire::consumer_protocol_assignment::TopicPartition>(partitions);
  return encode_versioned(message, kAssignmentVersion);
}

Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes) {
  TRY(const auto view, decode_versioned<wire::ConsumerProtocolAssignmentView>(bytes));
  return partitions_of(view.assigned_partitions);
}

}  // namespace partita::client
