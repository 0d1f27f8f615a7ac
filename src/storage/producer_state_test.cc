#include "storage/producer_state.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "records/batch.h"
#include "records/control.h"
#include "records/record.h"
#include "runtime/sim/sim_random.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

class ProducerStateTest : public testing::Test {
 protected:
  static ProducerBatch batch(int64_t id, int16_t epoch, int32_t first, int32_t count = 1) {
    return {.producer_id = ProducerId(id),
            .producer_epoch = ProducerEpoch(epoch),
            .first_sequence = first,
            .last_sequence = records::add_sequence(first, count - 1),
            .last_offset = Offset(count - 1),
            .max_timestamp = WallTime(1000 + first % 1000)};
  }
  static ProducerBatch transactional(ProducerBatch batch) {
    batch.is_transactional = true;
    return batch;
  }

  Errc check(const ProducerBatch& batch, SequenceCheck how = SequenceCheck::full) const {
    const auto checked = state_.check(batch, how);
    return checked ? Errc::stopped : checked.error().code;  // stopped stands for "good"
  }
  std::optional<DuplicateBatch> duplicate(const ProducerBatch& batch) const {
    const auto checked = state_.check(batch);
    EXPECT_TRUE(checked);
    return checked.value_or(std::nullopt);
  }
  /// Applies without a check, at the end of the log.
  Offset apply(ProducerBatch batch) {
    const OffsetDelta delta = batch.last_offset - batch.first_offset;
    batch.first_offset = state_.end_offset();
    batch.last_offset = batch.first_offset + delta;
    state_.apply(batch, now_);
    state_.check_invariants();
    return batch.first_offset;
  }
  /// Checked first; answers whether it was new and good.
  bool append(const ProducerBatch& batch) {
    if (check(batch) != kGood || duplicate(batch)) return false;
    apply(batch);
    return true;
  }
  std::optional<CompletedTxn> mark(int64_t id, int16_t epoch, int32_t coordinator_epoch,
                                   bool commit) {
    const auto completed = state_.apply({.producer_id = ProducerId(id),
                                         .producer_epoch = ProducerEpoch(epoch),
                                         .coordinator_epoch = coordinator_epoch,
                                         .is_commit = commit,
                                         .offset = state_.end_offset(),
                                         .timestamp = WallTime(5)},
                                        now_);
    state_.check_invariants();
    return completed;
  }

  static constexpr Errc kGood = Errc::stopped;
  ProducerStateOptions options_{
      .id_expiration = 1h, .producers_max = 100, .verify_transactions = false};
  ProducerState state_{options_};
  Instant now_;
};

TEST_F(ProducerStateTest, SequencesGoOnWithoutGaps) {
  EXPECT_TRUE(append(batch(1, 0, 0, 10)));
  EXPECT_TRUE(append(batch(1, 0, 10, 5)));
  EXPECT_EQ(check(batch(1, 0, 16)), Errc::out_of_order_sequence_number);
  EXPECT_EQ(check(batch(1, 0, 14)), Errc::out_of_order_sequence_number);
  EXPECT_EQ(check(batch(1, 0, -1)), Errc::out_of_order_sequence_number);
  EXPECT_TRUE(append(batch(1, 0, 15)));
  EXPECT_TRUE(append(batch(2, 0, 0)));  // another producer has its own
}

TEST_F(ProducerStateTest, AnUnknownProducerMayBeginAnywhere) {
  EXPECT_TRUE(append(batch(1, 3, 77)));
  EXPECT_EQ(check(batch(1, 3, 79)), Errc::out_of_order_sequence_number);
  EXPECT_TRUE(append(batch(1, 3, 78)));
}

TEST_F(ProducerStateTest, SequencesWrapToZero) {
  EXPECT_TRUE(append(batch(1, 0, kMaxSequence - 2, 3)));
  EXPECT_EQ(check(batch(1, 0, 1)), Errc::out_of_order_sequence_number);
  EXPECT_TRUE(append(batch(1, 0, 0, 4)));

  apply(batch(2, 0, kMaxSequence - 1, 5));  // wraps inside
  EXPECT_EQ(state_.find(ProducerId(2))->last_sequence, 2);
  EXPECT_EQ(duplicate(batch(2, 0, kMaxSequence - 1, 5)),
            (DuplicateBatch{Offset(7), Offset(11), WallTime(1000 + (kMaxSequence - 1) % 1000)}));
  EXPECT_TRUE(append(batch(2, 0, 3)));
}

TEST_F(ProducerStateTest, MutantSequenceWrapIsVisible) {
  EXPECT_TRUE(append(batch(1, 0, kMaxSequence)));
  const WithMutant mutant("storage.sequence_wrap");
  EXPECT_EQ(check(batch(1, 0, 0)), Errc::out_of_order_sequence_number);
}

TEST_F(ProducerStateTest, MutantGapIsVisible) {
  EXPECT_TRUE(append(batch(1, 0, 0)));
  const WithMutant mutant("storage.sequence_gap_accepted");
  EXPECT_EQ(check(batch(1, 0, 5)), kGood);
}

TEST_F(ProducerStateTest, EpochsFenceAndBeginAtZero) {
  EXPECT_TRUE(append(batch(1, 5, 0)));
  EXPECT_EQ(check(batch(1, 4, 1)), Errc::invalid_producer_epoch);
  EXPECT_EQ(check(batch(1, 4, 0)), Errc::invalid_producer_epoch);
  EXPECT_EQ(check(batch(1, 6, 1)), Errc::out_of_order_sequence_number);
  EXPECT_TRUE(append(batch(1, 6, 0)));
  EXPECT_EQ(check(batch(1, 5, 1)), Errc::invalid_producer_epoch);
  EXPECT_TRUE(append(batch(1, 6, 1)));
}

TEST_F(ProducerStateTest, MutantsOfEpochsAreVisible) {
  EXPECT_TRUE(append(batch(1, 5, 0)));
  {
    const WithMutant mutant("storage.new_epoch_any_sequence");
    EXPECT_EQ(check(batch(1, 6, 9)), kGood);
  }
  const WithMutant mutant("storage.zombie_producer_accepted");
  EXPECT_EQ(check(batch(1, 4, 0)), kGood);
}

TEST_F(ProducerStateTest, TheLastFiveBatchesAreKnownAgain) {
  for (int i = 0; i < 7; i++) {
    EXPECT_TRUE(append(batch(1, 0, 10 * i, 10)));
  }
  for (int i = 2; i < 7; i++) {
    EXPECT_EQ(duplicate(batch(1, 0, 10 * i, 10)),
              (DuplicateBatch{Offset(10 * i), Offset(10 * i + 9), WallTime(1000 + 10 * i)}));
  }
  EXPECT_EQ(check(batch(1, 0, 10, 10)), Errc::out_of_order_sequence_number);  // too old
  EXPECT_EQ(check(batch(1, 0, 60, 9)), Errc::out_of_order_sequence_number);   // other bounds
  EXPECT_EQ(check(batch(1, 0, 61, 9)), Errc::out_of_order_sequence_number);
  EXPECT_EQ(check(batch(1, 1, 60, 10)), Errc::out_of_order_sequence_number);  // another epoch
  EXPECT_EQ(state_.end_offset(), Offset(70));  // checks change nothing
}

TEST_F(ProducerStateTest, MutantsOfTheWindowAreVisible) {
  for (int i = 0; i < 5; i++) {
    EXPECT_TRUE(append(batch(1, 0, i)));
  }
  {
    const WithMutant mutant("storage.producer_window_short");
    EXPECT_EQ(check(batch(1, 0, 3)), Errc::out_of_order_sequence_number);
    EXPECT_TRUE(duplicate(batch(1, 0, 4)));
  }
  const WithMutant mutant("storage.duplicate_answers_new_offset");
  EXPECT_EQ(duplicate(batch(1, 0, 3))->first_offset, Offset(5));
}

TEST_F(ProducerStateTest, ANewEpochForgetsTheBatches) {
  EXPECT_TRUE(append(batch(1, 0, 0)));
  EXPECT_TRUE(append(batch(1, 1, 0)));
  EXPECT_EQ(check(batch(1, 0, 0)), Errc::invalid_producer_epoch);  // no duplicate any more
}

TEST_F(ProducerStateTest, BatchesOfOneAppendAreJudgedInOrder) {
  const auto judge = [&](std::vector<ProducerBatch> batches) {
    const auto checked = state_.check(batches);
    return checked ? kGood : checked.error().code;
  };
  EXPECT_EQ(judge({batch(1, 0, 0, 3), batch(2, 0, 0), batch(1, 0, 3)}), kGood);
  EXPECT_EQ(judge({batch(1, 0, 0, 3), batch(1, 0, 4)}), Errc::out_of_order_sequence_number);
  EXPECT_EQ(judge({batch(1, 1, 0), batch(1, 0, 0)}), Errc::invalid_producer_epoch);
  EXPECT_EQ(judge({transactional(batch(1, 0, 0)), batch(1, 0, 1)}), Errc::invalid_txn_state);
  EXPECT_EQ(state_.producer_count(), 0u);
}

TEST_F(ProducerStateTest, BatchesWithoutAProducerPassAndMoveTheEnd) {
  const ProducerBatch plain{.first_offset = Offset(5), .last_offset = Offset(9)};
  EXPECT_EQ(check(plain), kGood);
  state_.apply(plain, now_);
  EXPECT_EQ(state_.end_offset(), Offset(10));
  state_.advance_to(Offset(20));
  state_.advance_to(Offset(15));
  EXPECT_EQ(state_.end_offset(), Offset(20));
  EXPECT_EQ(state_.producer_count(), 0u);
  EXPECT_TRUE(state_.snapshot().empty());
}

TEST_F(ProducerStateTest, ACoordinatorNumbersNothing) {
  EXPECT_TRUE(append(transactional(batch(1, 2, 0))));
  ProducerBatch offsets = transactional(batch(1, 2, 0));
  offsets.first_sequence = offsets.last_sequence = -1;
  EXPECT_EQ(check(offsets), Errc::out_of_order_sequence_number);
  EXPECT_EQ(check(offsets, SequenceCheck::epoch_only), kGood);
  apply(offsets);
  apply(offsets);
  EXPECT_EQ(check(offsets, SequenceCheck::epoch_only), kGood);  // and no duplicate
  offsets.producer_epoch = ProducerEpoch(1);
  EXPECT_EQ(check(offsets, SequenceCheck::epoch_only), Errc::invalid_producer_epoch);
}

TEST_F(ProducerStateTest, AnOpenTransactionHoldsTheStableOffset) {
  state_.advance_to(Offset(100));
  EXPECT_EQ(state_.last_stable_offset(Offset(0), Offset(90)), Offset(90));
  apply(transactional(batch(1, 0, 0, 10)));  // 100..109
  apply(transactional(batch(2, 0, 0, 10)));  // 110..119
  apply(transactional(batch(1, 0, 10, 5)));  // 120..124
  EXPECT_EQ(state_.first_unstable_offset(), Offset(100));
  EXPECT_EQ(state_.last_stable_offset(Offset(0), Offset(125)), Offset(100));
  EXPECT_EQ(state_.last_stable_offset(Offset(0), Offset(95)), Offset(95));
  EXPECT_EQ(state_.last_stable_offset(Offset(105), Offset(125)), Offset(105));
  EXPECT_TRUE(state_.has_open_transactions());

  EXPECT_EQ(mark(1, 0, 3, true),  // at 125
            (CompletedTxn{.producer_id = ProducerId(1),
                          .first_offset = Offset(100),
                          .last_offset = Offset(125),
                          .is_aborted = false,
                          .last_stable_offset = Offset(110)}));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(100));  // the marker is not replicated yet
  state_.on_high_watermark(Offset(125));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(100));
  state_.on_high_watermark(Offset(126));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(110));

  EXPECT_EQ(mark(2, 0, 3, false), (CompletedTxn{.producer_id = ProducerId(2),
                                                .first_offset = Offset(110),
                                                .last_offset = Offset(126),
                                                .is_aborted = true,
                                                .last_stable_offset = Offset(127)}));
  EXPECT_FALSE(state_.has_open_transactions());
  state_.on_high_watermark(Offset(127));
  EXPECT_EQ(state_.first_unstable_offset(), std::nullopt);
  EXPECT_EQ(mark(2, 0, 3, false), std::nullopt);  // nothing was open
}

TEST_F(ProducerStateTest, MutantStableAtMarkerIsVisible) {
  apply(transactional(batch(1, 0, 0)));
  const WithMutant mutant("storage.lso_at_marker_append");
  mark(1, 0, 0, true);
  EXPECT_EQ(state_.first_unstable_offset(), std::nullopt);
}

TEST_F(ProducerStateTest, InATransactionOnlyItsBatches) {
  EXPECT_TRUE(append(transactional(batch(1, 0, 0))));
  EXPECT_EQ(check(batch(1, 0, 1)), Errc::invalid_txn_state);
  EXPECT_TRUE(append(transactional(batch(1, 0, 1))));
  mark(1, 0, 0, true);
  EXPECT_TRUE(append(batch(1, 0, 2)));  // sequences go on behind the marker
}

TEST_F(ProducerStateTest, MarkersAreFencedByBothEpochs) {
  const EndTxnMarker marker{
      .producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(5), .coordinator_epoch = 7};
  EXPECT_TRUE(state_.check(marker));  // unknown producer
  apply(transactional(batch(1, 5, 0)));
  mark(1, 5, 7, true);
  EXPECT_TRUE(state_.check(marker));
  EndTxnMarker old = marker;
  old.producer_epoch = ProducerEpoch(4);
  EXPECT_EQ(state_.check(old).error().code, Errc::invalid_producer_epoch);
  old = marker;
  old.coordinator_epoch = 6;
  EXPECT_EQ(state_.check(old).error().code, Errc::transaction_coordinator_fenced);
  const WithMutant mutant("storage.marker_of_old_coordinator");
  EXPECT_TRUE(state_.check(old));
}

TEST_F(ProducerStateTest, AMarkerOfANewEpochBeginsAtZero) {
  apply(transactional(batch(1, 5, 0, 3)));
  mark(1, 6, 0, false);
  EXPECT_EQ(check(batch(1, 5, 3)), Errc::invalid_producer_epoch);
  EXPECT_EQ(check(batch(1, 6, 3)), Errc::out_of_order_sequence_number);
  EXPECT_EQ(check(batch(1, 6, 0)), kGood);
}

TEST_F(ProducerStateTest, IdleProducersExpireButNotInTransactions) {
  apply(batch(1, 0, 0));
  apply(transactional(batch(2, 0, 0)));
  now_ = now_ + Duration(30min);
  apply(batch(3, 0, 0));
  EXPECT_EQ(state_.expire(now_ + Duration(29min)), 0u);
  EXPECT_EQ(state_.expire(now_ + Duration(30min)), 1u);
  EXPECT_FALSE(state_.find(ProducerId(1)));
  EXPECT_EQ(state_.expire(now_ + Duration(100h)), 1u);
  EXPECT_EQ(state_.producer_count(), 1u);  // 2
  now_ = now_ + Duration(100h);
  mark(2, 0, 0, true);
  state_.on_high_watermark(state_.end_offset());
  EXPECT_EQ(state_.expire(now_), 0u);  // it counts from the marker on
  EXPECT_EQ(state_.expire(now_ + Duration(1h)), 1u);
  EXPECT_EQ(state_.producer_count(), 0u);
  EXPECT_EQ(check(batch(1, 0, 50)), kGood);
}

TEST_F(ProducerStateTest, TooManyProducersEvictTheIdlest) {
  apply(transactional(batch(1000, 0, 0)));
  for (int64_t id = 0; id < 250; id++) {
    apply(batch(id, 0, 0));
    apply(batch(0, 0, static_cast<int32_t>(id) + 1));  // 0 is never idle
  }
  EXPECT_EQ(state_.producer_count(), 100u);
  EXPECT_EQ(state_.evicted(), 151u);
  EXPECT_TRUE(state_.find(ProducerId(0)));
  EXPECT_TRUE(state_.find(ProducerId(1000)));
  EXPECT_TRUE(state_.find(ProducerId(249)));
  EXPECT_FALSE(state_.find(ProducerId(151)));
  EXPECT_TRUE(state_.find(ProducerId(152)));
  for (int64_t id = 5000; id < 5300; id++) mark(id, 0, 0, true);  // markers are bounded too
  EXPECT_EQ(state_.producer_count(), 100u);
}

TEST_F(ProducerStateTest, ASnapshotRestoresTheLastBatches) {
  for (int i = 0; i < 6; i++) append(batch(7, 2, 10 * i, 10));
  apply(transactional(batch(3, 0, kMaxSequence - 1, 5)));
  mark(9, 4, 8, true);
  const auto entries = state_.snapshot();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].producer_id, ProducerId(3));
  EXPECT_EQ(entries[0].current_txn_first_offset, Offset(60));
  EXPECT_EQ(entries[2].last_offset, kNoOffset);
  EXPECT_EQ(entries[2].coordinator_epoch, 8);

  const auto was = duplicate(batch(7, 2, 50, 10));
  const auto wrapped = duplicate(transactional(batch(3, 0, kMaxSequence - 1, 5)));
  const Offset end = state_.end_offset();
  ASSERT_TRUE(state_.load(entries, end, now_));
  state_.check_invariants();
  EXPECT_EQ(state_.end_offset(), end);
  EXPECT_EQ(state_.snapshot(), entries);
  EXPECT_EQ(duplicate(batch(7, 2, 50, 10)), was);
  EXPECT_EQ(duplicate(transactional(batch(3, 0, kMaxSequence - 1, 5))), wrapped);
  EXPECT_EQ(check(batch(7, 2, 40, 10)), Errc::out_of_order_sequence_number);  // not kept
  EXPECT_TRUE(append(batch(7, 2, 60)));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(60));
  EXPECT_EQ(check(batch(9, 4, 1)), Errc::out_of_order_sequence_number);
}

TEST_F(ProducerStateTest, AContradictorySnapshotChangesNothing) {
  append(batch(1, 0, 0));
  const auto before = state_.snapshot();
  const ProducerSnapshotEntry good{.producer_id = ProducerId(5),
                                   .producer_epoch = ProducerEpoch(0),
                                   .last_sequence = 9,
                                   .last_offset = Offset(9),
                                   .offset_delta = 9,
                                   .current_txn_first_offset = Offset(0)};
  const auto refused = [&](auto change) {
    std::vector<ProducerSnapshotEntry> entries = {good, good};
    entries[1].producer_id = ProducerId(6);
    entries[1].current_txn_first_offset = Offset(3);
    change(entries[1]);
    const auto loaded = state_.load(entries, Offset(20), now_);
    return !loaded && loaded.error().code == Errc::corrupt_data && state_.snapshot() == before;
  };
  EXPECT_TRUE(refused([](auto& e) { e.producer_id = ProducerId(5); }));
  EXPECT_TRUE(refused([](auto& e) { e.producer_id = ProducerId(-1); }));
  EXPECT_TRUE(refused([](auto& e) { e.producer_epoch = ProducerEpoch(-2); }));
  EXPECT_TRUE(refused([](auto& e) { e.last_sequence = -2; }));
  EXPECT_TRUE(refused([](auto& e) { e.last_offset = Offset(20); }));
  EXPECT_TRUE(refused([](auto& e) { e.last_offset = Offset(-2); }));
  EXPECT_TRUE(refused([](auto& e) { e.offset_delta = 10; }));
  EXPECT_TRUE(refused([](auto& e) { e.offset_delta = -1; }));
  EXPECT_TRUE(refused([](auto& e) { e.current_txn_first_offset = Offset(0); }));
  EXPECT_TRUE(refused([](auto& e) { e.current_txn_first_offset = Offset(20); }));
  EXPECT_TRUE(refused([](auto& e) { e.current_txn_first_offset = Offset(-2); }));
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_EQ(state_.producer_count(), 2u);
  state_.reset(Offset(4));
  EXPECT_EQ(state_.producer_count(), 0u);
  EXPECT_EQ(state_.end_offset(), Offset(4));
}

TEST_F(ProducerStateTest, ReplayFromAnySnapshotEndsInTheSameState) {
  runtime::sim::SimRandom random(3);
  std::vector<ProducerBatch> log;
  std::map<int64_t, int32_t> next;
  for (int i = 0; i < 400; i++) {
    const int64_t id = static_cast<int64_t>(random.below(8));
    ProducerBatch b = batch(id, 0, next[id], 1 + static_cast<int32_t>(random.below(4)));
    next[id] = records::add_sequence(b.last_sequence, 1);
    b.is_transactional = random.below(3) == 0;
    const OffsetDelta delta = b.last_offset - b.first_offset;
    b.first_offset = log.empty() ? Offset(0) : log.back().last_offset.next();
    b.last_offset = b.first_offset + delta;
    log.push_back(b);
  }
  for (const auto& b : log) state_.apply(b, now_);
  for (size_t cut = 0; cut <= log.size(); cut += 37) {
    ProducerState early(options_);
    for (size_t i = 0; i < cut; i++) early.apply(log[i], now_);
    ProducerState late(options_);
    ASSERT_TRUE(late.load(early.snapshot(), early.end_offset(), now_));
    for (size_t i = cut; i < log.size(); i++) late.apply(log[i], now_);
    EXPECT_EQ(late.snapshot(), state_.snapshot()) << cut;
    EXPECT_EQ(late.end_offset(), state_.end_offset());
    EXPECT_EQ(late.first_unstable_offset(), state_.first_unstable_offset());
  }
}

/// Replays a log that Kafka wrote.
void replay(ProducerState& state, const Bytes& log) {
  records::BatchIterator batches(log.view());
  for (auto next = batches.next(); next && *next; next = batches.next()) {
    const records::BatchView& batch = **next;
    if (!batch.attributes().is_control()) {
      state.apply(ProducerBatch::of(batch), Instant());
      continue;
    }
    records::RecordIterator records(batch.records(), 1);
    records::Record record;
    ASSERT_EQ(records.next(record), true);
    const auto type = records::decode_control_key(*record.key);
    const auto epoch = records::decode_end_txn_marker(*record.value);
    ASSERT_TRUE(type && epoch);
    state.apply({.producer_id = batch.producer_id(),
                 .producer_epoch = batch.producer_epoch(),
                 .coordinator_epoch = *epoch,
                 .is_commit = *type == records::ControlType::commit,
                 .offset = batch.base_offset(),
                 .timestamp = batch.max_timestamp()},
                Instant());
  }
}

TEST_F(ProducerStateTest, KafkasIdempotentLogLeadsToKafkasSnapshot) {
  replay(state_, kafka_file("records/testdata/idempotent-0.00000000000000000000.log"));
  const Bytes kafka = kafka_file("storage/testdata/idempotent-0.00000000000000000300.snapshot");
  EXPECT_EQ(state_.end_offset(), Offset(300));
  EXPECT_TRUE(equal(encode_producer_snapshot(state_.snapshot()).view(), kafka.view()));
}

TEST_F(ProducerStateTest, KafkasTransactionsLeadToKafkasSnapshots) {
  replay(state_, kafka_file("records/testdata/txn-0.00000000000000000000.log"));
  const Bytes first = kafka_file("storage/testdata/txn-0.00000000000000000010.snapshot");
  EXPECT_TRUE(equal(encode_producer_snapshot(state_.snapshot()).view(), first.view()));
  replay(state_, kafka_file("records/testdata/txn-0.00000000000000000010.log"));
  const Bytes second = kafka_file("storage/testdata/txn-0.00000000000000000054.snapshot");
  EXPECT_EQ(state_.snapshot(), *decode_producer_snapshot(second.view()));
  EXPECT_EQ(state_.end_offset(), Offset(54));
  EXPECT_EQ(state_.last_stable_offset(Offset(0), Offset(54)), Offset(0));
  state_.on_high_watermark(Offset(54));
  EXPECT_EQ(state_.last_stable_offset(Offset(0), Offset(54)), Offset(44));
}

}  // namespace
}  // namespace partita::storage
