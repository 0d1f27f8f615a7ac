// What the members of a consumer group subscribe to, and the target assignment that follows.
#include "base/fault_points.h"
#include "coordinators/group/consumer_group.h"
#include "coordinators/group/metadata_hash.h"
#include "coordinators/group/topic_pattern.h"
#include "wire/coordinator/consumer_group_regular_expression.h"
#include "wire/coordinator/consumer_group_target_assignment_member.h"
#include "wire/coordinator/consumer_group_target_assignment_metadata.h"

namespace partita::coordinators {
namespace {

/// Two thousand million rebalances later the epochs begin anew.
int32_t next_epoch(int32_t epoch) {
  return epoch == INT32_MAX ? 1 : std::max(epoch, 0) + 1;
}

}  // namespace

std::set<std::string> ConsumerGroup::subscribed_topics() const {
  std::set<std::string> topics;
  const std::set<std::string>* last = nullptr;
  for (const auto& [member_id, member] : members_) {
    // Members of a group mostly subscribe alike.
    if (last == nullptr || *last != member.ask.topics) {
      last = &member.ask.topics;
      topics.insert(last->begin(), last->end());
    }
  }
  for (const auto& [expression, pattern] : patterns_) {
    topics.insert(pattern.topics.begin(), pattern.topics.end());
  }
  return topics;
}

void ConsumerGroup::resolve(const std::string& expression, Now now, GroupEffects& out) {
  std::set<std::string> topics;
  // What a log brings that does not compile here matches nothing.
  if (const auto compiled = TopicPattern::compile(expression)) topics = compiled->matching(*image_);
  const auto known = patterns_.find(expression);
  if (known != patterns_.end() && known->second.topics == topics) return;
  const Pattern& pattern = patterns_[expression] = {.topics = std::move(topics),
                                                    .image_version = image_->end_offset().value(),
                                                    .resolved = now.wall};
  out.records.push_back(record_of(
      wire::ConsumerGroupRegularExpressionKey{.group_id = id(), .regular_expression = expression},
      wire::ConsumerGroupRegularExpressionValue{
          .topics = {pattern.topics.begin(), pattern.topics.end()},
          .version_ = pattern.image_version,
          .timestamp = pattern.resolved.ms()},
      0));
}

void ConsumerGroup::drop_unused_patterns(GroupEffects& out) {
  if (patterns_.empty() || mutant("consumer_group.leak_patterns")) return;
  std::set<std::string_view> used;
  for (const auto& [member_id, member] : members_) used.insert(member.ask.pattern);
  std::erase_if(patterns_, [&](const auto& entry) {
    if (used.contains(entry.first)) return false;
    out.records.push_back(tombstone_of(wire::ConsumerGroupRegularExpressionKey{
        .group_id = id(), .regular_expression = entry.first}));
    return true;
  });
}

void ConsumerGroup::refresh(bool bump, Now now, GroupEffects& out) {
  const int64_t hash = metadata_hash(subscribed_topics(), *image_);
  if (!bump && hash == metadata_hash_) return;
  metadata_hash_ = hash;
  epoch_ = next_epoch(epoch_);
  changed_ = now.instant;
  write_epoch(out);
  if (!members_.empty()) compute_target(now, out);
}

void ConsumerGroup::rescan_patterns(Now now, GroupEffects& out) {
  scanned_ = now.instant;
  std::vector<std::string> expressions;
  for (const auto& [expression, pattern] : patterns_) expressions.push_back(expression);
  for (const std::string& expression : expressions) resolve(expression, now, out);
}

/// Images come with every change of the cluster; what a group reads is shared with the one before
/// as long as it is the same.
void ConsumerGroup::image_changed(std::shared_ptr<const metadata::Image> image, Now now,
                                  GroupEffects& out) {
  const auto before = std::exchange(image_, std::move(image));
  if (!loaded_ || members_.empty()) return;
  const bool other_count = before->topic_count() != image_->topic_count() ||
                           before->partition_count() != image_->partition_count();
  if (other_count) rescan_patterns(now, out);
  const auto topics = subscribed_topics();
  if (std::ranges::all_of(topics, [&](const std::string& name) {
        return before->topic(name) == image_->topic(name);
      })) {
    return;
  }
  if (!mutant("consumer_group.ignore_topics")) refresh_for_topics(now, out);
}

void ConsumerGroup::refresh_for_topics(Now now, GroupEffects& out) {
  const int32_t before = epoch_;
  refresh(false, now, out);
  if (epoch_ == before) return;
  history().begin({.kind = RebalanceCause::Kind::metadata_changed}, now);
  settle_if_reconciled(now);
}

SubscribedTopics ConsumerGroup::topics_of(const MemberAsk& ask) const {
  std::set<TopicId> ids;
  const auto add = [&](const std::set<std::string>& names) {
    for (const std::string& name : names) {
      if (const auto topic = image_->topic(name)) ids.insert(topic->id);
    }
  };
  add(ask.topics);
  if (const auto pattern = patterns_.find(ask.pattern); pattern != patterns_.end()) {
    add(pattern->second.topics);
  }
  return std::make_shared<const std::vector<TopicId>>(ids.begin(), ids.end());
}

AssignorInput ConsumerGroup::assignor_input() const {
  AssignorInput input;
  const MemberAsk* last = nullptr;
  SubscribedTopics topics;
  for (const auto& [member_id, member] : members_) {
    if (last == nullptr || last->topics != member.ask.topics ||
        last->pattern != member.ask.pattern) {
      last = &member.ask;
      topics = topics_of(member.ask);
      for (const TopicId& topic : *topics) {
        const size_t count = image_->topic(topic)->partitions.size();
        input.partition_counts[topic] = static_cast<int32_t>(count);
      }
    }
    input.members[member_id] = {
        .instance_id = member.ask.instance_id, .topics = topics, .assigned = target_of(member_id)};
  }
  return input;
}

/// What most members ask for; the broker's first where none asks.
std::string_view ConsumerGroup::preferred_assignor() const {
  std::map<std::string_view, size_t> votes;
  for (const auto& [member_id, member] : members_) {
    if (member.ask.assignor && find_assignor(*member.ask.assignor) != nullptr) {
      ++votes[*member.ask.assignor];
    }
  }
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
  if (most != votes.end()) return most->first;
  if (settings_.consumer_assignors.empty()) return "uniform";
  return settings_.consumer_assignors.front();
}

void ConsumerGroup::write_target(const std::string& member_id, GroupEffects& out) const {
  wire::ConsumerGroupTargetAssignmentMemberValue value;
  for (const auto& [topic, partitions] : target_of(member_id)) {
    value.topic_partitions.push_back(
        {.topic_id = topic, .partitions = {partitions.begin(), partitions.end()}});
  }
  out.records.push_back(record_of(
      wire::ConsumerGroupTargetAssignmentMemberKey{.group_id = id(), .member_id = member_id}, value,
      0));
}

void ConsumerGroup::compute_target(Now now, GroupEffects& out) {
  Assign assign = find_assignor(preferred_assignor());
  if (assign == nullptr) assign = find_assignor("uniform");
  TargetAssignment target = assign(assignor_input());
  for (auto& [member_id, share] : target) {
    const auto known = target_.find(member_id);
    if (known != target_.end() && known->second == share) continue;
    target_[member_id] = std::move(share);
    write_target(member_id, out);
  }
  target_epoch_ = epoch_;
  out.records.push_back(
      record_of(wire::ConsumerGroupTargetAssignmentMetadataKey{.group_id = id()},
                wire::ConsumerGroupTargetAssignmentMetadataValue{
                    .assignment_epoch = target_epoch_, .assignment_timestamp = now.wall.ms()},
                0));
}

}  // namespace partita::coordinators
