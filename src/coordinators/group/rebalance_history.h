#pragma once
// RebalanceHistory: why a group rebalanced, the latest times: what set each rebalance off, how long
// it took, and which partitions it moved from whom to whom. Owned by its group. It is what this
// coordinator saw since it loaded the group; no record keeps it.
//
// Invariants:
//  1. At most kRebalancesMax rebalances and kBytesMax bytes of them are kept: the oldest go first.
//  2. Of one rebalance at most kCausesMax causes and kMovesMax moves are kept; what is beyond is
//     counted.
//  3. Ownership is compared only where it names at most kOwnedMax partitions, before and after.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "coordinators/state_machine.h"

namespace partita::coordinators {

/// One thing that made a rebalance necessary.
struct RebalanceCause {
  enum class Kind {
    member_joined,
    member_rejoined,       ///< by a member with what it had: a leader asks for a new assignment
    subscription_changed,  ///< a member's subscription, protocols or assignor
    static_member_replaced,
    member_left,
    session_expired,   ///< no heartbeat for `timeout`
    join_expired,      ///< a new member did not take its first assignment within `timeout`
    not_rejoined,      ///< did not join within the rebalance `timeout`
    not_synced,        ///< joined, but did not sync within the rebalance `timeout`
    not_revoked,       ///< did not give partitions up within the rebalance `timeout` (KIP-848)
    over_capacity,     ///< loaded with more members than group.max.size
    metadata_changed,  ///< topics or partitions came or went
    protocol_changed,  ///< between the classic and the consumer protocol
  };
  Kind kind = Kind::member_joined;
  std::string member_id;
  std::string instance_id;  ///< empty: a dynamic member
  std::string client_id;
  std::string client_host;
  std::string reason;  ///< the client's own words, where it gave any
  std::optional<Duration> timeout;
};
/// "member_joined" and so on: the enumerator's name.
std::string_view cause_name(RebalanceCause::Kind kind);

/// Which member owns which partitions.
class Ownership {
 public:
  void add(std::string_view member, std::string_view topic, int32_t partition);
  size_t size() const { return size_; }

 private:
  friend class RebalanceHistory;
  struct Owned {
    int32_t partition;
    uint32_t member;  ///< index into members_
  };
  std::vector<std::string> members_;
  std::map<std::string, uint32_t, std::less<>> member_index_;
  std::map<std::string, std::vector<Owned>, std::less<>> topics_;
  size_t size_ = 0;
};

class RebalanceHistory {
 public:
  static constexpr size_t kRebalancesMax = 50;
  static constexpr size_t kBytesMax = 32 * 1024;
  static constexpr size_t kCausesMax = 20;
  static constexpr size_t kMovesMax = 100;
  static constexpr size_t kOwnedMax = 20'000;
  /// Words from outside are cut at this many bytes.
  static constexpr size_t kTextMax = 200;
  static constexpr size_t kWaitingMax = 20;
  /// Of to_json(): a string of Kafka's ends at 32767 bytes.
  static constexpr size_t kJsonMax = 32'000;

  /// Begins a rebalance, or adds to the one that runs.
  void begin(RebalanceCause cause, Now now);
  bool is_running() const { return running_.has_value(); }
  /// The rebalance that runs is over: the group is in this generation (or epoch) with so many
  /// members, who own this. Nothing for ownership that nobody here can read. Where none runs the
  /// ownership is noted, without an entry.
  void settle(int32_t generation, size_t members, std::optional<Ownership> owned, Now now);

  /// A JSON array, newest first, of at most kJsonMax bytes: the oldest have no place.
  /// `waiting_for`: whom the one that runs waits for.
  std::string to_json(const std::vector<std::string_view>& waiting_for, Now now) const;

  size_t size() const { return done_.size(); }
  size_t bytes() const { return bytes_; }
  void check_invariants() const;

 private:
  struct Move {
    std::string topic;
    std::string from;  ///< empty: nobody
    std::string to;    ///< empty: nobody
    std::vector<int32_t> partitions;
  };
  struct Rebalance {
    Instant begun;
    WallTime begun_wall;
    Duration took{};
    int32_t generation = -1;
    size_t members = 0;
    std::vector<RebalanceCause> causes;
    size_t causes_dropped = 0;
    std::vector<Move> moves;
    size_t partitions_moved = 0;
    size_t moves_dropped = 0;  ///< in partitions
    bool ownership_known = false;
    size_t bytes() const;
  };

  static void note_moves(const Ownership& before, const Ownership& after, Rebalance& out);
  static void add_move(Rebalance& out, std::string_view topic, int32_t partition,
                       std::string_view from, std::string_view to);
  static void append_json(std::string& out, const Rebalance& rebalance);
  std::string running_json(const std::vector<std::string_view>& waiting_for, Now now) const;
  void keep(Rebalance rebalance);

  std::optional<Rebalance> running_;
  std::deque<Rebalance> done_;  ///< oldest first
  size_t bytes_ = 0;
  std::optional<Ownership> owned_;
};

}  // namespace partita::coordinators
