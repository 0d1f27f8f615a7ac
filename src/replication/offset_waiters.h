#pragma once
// Those who wait until an offset (a high watermark, a durable end) reaches a mark, ordered by mark:
// one advance wakes just those below it and asks nobody else. One list per partition and kind;
// lives on the partition's shard. A waiter lives in the waiting coroutine's frame and unlinks
// itself.

#include <boost/intrusive/list.hpp>  // links inside the waiter: waiting allocates nothing

#include "base/ids.h"
#include "runtime/scope.h"

namespace partita::replication {

class OffsetWaiter {
 public:
  /// Woken when the offset is at least `mark`. `wait` outlives this; several waiters may share one
  /// wait.
  OffsetWaiter(Offset mark, Wait& wait) : mark_(mark), wait_(&wait) {}
  OffsetWaiter(const OffsetWaiter&) = delete;

  Offset mark() const { return mark_; }

 private:
  friend class OffsetWaiters;
  using Link = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  const Offset mark_;
  Wait* const wait_;

 public:
  Link link_;
};

class OffsetWaiters {
 public:
  void add(OffsetWaiter& waiter);
  /// Wakes all whose mark is at most `reached`.
  void wake_reached(Offset reached);
  void wake_all();
  bool empty() const { return waiters_.empty(); }

 private:
  using List = boost::intrusive::list<
      OffsetWaiter,
      boost::intrusive::member_hook<OffsetWaiter, OffsetWaiter::Link, &OffsetWaiter::link_>,
      boost::intrusive::constant_time_size<false>>;
  List waiters_;  // by mark, lowest first
};

}  // namespace partita::replication
