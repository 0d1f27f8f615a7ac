#pragma once
// ClassicGroup: members that agree by JoinGroup and SyncGroup who reads what (Kafka's classic
// protocol). The group collects members, raises the generation, lets the members' leader assign,
// and hands the assignment out. Owned by GroupMachine; one thread.
//
//   state              left when                                                          to
//   Empty              a member joins                                                     Preparing
//   PreparingRebalance all members (and pending ones) joined, or the join deadline came:
//                      who did not join is removed (static members stay) Completing
//                      ... and nobody is left                                             Empty
//   CompletingRebalance the leader synced: the assignment is recorded                     Stable
//                      a member joined anew, left, timed out, or did not sync             Preparing
//   Stable             a member joined anew, changed, left, timed out, or never synced    Preparing
//   Dead               never: the group is gone. Kafka's word for describing what is not there.
// Deadlines: joins wait group.initial.rebalance.delay.ms from Empty (again for each new member, up
// to the rebalance timeout), else the longest rebalance timeout of the members; so long waits the
// group for every member's sync; a member's session, a pending member's id, a new member's first
// join (kNewMemberJoinTimeout) end by themselves.
//
// Invariants:
//  1. PreparingRebalance has a join deadline, CompletingRebalance a sync deadline, and every member
//     a session deadline unless its JoinGroup or SyncGroup waits here.
//  2. Records are written when the group becomes Stable or Empty, and when a static member of a
//     Stable group is replaced; members and assignments of any other moment are soft.
//  3. The group's record fits into a batch (GroupSettings::batch_bytes_max), however the vote ends.
//  4. A ticket is answered once: another request of the same member in its place answers it.
// Sources by idea: classic_group.cc (members, deadlines), classic_group_join.cc,
// classic_group_rebalance.cc, classic_group_sync.cc (also heartbeat and leave),
// classic_group_facts.cc (records, descriptions, what offsets ask).

#include <map>
#include <memory>
#include <set>

#include "coordinators/group/classic_member.h"
#include "coordinators/group/group.h"
#include "coordinators/group/group_handover.h"
#include "coordinators/group/group_settings.h"
#include "wire/coordinator/group_metadata.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/leave_group.h"

namespace partita::coordinators {

class IdSource;

class ClassicGroup final : public Group {
 public:
  enum class State { empty, preparing_rebalance, completing_rebalance, stable };
  using Members = std::map<std::string, ClassicMember, std::less<>>;
  using DescribedGroup = wire::DescribeGroupsResponse::DescribedGroup;

  /// A member that never got its first assignment leaves after so long (Kafka's constant).
  static constexpr Duration kNewMemberJoinTimeout = std::chrono::minutes(5);
  /// Ids that were given out and not used yet; the one nearest to its end makes place.
  static constexpr size_t kPendingMembersMax = 10'000;
  /// Group id, protocol, leader and the numbers of the group's record, and of the batch around it.
  static constexpr size_t kRecordOverhead = 512;

  /// Empty, without a protocol type. `settings` and `ids` outlive the group.
  ClassicGroup(std::string id, const GroupSettings& settings, IdSource& ids);
  /// As a record tells: Stable with its members, or Empty. Sessions count from loaded().
  static std::unique_ptr<ClassicGroup> from_record(std::string id, const GroupSettings& settings,
                                                   IdSource& ids,
                                                   const wire::GroupMetadataValueView& value);

  /// Made of what a consumer group was: Stable, every session beginning now. REQUIRED: the members
  /// have a protocol in common.
  static std::unique_ptr<ClassicGroup> from_handed(std::string id, const GroupSettings& settings,
                                                   IdSource& ids, HandedGroup handed, Now now);
  /// What the group leaves to one of the other kind. Its waiting requests are not answered by that.
  HandedGroup hand_over() const;

  /// All records are replayed: sessions count from now on. Before any other event.
  void loaded(Now now, GroupEffects& out);

  // Requests. JoinGroup and SyncGroup are answered in `out`, now or by a later event.
  void join(const Caller& caller, const wire::JoinGroupRequestView& request, Ticket ticket, Now now,
            GroupEffects& out);
  void sync(const wire::SyncGroupRequestView& request, Ticket ticket, Now now, GroupEffects& out);
  Result<> heartbeat(const wire::HeartbeatRequestView& request, Now now);
  wire::LeaveGroupResponse leave(const wire::LeaveGroupRequestView& request, Now now,
                                 GroupEffects& out);
  /// Begins a rebalance where none runs.
  void rebalance(RebalanceCause cause, Now now, GroupEffects& out);
  /// Answers every request that waits here with the error.
  void refuse_waiting(Errc error, GroupEffects& out);
  /// The record of the group as it stands.
  void write_record(GroupEffects& out);
  DescribedGroup describe() const;

  State state() const { return state_; }
  int32_t generation() const { return generation_; }
  const std::string& leader() const { return leader_; }
  const std::string& protocol_name() const { return protocol_name_; }
  const Members& members() const { return members_; }
  size_t pending_count() const { return pending_.size(); }
  /// Never recorded, and nobody is or may become a member: nothing is lost when it goes.
  bool is_transient() const { return !recorded_ && members_.empty() && pending_.empty(); }

  // Group
  GroupType type() const override { return GroupType::classic; }
  std::string_view state_name() const override;
  std::string_view protocol_type() const override { return protocol_type_; }
  bool has_members() const override { return state_ != State::empty; }
  Result<> check_commit(const MemberClaim& claim, bool transactional, int16_t version,
                        Now now) override;
  Result<> check_fetch(const MemberClaim& claim) const override;
  Result<> check_offset_delete() const override;
  Result<> check_delete() const override;
  bool is_subscribed(std::string_view topic) const override;
  OffsetAge offset_age() const override;
  std::optional<WallTime> empty_since() const override;
  void write_tombstones(std::vector<CoordinatorRecord>& out) const override;
  Instant next_deadline() const override;
  void tick(Now now, GroupEffects& out) override;
  std::vector<std::string_view> waiting_for() const override;
  void check_invariants() const override;

 private:
  using Cause = RebalanceCause::Kind;
  using JoinRequest = wire::JoinGroupRequestView;
  /// Of the first rebalance: how long it may still be put off.
  struct InitialDelay {
    Duration last;
    Duration remaining;
    bool member_added = false;
  };

  // Members (classic_group.cc).
  ClassicMember* find(std::string_view id);
  Result<ClassicMember*> validate(std::string_view id,
                                  const std::optional<std::string_view>& instance);
  void count_protocols(const ClassicMember& member, int by);
  ClassicMember& insert(ClassicMember member);
  /// Whoever waits for the member is told that it is unknown.
  void remove(std::string_view id, GroupEffects& out);
  void set_session(ClassicMember& member, Instant deadline);
  void renew_session(ClassicMember& member, Now now);
  void add_pending(std::string id, Instant deadline);
  void expire_sessions(Now now, GroupEffects& out);
  void expire_member(ClassicMember& member, Now now, GroupEffects& out);
  Duration rebalance_timeout() const;
  RebalanceCause cause_of(Cause kind, const ClassicMember& member, std::string_view reason = {},
                          std::optional<Duration> timeout = {}) const;

  // Joining (classic_group_join.cc).
  Result<> check_join(const Caller& caller, const JoinRequest& request);
  bool is_accepted(std::string_view member_id);
  bool supports(const JoinRequest& request) const;
  bool fits(const Caller& caller, const JoinRequest& request, std::string_view replaced) const;
  /// Against what the member read under the chosen protocol. Only consumers' topics are known.
  bool changes_topics(const ClassicMember& member, const JoinRequest& request) const;
  void join_new(const Caller& caller, const JoinRequest& request, Ticket ticket, Now now,
                GroupEffects& out);
  void join_known(const JoinRequest& request, Ticket ticket, Now now, GroupEffects& out);
  void add_and_rebalance(const Caller& caller, const JoinRequest& request, std::string id,
                         Ticket ticket, Now now, GroupEffects& out);
  void update(ClassicMember& member, const JoinRequest& request);
  void await_join(ClassicMember& member, Waiting waiting, GroupEffects& out);
  void replace_static(const Caller& caller, const JoinRequest& request, std::string old_id,
                      std::string new_id, Ticket ticket, Now now, GroupEffects& out);
  void answer_join(ClassicMember& member, GroupEffects& out);
  void answer_replaced(ClassicMember& member, std::string_view leader_before, GroupEffects& out);
  wire::JoinGroupResponse join_response(const ClassicMember& member) const;
  void refuse_join(Waiting waiting, Errc error, std::string_view member_id,
                   GroupEffects& out) const;

  // Rebalances (classic_group_rebalance.cc).
  /// Why is in the history already.
  void prepare(Now now, GroupEffects& out);
  void reset_assignments(Errc error, Now now, GroupEffects& out);
  bool all_joined() const;
  void complete_join_if_ready(Now now, GroupEffects& out);
  void join_deadline_passed(Now now, GroupEffects& out);
  void sync_deadline_passed(Now now, GroupEffects& out);
  void complete_join(Now now, GroupEffects& out);
  void remove_not_rejoined(Now now, GroupEffects& out);
  bool elect_joined_leader();
  std::string vote() const;
  void become_empty(Now now, GroupEffects& out);
  void become_completing(Now now, GroupEffects& out);
  void enter(State state, Now now);

  // Syncing (classic_group_sync.cc).
  Result<ClassicMember*> check_sync(const wire::SyncGroupRequestView& request);
  Result<> take_assignments(const wire::SyncGroupRequestView& request);
  void become_stable(Now now, GroupEffects& out);
  void synced(ClassicMember& member);
  void answer_sync(ClassicMember& member, GroupEffects& out);
  static void refuse_sync(Waiting waiting, Errc error, GroupEffects& out);
  Result<> leave_one(std::string_view id, const std::optional<std::string_view>& instance,
                     std::string_view reason, Now now, GroupEffects& out);

  // Facts (classic_group_facts.cc).
  size_t record_bytes() const;
  std::optional<Ownership> ownership() const;
  void note_subscribed_topics();

  const GroupSettings& settings_;
  IdSource& ids_;

  State state_ = State::empty;
  std::optional<WallTime> state_since_;
  int32_t generation_ = 0;
  std::string protocol_type_;  ///< empty: nobody ever joined
  std::string protocol_name_;  ///< empty: none chosen
  std::string leader_;
  Members members_;
  bool recorded_ = false;

  // Follows from the members.
  std::map<std::string, std::string, std::less<>> static_ids_;  ///< instance id to member id
  std::map<std::string, size_t, std::less<>> protocol_counts_;  ///< members that know it
  size_t joins_waiting_ = 0;
  size_t syncs_pending_ = 0;
  /// Of a generation whose subscriptions can be read.
  std::optional<std::set<std::string, std::less<>>> subscribed_topics_;

  // Soft state.
  std::map<std::string, Instant, std::less<>> pending_;  ///< ids given out, until when
  std::optional<InitialDelay> initial_;
  Instant join_deadline_ = kNoDeadline;
  Instant sync_deadline_ = kNoDeadline;
  Instant session_deadline_ = kNoDeadline;  ///< no later than the first of members and pending
};

}  // namespace partita::coordinators
