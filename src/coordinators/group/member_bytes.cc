#include "coordinators/group/member_bytes.h"

#include <algorithm>

#include "wire/data/consumer_protocol_assignment.h"
#include "wire/data/consumer_protocol_subscription.h"

namespace partita::coordinators {
namespace {

/// The message behind a version that it clamps to what is known.
template <class View>
Result<View> decode_versioned(ByteView bytes) {
  if (bytes.size() < sizeof(int16_t)) return fail(Errc::malformed, "no version");
  const auto version = load_be<int16_t>(bytes.data());
  if (version < 0) return fail(Errc::malformed, "a negative version");
  return View::decode(bytes.subspan(sizeof(int16_t)),
                      std::min(version, View::descriptor().versions.last));
}

}  // namespace

Result<> add_subscribed_topics(ByteView metadata, std::set<std::string, std::less<>>& topics) {
  TRY(const auto subscription, decode_versioned<wire::ConsumerProtocolSubscriptionView>(metadata));
  for (const std::string_view topic : subscription.topics) topics.emplace(topic);
  return {};
}

bool same_topics(ByteView a, ByteView b) {
  std::set<std::string, std::less<>> of_a;
  std::set<std::string, std::less<>> of_b;
  return add_subscribed_topics(a, of_a) && add_subscribed_topics(b, of_b) && of_a == of_b;
}

Result<> add_assigned_partitions(std::string_view member, ByteView assignment, Ownership& owned) {
  if (assignment.empty()) return {};
  TRY(const auto given, decode_versioned<wire::ConsumerProtocolAssignmentView>(assignment));
  for (const auto& topic : given.assigned_partitions) {
    for (const int32_t partition : topic.partitions) owned.add(member, topic.topic, partition);
  }
  return {};
}

}  // namespace partita::coordinators
