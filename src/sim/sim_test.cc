#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "base/fault_points.h"
#include "sim/simulation.h"

namespace partita::sim {
namespace {

std::string words(const Outcome& outcome) {
  std::string all = outcome.plan;
  for (const std::string& finding : outcome.findings) all += "\n" + finding;
  return all;
}

Outcome simulate_quietly(uint64_t seed) {
  return simulate(seed, Log(null_log_sink(), "sim"));
}

TEST(Simulation, SeedsPass) {
  for (uint64_t seed = 100; seed < 110; seed++) {
    const Outcome outcome = simulate_quietly(seed);
    EXPECT_EQ(outcome.verdict, Verdict::passed) << "seed " << seed << ": " << words(outcome);
    EXPECT_GT(outcome.acknowledged, 0U) << "seed " << seed;
  }
}

TEST(Simulation, OneSeedGivesOneHash) {
  for (uint64_t seed = 200; seed < 203; seed++) {
    const Outcome once = simulate_quietly(seed);
    const Outcome again = simulate_quietly(seed);
    EXPECT_EQ(once.trace_hash, again.trace_hash) << "seed " << seed;
    EXPECT_EQ(once.steps, again.steps) << "seed " << seed;
  }
  EXPECT_NE(simulate_quietly(200).trace_hash, simulate_quietly(201).trace_hash);
}

#if PARTITA_FAULTS

constexpr uint64_t kFirstSeed = 100;
constexpr uint64_t kSeedsMax = 150;

/// Planted faults; each is found by some seed of the first kSeedsMax.
class PlantedFault : public testing::TestWithParam<const char*> {
 protected:
  static void TearDownTestSuite() {
    std::printf("%-44s %5s  %s\n", "planted fault", "seeds", "what the last one found");
    for (const std::string& line : table()) std::puts(line.c_str());
    table().clear();
  }
  static std::vector<std::string>& table() {
    static std::vector<std::string> lines;
    return lines;
  }
};

TEST_P(PlantedFault, IsFound) {
  faults::set_mutant(GetParam());
  uint64_t tried = 0;
  Outcome outcome;
  while (tried < kSeedsMax && outcome.verdict == Verdict::passed) {
    outcome = simulate_quietly(kFirstSeed + tried++);
  }
  faults::set_mutant("");
  ASSERT_NE(outcome.verdict, Verdict::passed) << GetParam() << " passed " << tried << " seeds";
  RecordProperty("seeds", static_cast<int>(tried));
  table().push_back(
      fmt::format("{:<44} {:>5}  {}", GetParam(), tried, outcome.findings.front().substr(0, 90)));
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, PlantedFault,
    testing::Values("broker.fetch_session_epoch_unchecked", "broker.fetch_session_keeps_forgotten",
                    "client.record_before_position", "client.retry_new_sequence",
                    "client.sequence_not_bumped", "controller.shrink_topics",
                    "metadata.keep_configs_of_deleted", "raft.count_unflushed",
                    "records.check_ignores_crc", "records.check_trusts_offset_deltas",
                    "records.lookup_strictly_after", "records.stamp_forgets_epoch",
                    "records.verify_ignores_crc", "replication.acknowledge_early",
                    "replication.acknowledge_unflushed", "replication.high_watermark_off_by_one",
                    "replication.read_above_high_watermark", "rpc.overlap_all",
                    "rpc.response_order", "storage.append_duplicates", "storage.deleted_files_stay",
                    "storage.duplicate_answers_new_offset", "storage.early_ack",
                    "storage.index_off_by_one", "storage.new_epoch_any_sequence",
                    "storage.no_partition_metadata", "storage.producer_window_short",
                    "storage.retention_believes_clock", "storage.retention_deletes_too_much",
                    "storage.sequence_gap_accepted", "storage.sequence_wrap",
                    "storage.skip_directory_sync", "storage.skip_sync.active",
                    "storage.time_index_wrong_entry", "storage.zombie_producer_accepted",
                    "wire.accept_tag_order"));

#endif

}  // namespace
}  // namespace partita::sim
