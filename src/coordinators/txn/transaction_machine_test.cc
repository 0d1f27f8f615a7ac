// Every event in every state, for both generations of the protocol; exhausted
// epochs; timeouts; expiry; what a replay brings back.

#include "coordinators/txn/transaction_machine.h"

#include <gtest/gtest.h>

#include <array>

#include "base/fault_points.h"
#include "coordinators/txn/transaction_fixture_test.h"
#include "coordinators/txn/transaction_records.h"
#include "wire/error_code.h"

namespace partita::coordinators {
namespace {

std::string words(ProducerTag tag) {
  return std::to_string(tag.id.value()) + ":" + std::to_string(tag.epoch.value());
}
std::string words(const ProducerAnswer& answer) {
  if (answer.need_producer_id) return "need";
  if (answer.error) return std::to_string(wire::error_code(*answer.error));
  return "ok " + words(answer.producer);
}
std::string words(const Result<>& answer) {
  return answer ? "ok" : std::to_string(wire::error_code(answer.error().code));
}

/// Transaction "t" in a state, as a log would have it.
CoordinatorRecord given(TransactionState state, int16_t version, ProducerTag tag) {
  Transaction transaction;
  transaction.producer = tag;
  transaction.previous_producer_id = tag.id;
  transaction.timeout_ms = 60'000;
  transaction.state = state;
  transaction.update_time = transaction.start_time = WallTime(1'700'000'000'000);
  transaction.client_version = version >= 2 ? 2 : 0;
  if (!transaction.is_idle()) transaction.partitions = {{"in", {0, 3}}};
  return transaction_record("t", transaction, 1);
}

/// What an event says and where it leads: nothing of the latter where it leads
/// nowhere.
template <class Event>
std::string outcome(std::optional<TransactionState> state, int16_t version, Event event) {
  MachineUnderTest test(version);
  if (state) test.log.push_back(given(*state, version, producer(7, 5)));
  test.restart();
  const size_t before = test.log.size();
  std::string out = event(test);
  if (test.log.size() == before) return out;
  const Transaction* after = test.transaction("t");
  if (after == nullptr) return out + " gone";
  out += " " + std::string(transaction_state_name(after->state)) + " " + words(after->producer);
  // What stands in the log is what the machine goes by.
  Transaction replayed = *parse_transaction(test.log.back().value->view());
  replayed.last_producer = after->last_producer;
  EXPECT_EQ(replayed, *after) << out;
  return out;
}

using Column = std::optional<TransactionState>;
const std::array<Column, 7> kColumns = {
    std::nullopt,
    TransactionState::empty,
    TransactionState::ongoing,
    TransactionState::prepare_commit,
    TransactionState::prepare_abort,
    TransactionState::complete_commit,
    TransactionState::complete_abort,
};

template <class Event>
void expect_row(int16_t version, const char* name, Event event,
                const std::array<const char*, 7>& expected) {
  for (size_t i = 0; i < kColumns.size(); i++) {
    const std::string_view state = kColumns[i] ? transaction_state_name(*kColumns[i]) : "no id";
    EXPECT_EQ(outcome(kColumns[i], version, event), expected[i]) << name << " in " << state;
  }
}

auto init(ProducerTag expected, int64_t fresh) {
  return [=](MachineUnderTest& test) { return words(test.init("t", expected, fresh)); };
}
auto add(ProducerTag claim, bool bumps) {
  return [=](MachineUnderTest& test) { return words(test.add("t", claim, {{"out", {1}}}, bumps)); };
}
auto verify(ProducerTag claim, int32_t partition) {
  return [=](MachineUnderTest& test) {
    return words(test.machine().verify_partition({.transactional_id = "t", .producer = claim}, "in",
                                                 partition));
  };
}
auto end(ProducerTag claim, bool commit, bool bumps) {
  return [=](MachineUnderTest& test) { return words(test.end("t", claim, commit, bumps, 900)); };
}
std::string wait(MachineUnderTest& test, Duration by) {
  test.advance(by);
  test.tick();
  test.machine().check_invariants();
  return "tick";
}

// Expected values are Kafka's: the table above endTransaction in its
// TransactionCoordinator, and KIP-360, KIP-890. Differences, each on purpose:
// an end without partitions is complete at once; a zombie's InitProducerId does
// not abort the transaction of who came after it; in Prepare* an end with the
// opposite result is answered for good.
TEST(TransactionTable, InitProducerId) {
  for (const int16_t version : {1, 2}) {
    expect_row(version, "init", init({}, 900),
               {"ok 900:0 Empty 900:0", "ok 7:6 Empty 7:6", "51 PrepareAbort 7:6", "51", "51",
                "ok 7:6 Empty 7:6", "ok 7:6 Empty 7:6"});
    expect_row(version, "init without an id", init({}, -1),
               {"need", "ok 7:6 Empty 7:6", "51 PrepareAbort 7:6", "51", "51", "ok 7:6 Empty 7:6",
                "ok 7:6 Empty 7:6"});
    expect_row(version, "init by its producer", init(producer(7, 5), 900),
               {"ok 900:0 Empty 900:0", "ok 7:6 Empty 7:6", "51 PrepareAbort 7:6", "51", "51",
                "ok 7:6 Empty 7:6", "ok 7:6 Empty 7:6"});
    for (const ProducerTag stranger : {producer(7, 4), producer(7, 6), producer(8, 5)}) {
      expect_row(version, "init by another", init(stranger, 900),
                 {"ok 900:0 Empty 900:0", "90", "90", "51", "51", "90", "90"});
    }
  }
}

TEST(TransactionTable, AddPartitions) {
  for (const bool bumps : {false, true}) {
    expect_row(
        bumps ? 2 : 1, "add", add(producer(7, 5), bumps),
        {"49", "ok Ongoing 7:5", "ok Ongoing 7:5", "51", "51", "ok Ongoing 7:5", "ok Ongoing 7:5"});
    for (const int16_t epoch : {4, 6}) {
      expect_row(bumps ? 2 : 1, "add with another epoch", add(producer(7, epoch), bumps),
                 {"49", "90", "90", "90", "90", "90", "90"});
    }
    expect_row(bumps ? 2 : 1, "add with another id", add(producer(8, 5), bumps),
               {"49", "49", "49", "49", "49", "49", "49"});
  }
}

TEST(TransactionTable, Verify) {
  for (const int16_t version : {1, 2}) {
    expect_row(version, "verify", verify(producer(7, 5), 3),
               {"49", "120", "ok", "51", "51", "120", "120"});
    expect_row(version, "verify an unknown partition", verify(producer(7, 5), 1),
               {"49", "120", "120", "51", "51", "120", "120"});
    expect_row(version, "verify a zombie", verify(producer(7, 4), 3),
               {"49", "90", "90", "90", "90", "90", "90"});
    expect_row(version, "verify a stranger", verify(producer(8, 5), 3),
               {"49", "49", "49", "49", "49", "49", "49"});
  }
}

TEST(TransactionTable, EndTxnTv1) {
  expect_row(1, "commit", end(producer(7, 5), true, false),
             {"49", "48", "ok 7:5 PrepareCommit 7:5", "51", "48", "ok 7:5", "48"});
  expect_row(1, "abort", end(producer(7, 5), false, false),
             {"49", "48", "ok 7:5 PrepareAbort 7:5", "48", "51", "48", "ok 7:5"});
  for (const bool commit : {false, true}) {
    expect_row(1, "an old epoch", end(producer(7, 4), commit, false),
               {"49", "90", "90", "90", "90", "90", "90"});
    expect_row(1, "another id", end(producer(8, 5), commit, false),
               {"49", "49", "49", "49", "49", "49", "49"});
  }
}

TEST(TransactionTable, EndTxnTv2) {
  expect_row(2, "commit", end(producer(7, 5), true, true),
             {"49", "48", "ok 7:6 PrepareCommit 7:6", "51", "51", "48", "48"});
  expect_row(2, "abort", end(producer(7, 5), false, true),
             {"49", "ok 7:6 CompleteAbort 7:6", "ok 7:6 PrepareAbort 7:6", "51", "51",
              "ok 7:6 CompleteAbort 7:6", "ok 7:6 CompleteAbort 7:6"});
  expect_row(2, "commit again", end(producer(7, 4), true, true),
             {"49", "90", "90", "51", "48", "ok 7:5", "48"});
  expect_row(2, "abort again", end(producer(7, 4), false, true),
             {"49", "90", "90", "48", "51", "48", "ok 7:5"});
  for (const bool commit : {false, true}) {
    for (const int16_t epoch : {3, 6}) {
      expect_row(2, "another epoch", end(producer(7, epoch), commit, true),
                 {"49", "90", "90", "90", "90", "90", "90"});
    }
    expect_row(2, "another id", end(producer(8, 5), commit, true),
               {"49", "49", "49", "49", "49", "49", "49"});
  }
}

TEST(TransactionTable, Time) {
  for (const int16_t version : {1, 2}) {
    expect_row(version, "before the timeout", [](auto& test) { return wait(test, 59'999ms); },
               {"tick", "tick", "tick", "tick", "tick", "tick", "tick"});
    expect_row(version, "timeout", [](auto& test) { return wait(test, 60s); },
               {"tick", "tick", "tick PrepareAbort 7:6", "tick", "tick", "tick", "tick"});
    expect_row(
        version, "expiry", [](auto& test) { return wait(test, std::chrono::days(7)); },
        {"tick", "tick gone", "tick PrepareAbort 7:6", "tick", "tick", "tick gone", "tick gone"});
    expect_row(version, "markers",
               [](auto& test) {
                 if (!test.orders.empty()) test.markers_written(test.orders[0].id);
                 return std::to_string(test.orders.size()) + " orders";
               },
               {"0 orders", "0 orders", "0 orders", "1 orders CompleteCommit 7:5",
                "1 orders CompleteAbort 7:5", "0 orders", "0 orders"});
  }
}

TEST(TransactionMachine, ARequestThatMakesNoSenseChangesNothing) {
  MachineUnderTest test(2);
  EXPECT_EQ(words(test.init("", {}, 1)), "42");
  EXPECT_EQ(words(test.init("t", {}, 1, 0)), "50");
  EXPECT_EQ(words(test.init("t", {}, 1, -1)), "50");
  EXPECT_EQ(words(test.init("t", {}, 1, 900'001)), "50");
  EXPECT_EQ(words(test.add("", producer(1, 0), {{"a", {0}}}, true)), "42");
  EXPECT_EQ(words(test.end("", producer(1, 0), true, true)), "42");
  EXPECT_TRUE(test.log.empty());
  EXPECT_EQ(words(test.init("t", {}, 1, 900'000)), "ok 1:0");
}

TEST(TransactionMachine, ARepeatedInitProducerIdIsToldTheSame) {
  MachineUnderTest test(2);
  test.init("t", {}, 7);
  EXPECT_EQ(words(test.init("t", producer(7, 0))), "ok 7:1");
  EXPECT_EQ(words(test.init("t", producer(7, 0))), "ok 7:1");
  // Another instance took over: nobody may go on from 7:0.
  EXPECT_EQ(words(test.init("t")), "ok 7:2");
  EXPECT_EQ(words(test.init("t", producer(7, 0))), "90");
  EXPECT_EQ(words(test.init("t", producer(7, 1))), "90");
}

TEST(TransactionMachine, WhoUsesAnEpochIsNotAskedFromBelowItAgain) {
  MachineUnderTest test(1);
  test.init("t", {}, 7);
  test.init("t", producer(7, 0));
  ASSERT_TRUE(test.add("t", producer(7, 1), {{"a", {0}}}, false));
  test.end("t", producer(7, 1), true, false);
  test.markers_written(test.orders.at(0).id);
  EXPECT_EQ(words(test.init("t", producer(7, 0))), "90");
}

TEST(TransactionMachine, TheOrderSaysWhatToWrite) {
  for (const bool bumps : {false, true}) {
    MachineUnderTest test(2);
    test.init("t", {}, 7);
    ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {0, 2}}}, bumps));
    ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {2}}, {"b", {1}}}, bumps));
    test.end("t", producer(7, 0), true, bumps);
    ASSERT_EQ(test.orders.size(), 1u);
    const MarkerOrder& order = test.orders[0];
    EXPECT_EQ(order.transactional_id, "t");
    EXPECT_EQ(order.producer, producer(7, bumps ? 1 : 0));
    EXPECT_TRUE(order.is_commit);
    EXPECT_EQ(order.transaction_version, bumps ? 2 : 0);
    EXPECT_EQ(order.partitions, (TransactionPartitions{{"a", {0, 2}}, {"b", {1}}}));
    // Another order's number does nothing, and the right one only once.
    test.markers_written(order.id + 1);
    EXPECT_EQ(test.transaction("t")->state, TransactionState::prepare_commit);
    test.markers_written(order.id);
    EXPECT_EQ(test.transaction("t")->state, TransactionState::complete_commit);
    const size_t written = test.log.size();
    test.markers_written(order.id);
    EXPECT_EQ(test.log.size(), written);
  }
}

TEST(TransactionMachine, AReplayIssuesTheOrdersAgain) {
  MachineUnderTest test(2);
  test.init("t", {}, 7);
  ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {0}}}, true));
  test.end("t", producer(7, 0), false, true);
  const MarkerOrder first = test.orders.at(0);
  test.advance(1s);
  test.restart();
  ASSERT_EQ(test.orders.size(), 1u);
  MarkerOrder again = test.orders[0];
  EXPECT_NE(again.id, first.id);
  // The answer to the old order comes late, to a machine that did not give it.
  test.markers_written(first.id);
  EXPECT_EQ(test.transaction("t")->state, TransactionState::prepare_abort);
  test.markers_written(again.id);
  EXPECT_EQ(test.transaction("t")->state, TransactionState::complete_abort);
  EXPECT_GT(again.coordinator_epoch, first.coordinator_epoch);
  again.id = first.id;
  again.coordinator_epoch = first.coordinator_epoch;
  EXPECT_EQ(again, first);
}

// --- exhausted epochs (F51) ---

/// A machine whose "t" stands at an epoch.
struct AtEpoch : MachineUnderTest {
  AtEpoch(TransactionState state, int16_t epoch, int16_t version = 2) : MachineUnderTest(version) {
    log.push_back(given(state, version, producer(7, epoch)));
    restart();
  }
};

TEST(TransactionExhaustion, EndsOfTheLastTransactionRotateTheId) {
  for (const bool commit : {false, true}) {
    AtEpoch test(TransactionState::empty, 32765);
    ASSERT_TRUE(test.add("t", producer(7, 32765), {{"a", {0}}}, true));
    EXPECT_EQ(words(test.end("t", producer(7, 32765), commit, true)), "ok 7:32766");
    test.markers_written(test.orders.back().id);
    ASSERT_TRUE(test.add("t", producer(7, 32766), {{"a", {0}}}, true));
    EXPECT_EQ(words(test.end("t", producer(7, 32766), commit, true)), "need");
    EXPECT_EQ(test.transaction("t")->state, TransactionState::ongoing);
    EXPECT_EQ(words(test.end("t", producer(7, 32766), commit, true, 900)), "ok 900:0");
    // The markers fence the old id at its last epoch; until they are written,
    // all wait.
    EXPECT_EQ(test.orders.back().producer, producer(7, 32767));
    EXPECT_EQ(words(test.add("t", producer(900, 0), {{"a", {0}}}, true)), "51");
    EXPECT_EQ(words(test.end("t", producer(7, 32766), commit, true)), "51");
    EXPECT_EQ(words(test.end("t", producer(7, 32766), !commit, true)), "48");
    test.restart();
    test.markers_written(test.orders.back().id);
    EXPECT_EQ(words(test.end("t", producer(7, 32766), commit, true)), "ok 900:0");
    EXPECT_EQ(words(test.end("t", producer(7, 32766), !commit, true)), "48");
    ASSERT_TRUE(test.add("t", producer(900, 0), {{"a", {0}}}, true));
    EXPECT_EQ(words(test.end("t", producer(900, 0), commit, true)), "ok 900:1");
    test.machine().check_invariants();
  }
}

TEST(TransactionExhaustion, AbortsOfNothingRotateToo) {
  AtEpoch test(TransactionState::complete_commit, 32766);
  EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true)), "need");
  EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true, 900)), "ok 900:0");
  EXPECT_TRUE(test.orders.empty());
  EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true, 901)), "ok 900:0");
}

TEST(TransactionExhaustion, NobodyIsToldTheLastEpoch) {
  for (const bool restart : {false, true}) {
    AtEpoch test(TransactionState::ongoing, 32766);
    test.advance(60s);
    test.tick();
    EXPECT_EQ(test.orders.back().producer, producer(7, 32767));
    test.markers_written(test.orders.back().id);
    if (restart) test.restart();
    // The fenced producer aborts, with the epoch that it knows, and goes on
    // with another id.
    EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true)), "need");
    EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true, 900)), "ok 900:0");
    EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true, 901)), "ok 900:0");
    ASSERT_TRUE(test.add("t", producer(900, 0), {{"a", {0}}}, true));
  }
}

TEST(TransactionExhaustion, InitProducerIdRotates) {
  for (const int16_t version : {1, 2}) {
    AtEpoch last(TransactionState::complete_abort, 32767, version);
    EXPECT_EQ(words(last.init("t")), "need");
    EXPECT_EQ(words(last.init("t", {}, 900)), "ok 900:0");
    AtEpoch test(TransactionState::empty, 32765, version);
    EXPECT_EQ(words(test.init("t", producer(7, 32765))), "ok 7:32766");
    EXPECT_EQ(words(test.init("t", producer(7, 32766))), "need");
    EXPECT_EQ(words(test.init("t", producer(7, 32766), 900)), "ok 900:0");
    EXPECT_EQ(words(test.init("t", producer(7, 32766), 901)), "ok 900:0");
    EXPECT_EQ(words(test.init("t", producer(7, 32765), 901)), "90");
  }
  // Its own timeout took the last epoch: it still gets another id.
  AtEpoch test(TransactionState::ongoing, 32766);
  test.advance(60s);
  test.tick();
  test.markers_written(test.orders.back().id);
  EXPECT_EQ(words(test.init("t", producer(7, 32766))), "need");
  EXPECT_EQ(words(test.init("t", producer(7, 32766), 900)), "ok 900:0");
}

TEST(TransactionExhaustion, AnOpenTransactionAtTheLastEpochStillEnds) {
  // Apache Kafka 4.0 can leave one in the log (KAFKA-20090).
  for (const bool by_init : {false, true}) {
    AtEpoch test(TransactionState::ongoing, 32767);
    if (by_init) {
      EXPECT_EQ(words(test.init("t")), "51");
    } else {
      test.advance(60s);
      test.tick();
    }
    EXPECT_EQ(test.orders.back().producer, producer(7, 32767));
    test.markers_written(test.orders.back().id);
    EXPECT_EQ(words(test.init("t", {}, 900)), "ok 900:0");
  }
}

// --- time ---

TEST(TransactionTime, ATransactionKeepsItsDeadlineWhenItGrows) {
  MachineUnderTest test(2);
  test.init("t", {}, 7, 10'000);
  ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {0}}}, true));
  test.advance(6s);
  // The wall clock jumps, which changes nothing.
  test.now.wall = WallTime(5);
  ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {1}}}, true));
  EXPECT_EQ(test.machine().next_deadline(), test.now.instant + 4s);
  test.advance(4s);
  test.tick();
  EXPECT_EQ(test.transaction("t")->state, TransactionState::prepare_abort);
  EXPECT_EQ(test.orders.at(0).partitions, (TransactionPartitions{{"a", {0, 1}}}));
}

TEST(TransactionTime, ARestartCountsWhatHasPassed) {
  MachineUnderTest test(2);
  test.init("t", {}, 7, 10'000);
  ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {0}}}, true));
  test.advance(3s);
  test.now.instant = Instant(5s);  // another process
  test.restart();
  EXPECT_EQ(test.machine().next_deadline(), Instant(12s));
  // A wall clock far behind does not stretch it beyond the whole.
  test.now.wall = WallTime(1);
  test.restart();
  EXPECT_EQ(test.machine().next_deadline(), Instant(15s));
}

TEST(TransactionTime, ATimeoutFencesAndItsProducerMayReturn) {
  MachineUnderTest test(2);
  test.init("t", {}, 7);
  ASSERT_TRUE(test.add("t", producer(7, 0), {{"a", {0}}}, true));
  test.advance(60s);
  test.tick();
  EXPECT_EQ(words(test.add("t", producer(7, 0), {{"a", {1}}}, true)), "90");
  test.markers_written(test.orders.at(0).id);
  EXPECT_EQ(words(test.add("t", producer(7, 0), {{"a", {1}}}, true)), "90");
  EXPECT_EQ(words(test.end("t", producer(7, 0), true, true)), "48");
  EXPECT_EQ(words(test.end("t", producer(7, 0), false, true)), "ok 7:1");
  EXPECT_EQ(words(test.init("t", producer(7, 0))), "ok 7:1");
}

TEST(TransactionTime, ManyTimeoutsComeInBatchesThatFit) {
  MachineUnderTest test(2);
  TransactionPartitions many;
  for (int i = 0; i < 10'000; i++) many["a-long-name-of-a-topic"].insert(i);
  for (int i = 0; i < 12; i++) {
    const std::string id = "t" + std::to_string(i);
    test.init(id, {}, 7 + i);
    ASSERT_TRUE(test.add(id, producer(7 + i, 0), many, true));
  }
  test.advance(60s);
  size_t ticks = 0;
  while (test.machine().next_deadline() <= test.now.instant) {
    const size_t before = test.log.size();
    test.tick();
    size_t bytes = 0;
    for (size_t i = before; i < test.log.size(); i++) bytes += test.log[i].value->size();
    EXPECT_LT(bytes, 1'000'000u);
    ASSERT_LT(++ticks, 13u);
  }
  EXPECT_EQ(test.orders.size(), 12u);
  EXPECT_GT(ticks, 3u);
}

TEST(TransactionBounds, ATransactionMayNotOutgrowARecord) {
  MachineUnderTest test(2, {.record_bytes_max = 1000});
  test.init("t", {}, 7);
  TransactionPartitions partitions;
  for (int i = 0; i < 200; i++) partitions["a"].insert(i);
  ASSERT_TRUE(test.add("t", producer(7, 0), partitions, true));
  partitions["a"].insert(300);
  for (int i = 0; i < 20; i++) partitions["b"].insert(i);
  const size_t before = test.log.size();
  EXPECT_EQ(words(test.add("t", producer(7, 0), partitions, true)), "-1");
  EXPECT_EQ(test.log.size(), before);
  EXPECT_EQ(test.transaction("t")->partitions.size(), 1u);
  EXPECT_EQ(words(test.end("t", producer(7, 0), true, true)), "ok 7:1");
}

TEST(TransactionBounds, IdleIdsGoWhenThereAreTooMany) {
  MachineUnderTest test(2, {.ids_max = 3});
  for (const char* id : {"a", "b", "c"}) {
    test.init(id, {}, 7);
    test.advance(1s);
  }
  ASSERT_TRUE(test.add("a", producer(7, 0), {{"x", {0}}}, true));
  EXPECT_EQ(words(test.init("d", {}, 8)), "ok 8:0");
  EXPECT_EQ(test.transaction("b"), nullptr);
  EXPECT_EQ(test.machine().evicted(), 1u);
  EXPECT_EQ(words(test.add("b", producer(7, 0), {{"x", {0}}}, true)), "49");
  test.restart();
  EXPECT_EQ(test.machine().id_count(), 3u);
  // All of them busy: nobody is thrown out, and the client asks again later.
  ASSERT_TRUE(test.add("c", producer(7, 0), {{"x", {0}}}, true));
  ASSERT_TRUE(test.add("d", producer(8, 0), {{"x", {0}}}, true));
  EXPECT_EQ(words(test.init("e", {}, 9)), "89");
  EXPECT_EQ(test.transaction("e"), nullptr);
  test.machine().check_invariants();
}

// --- looking ---

TEST(TransactionListing, FiltersAndDescriptions) {
  MachineUnderTest test(2);
  for (const char* id : {"red", "blue", "green"}) test.init(id, {}, 7);
  test.init("other", {}, 8);
  ASSERT_TRUE(test.add("red", producer(7, 0), {{"a", {2, 1}}, {"b", {0}}}, true));
  test.advance(5s);
  const auto names = [&](const TransactionMachine::ListFilter& filter) {
    std::string out;
    for (const auto& one : test.machine().list(filter, test.now.wall)) {
      out += one.transactional_id + " ";
    }
    return out;
  };
  EXPECT_EQ(names({}), "blue green other red ");
  EXPECT_EQ(names({.states = {TransactionState::ongoing}}), "red ");
  EXPECT_EQ(names({.producer_ids = {ProducerId(8)}}), "other ");
  EXPECT_EQ(names({.states = {TransactionState::ongoing}, .duration_ms = 4999}), "red ");
  EXPECT_EQ(names({.states = {TransactionState::ongoing}, .duration_ms = 5000}), "");
  EXPECT_EQ(names({.id_matches = [](std::string_view id) { return id.ends_with("e"); }}), "blue ");

  const auto red = test.machine().describe("red");
  EXPECT_EQ(red.error_code, 0);
  EXPECT_EQ(red.transaction_state, "Ongoing");
  EXPECT_EQ(red.transaction_start_time_ms, test.now.wall.ms() - 5000);
  EXPECT_EQ(red.transaction_timeout_ms, 60'000);
  EXPECT_EQ(red.producer_id, 7);
  EXPECT_EQ(red.producer_epoch, 0);
  ASSERT_EQ(red.topics.size(), 2u);
  EXPECT_EQ(red.topics[0].partitions, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(test.machine().describe("none").error_code, 105);
  EXPECT_EQ(test.machine().describe("").error_code, 42);
}

// --- planted faults that the tables see ---

class Planted {
 public:
  explicit Planted(const char* name) { faults::set_mutant(name); }
  ~Planted() { faults::set_mutant(""); }
};

TEST(TransactionMutants, TheTablesSeeThem) {
  const auto column = [](TransactionState state, auto event) { return outcome(state, 2, event); };
  {
    Planted planted("txn.add_while_ending");
    EXPECT_NE(column(TransactionState::prepare_commit, add(producer(7, 5), true)), "51");
  }
  {
    Planted planted("txn.end_again");
    EXPECT_NE(column(TransactionState::complete_commit, end(producer(7, 4), true, true)), "ok 7:5");
  }
  {
    Planted planted("txn.no_rotation");
    AtEpoch test(TransactionState::ongoing, 32766);
    EXPECT_NE(words(test.end("t", producer(7, 32766), true, true, 900)), "ok 900:0");
  }
  {
    Planted planted("txn.tell_last_epoch");
    AtEpoch test(TransactionState::complete_abort, 32767);
    EXPECT_EQ(words(test.end("t", producer(7, 32766), false, true)), "ok 7:32767");
  }
}

}  // namespace
}  // namespace partita::coordinators
