#pragma once
// AppendTurns: the order in which the appends of one connection enter one partition, where some of
// them must wait for something before they may (a transaction check): nobody overtakes (DESIGN
// decision 7).
//
// Invariants:
//  1. Who takes a turn for a partition goes after all those of the same connection that took one
//     for it before and still hold it.
//  2. A turn is held until its Turn is destroyed or passed on.
// One per BrokerShard, on its shard; holds memory for turns that are held only.

#include <deque>
#include <map>
#include <utility>

#include "runtime/scope.h"

namespace partita::replication {
class Partition;
}

namespace partita::broker {

class AppendTurns {
 public:
  class Turn;

  AppendTurns() = default;
  AppendTurns(const AppendTurns&) = delete;
  ~AppendTurns();

  /// Whether somebody of that connection holds a turn for that partition.
  bool busy(uint64_t connection, const replication::Partition* partition) const;
  size_t held() const;

 private:
  using Key = std::pair<uint64_t, const replication::Partition*>;
  struct Line {
    std::deque<Turn*> turns;
    WaitQueue moved;
  };

  std::map<Key, Line> lines_;
};

class AppendTurns::Turn {
 public:
  /// Takes the place behind all that are held.
  Turn(AppendTurns& of, uint64_t connection, const replication::Partition* partition);
  ~Turn() { pass(); }
  Turn(const Turn&) = delete;

  bool is_first() const;
  /// Returns when it is first: stopped when the scope closes before.
  Task<Result<>> come(Scope& scope);
  /// Lets the next one go. Idempotent.
  void pass();

 private:
  AppendTurns& of_;
  const Key key_;
  bool held_ = true;
};

}  // namespace partita::broker
