#include "coordinators/group/consumer_protocol.h"

#include <algorithm>

#include "coordinators/record.h"

namespace partita::coordinators {
namespace {

constexpr int16_t kLastVersion = 3;

template <class View>
Result<View> parse(ByteView bytes) {
  TRY(const Numbered versioned, parse_numbered(bytes));
  if (versioned.number < 0) return fail(Errc::malformed, "a negative version of ConsumerProtocol");
  return View::decode(versioned.body, std::min(versioned.number, kLastVersion));
}

template <class Set>
Bytes encode(const Set& partitions, const metadata::Image& image, int16_t version) {
  wire::ConsumerProtocolAssignment assignment;
  for (const auto& [id, indexes] : partitions) {
    const auto topic = image.topic(id);
    if (!topic) continue;
    auto& entry = assignment.assigned_partitions.emplace_back();
    entry.topic = topic->name;
    for_each_partition(Set{{id, indexes}},
                       [&](const TopicId&, int32_t index) { entry.partitions.push_back(index); });
  }
  return encode_behind(version, assignment, version);
}

}  // namespace

Result<wire::ConsumerProtocolSubscriptionView> parse_subscription(ByteView bytes) {
  return parse<wire::ConsumerProtocolSubscriptionView>(bytes);
}

Result<wire::ConsumerProtocolAssignmentView> parse_assignment(ByteView bytes) {
  return parse<wire::ConsumerProtocolAssignmentView>(bytes);
}

int16_t protocol_version_of(ByteView bytes) {
  const auto versioned = parse_numbered(bytes);
  return versioned ? std::clamp(versioned->number, int16_t{0}, kLastVersion) : int16_t{0};
}

Bytes encode_assignment(const AssignedPartitions& partitions, const metadata::Image& image,
                        int16_t version) {
  return encode(partitions, image, version);
}

Bytes encode_assignment(const PartitionSet& partitions, const metadata::Image& image,
                        int16_t version) {
  return encode(partitions, image, version);
}

}  // namespace partita::coordinators
