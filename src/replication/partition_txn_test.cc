// Transactions at a partition's leader: markers, guards, the last stable offset and who waits for
// it, what a read_committed fetch answers, DeleteRecords and the producers' description.

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "records/check.h"
#include "replication/partition.h"
#include "storage/log_fixture_test.h"

namespace partita::replication {
namespace {

using storage::LogWorld;
using storage::VerificationGuard;

constexpr NodeId kSelf{1};
constexpr ProducerId kProducer{7};
constexpr ProducerEpoch kEpoch{3};

class WithMutant {
 public:
  explicit WithMutant(std::string_view name) { faults::set_mutant(name); }
  ~WithMutant() { faults::set_mutant(""); }
  WithMutant(const WithMutant&) = delete;
};

class PartitionTxnTest : public testing::Test {
 protected:
  void SetUp() override {
    w.config.segment_bytes = 2000;
    ASSERT_TRUE(w.start());
    make();
  }
  void TearDown() override { drop(); }
  void make(std::vector<NodeId> isr = {kSelf}) {
    scope = std::make_unique<Scope>(w.shard());
    partition =
        std::make_unique<Partition>(*scope, w.log(), codecs, PartitionSettings{.self = kSelf});
    partition->lead({.leader_epoch = LeaderEpoch(1),
                     .partition_epoch = PartitionEpoch(1),
                     .replicas = isr,
                     .isr = isr});
    scope->spawn(partition->start());
    ASSERT_TRUE(w.run(partition->ready()));
  }
  void drop() {
    if (!partition) return;
    partition->retire();
    scope->close();
    w.run(scope->join());
    partition.reset();
    scope.reset();
  }

  Errc append(const storage::BatchSpec& spec, VerificationGuard guard = {}) {
    Bytes bytes = storage::make_batch(spec);
    auto checked = records::check_produced(bytes.view());
    CHECK(checked);
    PendingAppend append(w.shard().executor(),
                         {.bytes = std::move(bytes), .checked = *checked, .guard = guard});
    partition->start_append(append);
    const auto outcome = w.run(finish(append));
    return outcome ? Errc::stopped : outcome.error().error.code;
  }
  static Task<AppendOutcome> finish(PendingAppend& append) { co_return co_await append.done; }

  storage::BatchSpec plain() const {
    return {.values = {"plain"}, .timestamp = storage::kTestTime};
  }
  storage::BatchSpec in_txn(int32_t sequence, ProducerEpoch epoch = kEpoch) const {
    return {.values = {"in a transaction"},
            .producer_id = kProducer,
            .producer_epoch = epoch,
            .base_sequence = sequence,
            .transactional = true};
  }
  VerificationGuard guard(int32_t sequence = 0, ProducerEpoch epoch = kEpoch, bool bumps = false) {
    const auto begun = w.run(partition->begin_verification(kProducer, epoch, sequence, bumps));
    CHECK(begun);
    return *begun;
  }
  Errc mark(bool commit, ProducerEpoch epoch = kEpoch, int32_t coordinator_epoch = 5,
            int8_t version = 1) {
    const auto end = w.run(partition->append_marker({.producer_id = kProducer,
                                                     .producer_epoch = epoch,
                                                     .coordinator_epoch = coordinator_epoch,
                                                     .is_commit = commit,
                                                     .transaction_version = version}));
    if (!end) return end.error().code;
    EXPECT_TRUE(w.run(partition->acknowledged(*end, -1, w.shard().now() + 10s)));
    return kGood;
  }
  FetchAnswer fetch(Offset from, Isolation isolation, size_t bytes_max = 1 << 20) {
    auto answer = w.run(partition->fetch({.from = from,
                                          .bytes_max = bytes_max,
                                          .isolation = isolation,
                                          .at_least_one_batch = true}));
    CHECK(answer);
    return *std::move(answer);
  }
  /// What a client hands on of a read_committed fetch from here on: it skips by the aborted lists.
  std::vector<Offset> committed_records() {
    std::vector<Offset> seen;
    for (Offset at(0);;) {
      FetchAnswer answer = fetch(at, Isolation::read_committed, 200);
      if (answer.size == 0) return seen;
      Buffer bytes;
      for (const Bytes& part : answer.records) bytes.append(part.view());
      records::BatchIterator batches(bytes.view());
      for (auto next = batches.next(); next && *next; next = batches.next()) {
        const records::BatchView& batch = **next;
        at = batch.next_offset();
        const bool aborted = std::ranges::any_of(answer.aborted, [&](const auto& txn) {
          return txn.producer_id == batch.producer_id() &&
                 txn.first_offset <= batch.base_offset() && batch.base_offset() <= txn.last_offset;
        });
        if (!aborted && !batch.attributes().is_control()) seen.push_back(batch.base_offset());
      }
    }
  }

  static constexpr Errc kGood = Errc::stopped;
  LogWorld w;
  Codecs codecs;
  std::unique_ptr<Scope> scope;
  std::unique_ptr<Partition> partition;
};

TEST_F(PartitionTxnTest, ATransactionNeedsItsGuard) {
  EXPECT_EQ(append(in_txn(0)), Errc::invalid_txn_state);
  const VerificationGuard first = guard();
  EXPECT_TRUE(first.needed());
  EXPECT_EQ(append(in_txn(0), {first.value + 1}), Errc::invalid_txn_state);
  EXPECT_EQ(append(in_txn(0), first), kGood);
  EXPECT_FALSE(guard(1).needed());  // it is open here
  EXPECT_EQ(append(in_txn(1)), kGood);
  EXPECT_EQ(mark(true), kGood);
  EXPECT_EQ(append(in_txn(2)), Errc::invalid_txn_state);
  EXPECT_EQ(append(in_txn(1)), kGood);  // a duplicate is answered as the first time
}

TEST_F(PartitionTxnTest, AMarkerTakesTheGuardAway) {
  const VerificationGuard late = guard();
  EXPECT_EQ(mark(false), kGood);
  EXPECT_EQ(append(in_txn(0), late), Errc::invalid_txn_state);
  const VerificationGuard again = guard();
  EXPECT_NE(again, late);
  EXPECT_EQ(append(in_txn(0), late), Errc::invalid_txn_state);
  EXPECT_EQ(append(in_txn(0), again), kGood);
}

TEST_F(PartitionTxnTest, MutantsOfTheGuardHangTransactions) {
  for (const char* name : {"storage.guard_ignored", "storage.verification_outlives_marker"}) {
    const VerificationGuard late = guard();
    const WithMutant mutant(name);
    EXPECT_EQ(mark(false), kGood);
    EXPECT_EQ(append(in_txn(0), late), kGood) << name;
    EXPECT_EQ(mark(false, kEpoch), kGood);
    if (name == std::string("storage.guard_ignored")) {
      drop();
      ASSERT_TRUE(w.run(w.log().truncate_fully_and_start_at(Offset(0))));
      make();
    }
  }
}

TEST_F(PartitionTxnTest, AHigherSequenceWaitsForTheLowerOne) {
  const VerificationGuard low = guard(0);
  EXPECT_EQ(guard(3), low);
  EXPECT_EQ(append(in_txn(3), low), Errc::out_of_order_sequence_number);
  EXPECT_EQ(append(in_txn(0), low), kGood);
  EXPECT_EQ(append(in_txn(1)), kGood);
}

TEST_F(PartitionTxnTest, AProducerThatBumpsItsEpochBeginsWithZero) {
  EXPECT_EQ(append(in_txn(4), guard(4, kEpoch, true)), Errc::out_of_order_sequence_number);
  EXPECT_EQ(append(in_txn(0), guard(0, kEpoch, true)), kGood);
}

TEST_F(PartitionTxnTest, AZombieIsToldThatItIsOne) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  EXPECT_EQ(mark(true, ProducerEpoch(4)), kGood);
  EXPECT_EQ(append(in_txn(1)), Errc::invalid_producer_epoch);
  EXPECT_EQ(mark(true, kEpoch), Errc::invalid_producer_epoch);
}

TEST_F(PartitionTxnTest, MarkersOfOldCoordinatorsAreFenced) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  EXPECT_EQ(mark(true, kEpoch, 5), kGood);
  EXPECT_EQ(mark(true, kEpoch, 4), Errc::transaction_coordinator_fenced);
  EXPECT_EQ(mark(true, kEpoch, 5), kGood);  // twice is once
  EXPECT_EQ(mark(true, kEpoch, 6), kGood);
  EXPECT_EQ(partition->last_stable_offset(), w.log().log_end_offset());
}

TEST_F(PartitionTxnTest, WithEpochsThatAreBumpedAMarkerIsAboveItsData) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  EXPECT_EQ(mark(true, kEpoch, 5, 2), Errc::invalid_producer_epoch);
  EXPECT_EQ(mark(true, ProducerEpoch(4), 5, 2), kGood);
  EXPECT_EQ(mark(true, ProducerEpoch(4), 5, 2), kGood);  // again: nothing is open
  const storage::BatchSpec next = in_txn(0, ProducerEpoch(4));
  EXPECT_EQ(append(next, guard(0, ProducerEpoch(4))), kGood);
  EXPECT_EQ(mark(true, ProducerEpoch(4), 5, 2), Errc::invalid_producer_epoch);  // came late
  const WithMutant mutant("storage.late_marker_accepted");
  EXPECT_EQ(mark(true, ProducerEpoch(4), 5, 2), kGood);
}

TEST_F(PartitionTxnTest, NoRuleOfTheTopicKeepsATransactionOpen) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  storage::LogConfig strict = w.config;
  strict.max_message_bytes = 10;
  strict.cleanup_compact = true;
  strict.compression_type = records::Codec::zstd;
  strict.message_timestamp_type = records::TimestampType::log_append_time;
  partition->update_config(std::make_shared<const storage::LogConfig>(strict), 1);
  EXPECT_EQ(mark(false), kGood);
  EXPECT_EQ(fetch(Offset(0), Isolation::read_committed).aborted.size(), 1u);
}

TEST_F(PartitionTxnTest, CommittedReadersSeeNothingOpenAndNothingAborted) {
  EXPECT_EQ(append(plain()), kGood);
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  for (int i = 0; i < 30; i++) EXPECT_EQ(append(plain()), kGood);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(partition->readable_end(Isolation::read_committed), Offset(1));
  EXPECT_EQ(partition->readable_end(Isolation::read_uncommitted), Offset(32));
  EXPECT_EQ(fetch(Offset(1), Isolation::read_committed).size, 0u);
  EXPECT_EQ(mark(false), kGood);
  EXPECT_EQ(append(in_txn(1), guard(1)), kGood);
  EXPECT_EQ(mark(true), kGood);
  ASSERT_GT(w.log().segment_count(), 1u);
  const FetchAnswer first = fetch(Offset(0), Isolation::read_committed, 1);
  EXPECT_TRUE(first.aborted.empty());
  std::vector<Offset> expected;
  for (Offset at(0); at < Offset(34); at = at.next()) {
    if (at != Offset(1) && at != Offset(32)) expected.push_back(at);
  }
  EXPECT_EQ(committed_records(), expected);
  EXPECT_TRUE(fetch(Offset(0), Isolation::read_uncommitted).aborted.empty());
  const WithMutant mutant("storage.aborted_list_one_segment");
  EXPECT_NE(committed_records(), expected);
}

Task<Result<>> wait_until_readable(Partition& partition, Scope& scope, Offset mark,
                                   Isolation isolation, Deadline deadline) {
  while (partition.readable_end(isolation) < mark) {
    Wait wait(scope, deadline);
    OffsetWaiter waiter(mark, wait);
    partition.wait_readable(waiter, isolation);
    CO_CHECKED(co_await wait);
  }
  co_return Result<>();
}

Task<void> note_result(Task<Result<>> task, std::optional<Result<>>& into) {
  into = co_await std::move(task);
}

TEST_F(PartitionTxnTest, CommittedReadersAreWokenWhenTheTransactionIsStable) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  EXPECT_EQ(append(plain()), kGood);
  ASSERT_TRUE(w.flush());
  std::optional<Result<>> woken;
  Scope waits(w.shard());
  waits.spawn(note_result(wait_until_readable(*partition, waits, Offset(1),
                                              Isolation::read_committed, w.shard().now() + 60s),
                          woken));
  EXPECT_EQ(append(plain()), kGood);
  ASSERT_TRUE(w.flush());
  EXPECT_FALSE(woken.has_value());
  EXPECT_EQ(mark(true), kGood);
  w.run(waits.join());
  ASSERT_TRUE(woken.has_value());
  EXPECT_TRUE(woken->has_value());
  EXPECT_EQ(partition->readable_end(Isolation::read_committed), w.log().log_end_offset());
}

TEST_F(PartitionTxnTest, OffsetsAreListedByIsolation) {
  EXPECT_EQ(append(plain()), kGood);
  storage::BatchSpec late = in_txn(0);
  late.timestamp = WallTime(storage::kTestTime.ms() + 500);
  EXPECT_EQ(append(late, guard()), kGood);
  ASSERT_TRUE(w.flush());
  const auto listed = [&](int64_t timestamp, std::optional<Isolation> isolation) {
    const auto found = w.run(partition->list_offset(timestamp, kNoLeaderEpoch, isolation));
    CHECK(found);
    return found->offset;
  };
  EXPECT_EQ(listed(-1, Isolation::read_uncommitted), Offset(2));
  EXPECT_EQ(listed(-1, Isolation::read_committed), Offset(1));
  EXPECT_EQ(listed(late.timestamp.ms(), Isolation::read_uncommitted), Offset(1));
  EXPECT_EQ(listed(late.timestamp.ms(), Isolation::read_committed), kNoOffset);
  EXPECT_EQ(listed(-3, Isolation::read_committed), kNoOffset);
  EXPECT_EQ(mark(true), kGood);
  EXPECT_EQ(listed(-1, Isolation::read_committed), Offset(3));
}

TEST_F(PartitionTxnTest, RecordsAreDeletedUpToTheHighWatermark) {
  for (int i = 0; i < 40; i++) EXPECT_EQ(append(plain()), kGood);
  ASSERT_TRUE(w.flush());
  const auto removed = [&](int64_t offset) {
    return w.run(partition->delete_records(Offset(offset)));
  };
  EXPECT_EQ(removed(41).error().code, Errc::offset_out_of_range);
  EXPECT_EQ(removed(-2).error().code, Errc::offset_out_of_range);
  EXPECT_EQ(removed(25), Offset(25));
  EXPECT_EQ(removed(7), Offset(25));
  EXPECT_EQ(w.run(partition->fetch({.from = Offset(24), .bytes_max = 100})).error().code,
            Errc::offset_out_of_range);
  EXPECT_EQ(removed(-1), Offset(40));
  storage::LogConfig compacted = w.config;
  compacted.cleanup_delete = false;
  compacted.cleanup_compact = true;
  partition->update_config(std::make_shared<const storage::LogConfig>(compacted), 1);
  EXPECT_EQ(removed(0).error().code, Errc::policy_violation);
  drop();
  w.power_cut();
  ASSERT_TRUE(w.start());
  make();
  EXPECT_EQ(w.log().log_start_offset(), Offset(40));
}

TEST_F(PartitionTxnTest, DeletingBelowAnOpenTransactionMovesTheLastStableOffset) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  for (int i = 0; i < 5; i++) EXPECT_EQ(append(plain()), kGood);
  ASSERT_TRUE(w.flush());
  EXPECT_EQ(partition->last_stable_offset(), Offset(0));
  EXPECT_EQ(w.run(partition->delete_records(Offset(4))), Offset(4));
  EXPECT_EQ(partition->last_stable_offset(), Offset(4));
  EXPECT_EQ(mark(false), kGood);
  EXPECT_EQ(partition->last_stable_offset(), Offset(7));
}

TEST_F(PartitionTxnTest, ProducersAreDescribed) {
  EXPECT_EQ(append(in_txn(0), guard()), kGood);
  const auto open = w.run(partition->describe_producers());
  ASSERT_TRUE(open);
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().producer_id, kProducer);
  EXPECT_EQ(open->front().current_txn_first_offset, Offset(0));
  EXPECT_EQ(mark(true), kGood);
  const auto ended = w.run(partition->describe_producers());
  EXPECT_EQ(ended->front().current_txn_first_offset, kNoOffset);
  EXPECT_EQ(ended->front().coordinator_epoch, 5);
}

}  // namespace
}  // namespace partita::replication
