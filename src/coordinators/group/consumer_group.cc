#include "coordinators/group/consumer_group.h"

#include <charconv>

#include "base/check.h"
#include "base/fault_points.h"
#include "wire/coordinator/consumer_group_metadata.h"
#include "wire/coordinator/consumer_group_partition_metadata.h"
#include "wire/coordinator/consumer_group_regular_expression.h"
#include "wire/coordinator/consumer_group_target_assignment_member.h"
#include "wire/coordinator/consumer_group_target_assignment_metadata.h"

namespace partita::coordinators {
namespace {

/// While a group is on its way to a new target its members are asked to come this much more often:
/// partitions pass from one to the next only when both have been here.
constexpr int kHurry = 10;
/// The first version of OffsetCommit that has member epochs.
constexpr int16_t kFirstCommitWithEpoch = 9;

}  // namespace

ConsumerGroup::ConsumerGroup(std::string id, const GroupSettings& settings,
                             std::shared_ptr<const metadata::Image> image)
    : Group(std::move(id)),
      settings_(settings),
      image_(image ? std::move(image) : metadata::Image::empty()) {}

std::string_view ConsumerGroup::state_name() const {
  if (members_.empty()) return "Empty";
  if (epoch_ > target_epoch_) return "Assigning";
  for (const auto& [id, member] : members_) {
    if (!member.is_reconciled_to(target_epoch_)) return "Reconciling";
  }
  return "Stable";
}

const ConsumerMember* ConsumerGroup::find(std::string_view member) const {
  const auto found = members_.find(member);
  return found == members_.end() ? nullptr : &found->second;
}

ConsumerMember* ConsumerGroup::find(std::string_view member) {
  const auto found = members_.find(member);
  return found == members_.end() ? nullptr : &found->second;
}

const PartitionSet& ConsumerGroup::target_of(std::string_view member) const {
  static const PartitionSet kNone;
  const auto found = target_.find(member);
  return found == target_.end() ? kNone : found->second;
}

Result<> ConsumerGroup::check_epoch(const MemberClaim& claim) const {
  const ConsumerMember* member = find(claim.member_id);
  if (member == nullptr) {
    return fail(Errc::unknown_member_id, "no such member of the group");
  }
  if (claim.generation_or_epoch == member->has.epoch) return {};
  return fail(member->uses_classic() ? Errc::illegal_generation : Errc::stale_member_epoch,
              "the member is in another epoch");
}

Result<> ConsumerGroup::check_commit(const MemberClaim& claim, bool transactional, int16_t version,
                                     Now) {
  if (claim.generation_or_epoch < 0 && members_.empty()) return {};
  const ConsumerMember* member = find(claim.member_id);
  if (member != nullptr && !transactional && !member->uses_classic() &&
      version < kFirstCommitWithEpoch) {
    return fail(Errc::unsupported_version,
                "OffsetCommit version 9 or above must be used by members of the new protocol");
  }
  if (mutant("consumer_group.commit_any_epoch")) return {};
  return check_epoch(claim);
}

Result<> ConsumerGroup::check_fetch(const MemberClaim& claim) const {
  if (claim.member_id.empty() && claim.generation_or_epoch < 0) return {};
  return check_epoch(claim);
}

Result<> ConsumerGroup::check_delete() const {
  if (members_.empty()) return {};
  return fail(Errc::non_empty_group);
}

bool ConsumerGroup::is_subscribed(std::string_view topic) const {
  const std::string name(topic);
  for (const auto& [id, member] : members_) {
    if (member.ask.topics.contains(name)) return true;
  }
  for (const auto& [expression, pattern] : patterns_) {
    if (pattern.topics.contains(name)) return true;
  }
  return false;
}

void ConsumerGroup::write_tombstones(std::vector<CoordinatorRecord>& out) const {
  for (const auto& [member, state] : members_) {
    out.push_back(tombstone_of(
        wire::ConsumerGroupCurrentMemberAssignmentKey{.group_id = id(), .member_id = member}));
  }
  for (const auto& [member, target] : target_) {
    out.push_back(tombstone_of(
        wire::ConsumerGroupTargetAssignmentMemberKey{.group_id = id(), .member_id = member}));
  }
  out.push_back(tombstone_of(wire::ConsumerGroupTargetAssignmentMetadataKey{.group_id = id()}));
  for (const auto& [member, state] : members_) {
    out.push_back(
        tombstone_of(wire::ConsumerGroupMemberMetadataKey{.group_id = id(), .member_id = member}));
  }
  for (const auto& [expression, pattern] : patterns_) {
    out.push_back(tombstone_of(wire::ConsumerGroupRegularExpressionKey{
        .group_id = id(), .regular_expression = expression}));
  }
  // What releases before 4.1 wrote of the topics.
  out.push_back(tombstone_of(wire::ConsumerGroupPartitionMetadataKey{.group_id = id()}));
  out.push_back(tombstone_of(wire::ConsumerGroupMetadataKey{.group_id = id()}));
}

Duration ConsumerGroup::configured(const char* name, Duration broker, Duration min,
                                   Duration max) const {
  const auto& configs = image_->configs({metadata::ConfigResourceType::group, id()});
  const auto found = configs.find(name);
  if (found == configs.end()) return broker;
  const std::string& text = found->second;
  int32_t ms = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return broker;
  return std::max(min, std::min(max, from_ms(ms)));
}

Duration ConsumerGroup::session_timeout(const ConsumerMember& member) const {
  if (member.uses_classic()) return from_ms(member.ask.classic->session_timeout_ms);
  return configured("consumer.session.timeout.ms", settings_.consumer_session_timeout,
                    settings_.consumer_session_timeout_min, settings_.consumer_session_timeout_max);
}

Duration ConsumerGroup::heartbeat_interval(Now now) const {
  const Duration interval = configured(
      "consumer.heartbeat.interval.ms", settings_.consumer_heartbeat_interval,
      settings_.consumer_heartbeat_interval_min, settings_.consumer_heartbeat_interval_max);
  const bool settled = !changed_ || now.instant - *changed_ >= interval;
  return settled ? interval : interval / kHurry;
}

void ConsumerGroup::write_epoch(GroupEffects& out) const {
  out.records.push_back(record_of(
      wire::ConsumerGroupMetadataKey{.group_id = id()},
      wire::ConsumerGroupMetadataValue{.epoch = epoch_, .metadata_hash = metadata_hash_}, 0));
}

void ConsumerGroup::set_ask(const std::string& member_id, ConsumerMember& member, MemberAsk ask,
                            GroupEffects& out) {
  if (member.ask == ask) return;
  if (member.ask.instance_id) static_members_.erase(*member.ask.instance_id);
  member.ask = std::move(ask);
  if (member.ask.instance_id) static_members_[*member.ask.instance_id] = member_id;
  out.records.push_back(ask_record(id(), member_id, member.ask));
}

void ConsumerGroup::set_has(const std::string& member_id, ConsumerMember& member, MemberHas has,
                            GroupEffects& out) {
  if (member.has == has) return;
  release(member_id, member.has);
  member.has = std::move(has);
  hold(member_id, member.has);
  if (!mutant("consumer_group.skip_assignment_record")) {
    out.records.push_back(has_record(id(), member_id, member.has));
  }
}

void ConsumerGroup::hold(const std::string& member_id, const MemberHas& has) {
  const auto take = [&](const TopicId& topic, int32_t partition) {
    held_by_[topic].try_emplace(partition, member_id);
  };
  for_each_partition(has.assigned, take);
  for_each_partition(has.revoking, take);
}

void ConsumerGroup::release(const std::string& member_id, const MemberHas& has) {
  const auto give = [&](const TopicId& topic, int32_t partition) {
    const auto found = held_by_.find(topic);
    if (found == held_by_.end()) return;
    const auto holder = found->second.find(partition);
    if (holder == found->second.end() || holder->second != member_id) return;
    found->second.erase(holder);
    if (found->second.empty()) held_by_.erase(found);
  };
  for_each_partition(has.assigned, give);
  for_each_partition(has.revoking, give);
}

}  // namespace partita::coordinators
