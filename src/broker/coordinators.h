#pragma once
// Coordinators: what coordinates groups and transactions on one shard, and the answers that groups
// owe to requests.
//
// Invariant: a ticket is answered once: by a release, or by an error when its coordinator ends.
// One per BrokerShard, on its shard.

#include <functional>
#include <map>

#include "broker/coordinator_set.h"
#include "broker/services.h"
#include "broker/transaction_markers.h"
#include "coordinators/group/group_machine.h"
#include "coordinators/txn/transaction_machine.h"

namespace partita::broker {

/// The answers that the groups of one partition owe, by ticket.
class GroupAnswers final : public coordinators::ReleaseSink<coordinators::GroupRelease> {
 public:
  using Answer = std::function<void(Result<coordinators::GroupRelease>)>;

  /// `answer` is called once, on this shard.
  void expect(coordinators::Ticket ticket, Answer answer);
  /// Nobody waits any more.
  void withdraw(coordinators::Ticket ticket) { owed_.erase(ticket); }

  void released(coordinators::GroupRelease release) override;
  void refused(coordinators::GroupRelease release, const Error& why) override;
  void forgotten(const Error& why) override;
  /// All are answered by forgotten(); nothing of it runs by itself.
  Task<void> stop() { co_return; }

 private:
  void answer(coordinators::Ticket ticket, Result<coordinators::GroupRelease> what);

  std::map<coordinators::Ticket, Answer> owed_;
};

using GroupCoordinators = CoordinatorSet<coordinators::GroupMachine, GroupAnswers>;
using TransactionCoordinators =
    CoordinatorSet<coordinators::TransactionMachine, TransactionMarkers>;

class Coordinators {
 public:
  Coordinators(BrokerShard& shard, Services& services, Log log);
  ~Coordinators();
  Coordinators(const Coordinators&) = delete;

  Scope& scope() { return shard_.scope(); }
  GroupCoordinators& groups() { return groups_; }
  TransactionCoordinators& transactions() { return transactions_; }
  coordinators::Ticket next_ticket() { return ++last_ticket_; }

  /// Before the shard goes by a new image: what it takes away stops. Returns when it has.
  Task<void> leave(const metadata::Image& image);
  /// After that: what the image brings starts, and all hear of it.
  void enter();
  /// Everything stops, for good.
  Task<void> stop();

 private:
  class Ids;

  /// How the marker sink of a transaction coordinator reaches its machine.
  TransactionMarkers::Coordinator markers_coordinator(PartitionIndex partition);
  template <class Decide>
  Task<Result<bool>> decide_of(PartitionIndex partition, Decide decide);

  BrokerShard& shard_;
  const coordinators::GroupSettings group_settings_;
  std::unique_ptr<Ids> ids_;
  GroupCoordinators groups_;
  const coordinators::TransactionSettings transaction_settings_;
  TransactionCoordinators transactions_;
  coordinators::Ticket last_ticket_ = 0;
};

}  // namespace partita::broker
