#include <algorithm>
#include <limits>

#include "runtime/sim/crash_enumerator.h"
#include "runtime/sim/sim_test.h"
#include "storage/leader_epoch_cache.h"
#include "storage/offset_checkpoint.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

using Entries = std::vector<OffsetCheckpointEntry>;

OffsetCheckpointEntry entry(std::string topic, int32_t partition, int64_t offset) {
  return {
      .topic = std::move(topic), .partition = PartitionIndex(partition), .offset = Offset(offset)};
}

Errc offset_error(std::string_view text) {
  const auto decoded = decode_offset_checkpoint(as_bytes(text));
  return decoded ? Errc::stopped : decoded.error().code;
}

TEST(OffsetCheckpoint, RoundTrips) {
  for (const Entries& entries : {Entries{}, Entries{entry("a", 0, 0)},
                                 Entries{entry("b.c-d_E", std::numeric_limits<int32_t>::max(),
                                               std::numeric_limits<int64_t>::max()),
                                         entry("a", 0, 7), entry("a", 1, 7)}}) {
    EXPECT_EQ(decode_offset_checkpoint(encode_offset_checkpoint(entries).view()), entries);
  }
}

TEST(OffsetCheckpoint, KafkasFilesAreReadAndWrittenAlike) {
  for (const char* name : {"recovery-point-offset-checkpoint", "replication-offset-checkpoint",
                           "log-start-offset-checkpoint", "cleaner-offset-checkpoint"}) {
    const Bytes kafka = kafka_file("storage/testdata/" + std::string(name));
    const auto entries = decode_offset_checkpoint(kafka.view());
    ASSERT_TRUE(entries) << name;
    EXPECT_FALSE(entries->empty());
    EXPECT_EQ(as_text(encode_offset_checkpoint(*entries).view()), as_text(kafka.view()));
  }
  const auto starts =
      decode_offset_checkpoint(kafka_file("storage/testdata/log-start-offset-checkpoint").view());
  EXPECT_EQ(*starts, Entries{entry("trimmed", 0, 40)});
}

TEST(OffsetCheckpoint, AnythingElseIsCorruptAndNeverOffsetZero) {
  EXPECT_EQ(offset_error("0\n1\na 0 5\n"), Errc::stopped);
  for (const char* text : {"",
                           "0",
                           "0\n",
                           "0\n1\n",
                           "0\n0",
                           "0\n1\na 0 5",
                           "0\n1\na 0 5\n\n",
                           "0\n1\na 0 5\nb 0 5\n",
                           "0\n2\na 0 5\n",
                           "1\n1\na 0 5\n",
                           "0\n-1\n",
                           "0\n1\n\n",
                           "0\n1\na 0\n",
                           "0\n1\na 0 5 6\n",
                           "0\n1\na  0 5\n",
                           "0\n1\n 0 5\n",
                           "0\n1\na 0 -5\n",
                           "0\n1\na -1 5\n",
                           "0\n1\na x 5\n",
                           "0\n1\na 0 5x\n",
                           "0\n1\na 0 05\n",
                           "0\n1\na 0 +5\n",
                           "0\n1\na 0 5 \n",
                           "0\n1\na 0 \n",
                           "0\n1\na 2147483648 5\n",
                           "0\n1\na 0 9223372036854775808\n",
                           "0\r\n1\r\na 0 5\r\n",
                           "0\n2\na 0 5\na 0 6\n",
                           "0\n999999999999\na 0 5\n",
                           "garbage",
                           "\0\0\0\0"}) {
    EXPECT_EQ(offset_error(text), Errc::corrupt_data) << text;
  }
}

TEST(OffsetCheckpoint, EveryPrefixOfAFileIsRefused) {
  const Bytes kafka = kafka_file("storage/testdata/recovery-point-offset-checkpoint");
  for (size_t size = 0; size < kafka.size(); size++) {
    EXPECT_EQ(offset_error(as_text(kafka.view().first(size))), Errc::corrupt_data) << size;
  }
}

TEST(OffsetCheckpoint, TenThousandEntriesRoundTrip) {
  Entries entries;
  for (int i = 0; i < 10000; i++) entries.push_back(entry("topic" + std::to_string(i % 100), i, i));
  EXPECT_EQ(decode_offset_checkpoint(encode_offset_checkpoint(entries).view()), entries);
}

class CheckpointFileTest : public runtime::sim::SimTest {
 protected:
  static constexpr const char* kPath = "/recovery-point-offset-checkpoint";

  /// Replaces the checkpoint again and again and notes when each version was acknowledged.
  void record() {
    sim_disk().start_recording();
    for (const Entries& version : versions_) {
      ASSERT_TRUE(run(write_offset_checkpoint(executor(), disk(), kPath, version)));
      acknowledged_.push_back(sim_disk().log_position());
    }
  }
  /// A whole version, none older than what was acknowledged.
  bool holds(const runtime::sim::CrashPoint& point, const runtime::sim::DiskImage& image) const {
    size_t least = 0;
    while (least < acknowledged_.size() && acknowledged_[least] <= point.log_position) least++;
    const auto file = image.find(kPath);
    if (!file) return least == 0;
    const auto entries = decode_offset_checkpoint(image.contents(*file));
    if (!entries) return false;
    const auto found = std::ranges::find(versions_, *entries);
    return found != versions_.end() && found - versions_.begin() + 1 >= static_cast<long>(least);
  }
  bool survives_every_crash() const {
    return runtime::sim::CrashEnumerator(node_recording_)
        .for_each_while([&](const auto& point, const auto& image) { return holds(point, image); });
  }

  std::vector<Entries> versions_ = {Entries(30, entry("t", 0, 1)), {entry("a", 0, 3)}, {}};
  std::vector<uint64_t> acknowledged_;
  runtime::sim::DiskRecording node_recording_;

  void SetUp() override {
    for (int i = 0; i < 30; i++) versions_[0][i].partition = PartitionIndex(i * 1000000);
  }
};

TEST_F(CheckpointFileTest, ReplacingSurvivesAPowerCutAtEveryStep) {
  record();
  node_recording_ = sim_disk().recording();
  size_t images = 0;
  runtime::sim::CrashEnumerator(node_recording_)
      .for_each([&](const auto& point, const auto& image) {
        images++;
        EXPECT_TRUE(holds(point, image)) << point.to_string();
      });
  EXPECT_GT(images, 30u);
}

TEST_F(CheckpointFileTest, MutantWithoutTheDirectorySyncIsVisible) {
  const WithMutant mutant("storage.checkpoint_no_rename_sync");
  record();
  node_recording_ = sim_disk().recording();
  EXPECT_FALSE(survives_every_crash());
}

TEST_F(CheckpointFileTest, EverySyncAndRenameIsNeeded) {
  record();
  node_recording_ = sim_disk().recording();
  runtime::sim::CrashEnumerator crashes(node_recording_);
  size_t tried = 0;
  for (const runtime::sim::DiskOp& op : crashes.ops()) {
    using enum runtime::sim::DiskOpKind;
    if (op.kind != sync && op.kind != sync_directory && op.kind != rename) continue;
    crashes.with_all();
    crashes.without(op.sequence);
    EXPECT_FALSE(crashes.for_each_while([&](const auto& point, const auto& image) {
      return holds(point, image);
    })) << runtime::sim::describe(op);
    tried++;
  }
  EXPECT_EQ(tried, 9u);
}

TEST_F(CheckpointFileTest, ReadsBackAndTellsWhatIsMissing) {
  EXPECT_EQ(run(read_offset_checkpoint(executor(), disk(), kPath)).error().code, Errc::not_found);
  ASSERT_TRUE(run(write_offset_checkpoint(executor(), disk(), kPath, versions_[0])));
  EXPECT_EQ(run(read_offset_checkpoint(executor(), disk(), kPath)), versions_[0]);
  auto file = disk().open(kPath, OpenMode::write);
  ASSERT_TRUE((*file)->truncate(3));
  EXPECT_EQ(run(read_offset_checkpoint(executor(), disk(), kPath)).error().code,
            Errc::corrupt_data);
}

}  // namespace
}  // namespace partita::storage
