#pragma once
// GroupMachine: all groups of one partition of __consumer_offsets, and the offsets that they
// committed. It finds the group of a request, makes one where the request may, turns classic groups
// into consumer groups and back (KIP-848), and forgets what is empty. What a group decides stands
// in ClassicGroup and ConsumerGroup, what becomes of offsets in OffsetStore.
//
// Invariants:
//  1. An id belongs to one group at a time; offsets outlive their group's members, and a group
//     without members goes when its last offset does.
//  2. Every event changes state at once; what is answered is committed first (StateMachine).
//  3. Every group stands in deadlines_ no later than its next_deadline(): after an event that may
//     bring a group's deadline forward, schedule() is called. A deadline that moves back needs no
//     call: the group is looked at in vain once.
// Sources by theme: group_machine.cc (groups, replay, timers), group_machine_classic.cc,
// group_machine_consumer.cc, group_machine_offsets.cc.

#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "coordinators/group/deadline_queue.h"
#include "coordinators/group/group.h"
#include "coordinators/group/group_settings.h"
#include "coordinators/state_machine.h"
#include "wire/messages/consumer_group_describe.h"
#include "wire/messages/consumer_group_heartbeat.h"
#include "wire/messages/describe_groups.h"
#include "wire/messages/heartbeat.h"
#include "wire/messages/leave_group.h"
#include "wire/messages/list_groups.h"
#include "wire/messages/offset_commit.h"
#include "wire/messages/offset_delete.h"
#include "wire/messages/offset_fetch.h"
#include "wire/messages/txn_offset_commit.h"

namespace partita::coordinators {

class OffsetStore;
class OffsetUpkeep;
struct NewOffset;
class ClassicGroup;
class ConsumerGroup;

/// Where the machine gets what must not be predictable: parts of member ids.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual Uuid next() = 0;
};

class GroupMachine final : public StateMachine<GroupRelease> {
 public:
  using DescribedGroup = wire::DescribeGroupsResponse::DescribedGroup;
  using DescribedConsumerGroup = wire::ConsumerGroupDescribeResponse::DescribedGroup;
  using ListedGroup = wire::ListGroupsResponse::ListedGroup;
  using FetchedOffsets = wire::OffsetFetchResponse::OffsetFetchResponseGroup;

  /// `settings` and `ids` outlive the machine.
  GroupMachine(const GroupSettings& settings, IdSource& ids, Log log);
  ~GroupMachine() override;

  // StateMachine
  Result<> replay(const ReplayedRecord& record) override;
  void replay(const ReplayedMarker& marker) override;
  void loaded(Now now, Effects& out) override;
  Instant next_deadline() const override;
  void tick(Now now, Effects& out) override;
  void image_changed(std::shared_ptr<const metadata::Image> image, Now now, Effects& out) override;

  // Classic groups. JoinGroup and SyncGroup are answered by a JoinAnswer or SyncAnswer with the
  // ticket, in this call's effects or in later ones.
  void join_group(const Caller& caller, const wire::JoinGroupRequestView& request, Ticket ticket,
                  Now now, Effects& out);
  void sync_group(const wire::SyncGroupRequestView& request, Ticket ticket, Now now, Effects& out);
  wire::HeartbeatResponse heartbeat(const wire::HeartbeatRequestView& request, Now now,
                                    Effects& out);
  wire::LeaveGroupResponse leave_group(const wire::LeaveGroupRequestView& request, Now now,
                                       Effects& out);
  /// Version 6 and later tell an unknown group by an error, earlier ones by the state Dead.
  DescribedGroup describe_group(std::string_view group_id, int16_t version) const;
  /// Filters are compared without regard to case; an empty one lets everything pass.
  std::vector<ListedGroup> list_groups(const std::vector<std::string>& states,
                                       const std::vector<std::string>& types) const;
  /// Also removes the group's offsets: group_id_not_found, non_empty_group.
  Result<> delete_group(std::string_view group_id, Effects& out);

  // Consumer groups (KIP-848).
  wire::ConsumerGroupHeartbeatResponse consumer_heartbeat(
      const Caller& caller, const wire::ConsumerGroupHeartbeatRequestView& request, Now now,
      Effects& out);
  DescribedConsumerGroup describe_consumer_group(std::string_view group_id) const;

  // Offsets. Topics and partitions that the image does not know are answered by the handler and
  // left out here; it also gives each topic its name and its id, whichever the request had.
  wire::OffsetCommitResponse commit_offsets(const wire::OffsetCommitRequest& request,
                                            int16_t version, Now now, Effects& out);
  wire::TxnOffsetCommitResponse commit_transaction_offsets(
      const wire::TxnOffsetCommitRequest& request, int16_t version, Now now, Effects& out);
  /// One group of an OffsetFetch; without `topics` all that the group has.
  FetchedOffsets fetch_offsets(const wire::OffsetFetchRequest::OffsetFetchRequestGroup& asked,
                               bool require_stable) const;
  wire::OffsetDeleteResponse delete_offsets(const wire::OffsetDeleteRequest& request, Effects& out);
  const OffsetStore& offsets() const { return *offsets_; }

  /// The group's latest rebalances with their causes, as JSON (rebalance_history.h):
  /// group_id_not_found.
  Result<std::string> why(std::string_view group_id, Now now) const;

  size_t group_count() const { return groups_.size(); }
  const Group* group(std::string_view id) const;
  void check_invariants() const;

 private:
  Group* find(std::string_view id);
  /// The classic group of that id, made where there is none and `make` says so; nullptr where a
  /// group of another kind stands there.
  ClassicGroup* classic_group(std::string_view id, bool make);
  /// Puts the group in the place of whatever has its id, and schedules it.
  Group& install(std::unique_ptr<Group> group);
  void erase(std::string_view id);
  /// See invariant 3.
  void schedule(Group& group);

  // Classic groups: group_machine_classic.cc.
  Result<> replay_classic_record(const Numbered& key, const ReplayedRecord& record);
  /// After an event of the group: schedules it, or takes it away where nobody would miss it.
  void settle(ClassicGroup& group);

  // Consumer groups, and the classic members in them: group_machine_consumer.cc. Requests of the
  // classic protocol for which consumer_group() answers a group go to the functions below.
  /// nullptr where a group of another kind stands there, or none.
  ConsumerGroup* consumer_group(std::string_view id);
  /// For JoinGroup: an empty consumer group makes room for a classic one, and nullptr is answered.
  ConsumerGroup* consumer_group_to_join(std::string_view id, Effects& out);
  void join_consumer_group(ConsumerGroup& group, const Caller& caller,
                           const wire::JoinGroupRequestView& request, Ticket ticket, Now now,
                           Effects& out);
  void sync_consumer_group(ConsumerGroup& group, const wire::SyncGroupRequestView& request,
                           Ticket ticket, Now now, Effects& out);
  wire::HeartbeatResponse heartbeat_consumer_group(ConsumerGroup& group,
                                                   const wire::HeartbeatRequestView& request,
                                                   Now now);
  wire::LeaveGroupResponse leave_consumer_group(ConsumerGroup& group,
                                                const wire::LeaveGroupRequestView& request, Now now,
                                                Effects& out);
  /// Kinds 3 to 8 and 16; `key` is what parse_numbered() says of the record's key.
  Result<> replay_consumer_record(const Numbered& key, const ReplayedRecord& record);
  void consumer_groups_loaded(Now now, Effects& out);
  /// image_ is the new one already; `before` is the one before it, where there was one.
  void consumer_groups_see_image(const metadata::Image* before, Now now, Effects& out);
  Result<wire::ConsumerGroupHeartbeatResponse> decide_heartbeat(
      const Caller& caller, const wire::ConsumerGroupHeartbeatRequestView& request, Now now,
      Effects& out);
  Result<std::unique_ptr<ConsumerGroup>> make_consumer_group(std::string_view id, Now now,
                                                             Effects& out);
  /// After each event: a consumer group without a member of the new protocol becomes classic; any
  /// other is scheduled.
  void settle(ConsumerGroup& group, Now now, Effects& out);

  // Offsets: group_machine_offsets.cc.
  /// Kinds 0 and 1; `key` is what parse_numbered() says of the record's key. A group that nobody
  /// knows becomes an empty classic one.
  Result<> replay_offset(const Numbered& key, const ReplayedRecord& record);
  void offsets_loaded(Now now);
  /// image_ is the new one already. Offsets of topics that `before` has and image_ has not go, with
  /// the next ticks.
  void offsets_see_image(const metadata::Image* before, Now now);
  Instant offsets_deadline() const;
  /// Expiry, deleted topics, and empty groups without offsets. May remove any group.
  void tick_offsets(Now now, Effects& out);
  /// Checks a commit into the group; nullptr where there is none and the commit may make one.
  Result<Group*> group_to_commit(std::string_view id, const MemberClaim& claim, bool transactional,
                                 int16_t version, Now now);
  /// Refuses what the log would not take as one batch; else it is committed, in a group that is
  /// made where there is none.
  Result<> put_offsets(std::string_view group_id, std::vector<NewOffset> offsets,
                       std::optional<ProducerTag> transaction, Effects& out);

  /// Takes empty groups without offsets away.
  void remove_if_forgotten(const std::string& id, Effects& out);

  const GroupSettings& settings_;
  IdSource& ids_;
  Log log_;
  std::shared_ptr<const metadata::Image> image_;
  std::map<std::string, std::unique_ptr<Group>, std::less<>> groups_;
  DeadlineQueue deadlines_;
  std::unique_ptr<OffsetStore> offsets_;
  std::unique_ptr<OffsetUpkeep> upkeep_;
};

}  // namespace partita::coordinators
