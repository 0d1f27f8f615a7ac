#pragma once
// ConsumerGroup: a group whose assignment the coordinator decides (KIP-848). Members of the new
// protocol talk by ConsumerGroupHeartbeat alone; members of the classic protocol, in a group that
// is under way from one to the other, by JoinGroup, SyncGroup, Heartbeat and LeaveGroup.
//
// group epoch     grows with every change of members, subscriptions, or topics they read
// target          who shall read what; computed at once for each group epoch
// member epoch    the target that a member has reached, step by step (reconciliation.h)
//
// Group state  when
// Empty        no members
// Assigning    the target is older than the group epoch: only in a log that Apache Kafka wrote,
//              until loaded()
// Reconciling  some member has not reached the target
// Stable       all have
//
// Invariants:
//  1. A partition is held (assigned, or not yet given up) by one member at the most, at every point
//     of the log (I13); held_by_ says by whom.
//  2. Every member has a session that ends; who must revoke, rejoin or sync has a deadline for it.
//  3. A pattern is kept exactly as long as a member subscribes by it; its topics are those of the
//     image that match.
// Sources by idea: consumer_group.cc (as a Group), _members.cc (heartbeats, leaving, time),
// _target.cc (subscriptions and the target), _classic.cc (classic members, handing over),
// _replay.cc, _describe.cc.

#include <map>
#include <memory>

#include "coordinators/group/assignor.h"
#include "coordinators/group/consumer_member.h"
#include "coordinators/group/group.h"
#include "coordinators/group/group_handover.h"
#include "coordinators/group/group_settings.h"
#include "metadata/image.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/leave_group.h"

namespace partita::coordinators {

class ConsumerGroup final : public Group {
 public:
  using HeartbeatRequest = wire::ConsumerGroupHeartbeatRequestView;
  using HeartbeatResponse = wire::ConsumerGroupHeartbeatResponse;
  using Description = wire::ConsumerGroupDescribeResponse::DescribedGroup;
  using LeavingMember = wire::LeaveGroupRequestView::MemberIdentity;

  /// `settings` outlives the group.
  ConsumerGroup(std::string id, const GroupSettings& settings,
                std::shared_ptr<const metadata::Image> image);
  /// What a classic group hands over, with the records for it. group_id_not_found for members whose
  /// ConsumerProtocol makes no sense, or who use an assignor of their own.
  static Result<std::unique_ptr<ConsumerGroup>> from_classic(
      std::string id, const GroupSettings& settings, std::shared_ptr<const metadata::Image> image,
      const HandedGroup& handed, Now now, GroupEffects& out);

  // Group
  GroupType type() const override { return GroupType::consumer; }
  std::string_view state_name() const override;
  std::string_view protocol_type() const override { return "consumer"; }
  bool has_members() const override { return !members_.empty(); }
  Result<> check_commit(const MemberClaim& claim, bool transactional, int16_t version,
                        Now now) override;
  Result<> check_fetch(const MemberClaim& claim) const override;
  Result<> check_offset_delete() const override { return {}; }
  Result<> check_delete() const override;
  bool is_subscribed(std::string_view topic) const override;
  OffsetAge offset_age() const override { return OffsetAge::since_commit; }
  std::optional<WallTime> empty_since() const override { return std::nullopt; }
  void write_tombstones(std::vector<CoordinatorRecord>& out) const override;
  /// All records are replayed. Before any other event.
  void loaded(Now now, GroupEffects& out);
  Instant next_deadline() const override { return earliest_; }
  void tick(Now now, GroupEffects& out) override;
  void check_invariants() const override;
  std::vector<std::string_view> waiting_for() const override;

  // The new protocol. `member_id` is not empty: the request's own, or one made for it. The request
  // has been checked for itself.
  Result<HeartbeatResponse> heartbeat(const Caller& caller, const HeartbeatRequest& request,
                                      const std::string& member_id, Now now, GroupEffects& out);
  Result<HeartbeatResponse> leave(const HeartbeatRequest& request, Now now, GroupEffects& out);
  Description describe() const;

  // The classic protocol.
  Result<wire::JoinGroupResponse> join(const Caller& caller,
                                       const wire::JoinGroupRequestView& request,
                                       const std::string& new_id, Now now, GroupEffects& out);
  Result<wire::SyncGroupResponse> sync(const wire::SyncGroupRequestView& request, Now now);
  Result<> classic_heartbeat(const wire::HeartbeatRequestView& request, Now now);
  /// One answer for each, in order.
  std::vector<wire::LeaveGroupResponse::MemberResponse> classic_leave(
      const std::vector<LeavingMember>& leaving, Now now, GroupEffects& out);

  /// No member of the new protocol is left, others are, and the settings let the group go back.
  bool wants_classic() const;
  HandedGroup hand_over() const;

  void image_changed(std::shared_ptr<const metadata::Image> image, Now now, GroupEffects& out);

  /// Kinds 3 to 8 and 16, in log order, before loaded(). Answers whether the group is still there.
  Result<bool> replay(const Numbered& key, const ReplayedRecord& record);

  int32_t epoch() const { return epoch_; }
  int32_t target_epoch() const { return target_epoch_; }
  const std::map<std::string, ConsumerMember, std::less<>>& members() const { return members_; }
  const PartitionSet& target_of(std::string_view member) const;

 private:
  struct Pattern {
    std::set<std::string> topics;
    int64_t image_version = 0;
    WallTime resolved;
  };
  using Members = std::map<std::string, ConsumerMember, std::less<>>;

  // consumer_group.cc
  const ConsumerMember* find(std::string_view member) const;
  ConsumerMember* find(std::string_view member);
  Result<> check_epoch(const MemberClaim& claim) const;
  Duration configured(const char* name, Duration broker, Duration min, Duration max) const;
  Duration session_timeout(const ConsumerMember& member) const;
  Duration heartbeat_interval(Now now) const;
  void write_epoch(GroupEffects& out) const;
  /// Puts what the member asks for, or has, in place and writes the record where it changed.
  void set_ask(const std::string& id, ConsumerMember& member, MemberAsk ask, GroupEffects& out);
  void set_has(const std::string& id, ConsumerMember& member, MemberHas has, GroupEffects& out);
  void hold(const std::string& id, const MemberHas& has);
  void release(const std::string& id, const MemberHas& has);
  void note_deadline(Deadline deadline) { earliest_ = std::min(earliest_, deadline); }

  // consumer_group_members.cc
  Result<> check_room(std::string_view member_id,
                      const std::optional<std::string_view>& instance_id) const;
  /// The static member whose place the sender takes, "" where it takes none.
  Result<std::string> check_sender(const HeartbeatRequest& request,
                                   const std::string& member_id) const;
  Result<> check_member_epoch(const ConsumerMember& member, const HeartbeatRequest& request) const;
  Result<std::string> find_leaving(std::string_view member_id,
                                   const std::optional<std::string_view>& instance_id) const;
  MemberAsk asked(const MemberAsk& before, const Caller& caller,
                  const HeartbeatRequest& request) const;
  ConsumerMember& take_place(const std::string& replaced, const std::string& member_id,
                             GroupEffects& out);
  void subscribe(const std::string& id, ConsumerMember& member, MemberAsk ask,
                 RebalanceCause::Kind kind, Now now, GroupEffects& out);
  void reconcile(const std::string& id, ConsumerMember& member,
                 const std::optional<PartitionSet>& owned, Now now, GroupEffects& out);
  HeartbeatResponse answer(const std::string& id, const ConsumerMember& member, bool tell_assigned,
                           Now now) const;
  void write_member_tombstones(const std::string& member_id, GroupEffects& out) const;
  /// Takes members out, with all that follows for the others.
  void remove_members(const std::vector<std::string>& ids, Now now, GroupEffects& out);
  /// What of the member is over by now, if anything.
  std::optional<RebalanceCause> expired(const std::string& id, const ConsumerMember& member,
                                        Now now) const;
  static RebalanceCause cause(RebalanceCause::Kind kind, const std::string& id,
                              const ConsumerMember& member);
  void settle_if_reconciled(Now now);

  // consumer_group_target.cc
  std::set<std::string> subscribed_topics() const;
  void resolve(const std::string& pattern, Now now, GroupEffects& out);
  void rescan_patterns(Now now, GroupEffects& out);
  void refresh_for_topics(Now now, GroupEffects& out);
  void drop_unused_patterns(GroupEffects& out);
  /// Notes what the topics are like now; where that changed, or `bump`, a new epoch and target.
  void refresh(bool bump, Now now, GroupEffects& out);
  void write_target(const std::string& member_id, GroupEffects& out) const;
  void compute_target(Now now, GroupEffects& out);
  AssignorInput assignor_input() const;
  SubscribedTopics topics_of(const MemberAsk& ask) const;
  std::string_view preferred_assignor() const;

  // consumer_group_classic.cc
  Result<> check_classic_protocols(const wire::JoinGroupRequestView& request) const;
  Result<std::string> check_joining(const wire::JoinGroupRequestView& request) const;
  Result<std::string> find_classic(std::string_view member_id,
                                   const std::optional<std::string_view>& instance_id) const;
  bool waits_for_others(const std::string& id, const ConsumerMember& member) const;
  Result<> adopt(const HandedMember& handed, int32_t generation, Now now);
  template <class Topics>
  PartitionSet by_id(const Topics& topics) const;

  // consumer_group_replay.cc
  Result<> replay_member(const Numbered& key, const std::optional<ByteView>& value);
  Result<> replay_target(const Numbered& key, const std::optional<ByteView>& value);
  Result<> replay_target_epoch(const std::optional<ByteView>& value);
  Result<> replay_has(const Numbered& key, const std::optional<ByteView>& value);
  Result<> replay_pattern(const Numbered& key, const std::optional<ByteView>& value);
  std::vector<std::string> index_members();

  const GroupSettings& settings_;
  std::shared_ptr<const metadata::Image> image_;
  bool loaded_ = true;  ///< false between the first replayed record and loaded()

  int32_t epoch_ = 0;
  int64_t metadata_hash_ = 0;
  int32_t target_epoch_ = 0;
  Members members_;
  std::map<std::string, PartitionSet, std::less<>> target_;  ///< by member
  std::map<std::string, Pattern, std::less<>> patterns_;     ///< by regular expression

  // What follows from the members.
  std::map<std::string, std::string, std::less<>> static_members_;  ///< instance id to member
  std::map<TopicId, std::map<int32_t, std::string>> held_by_;
  Deadline earliest_ = kNoDeadline;  ///< no later than any member's
  std::optional<Instant> changed_;   ///< the last step of a rebalance
  Instant scanned_;                  ///< when patterns were last looked up in all topics
};

}  // namespace partita::coordinators
