#pragma once
// ConsumerMember: one member of a consumer group (KIP-848), of either protocol, with what it reads
// now (its current assignment) and how far it is on the way to its target.
//
// State     epoch           what it means
// stable    <= target       has all of the target of its epoch, as far as its epoch is the group's
// unrevoked < target        must give `revoking` up before it goes on; fenced after its rebalance
//                           timeout
// unreleased = target       waits for partitions of its target that others still hold
// A state that a later release wrote is read as unrevoked, with everything to be given up.
//
// Invariants:
//  1. A partition is in `assigned` or `revoking` of one member at the most (ConsumerGroup checks).
//  2. `revoking` is empty unless the state is unrevoked.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "coordinators/group/group_handover.h"
#include "coordinators/group/partition_set.h"
#include "coordinators/record.h"
#include "wire/coordinator/consumer_group_current_member_assignment.h"
#include "wire/coordinator/consumer_group_member_metadata.h"

namespace partita::coordinators {

/// Epochs of a heartbeat that are no epochs.
inline constexpr int32_t kJoinEpoch = 0;
inline constexpr int32_t kLeaveEpoch = -1;
inline constexpr int32_t kLeaveStaticEpoch = -2;  ///< also of a static member that is away

enum class MemberState : int8_t { stable = 0, unrevoked = 1, unreleased = 2 };

/// What a member of the classic protocol said at JoinGroup.
struct ClassicSide {
  int32_t session_timeout_ms = 0;
  std::vector<std::pair<std::string, Bytes>> protocols;  ///< most wanted first
  bool operator==(const ClassicSide&) const = default;
};

/// What the member asked for: its record of kind 5.
struct MemberAsk {
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::set<std::string> topics;
  std::string pattern;  ///< empty: none
  int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> assignor;
  std::optional<ClassicSide> classic;  ///< nothing: it speaks the new protocol

  bool operator==(const MemberAsk&) const = default;
};

/// What the member has: its record of kind 8.
struct MemberHas {
  int32_t epoch = kJoinEpoch;
  int32_t previous_epoch = kJoinEpoch;
  MemberState state = MemberState::stable;
  AssignedPartitions assigned;
  AssignedPartitions revoking;

  bool operator==(const MemberHas&) const = default;
};

struct ConsumerMember {
  MemberAsk ask;
  MemberHas has;

  // Deadlines of this process; no record keeps them.
  Deadline session = kNoDeadline;
  Deadline revoke = kNoDeadline;  ///< unrevoked must end
  Deadline join = kNoDeadline;    ///< a classic member must rejoin
  Deadline sync = kNoDeadline;    ///< a classic member must sync

  bool uses_classic() const { return ask.classic.has_value(); }
  bool is_reconciled_to(int32_t target_epoch) const {
    return has.state == MemberState::stable && has.epoch == target_epoch;
  }
  Duration rebalance_timeout() const { return from_ms(ask.rebalance_timeout_ms); }
  Deadline next_deadline() const;
};

CoordinatorRecord ask_record(const std::string& group, const std::string& member,
                             const MemberAsk& ask);
CoordinatorRecord has_record(const std::string& group, const std::string& member,
                             const MemberHas& has);
MemberAsk ask_of(const wire::ConsumerGroupMemberMetadataValueView& value);
MemberHas has_of(const wire::ConsumerGroupCurrentMemberAssignmentValueView& value);

}  // namespace partita::coordinators
