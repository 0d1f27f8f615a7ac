// Any bytes as key and value of __transaction_state: an error, or a transaction
// that reads back the same and that a machine can live with: it ends by time
// and markers alone.

#include <cstdint>

#include "base/check.h"
#include "coordinators/txn/transaction_machine.h"
#include "coordinators/txn/transaction_records.h"

namespace partita::coordinators {
namespace {

void live_with(ByteView key, ByteView value) {
  const TransactionSettings settings;
  TransactionMachine machine(settings, Log(null_log_sink(), "fuzz"), LeaderEpoch(0));
  if (!machine.replay({.key = key, .value = value, .offset = Offset(0)})) return;
  Now now{.instant = Instant(1s), .wall = WallTime(1'700'000'000'000)};
  TransactionEffects effects;
  machine.loaded(now, effects);
  machine.check_invariants();
  for (int i = 0; i < 4 && machine.next_deadline() != kNoDeadline; i++) {
    now.instant = std::max(now.instant, machine.next_deadline());
    machine.tick(now, effects);
    machine.check_invariants();
  }
  for (const TransactionRelease& release : std::vector(effects.releases)) {
    machine.markers_written(std::get<MarkerOrder>(release).id, now, effects);
  }
  machine.check_invariants();
  for (const CoordinatorRecord& record : effects.records) {
    CHECK(parse_transaction_key(record.key.view()).has_value());
    if (record.value) CHECK(parse_transaction(record.value->view()).has_value());
  }
}

}  // namespace
}  // namespace partita::coordinators

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace partita;
  using namespace partita::coordinators;
  if (size < 1) return 0;
  const size_t key_size = std::min<size_t>(data[0], size - 1);
  const ByteView key(data + 1, key_size);
  const ByteView value(data + 1 + key_size, size - 1 - key_size);
  const auto id = parse_transaction_key(key);
  const auto transaction = parse_transaction(value);
  if (transaction) {
    transaction->check_invariants();
    const CoordinatorRecord again = transaction_record("t", *transaction, 1);
    CHECK(*parse_transaction(again.value->view()) == *transaction);
    CHECK(again.value->size() <= record_size_bound(transaction->partitions));
  }
  if (id && transaction) live_with(key, value);
  return 0;
}
