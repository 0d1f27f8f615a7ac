// What holds all of it together: replay, timers, records, listings. The events of producers stand
// in transaction_machine_events.cc.

#include "coordinators/txn/transaction_machine.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"
#include "coordinators/txn/transaction_records.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

/// Of the records of one tick at the most; the next one follows at once.
constexpr size_t kTickBytesMax = 100'000;

/// What is left of `whole` at `now`, counted from a label of the wall clock, which may be anything.
Duration rest_of(Duration whole, WallTime since, WallTime now) {
  if (since.ms() < 0 || since >= now) return whole;
  const int64_t passed = now.ms() - since.ms();
  return passed >= to_ms(whole) ? Duration(0) : whole - from_ms(passed);
}

Instant after(Instant at, Duration by) {
  return by >= kNoDeadline - at ? kNoDeadline : at + by;
}

size_t size_of(const CoordinatorRecord& record) {
  return record.key.size() + (record.value ? record.value->size() : 0);
}

}  // namespace

TransactionMachine::TransactionMachine(const TransactionSettings& settings, Log log,
                                       LeaderEpoch led_in)
    : settings_(settings), log_(log), led_in_(led_in) {}

TransactionMachine::~TransactionMachine() = default;

Result<> TransactionMachine::replay(const ReplayedRecord& record) {
  TRY(const std::string_view id, parse_transaction_key(record.key));
  if (!record.value) {
    if (const auto found = entries_.find(id); found != entries_.end()) entries_.erase(found);
    return {};
  }
  TRY(Transaction transaction, parse_transaction(*record.value));
  const auto [entry, made] = entries_.try_emplace(std::string(id));
  entry->second.transaction = std::move(transaction);
  return {};
}

void TransactionMachine::replay(const ReplayedMarker&) {
  // Nobody writes into __transaction_state in a transaction.
}

void TransactionMachine::loaded(Now now, Effects& out) {
  // Orders of a machine that was thrown away may still be answered: none of ours has their number.
  next_order_ = (static_cast<uint64_t>(std::max<int64_t>(now.wall.ms(), 0)) << 20) + 1;
  for (EntryRef& entry : entries_) {
    schedule(entry, now);
    const bool decided = entry.second.transaction.is_preparing();
    if (decided && !mutant("txn.replay_without_orders")) order_markers(entry, out);
  }
}

Instant TransactionMachine::next_deadline() const {
  Instant next = kNoDeadline;
  for (const Deadlines* deadlines : {&timeouts_, &expiries_}) {
    if (!deadlines->empty()) next = std::min(next, deadlines->begin()->first);
  }
  return next;
}

void TransactionMachine::tick(Now now, Effects& out) {
  size_t bytes = 0;
  const auto due = [&](const Deadlines& deadlines) {
    return bytes < kTickBytesMax && !deadlines.empty() && deadlines.begin()->first <= now.instant;
  };
  while (due(timeouts_)) {
    EntryRef& entry = *find(timeouts_.begin()->second);
    log_.info("the transaction of {} is aborted: it was open for more than {} ms",
              quoted(entry.first), entry.second.transaction.timeout_ms);
    fence(entry, true, now, out);
    bytes += size_of(out.records.back());
  }
  while (due(expiries_)) {
    forget(*find(expiries_.begin()->second), out);
    bytes += size_of(out.records.back());
  }
}

void TransactionMachine::image_changed(std::shared_ptr<const metadata::Image> image, Now,
                                       Effects&) {
  const auto& features = image->features();
  const auto found = features.find("transaction.version");
  transaction_version_ = found == features.end() ? 0 : found->second;
}

TransactionMachine::EntryRef* TransactionMachine::find(std::string_view transactional_id) {
  const auto found = entries_.find(transactional_id);
  return found == entries_.end() ? nullptr : &*found;
}

TransactionMachine::EntryRef* TransactionMachine::make(std::string_view transactional_id,
                                                       Effects& out) {
  if (entries_.size() >= settings_.ids_max) {
    if (expiries_.empty()) return nullptr;
    EntryRef& oldest = *find(expiries_.begin()->second);
    log_.warn("{} transactional ids are too many: {}, idle longest, is forgotten",
              entries_.size() + 1, quoted(oldest.first));
    evicted_++;
    forget(oldest, out);
  }
  return &*entries_.try_emplace(std::string(transactional_id)).first;
}

void TransactionMachine::forget(EntryRef& entry, Effects& out) {
  CHECK(entry.second.transaction.is_idle());
  out.records.push_back(transaction_tombstone(entry.first));
  unschedule(entry);
  entries_.erase(entries_.find(entry.first));
}

void TransactionMachine::enter(EntryRef& entry, Transaction next, Now now, Effects& out) {
  next.update_time = now.wall;
  next.check_invariants();
  const TransactionState before = entry.second.transaction.state;
  const bool goes_on = before == next.state && before == TransactionState::ongoing;
  if (!goes_on) unschedule(entry);
  entry.second.transaction = std::move(next);
  out.records.push_back(
      transaction_record(entry.first, entry.second.transaction, record_version()));
  if (!goes_on) schedule(entry, now);
  if (entry.second.transaction.is_preparing()) order_markers(entry, out);
}

TransactionMachine::Deadlines& TransactionMachine::deadlines_of(const Transaction& transaction) {
  return transaction.state == TransactionState::ongoing ? timeouts_ : expiries_;
}

void TransactionMachine::unschedule(const EntryRef& entry) {
  if (entry.second.deadline == kNoDeadline) return;
  deadlines_of(entry.second.transaction).erase({entry.second.deadline, entry.first});
}

void TransactionMachine::schedule(EntryRef& entry, Now now) {
  const Transaction& transaction = entry.second.transaction;
  entry.second.deadline = kNoDeadline;
  if (transaction.is_preparing()) return;
  const bool open = transaction.state == TransactionState::ongoing;
  if (open && mutant("txn.no_timeout")) return;
  const Duration whole = open ? from_ms(transaction.timeout_ms) : settings_.id_expiration;
  const WallTime since = open ? transaction.start_time : transaction.update_time;
  entry.second.deadline = after(now.instant, rest_of(whole, since, now.wall));
  if (entry.second.deadline == kNoDeadline) return;
  deadlines_of(transaction).insert({entry.second.deadline, entry.first});
}

void TransactionMachine::order_markers(EntryRef& entry, Effects& out) {
  const Transaction& transaction = entry.second.transaction;
  entry.second.order = next_order_++;
  orders_[entry.second.order] = &entry;
  MarkerOrder order{
      .id = entry.second.order,
      .transactional_id = entry.first,
      .producer = transaction.producer,
      .is_commit = transaction.state == TransactionState::prepare_commit,
      .partitions = transaction.partitions,
      .transaction_version = transaction.client_version,
      .coordinator_epoch = led_in_.value(),
  };
  if (mutant("txn.order_forgets_a_partition")) order.partitions.begin()->second.erase(0);
  out.releases.push_back(std::move(order));
}

TransactionMachine::DescribedTransaction TransactionMachine::describe(
    std::string_view transactional_id) const {
  DescribedTransaction out;
  out.transactional_id = transactional_id;
  const Transaction* found = transaction(transactional_id);
  if (found == nullptr) {
    const Errc why =
        transactional_id.empty() ? Errc::invalid_request : Errc::transactional_id_not_found;
    out.error_code = wire::error_code(why);
    return out;
  }
  out.transaction_state = transaction_state_name(found->state);
  out.transaction_timeout_ms = found->timeout_ms;
  out.transaction_start_time_ms = found->start_time.ms();
  out.producer_id = found->producer.id.value();
  out.producer_epoch = found->producer.epoch.value();
  for (const auto& [topic, indexes] : found->partitions) {
    out.topics.push_back({.topic = topic, .partitions = {indexes.begin(), indexes.end()}});
  }
  return out;
}

std::vector<TransactionMachine::ListedTransaction> TransactionMachine::list(
    const ListFilter& filter, WallTime now) const {
  std::vector<ListedTransaction> out;
  for (const auto& [id, entry] : entries_) {
    const Transaction& one = entry.transaction;
    if (!filter.states.empty() && !filter.states.contains(one.state)) continue;
    if (!filter.producer_ids.empty() && !filter.producer_ids.contains(one.producer.id)) continue;
    // As in Kafka: what never began counts as running since 1970.
    const int64_t running_ms = now.ms() - one.start_time.ms();
    if (filter.duration_ms >= 0 && running_ms <= filter.duration_ms) continue;
    if (filter.id_matches && !filter.id_matches(id)) continue;
    out.push_back({.transactional_id = id,
                   .producer_id = one.producer.id.value(),
                   .transaction_state = std::string(transaction_state_name(one.state))});
  }
  return out;
}

const Transaction* TransactionMachine::transaction(std::string_view transactional_id) const {
  const auto found = entries_.find(transactional_id);
  return found == entries_.end() ? nullptr : &found->second.transaction;
}

void TransactionMachine::check_invariants() const {
  size_t preparing = 0;
  size_t scheduled = 0;
  for (const auto& [id, entry] : entries_) {
    entry.transaction.check_invariants();
    if (entry.transaction.is_preparing()) {
      preparing++;
      const auto order = orders_.find(entry.order);
      CHECK(order != orders_.end());
      CHECK(order->second->first == id);
      continue;
    }
    const bool open = entry.transaction.state == TransactionState::ongoing;
    CHECK(!open || entry.deadline != kNoDeadline);
    if (entry.deadline == kNoDeadline) continue;
    scheduled++;
    CHECK((open ? timeouts_ : expiries_).contains({entry.deadline, id}));
  }
  CHECK(preparing == orders_.size());
  CHECK(scheduled == timeouts_.size() + expiries_.size());
}

}  // namespace partita::coordinators
