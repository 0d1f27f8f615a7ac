#pragma once
// Which group must be looked at next. A group stands in it once at the most, no later than its own
// next_deadline(); an event that only moves the deadline back (a heartbeat) does not touch it.
// Owned by GroupMachine; a group is taken out before it dies.

#include <set>

#include "coordinators/group/group.h"

namespace partita::coordinators {

class DeadlineQueue {
 public:
  /// Moves the group forward to its deadline; does nothing where it stands early enough.
  void schedule(Group& group) {
    const Instant at = group.next_deadline();
    if (group.scheduled_ && *group.scheduled_ <= at) return;
    remove(group);
    if (at == kNoDeadline) return;
    group.scheduled_ = at;
    waiting_.insert({at, &group});
  }
  void remove(Group& group) {
    if (!group.scheduled_) return;
    waiting_.erase({*group.scheduled_, &group});
    group.scheduled_.reset();
  }
  Instant next() const { return waiting_.empty() ? kNoDeadline : waiting_.begin()->at; }
  /// Takes out the first group that is due, nullptr where none is.
  Group* take_due(Instant now) {
    if (next() > now) return nullptr;
    Group* first = waiting_.begin()->group;
    remove(*first);
    return first;
  }
  size_t size() const { return waiting_.size(); }
  /// Whether it will be looked at in time.
  bool covers(const Group& group) const {
    const Instant at = group.next_deadline();
    return at == kNoDeadline || (group.scheduled_ && *group.scheduled_ <= at);
  }
  bool holds(const Group& group) const { return group.scheduled_.has_value(); }

 private:
  struct Waiting {
    Instant at;
    Group* group;
    /// By id where the time is the same: an order that does not depend on addresses.
    bool operator<(const Waiting& other) const {
      if (at != other.at) return at < other.at;
      return group->id() < other.group->id();
    }
  };
  std::set<Waiting> waiting_;
};

}  // namespace partita::coordinators
