// Appends of one connection keep their order, whatever waits in front of them.

#include "broker/append_turns.h"

#include <memory>

#include "base/fault_points.h"
#include "broker/transaction_partitions.h"
#include "runtime/sim/sim_test.h"

namespace partita::broker {
namespace {

using Turn = AppendTurns::Turn;

class AppendTurnsTest : public runtime::sim::SimTest {
 protected:
  /// Partitions are told apart by their addresses alone.
  const replication::Partition* partition(size_t n) const {
    return reinterpret_cast<const replication::Partition*>(&places_[n]);
  }

  AppendTurns turns_;
  std::vector<int> order_;

 private:
  std::array<uint64_t, 4> places_ = {};
};

/// Enters when its turn has come and `ready` is there, as a transaction check may be.
Task<void> enter(Scope& scope, std::unique_ptr<Turn> turn, WaitQueue& ready,
                 std::vector<int>& order, int name) {
  if (!co_await ready.wait(scope)) co_return;
  if (!co_await turn->come(scope)) co_return;
  order.push_back(name);
}

TEST_F(AppendTurnsTest, NobodyOvertakes) {
  Scope scope(shard());
  WaitQueue first;
  WaitQueue second;
  scope.spawn(enter(scope, std::make_unique<Turn>(turns_, 1, partition(0)), first, order_, 1));
  EXPECT_TRUE(turns_.busy(1, partition(0)));
  scope.spawn(enter(scope, std::make_unique<Turn>(turns_, 1, partition(0)), second, order_, 2));
  EXPECT_EQ(turns_.held(), 2u);
  second.wake_all();
  world().run_for(1ms);
  EXPECT_TRUE(order_.empty());
  first.wake_all();
  run(scope.join());
  EXPECT_EQ(order_, (std::vector<int>{1, 2}));
  EXPECT_EQ(turns_.held(), 0u);
}

TEST_F(AppendTurnsTest, OtherConnectionsAndPartitionsAreNotHeldUp) {
  const Turn held(turns_, 1, partition(0));
  EXPECT_FALSE(turns_.busy(2, partition(0)));
  EXPECT_FALSE(turns_.busy(1, partition(1)));
  const Turn other(turns_, 2, partition(0));
  EXPECT_TRUE(other.is_first());
}

TEST_F(AppendTurnsTest, OneThatGivesUpLetsTheNextOneGo) {
  auto first = std::make_unique<Turn>(turns_, 1, partition(0));
  auto second = std::make_unique<Turn>(turns_, 1, partition(0));
  Turn third(turns_, 1, partition(0));
  second.reset();
  EXPECT_FALSE(third.is_first());
  first->pass();
  first->pass();
  EXPECT_TRUE(third.is_first());
}

TEST_F(AppendTurnsTest, AClosedScopeEndsTheWait) {
  Scope scope(shard());
  WaitQueue ready;
  const Turn held(turns_, 1, partition(0));
  scope.spawn(enter(scope, std::make_unique<Turn>(turns_, 1, partition(0)), ready, order_, 2));
  ready.wake_all();
  world().run_for(1ms);
  scope.close();
  run(scope.join());
  EXPECT_TRUE(order_.empty());
  EXPECT_TRUE(held.is_first());
}

TEST_F(AppendTurnsTest, AnOvertakerShows) {
  const Turn held(turns_, 1, partition(0));
  faults::set_mutant("broker.overtake");
  const bool seen = turns_.busy(1, partition(0));
  faults::set_mutant("");
  EXPECT_FALSE(seen);
}

TEST(ProduceError, MakesTheProducerDoTheRightThing) {
  const auto heard = [](Errc why, bool bumps, bool knows) {
    return produce_error(Error{why}, bumps, knows).code;
  };
  for (const bool bumps : {false, true}) {
    for (const Errc again : {Errc::network_exception, Errc::coordinator_load_in_progress,
                             Errc::coordinator_not_available, Errc::not_coordinator}) {
      EXPECT_EQ(heard(again, bumps, true), Errc::not_enough_replicas);
    }
    EXPECT_EQ(heard(Errc::producer_fenced, bumps, true), Errc::invalid_producer_epoch);
    EXPECT_EQ(heard(Errc::transaction_abortable, bumps, true), Errc::transaction_abortable);
    EXPECT_EQ(heard(Errc::transaction_abortable, bumps, false), Errc::invalid_txn_state);
    EXPECT_EQ(heard(Errc::invalid_producer_id_mapping, bumps, true),
              Errc::invalid_producer_id_mapping);
  }
  EXPECT_EQ(heard(Errc::concurrent_transactions, false, true), Errc::not_enough_replicas);
  EXPECT_EQ(heard(Errc::concurrent_transactions, true, true), Errc::concurrent_transactions);
}

}  // namespace
}  // namespace partita::broker
