#include "coordinators/group/consumer_member.h"

#include <algorithm>

namespace partita::coordinators {
namespace {

using AssignmentValue = wire::ConsumerGroupCurrentMemberAssignmentValue;
using AssignmentView = wire::ConsumerGroupCurrentMemberAssignmentValueView;

std::vector<AssignmentValue::TopicPartitions> to_wire(const AssignedPartitions& partitions) {
  std::vector<AssignmentValue::TopicPartitions> topics;
  for (const auto& [topic, indexes] : partitions) {
    auto& entry = topics.emplace_back();
    entry.topic_id = topic;
    for (const auto& [index, epoch] : indexes) {
      entry.partitions.push_back(index);
      entry.assignment_epochs->push_back(epoch);
    }
  }
  return topics;
}

/// Partitions without an epoch of their own are as old as the member's.
AssignedPartitions from_wire(const wire::ArrayView<AssignmentView::TopicPartitions>& topics,
                             int32_t member_epoch) {
  AssignedPartitions partitions;
  for (const auto& topic : topics) {
    std::vector<int32_t> epochs;
    if (topic.assignment_epochs) {
      for (const int32_t epoch : *topic.assignment_epochs) epochs.push_back(epoch);
    }
    size_t at = 0;
    for (const int32_t index : topic.partitions) {
      partitions[topic.topic_id][index] = at < epochs.size() ? epochs[at] : member_epoch;
      ++at;
    }
  }
  return partitions;
}

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace

Deadline ConsumerMember::next_deadline() const {
  return std::min({session, revoke, join, sync});
}

CoordinatorRecord ask_record(const std::string& group, const std::string& member,
                             const MemberAsk& ask) {
  wire::ConsumerGroupMemberMetadataValue value{
      .instance_id = ask.instance_id,
      .rack_id = ask.rack_id,
      .client_id = ask.client_id,
      .client_host = ask.client_host,
      .subscribed_topic_names = {ask.topics.begin(), ask.topics.end()},
      .subscribed_topic_regex = ask.pattern,
      .rebalance_timeout_ms = ask.rebalance_timeout_ms,
      .server_assignor = ask.assignor,
      .classic_member_metadata = std::nullopt};
  if (ask.classic) {
    auto& classic = value.classic_member_metadata.emplace();
    classic.session_timeout_ms = ask.classic->session_timeout_ms;
    for (const auto& [name, metadata] : ask.classic->protocols) {
      classic.supported_protocols.push_back({.name = name, .metadata = metadata});
    }
  }
  return record_of(wire::ConsumerGroupMemberMetadataKey{.group_id = group, .member_id = member},
                   value, 0);
}

CoordinatorRecord has_record(const std::string& group, const std::string& member,
                             const MemberHas& has) {
  const wire::ConsumerGroupCurrentMemberAssignmentValue value{
      .member_epoch = has.epoch,
      .previous_member_epoch = has.previous_epoch,
      .state = static_cast<int8_t>(has.state),
      .assigned_partitions = to_wire(has.assigned),
      .partitions_pending_revocation = to_wire(has.revoking)};
  return record_of(
      wire::ConsumerGroupCurrentMemberAssignmentKey{.group_id = group, .member_id = member}, value,
      0);
}

MemberAsk ask_of(const wire::ConsumerGroupMemberMetadataValueView& value) {
  MemberAsk ask{.instance_id = owned(value.instance_id),
                .rack_id = owned(value.rack_id),
                .client_id = std::string(value.client_id),
                .client_host = std::string(value.client_host),
                .topics = {},
                .pattern = std::string(value.subscribed_topic_regex.value_or("")),
                .rebalance_timeout_ms = value.rebalance_timeout_ms,
                .assignor = owned(value.server_assignor),
                .classic = {}};
  for (const std::string_view topic : value.subscribed_topic_names) ask.topics.emplace(topic);
  // Kafka's default of this field is an empty struct, not null: records from before there were
  // classic members in consumer groups decode to one without protocols.
  if (value.classic_member_metadata && value.classic_member_metadata->supported_protocols.size()) {
    ClassicSide& classic = ask.classic.emplace();
    classic.session_timeout_ms = value.classic_member_metadata->session_timeout_ms;
    for (const auto& protocol : value.classic_member_metadata->supported_protocols) {
      classic.protocols.emplace_back(protocol.name, Bytes::copy_of(protocol.metadata));
    }
  }
  return ask;
}

MemberHas has_of(const wire::ConsumerGroupCurrentMemberAssignmentValueView& value) {
  MemberHas has{.epoch = value.member_epoch,
                .previous_epoch = value.previous_member_epoch,
                .state = static_cast<MemberState>(value.state),
                .assigned = from_wire(value.assigned_partitions, value.member_epoch),
                .revoking = from_wire(value.partitions_pending_revocation, value.member_epoch)};
  const bool known = value.state >= static_cast<int8_t>(MemberState::stable) &&
                     value.state <= static_cast<int8_t>(MemberState::unreleased);
  if (!known) {
    has.state = MemberState::unrevoked;
    for (auto& [topic, partitions] : has.assigned) has.revoking[topic].merge(partitions);
    has.assigned.clear();
  }
  if (!has.revoking.empty()) has.state = MemberState::unrevoked;
  return has;
}

}  // namespace partita::coordinators
