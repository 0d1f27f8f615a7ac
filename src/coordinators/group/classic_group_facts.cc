// ClassicGroup: its record, its description, and what offsets ask of it.

#include "base/fault_points.h"
#include "coordinators/group/classic_group.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/group/member_bytes.h"

namespace partita::coordinators {
namespace {

/// What Kafka writes since 2.3; version 4 is flexible and nobody writes it yet.
constexpr int16_t kRecordVersion = 3;

ClassicMember member_of(const wire::GroupMetadataValueView& group,
                        const wire::GroupMetadataValueView::MemberMetadata& member) {
  ClassicMember out{.id = std::string(member.member_id),
                    .client_id = std::string(member.client_id),
                    .client_host = std::string(member.client_host),
                    .rebalance_timeout_ms = member.rebalance_timeout == -1
                                                ? member.session_timeout
                                                : member.rebalance_timeout,
                    .session_timeout_ms = member.session_timeout,
                    .protocols = {{.name = std::string(group.protocol.value_or("")),
                                   .metadata = Bytes::copy_of(member.subscription)}},
                    .assignment = Bytes::copy_of(member.assignment)};
  if (member.group_instance_id) out.instance_id = std::string(*member.group_instance_id);
  return out;
}

ClassicMember classic_of(HandedMember member) {
  ClassicMember out{.id = std::move(member.id),
                    .instance_id = std::move(member.instance_id),
                    .client_id = std::move(member.client_id),
                    .client_host = std::move(member.client_host),
                    .rebalance_timeout_ms = static_cast<int32_t>(to_ms(member.rebalance_timeout)),
                    .session_timeout_ms = static_cast<int32_t>(to_ms(member.session_timeout)),
                    .assignment = std::move(member.assignment)};
  for (auto& [name, metadata] : member.protocols) {
    out.protocols.push_back({.name = std::move(name), .metadata = std::move(metadata)});
  }
  return out;
}

std::optional<std::string> non_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::unique_ptr<ClassicGroup> ClassicGroup::from_record(std::string id,
                                                        const GroupSettings& settings,
                                                        IdSource& ids,
                                                        const wire::GroupMetadataValueView& value) {
  auto group = std::make_unique<ClassicGroup>(std::move(id), settings, ids);
  group->recorded_ = true;
  group->protocol_type_ = value.protocol_type;
  group->generation_ = value.generation;
  group->protocol_name_ = value.protocol.value_or("");
  if (value.current_state_timestamp >= 0) {
    group->state_since_ = WallTime(value.current_state_timestamp);
  }
  for (const auto& member : value.members) {
    // Bytes from a disk: what is there twice is taken once.
    if (member.member_id.empty() || group->members_.contains(member.member_id)) continue;
    ClassicMember taken = member_of(value, member);
    if (taken.instance_id && group->static_ids_.contains(*taken.instance_id)) continue;
    group->insert(std::move(taken));
  }
  if (!group->members_.empty()) group->state_ = State::stable;
  if (value.leader && group->members_.contains(*value.leader)) group->leader_ = *value.leader;
  group->note_subscribed_topics();
  return group;
}

std::unique_ptr<ClassicGroup> ClassicGroup::from_handed(std::string id,
                                                        const GroupSettings& settings,
                                                        IdSource& ids, HandedGroup handed,
                                                        Now now) {
  auto group = std::make_unique<ClassicGroup>(std::move(id), settings, ids);
  group->generation_ = handed.generation;
  group->protocol_type_ = kConsumerProtocolType;
  for (HandedMember& member : handed.members) {
    const ClassicMember& made = group->insert(classic_of(std::move(member)));
    CHECK(!made.protocols.empty());
  }
  if (!group->members_.empty()) {
    group->protocol_name_ = handed.protocol_name ? *handed.protocol_name : group->vote();
  }
  group->enter(group->members_.empty() ? State::empty : State::stable, now);
  for (auto& [member_id, member] : group->members_) group->renew_session(member, now);
  group->note_subscribed_topics();
  group->history().settle(group->generation_, group->members_.size(), group->ownership(), now);
  return group;
}

HandedGroup ClassicGroup::hand_over() const {
  HandedGroup out{.generation = generation_, .protocol_name = non_empty(protocol_name_)};
  for (const auto& [member_id, member] : members_) {
    HandedMember& handed = out.members.emplace_back();
    handed = {.id = member_id,
              .instance_id = member.instance_id,
              .client_id = member.client_id,
              .client_host = member.client_host,
              .rebalance_timeout = from_ms(member.rebalance_timeout_ms),
              .session_timeout = from_ms(member.session_timeout_ms),
              .assignment = member.assignment};
    for (const ClassicProtocol& protocol : member.protocols) {
      handed.protocols.emplace_back(protocol.name, protocol.metadata);
    }
  }
  return out;
}

void ClassicGroup::write_record(GroupEffects& out) {
  wire::GroupMetadataValue value;
  value.protocol_type = protocol_type_;
  value.generation = generation_;
  value.protocol = non_empty(protocol_name_);
  value.leader = non_empty(leader_);
  value.current_state_timestamp = state_since_ ? state_since_->ms() : -1;
  for (const auto& [member_id, member] : members_) {
    value.members.push_back({.member_id = member_id,
                             .group_instance_id = member.instance_id,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .rebalance_timeout = member.rebalance_timeout_ms,
                             .session_timeout = member.session_timeout_ms,
                             .subscription = Bytes::copy_of(member.metadata(protocol_name_)),
                             .assignment = member.assignment});
  }
  wire::GroupMetadataKey key;
  key.group = id();
  CoordinatorRecord record = record_of(key, value, kRecordVersion);
  DCHECK(record.key.size() + record.value->size() <= record_bytes());
  out.records.push_back(std::move(record));
  recorded_ = true;
}

void ClassicGroup::write_tombstones(std::vector<CoordinatorRecord>& out) const {
  // Also of a group without a record of its own: replay of offsets has made one.
  wire::GroupMetadataKey key;
  key.group = id();
  out.push_back(tombstone_of(key));
}

size_t ClassicGroup::record_bytes() const {
  size_t total = kRecordOverhead + 2 * id().size() + protocol_type_.size() + protocol_name_.size();
  for (const auto& [member_id, member] : members_) total += member.record_bytes();
  return total + leader_.size();
}

void ClassicGroup::note_subscribed_topics() {
  subscribed_topics_.reset();
  if (protocol_type_ != kConsumerProtocolType) return;
  std::set<std::string, std::less<>> topics;
  for (const auto& [member_id, member] : members_) {
    if (!add_subscribed_topics(member.metadata(protocol_name_), topics)) return;
  }
  subscribed_topics_ = std::move(topics);
}

std::optional<Ownership> ClassicGroup::ownership() const {
  Ownership owned;
  if (members_.empty()) return owned;
  if (protocol_type_ != kConsumerProtocolType) return std::nullopt;
  for (const auto& [member_id, member] : members_) {
    if (!add_assigned_partitions(member.label(), member.assignment.view(), owned)) {
      return std::nullopt;
    }
  }
  return owned;
}

std::string_view ClassicGroup::state_name() const {
  switch (state_) {
    case State::empty: return "Empty";
    case State::preparing_rebalance: return "PreparingRebalance";
    case State::completing_rebalance: return "CompletingRebalance";
    case State::stable: return "Stable";
  }
  return "Unknown";
}

ClassicGroup::DescribedGroup ClassicGroup::describe() const {
  DescribedGroup out;
  out.group_id = id();
  out.group_state = state_name();
  out.protocol_type = protocol_type_;
  // What is not agreed on yet is not shown.
  const bool is_stable = state_ == State::stable;
  if (is_stable) out.protocol_data = protocol_name_;
  for (const auto& [member_id, member] : members_) {
    auto& shown = out.members.emplace_back();
    shown.member_id = member_id;
    shown.group_instance_id = member.instance_id;
    shown.client_id = member.client_id;
    shown.client_host = member.client_host;
    shown.member_assignment = member.assignment;
    if (is_stable) shown.member_metadata = Bytes::copy_of(member.metadata(protocol_name_));
  }
  return out;
}

Result<> ClassicGroup::check_commit(const MemberClaim& claim, bool transactional, int16_t,
                                    Now now) {
  const bool is_empty = state_ == State::empty;
  const bool claims_nothing =
      claim.generation_or_epoch < 0 && claim.member_id.empty() && !claim.instance_id;
  // A consumer that assigns itself, or an administrator: only where no member could contradict.
  if (claim.generation_or_epoch < 0 && is_empty) return {};
  if (claims_nothing) {
    if (transactional) return {};
    return fail(Errc::unknown_member_id);
  }
  TRY(ClassicMember * member, validate(claim.member_id, claim.instance_id));
  if (claim.generation_or_epoch != generation_ && !mutant("group.any_generation_commits")) {
    return fail(Errc::illegal_generation);
  }
  if (transactional) return {};
  if (state_ == State::completing_rebalance) return fail(Errc::rebalance_in_progress);
  renew_session(*member, now);
  return {};
}

Result<> ClassicGroup::check_fetch(const MemberClaim&) const {
  return {};
}

Result<> ClassicGroup::check_offset_delete() const {
  if (state_ != State::empty && protocol_type_ != kConsumerProtocolType) {
    return fail(Errc::non_empty_group);
  }
  return {};
}

Result<> ClassicGroup::check_delete() const {
  if (state_ != State::empty) return fail(Errc::non_empty_group);
  return {};
}

bool ClassicGroup::is_subscribed(std::string_view topic) const {
  if (state_ == State::empty) return false;
  if (state_ == State::preparing_rebalance || !subscribed_topics_) return true;
  return subscribed_topics_->contains(topic);
}

ClassicGroup::OffsetAge ClassicGroup::offset_age() const {
  if (protocol_type_.empty()) return OffsetAge::since_commit;
  if (state_ == State::empty) return OffsetAge::since_empty;
  if (state_ == State::stable && subscribed_topics_) return OffsetAge::since_commit;
  return OffsetAge::never;
}

std::optional<WallTime> ClassicGroup::empty_since() const {
  if (state_ != State::empty) return std::nullopt;
  return state_since_;
}

std::vector<std::string_view> ClassicGroup::waiting_for() const {
  std::vector<std::string_view> out;
  if (state_ == State::preparing_rebalance) {
    for (const auto& [member_id, member] : members_) {
      if (!member.join) out.push_back(member_id);
    }
    for (const auto& [member_id, deadline] : pending_) out.push_back(member_id);
  } else if (state_ == State::completing_rebalance) {
    out.push_back(leader_);
  }
  return out;
}

}  // namespace partita::coordinators
