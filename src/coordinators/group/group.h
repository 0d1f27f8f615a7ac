#pragma once
// What every kind of group has in common, as GroupMachine and OffsetStore see it. ClassicGroup
// (JoinGroup, SyncGroup) and ConsumerGroup (KIP-848) are the kinds.
//
// Invariants:
//  1. Every state a group can be in has a deadline of its own where it waits for somebody
//     (next_deadline()): no group can stick.
//  2. A group's records follow from its events only; replay of them gives the same group.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "coordinators/group/rebalance_history.h"
#include "coordinators/state_machine.h"
#include "wire/messages/join_group.h"
#include "wire/messages/sync_group.h"

namespace partita::coordinators {

struct JoinAnswer {
  Ticket ticket;
  wire::JoinGroupResponse response;
};
struct SyncAnswer {
  Ticket ticket;
  wire::SyncGroupResponse response;
};
using GroupRelease = std::variant<JoinAnswer, SyncAnswer>;
using GroupEffects = Effects<GroupRelease>;

/// Who sends a request, as the group's description shows it.
struct Caller {
  std::string_view client_id;
  std::string_view host;  ///< like "/127.0.0.1"
};

/// Who commits or reads offsets: fields of the request, empty or -1 where it has none.
struct MemberClaim {
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  int32_t generation_or_epoch = -1;
};

enum class GroupType { classic, consumer };
/// "Classic", "Consumer": as in ListGroups.
std::string_view group_type_name(GroupType type);

class Group {
 public:
  explicit Group(std::string id) : id_(std::move(id)) {}
  virtual ~Group() = default;
  Group(const Group&) = delete;

  const std::string& id() const { return id_; }
  virtual GroupType type() const = 0;
  /// Kafka's spelling: Empty, PreparingRebalance, CompletingRebalance, Stable, Dead; Assigning,
  /// Reconciling.
  virtual std::string_view state_name() const = 0;
  /// "consumer" for groups of consumers, "" for one that only keeps offsets.
  virtual std::string_view protocol_type() const = 0;
  virtual bool has_members() const = 0;

  /// Whether this caller may commit: unknown_member_id, fenced_instance_id, illegal_generation,
  /// stale_member_epoch, rebalance_in_progress, coordinator_not_available (Dead). A commit keeps a
  /// classic member's session alive. `transactional`: by TxnOffsetCommit.
  virtual Result<> check_commit(const MemberClaim& claim, bool transactional, int16_t version,
                                Now now) = 0;
  /// For OffsetFetch with a member id and epoch (version 9 and later).
  virtual Result<> check_fetch(const MemberClaim& claim) const = 0;
  /// OffsetDelete: group_subscribed_to_topic where a member reads the topic is the caller's to say,
  /// by is_subscribed(); this answers non_empty_group where the group's members are not consumers.
  virtual Result<> check_offset_delete() const = 0;
  /// DeleteGroups: non_empty_group.
  virtual Result<> check_delete() const = 0;
  /// Whether some member reads the topic. Of a group that is rebalancing or whose members are not
  /// consumers nothing is known: true.
  virtual bool is_subscribed(std::string_view topic) const = 0;
  /// Since when offsets may age: since the group lost its last member (its own time where known,
  /// else each offset's commit time), or since each commit (members do not read the topic; or
  /// nobody ever joined). kNever: not at all now.
  enum class OffsetAge { never, since_empty, since_commit };
  virtual OffsetAge offset_age() const = 0;
  virtual std::optional<WallTime> empty_since() const = 0;

  /// The records that remove the group itself (not its offsets).
  virtual void write_tombstones(std::vector<CoordinatorRecord>& out) const = 0;

  /// Exact or too early, never too late.
  virtual Instant next_deadline() const = 0;
  virtual void tick(Now now, GroupEffects& out) = 0;
  virtual void check_invariants() const = 0;

  const RebalanceHistory& rebalances() const { return history_; }
  /// Whom a rebalance that runs waits for: member ids; empty where none runs.
  virtual std::vector<std::string_view> waiting_for() const { return {}; }

 protected:
  RebalanceHistory& history() { return history_; }
  const RebalanceHistory& history() const { return history_; }

 private:
  friend class DeadlineQueue;
  const std::string id_;
  RebalanceHistory history_;
  std::optional<Instant> scheduled_;  ///< where it stands in the queue
};

}  // namespace partita::coordinators
