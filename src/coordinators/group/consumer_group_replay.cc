// A consumer group from its records. Compaction may have taken records away between others, so each
// kind is taken as it comes, and what follows from several is worked out by loaded().
#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/group/consumer_group.h"
#include "wire/coordinator/consumer_group_metadata.h"
#include "wire/coordinator/consumer_group_partition_metadata.h"
#include "wire/coordinator/consumer_group_regular_expression.h"
#include "wire/coordinator/consumer_group_target_assignment_member.h"
#include "wire/coordinator/consumer_group_target_assignment_metadata.h"

namespace partita::coordinators {
namespace {

template <class Key>
int16_t kind_of() {
  return Key::descriptor().key;
}

}  // namespace

Result<bool> ConsumerGroup::replay(const Numbered& key, const ReplayedRecord& record) {
  loaded_ = false;
  const auto& value = record.value;
  if (key.number == kind_of<wire::ConsumerGroupMetadataKey>()) {
    if (!value) return false;
    TRY(const auto epoch, decode_value<wire::ConsumerGroupMetadataValueView>(*value));
    epoch_ = epoch.epoch;
    metadata_hash_ = epoch.metadata_hash;
  } else if (key.number == kind_of<wire::ConsumerGroupPartitionMetadataKey>()) {
    // Releases before 4.1 kept the topics here; the hash in kind 3 has taken their place.
    if (value) CHECKED(decode_value<wire::ConsumerGroupPartitionMetadataValueView>(*value));
  } else if (key.number == kind_of<wire::ConsumerGroupMemberMetadataKey>()) {
    CHECKED(replay_member(key, value));
  } else if (key.number == kind_of<wire::ConsumerGroupTargetAssignmentMetadataKey>()) {
    CHECKED(replay_target_epoch(value));
  } else if (key.number == kind_of<wire::ConsumerGroupTargetAssignmentMemberKey>()) {
    CHECKED(replay_target(key, value));
  } else if (key.number == kind_of<wire::ConsumerGroupCurrentMemberAssignmentKey>()) {
    CHECKED(replay_has(key, value));
  } else {
    CHECKED(replay_pattern(key, value));
  }
  return true;
}

Result<> ConsumerGroup::replay_member(const Numbered& key, const std::optional<ByteView>& value) {
  TRY(const auto who, decode_key<wire::ConsumerGroupMemberMetadataKeyView>(key));
  if (value) {
    TRY(const auto ask, decode_value<wire::ConsumerGroupMemberMetadataValueView>(*value));
    members_[std::string(who.member_id)].ask = ask_of(ask);
  } else if (const auto found = members_.find(who.member_id); found != members_.end()) {
    members_.erase(found);
  }
  return {};
}

Result<> ConsumerGroup::replay_target_epoch(const std::optional<ByteView>& value) {
  target_epoch_ = 0;
  if (!value) return {};
  TRY(const auto target,
      decode_value<wire::ConsumerGroupTargetAssignmentMetadataValueView>(*value));
  target_epoch_ = target.assignment_epoch;
  return {};
}

Result<> ConsumerGroup::replay_target(const Numbered& key, const std::optional<ByteView>& value) {
  TRY(const auto who, decode_key<wire::ConsumerGroupTargetAssignmentMemberKeyView>(key));
  if (!value) {
    if (const auto found = target_.find(who.member_id); found != target_.end()) {
      target_.erase(found);
    }
    return {};
  }
  TRY(const auto target, decode_value<wire::ConsumerGroupTargetAssignmentMemberValueView>(*value));
  PartitionSet& share = target_[std::string(who.member_id)];
  share.clear();
  for (const auto& topic : target.topic_partitions) {
    for (const int32_t partition : topic.partitions) share[topic.topic_id].insert(partition);
  }
  return {};
}

Result<> ConsumerGroup::replay_has(const Numbered& key, const std::optional<ByteView>& value) {
  TRY(const auto who, decode_key<wire::ConsumerGroupCurrentMemberAssignmentKeyView>(key));
  if (value) {
    TRY(const auto has, decode_value<wire::ConsumerGroupCurrentMemberAssignmentValueView>(*value));
    members_[std::string(who.member_id)].has = has_of(has);
  } else if (ConsumerMember* member = find(who.member_id); member != nullptr) {
    member->has = {
        .epoch = kLeaveEpoch, .previous_epoch = kLeaveEpoch, .assigned = {}, .revoking = {}};
  }
  return {};
}

Result<> ConsumerGroup::replay_pattern(const Numbered& key, const std::optional<ByteView>& value) {
  TRY(const auto what, decode_key<wire::ConsumerGroupRegularExpressionKeyView>(key));
  if (!value) {
    if (const auto found = patterns_.find(what.regular_expression); found != patterns_.end()) {
      patterns_.erase(found);
    }
    return {};
  }
  TRY(const auto resolved, decode_value<wire::ConsumerGroupRegularExpressionValueView>(*value));
  Pattern& pattern = patterns_[std::string(what.regular_expression)];
  pattern = {
      .topics = {}, .image_version = resolved.version_, .resolved = WallTime(resolved.timestamp)};
  for (const std::string_view topic : resolved.topics) pattern.topics.emplace(topic);
  return {};
}

/// Fills what follows from the members in. Answers who cannot stay: of two that hold one partition
/// the one in the older epoch, and a second member of an instance id.
std::vector<std::string> ConsumerGroup::index_members() {
  std::vector<const Members::value_type*> order;
  for (const auto& entry : members_) order.push_back(&entry);
  std::ranges::sort(order, [](const auto* a, const auto* b) {
    return std::tie(b->second.has.epoch, a->first) < std::tie(a->second.has.epoch, b->first);
  });
  std::vector<std::string> out_of_place;
  for (const auto* entry : order) {
    const auto& [member_id, member] = *entry;
    bool clashes = member.ask.instance_id && static_members_.contains(*member.ask.instance_id);
    const auto look = [&](const TopicId& topic, int32_t partition) {
      const auto found = held_by_.find(topic);
      clashes = clashes || (found != held_by_.end() && found->second.contains(partition));
    };
    for_each_partition(member.has.assigned, look);
    for_each_partition(member.has.revoking, look);
    if (clashes) {
      COVERED("consumer_group.clash_in_log");
      out_of_place.push_back(member_id);
      continue;
    }
    hold(member_id, member.has);
    if (member.ask.instance_id) static_members_[*member.ask.instance_id] = member_id;
  }
  return out_of_place;
}

void ConsumerGroup::loaded(Now now, GroupEffects& out) {
  if (loaded_) return;
  loaded_ = true;
  epoch_ = std::max({epoch_, target_epoch_, 0});
  held_by_.clear();
  static_members_.clear();
  const std::vector<std::string> out_of_place = index_members();
  earliest_ = kNoDeadline;
  for (auto& [member_id, member] : members_) {
    member.session = now.instant + session_timeout(member);
    if (member.has.state == MemberState::unrevoked && !member.uses_classic()) {
      member.revoke = now.instant + member.rebalance_timeout();
    }
    note_deadline(member.next_deadline());
  }
  std::erase_if(target_, [&](const auto& entry) {
    if (members_.contains(entry.first)) return false;
    out.records.push_back(tombstone_of(
        wire::ConsumerGroupTargetAssignmentMemberKey{.group_id = id(), .member_id = entry.first}));
    return true;
  });
  if (!out_of_place.empty()) remove_members(out_of_place, now, out);
  drop_unused_patterns(out);
  if (members_.empty()) return;
  std::set<std::string> expressions;
  for (const auto& [member_id, member] : members_) {
    if (!member.ask.pattern.empty()) expressions.insert(member.ask.pattern);
  }
  for (const std::string& expression : expressions) resolve(expression, now, out);
  scanned_ = now.instant;
  // Topics may have come, gone or grown meanwhile.
  const int32_t before = epoch_;
  refresh(false, now, out);
  if (epoch_ == before && target_epoch_ != epoch_) compute_target(now, out);
  if (epoch_ != before) {
    history().begin({.kind = RebalanceCause::Kind::metadata_changed}, now);
  }
  settle_if_reconciled(now);
}

}  // namespace partita::coordinators
