#pragma once
// TransactionMachine: all transactional ids of one partition of __transaction_state. It hands out
// producer epochs, keeps which partitions a transaction has, decides its end, and orders the
// markers that make the end known to the partitions.
//
//   state             meaning                                     leaves it by
//   Empty             initialised, nothing begun                  first partition; expiry
//   Ongoing           has partitions                              EndTxn, timeout, InitProducerId
//   PrepareCommit     decided; markers ordered                    markers_written
//   PrepareAbort      decided; markers ordered                    markers_written
//   CompleteCommit    every partition has its marker              first partition; expiry
//   CompleteAbort     every partition has its marker              first partition; expiry
// InitProducerId leads from Empty and Complete* to Empty. A fence (timeout, InitProducerId while
// Ongoing) bumps the epoch with the step to PrepareAbort: Kafka's PrepareEpochFence has no time of
// its own here, nor has Dead (the tombstone of an id that has expired).
//
// Invariants:
//  1. Every transaction that is not idle has a deadline (Ongoing) or an outstanding MarkerOrder
//     (Prepare*): none can hang.
//  2. (producer id, epoch) of an id never goes back.
//  3. No producer is ever told the epoch 32767: there is always one left to fence it with.
//  4. A decided end never changes, whatever is replayed.
// One per partition, on its shard. Times of transactions are wall time in records, instants here.

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.h"
#include "coordinators/state_machine.h"
#include "coordinators/txn/transaction.h"
#include "coordinators/txn/transaction_settings.h"
#include "wire/messages/describe_transactions.h"
#include "wire/messages/list_transactions.h"

namespace partita::coordinators {

/// The end of a transaction is committed: its partitions get markers, for as long as it takes, and
/// then the machine is told by markers_written(id).
struct MarkerOrder {
  uint64_t id = 0;  ///< of this process; no machine gives another's
  std::string transactional_id;
  ProducerTag producer;
  bool is_commit = false;
  TransactionPartitions partitions;
  int8_t transaction_version = 0;  ///< 2: the marker's epoch is above that of the data
  int32_t coordinator_epoch = -1;  ///< fences the markers of coordinators before this one
  bool operator==(const MarkerOrder&) const = default;
};
using TransactionRelease = std::variant<MarkerOrder>;
using TransactionEffects = Effects<TransactionRelease>;

/// Which transaction a producer speaks of.
struct TransactionClaim {
  std::string_view transactional_id;
  ProducerTag producer;
};

/// What InitProducerId and EndTxn answer.
struct ProducerAnswer {
  /// Nothing has happened: the caller gets a producer id and asks again with it.
  bool need_producer_id = false;
  std::optional<Errc> error;
  ProducerTag producer;  ///< what the producer goes on with, where there is no error
  bool operator==(const ProducerAnswer&) const = default;
};

class TransactionMachine final : public StateMachine<TransactionRelease> {
 public:
  using DescribedTransaction = wire::DescribeTransactionsResponse::TransactionState;
  using ListedTransaction = wire::ListTransactionsResponse::TransactionState;

  /// `settings` outlive the machine. `led_in`: the leader epoch of its partition, which its orders
  /// bear as the coordinator epoch.
  TransactionMachine(const TransactionSettings& settings, Log log, LeaderEpoch led_in);
  ~TransactionMachine() override;

  // StateMachine
  Result<> replay(const ReplayedRecord& record) override;
  void replay(const ReplayedMarker& marker) override;
  void loaded(Now now, Effects& out) override;
  Instant next_deadline() const override;
  void tick(Now now, Effects& out) override;
  void image_changed(std::shared_ptr<const metadata::Image> image, Now now, Effects& out) override;

  struct InitRequest {
    std::string_view transactional_id;
    int32_t timeout_ms = 0;
    ProducerTag expected;  ///< (-1, -1): none
    /// A producer id that was never used; kNoProducerId: none yet.
    ProducerId fresh = kNoProducerId;
  };
  /// Errors: invalid_request, invalid_transaction_timeout, producer_fenced,
  /// concurrent_transactions (again when what was open has ended), throttling_quota_exceeded (too
  /// many ids, none of them idle).
  ProducerAnswer init_producer_id(const InitRequest& request, Now now, Effects& out);

  struct AddRequest {
    TransactionClaim claim;
    const TransactionPartitions& partitions;
    /// Whether the client bumps its epoch with every end: the broker of the partition adds it
    /// (AddPartitionsToTxn v4 and later).
    bool bumps_epoch = false;
  };
  /// Adds all of the partitions or none. Errors: invalid_request, invalid_producer_id_mapping,
  /// producer_fenced, concurrent_transactions, unknown_server_error (more partitions than a record
  /// can hold).
  Result<> add_partitions(const AddRequest& request, Now now, Effects& out);
  /// Whether the transaction is open and has the partition: the errors of add_partitions, and
  /// transaction_abortable for a partition that it does not have.
  Result<> verify_partition(const TransactionClaim& claim, std::string_view topic,
                            int32_t partition) const;

  struct EndRequest {
    TransactionClaim claim;
    bool commit = false;
    /// Whether the client bumps its epoch with every end (EndTxn v5, KIP-890).
    bool bumps_epoch = false;
    ProducerId fresh = kNoProducerId;
  };
  /// Errors: invalid_request, invalid_producer_id_mapping, producer_fenced,
  /// concurrent_transactions, invalid_txn_state.
  ProducerAnswer end_txn(const EndRequest& request, Now now, Effects& out);

  /// The order's partitions have their markers, or are deleted. Orders that are not outstanding are
  /// ignored.
  void markers_written(uint64_t order, Now now, Effects& out);

  /// transactional_id_not_found; invalid_request for "".
  DescribedTransaction describe(std::string_view transactional_id) const;
  struct ListFilter {
    std::set<TransactionState> states;                 ///< empty: all
    std::set<ProducerId> producer_ids;                 ///< empty: all
    int64_t duration_ms = -1;                          ///< running for longer; negative: all
    std::function<bool(std::string_view)> id_matches;  ///< nothing: all
  };
  std::vector<ListedTransaction> list(const ListFilter& filter, WallTime now) const;

  size_t id_count() const { return entries_.size(); }
  const Transaction* transaction(std::string_view transactional_id) const;
  /// Ids forgotten because there were too many.
  uint64_t evicted() const { return evicted_; }
  void check_invariants() const;

 private:
  struct Entry {
    Transaction transaction;
    Instant deadline = kNoDeadline;  ///< of the transaction (Ongoing), of the id (idle)
    uint64_t order = 0;              ///< outstanding, in Prepare*
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  using EntryRef = Entries::value_type;
  using Deadlines = std::set<std::pair<Instant, std::string_view>>;  // views of entries_' keys

  EntryRef* find(std::string_view transactional_id);
  /// The transaction that a producer speaks of: invalid_request, invalid_producer_id_mapping.
  Result<EntryRef*> claimed(const TransactionClaim& claim);
  /// A place for a new id; nullptr where there are too many, and none of them idle.
  EntryRef* make(std::string_view transactional_id, Effects& out);
  void forget(EntryRef& entry, Effects& out);

  /// `next` holds from now on: its record, its deadline, its markers.
  void enter(EntryRef& entry, Transaction next, Now now, Effects& out);
  void unschedule(const EntryRef& entry);
  void schedule(EntryRef& entry, Now now);
  Deadlines& deadlines_of(const Transaction& transaction);
  void order_markers(EntryRef& entry, Effects& out);
  int16_t record_version() const { return transaction_version_ >= 1 ? 1 : 0; }

  ProducerAnswer init_new(const InitRequest& request, Now now, Effects& out);
  ProducerAnswer init_idle(EntryRef& entry, const InitRequest& request, Now now, Effects& out);
  ProducerAnswer end_bumping(EntryRef& entry, const EndRequest& request, Now now, Effects& out);
  ProducerAnswer end_plain(EntryRef& entry, const EndRequest& request, Now now, Effects& out);
  ProducerAnswer end_repeated(EntryRef& entry, const EndRequest& request, Now now, Effects& out);
  ProducerAnswer end_and_bump(EntryRef& entry, const EndRequest& request, Now now, Effects& out);
  /// Aborts what is open, with an epoch that its producer does not have.
  void fence(EntryRef& entry, bool producer_may_return, Now now, Effects& out);

  const TransactionSettings& settings_;
  Log log_;
  const LeaderEpoch led_in_;
  /// The finalized transaction.version: ends that no client asks for go by it, and records.
  int16_t transaction_version_ = 0;
  Entries entries_;
  Deadlines timeouts_;  // of Ongoing ones
  Deadlines expiries_;  // of idle ones
  std::map<uint64_t, EntryRef*> orders_;
  uint64_t next_order_ = 1;
  uint64_t evicted_ = 0;
};

}  // namespace partita::coordinators
