#pragma once
// What the tests of transactions share: a machine with a log that it is rebuilt
// from.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "coordinators/txn/transaction_machine.h"
#include "metadata/delta.h"

namespace partita::coordinators {

inline std::shared_ptr<const metadata::Image> image_with_transaction_version(int16_t level) {
  metadata::Delta delta(metadata::Image::empty());
  wire::FeatureLevelRecord record;
  record.name = "transaction.version";
  record.feature_level = level;
  CHECK(delta.replay(metadata::Record{record, 0}).has_value());
  return (*std::move(delta).finish(Offset(1), LeaderEpoch(1), 0)).image;
}

inline ProducerTag producer(int64_t id, int16_t epoch) {
  return {.id = ProducerId(id), .epoch = ProducerEpoch(epoch)};
}

/// One machine, the records that it has written, and a time that only moves
/// when told.
class MachineUnderTest {
 public:
  explicit MachineUnderTest(int16_t transaction_version, TransactionSettings given = {})
      : settings(given), image_(image_with_transaction_version(transaction_version)) {
    restart();
  }
  MachineUnderTest(const MachineUnderTest&) = delete;

  /// A new machine, from the log.
  void restart() {
    machine_ = std::make_unique<TransactionMachine>(settings, Log(null_log_sink(), "test"),
                                                    LeaderEpoch(++leader_epoch));
    TransactionEffects effects;
    machine_->image_changed(image_, now, effects);
    for (const CoordinatorRecord& record : log) CHECK(replay(record).has_value());
    orders.clear();
    machine_->loaded(now, effects);
    keep(std::move(effects));
  }

  Result<> replay(const CoordinatorRecord& record) {
    ReplayedRecord replayed{.key = record.key.view(), .offset = Offset(0)};
    if (record.value) replayed.value = record.value->view();
    return machine_->replay(replayed);
  }
  void advance(Duration by) {
    now.instant = now.instant + by;
    now.wall = WallTime(now.wall.ms() + to_ms(by));
  }
  void tick() {
    TransactionEffects effects;
    machine_->tick(now, effects);
    keep(std::move(effects));
  }

  ProducerAnswer init(std::string_view id, ProducerTag expected = {}, int64_t fresh = -1,
                      int32_t timeout_ms = 60'000) {
    TransactionEffects effects;
    const auto answer = machine_->init_producer_id({.transactional_id = id,
                                                    .timeout_ms = timeout_ms,
                                                    .expected = expected,
                                                    .fresh = ProducerId(fresh)},
                                                   now, effects);
    keep(std::move(effects));
    return answer;
  }
  Result<> add(std::string_view id, ProducerTag claim, const TransactionPartitions& partitions,
               bool bumps_epoch) {
    TransactionEffects effects;
    const auto answer =
        machine_->add_partitions({.claim = {.transactional_id = id, .producer = claim},
                                  .partitions = partitions,
                                  .bumps_epoch = bumps_epoch},
                                 now, effects);
    keep(std::move(effects));
    return answer;
  }
  ProducerAnswer end(std::string_view id, ProducerTag claim, bool commit, bool bumps_epoch,
                     int64_t fresh = -1) {
    TransactionEffects effects;
    const auto answer = machine_->end_txn({.claim = {.transactional_id = id, .producer = claim},
                                           .commit = commit,
                                           .bumps_epoch = bumps_epoch,
                                           .fresh = ProducerId(fresh)},
                                          now, effects);
    keep(std::move(effects));
    return answer;
  }
  void markers_written(uint64_t order) {
    TransactionEffects effects;
    machine_->markers_written(order, now, effects);
    keep(std::move(effects));
  }

  TransactionMachine& machine() { return *machine_; }
  const Transaction* transaction(std::string_view id) const { return machine_->transaction(id); }

  TransactionSettings settings;
  Now now{.instant = Instant(1h), .wall = WallTime(1'700'000'000'000)};
  std::vector<CoordinatorRecord> log;
  int32_t leader_epoch = 0;
  std::vector<MarkerOrder> orders;  ///< all that were released since the last restart

 private:
  void keep(TransactionEffects effects) {
    for (CoordinatorRecord& record : effects.records) log.push_back(std::move(record));
    for (TransactionRelease& release : effects.releases) {
      orders.push_back(std::get<MarkerOrder>(std::move(release)));
    }
  }

  std::shared_ptr<const metadata::Image> image_;
  std::unique_ptr<TransactionMachine> machine_;
};

}  // namespace partita::coordinators
