// What a consumer group shows: its description, its rebalances' ends, its invariants.
#include "base/check.h"
#include "coordinators/group/consumer_group.h"

namespace partita::coordinators {
namespace {

using Description = ConsumerGroup::Description;
constexpr int8_t kClassicMember = 0;
constexpr int8_t kConsumerMember = 1;

/// Topics that are gone stay out: they have no name.
template <class Set>
auto described(const Set& partitions, const metadata::Image& image) {
  decltype(wire::ConsumerGroupDescribeResponse::Member::assignment) assignment;
  for (const auto& [id, indexes] : partitions) {
    const auto topic = image.topic(id);
    if (!topic) continue;
    auto& entry = assignment.topic_partitions.emplace_back();
    entry.topic_id = id;
    entry.topic_name = topic->name;
    for_each_partition(Set{{id, indexes}},
                       [&](const TopicId&, int32_t index) { entry.partitions.push_back(index); });
  }
  return assignment;
}

}  // namespace

Description ConsumerGroup::describe() const {
  Description group;
  group.group_id = id();
  group.group_state = state_name();
  group.group_epoch = epoch_;
  group.assignment_epoch = target_epoch_;
  group.assignor_name = preferred_assignor();
  for (const auto& [member_id, member] : members_) {
    auto& shown = group.members.emplace_back();
    shown.member_id = member_id;
    shown.instance_id = member.ask.instance_id;
    shown.rack_id = member.ask.rack_id;
    shown.member_epoch = member.has.epoch;
    shown.client_id = member.ask.client_id;
    shown.client_host = member.ask.client_host;
    shown.subscribed_topic_names = {member.ask.topics.begin(), member.ask.topics.end()};
    shown.subscribed_topic_regex = member.ask.pattern;
    shown.assignment = described(member.has.assigned, *image_);
    shown.target_assignment = described(target_of(member_id), *image_);
    shown.member_type = member.uses_classic() ? kClassicMember : kConsumerMember;
  }
  return group;
}

std::vector<std::string_view> ConsumerGroup::waiting_for() const {
  std::vector<std::string_view> waiting;
  for (const auto& [member_id, member] : members_) {
    if (!member.is_reconciled_to(target_epoch_)) waiting.push_back(member_id);
  }
  return waiting;
}

void ConsumerGroup::settle_if_reconciled(Now now) {
  if (!history().is_running()) return;
  Ownership owned;
  for (const auto& [member_id, member] : members_) {
    if (!member.is_reconciled_to(target_epoch_)) return;
    for_each_partition(member.has.assigned, [&](const TopicId& id, int32_t partition) {
      if (const auto topic = image_->topic(id)) owned.add(member_id, topic->name, partition);
    });
  }
  history().settle(epoch_, members_.size(), std::move(owned), now);
}

void ConsumerGroup::check_invariants() const {
  size_t held = 0;
  size_t statics = 0;
  for (const auto& [member_id, member] : members_) {
    const auto is_held = [&](const TopicId& topic, int32_t partition) {
      ++held;
      CHECK(held_by_.at(topic).at(partition) == member_id);
    };
    for_each_partition(member.has.assigned, is_held);
    for_each_partition(member.has.revoking, is_held);
    CHECK(member.session != kNoDeadline);
    CHECK(earliest_ <= member.next_deadline());
    CHECK(member.has.revoking.empty() || member.has.state == MemberState::unrevoked);
    if (member.has.state == MemberState::unrevoked && member.has.epoch != kLeaveStaticEpoch) {
      CHECK(member.revoke != kNoDeadline || member.uses_classic());
    }
    if (!member.ask.pattern.empty()) CHECK(patterns_.contains(member.ask.pattern));
    if (!member.ask.instance_id) continue;
    ++statics;
    CHECK(static_members_.at(*member.ask.instance_id) == member_id);
  }
  CHECK(statics == static_members_.size());
  CHECK(held == partition_count(held_by_));
  for (const auto& [expression, pattern] : patterns_) {
    CHECK(std::ranges::any_of(
        members_, [&](const auto& entry) { return entry.second.ask.pattern == expression; }));
  }
  CHECK(target_epoch_ <= epoch_);
  for (const auto& [member_id, share] : target_) CHECK(members_.contains(member_id));
}

}  // namespace partita::coordinators
