#pragma once
// What consumers of a classic group tell each other through their coordinator: subscriptions and
// assignments, in the versioned form that every Kafka client writes (a version of two bytes, then
// the message of wire/data). Bytes of members are anybody's: an Error where they make no sense.

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "client/topic_view.h"

namespace partita::client {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

struct Subscription {
  std::vector<std::string> topics;
  std::vector<TopicPartition> owned = {};
  int32_t generation = -1;
};

Result<Bytes> encode_subscription(const Subscription& subscription);
Result<Subscription> decode_subscription(ByteView bytes);
Result<Bytes> encode_assignment(const std::vector<TopicPartition>& partitions);
/// By topic and index.
Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes);

}  // namespace partita::client
