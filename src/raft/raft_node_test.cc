// The driver on a simulated disk: first start, restarts, kills, snapshots, readers, and a log that
// Apache Kafka wrote.

#include "raft/raft_node.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/fault_points.h"
#include "base/source_path_test.h"
#include "raft/quorum_state.h"
#include "records/batch_builder.h"
#include "runtime/sim/crash_enumerator.h"
#include "runtime/sim/world.h"
#include "wire/error_code.h"

namespace partita::raft {
namespace {

using runtime::sim::CrashEnumerator;
using runtime::sim::CrashPoint;
using runtime::sim::DiskImage;
using runtime::sim::SimNode;
using runtime::sim::SimWorld;

const ReplicaKey kSelf{NodeId(1), Uuid::from_random(3, 4)};
const std::string kCluster = "MkU3OEVBNTcwNTJENDM2Qg";

Bytes bootstrap_snapshot() {
  SnapshotBuilder builder({Offset(0), LeaderEpoch(0)}, 0, WallTime(1));
  EXPECT_TRUE(builder.add_quorum(1, VoterSet({Voter{kSelf, {{"CONTROLLER", "127.0.0.1", 9093}}}})));
  return std::move(*builder.finish()).freeze();
}

/// One machine with a data directory and a raft node in it.
class RaftWorld {
 public:
  explicit RaftWorld(DiskImage image = {}, ReplicaKey self = kSelf)
      : self_(self), world_(1), node_(world_.add_node({.image = std::move(image)})) {}
  ~RaftWorld() { drop(); }

  void format() {
    node_.disk().put("/data/__cluster_metadata-0/" + snapshot_name({}),
                     bootstrap_snapshot().view());
  }
  Result<> start() {
    scope_ = std::make_unique<Scope>(node_.shard());
    const Log log(null_log_sink(), "test");
    auto opened = run(storage::LogDirectory::open(*scope_, {.path = "/data"}, log));
    if (!opened) return std::unexpected(opened.error());
    directory_ = *std::move(opened);
    std::optional<storage::FoundPartition> metadata;
    for (storage::FoundPartition& found : directory_->take_found()) {
      if (found.name.topic == kMetadataTopic) metadata = std::move(found);
    }
    auto raft = run(RaftNode::open(*scope_, *directory_, std::move(metadata),
                                   {.self = self_, .cluster_id = kCluster}, log));
    if (!raft) return std::unexpected(raft.error());
    raft_ = *std::move(raft);
    return run(raft_->wait_committed(raft_->epoch(), raft_->log_end()));
  }
  Result<> stop() {
    const Result<> closed = run(raft_->close());
    if (closed) EXPECT_TRUE(run(directory_->close_cleanly(BrokerEpoch(1))));
    drop();
    return closed;
  }
  /// The process ends, the page cache stays.
  void drop() {
    if (!scope_) return;
    scope_->close();
    run_void(scope_->join());
    raft_.reset();
    directory_.reset();
    scope_.reset();
  }
  Result<Offset> append(const std::vector<std::string>& values) {
    records::BatchBuilder builder(
        {.base_offset = raft_->log_end(), .partition_leader_epoch = raft_->epoch()});
    for (const std::string& value : values)
      builder.append({.value = as_bytes(value), .timestamp = WallTime(1)});
    const LeaderEpoch epoch = raft_->epoch();
    CHECKED(raft_->append(epoch, *builder.build(), static_cast<int32_t>(values.size())));
    const Offset end = raft_->log_end();
    CHECKED(run(raft_->wait_committed(epoch, end)));
    return end;
  }
  Result<> snapshot() {
    const OffsetAndEpoch id = raft_->snapshot_id(raft_->high_watermark());
    SnapshotBuilder builder = raft_->start_snapshot(id, 1);
    CHECKED(builder.add_quorum(1, raft_->machine().voters()));
    CHECKED(builder.add_frame(as_bytes("state")));
    return run(raft_->finish_snapshot(id, std::move(builder)));
  }
  std::vector<std::string> committed_values() {
    std::vector<std::string> values;
    Offset next = raft_->log_start();
    while (next < raft_->high_watermark()) {
      const auto bytes = run(raft_->read_committed(next, 1 << 20));
      EXPECT_TRUE(bytes) << describe(bytes.error());
      if (!bytes) return values;
      records::BatchIterator batches(bytes->view());
      while (true) {
        const auto batch = batches.next();
        if (!batch || !*batch) break;
        next = (**batch).next_offset();
        if ((**batch).attributes().is_control()) continue;
        records::RecordIterator records((**batch).records(), (**batch).record_count());
        records::Record record;
        while (*records.next(record)) values.emplace_back(as_text(*record.value));
      }
    }
    return values;
  }
  wire::FetchResponse fetch(int64_t offset, int32_t last_epoch, int32_t max_wait_ms = 0) {
    wire::FetchRequest request;
    request.cluster_id = kCluster;
    request.max_wait_ms = max_wait_ms;
    request.replica_state.replica_id = 7;
    request.topics.push_back({.topic_id = kMetadataTopicId,
                              .partitions = {{.current_leader_epoch = raft_->epoch().value(),
                                              .fetch_offset = offset,
                                              .last_fetched_epoch = last_epoch,
                                              .partition_max_bytes = 1 << 20}}});
    return *run(raft_->fetch(std::move(request)));
  }

  template <class T>
  T run(Task<T> task) {
    return world_.run(node_.shard(), std::move(task));
  }
  void run_void(Task<void> task) { world_.run(node_.shard(), std::move(task)); }
  RaftNode& raft() { return *raft_; }
  SimNode& node() { return node_; }
  runtime::sim::SimDisk& disk() { return node_.disk(); }

 private:
  const ReplicaKey self_;
  SimWorld world_;
  SimNode& node_;
  std::unique_ptr<Scope> scope_;
  std::unique_ptr<storage::LogDirectory> directory_;
  std::unique_ptr<RaftNode> raft_;
};

using Values = std::vector<std::string>;

TEST(RaftNode, TheFirstStartWritesWhatKafkaWrites) {
  RaftWorld w;
  w.format();
  ASSERT_TRUE(w.start());
  EXPECT_TRUE(w.raft().is_leader());
  EXPECT_EQ(w.raft().epoch(), LeaderEpoch(1));
  EXPECT_EQ(w.raft().high_watermark(), Offset(3));
  EXPECT_EQ(as_text(w.disk().contents("/data/__cluster_metadata-0/quorum-state")->view()),
            R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,)"
            R"("votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})");
  const auto bytes = w.run(w.raft().read_committed(Offset(0), 1 << 20));
  const auto batch = records::BatchView::parse(bytes->view());
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->attributes().is_control());
  EXPECT_EQ(batch->record_count(), 3);
  QuorumRecords quorum;
  ASSERT_TRUE(read_control_batch(*batch, quorum));
  EXPECT_EQ(quorum.kraft_version, 1);
  ASSERT_TRUE(quorum.voters);
  EXPECT_TRUE(quorum.voters->is_only(kSelf));
}

TEST(RaftNode, KeepsWhatItCommittedOverStopsAndKills) {
  RaftWorld w;
  w.format();
  ASSERT_TRUE(w.start());
  ASSERT_TRUE(w.append({"a", "b"}));
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.raft().epoch(), LeaderEpoch(2));
  ASSERT_TRUE(w.append({"c"}));
  EXPECT_EQ(w.committed_values(), (Values{"a", "b", "c"}));
  w.drop();
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.raft().epoch(), LeaderEpoch(3));
  EXPECT_EQ(w.raft().log_end(), Offset(3 + 2 + 1 + 1 + 1));
  EXPECT_EQ(w.committed_values(), (Values{"a", "b", "c"}));
}

TEST(RaftNode, SnapshotsTrimTheLogAndAreServed) {
  RaftWorld w;
  w.format();
  ASSERT_TRUE(w.start());
  for (int i = 0; i < 50; i++) ASSERT_TRUE(w.append({"value " + std::to_string(i)}));
  EXPECT_GT(w.raft().bytes_since_snapshot(), 1000u);
  ASSERT_TRUE(w.snapshot());
  EXPECT_EQ(w.raft().bytes_since_snapshot(), 0u);
  EXPECT_EQ(w.raft().log_start(), Offset(53));
  ASSERT_TRUE(w.append({"after"}));
  const auto far_behind = w.fetch(0, 0).responses[0].partitions[0];
  EXPECT_EQ(far_behind.snapshot_id.end_offset, 53);
  EXPECT_EQ(far_behind.snapshot_id.epoch, 1);
  wire::FetchSnapshotRequest request;
  request.topics.push_back({.name = kMetadataTopic,
                            .partitions = {{.current_leader_epoch = 1, .snapshot_id = {53, 1}}}});
  const auto part = *w.run(w.raft().fetch_snapshot(request));
  const auto& told = part.topics[0].partitions[0];
  EXPECT_EQ(told.error_code, 0);
  ASSERT_EQ(told.unaligned_records.size(), 1u);
  EXPECT_EQ(static_cast<size_t>(told.size), told.unaligned_records[0].size());
  EXPECT_TRUE(check_snapshot(told.unaligned_records[0].view()));
  request.topics[0].partitions[0].snapshot_id = {54, 1};
  EXPECT_EQ(w.run(w.raft().fetch_snapshot(request))->topics[0].partitions[0].error_code,
            wire::error_code(Errc::snapshot_not_found));
  request.topics[0].partitions[0].snapshot_id = {53, 1};
  request.topics[0].partitions[0].position = told.size;
  EXPECT_EQ(w.run(w.raft().fetch_snapshot(request))->topics[0].partitions[0].error_code,
            wire::error_code(Errc::position_out_of_range));
  ASSERT_TRUE(w.stop());
  ASSERT_TRUE(w.start());
  EXPECT_EQ(w.raft().log_start(), Offset(53));
  EXPECT_TRUE(w.raft().machine().voters().is_only(kSelf));
  EXPECT_EQ(w.committed_values(), (Values{"after"}));
  EXPECT_EQ(w.fetch(54, 1).responses[0].partitions[0].error_code, 0);
}

TEST(RaftNode, ObserversReadWhatIsCommittedAndWait) {
  RaftWorld w;
  w.format();
  ASSERT_TRUE(w.start());
  auto told = w.fetch(0, 0).responses[0].partitions[0];
  EXPECT_EQ(told.error_code, 0);
  EXPECT_EQ(told.high_watermark, 3);
  EXPECT_EQ(told.current_leader.leader_id, 1);
  EXPECT_FALSE(told.records->empty());
  const Instant before = w.node().shard().now();
  EXPECT_TRUE(w.fetch(3, 1, 300).responses[0].partitions[0].records->empty());
  EXPECT_GE(w.node().shard().now() - before, 300ms);
  EXPECT_TRUE(w.raft().has_remote_readers(w.node().shard().now() - 1s));
  EXPECT_EQ(w.fetch(3, 5).responses[0].partitions[0].error_code,
            wire::error_code(Errc::invalid_request));
  EXPECT_EQ(w.fetch(100, 1).responses[0].partitions[0].diverging_epoch.end_offset, 3);
  wire::FetchRequest bad;
  EXPECT_EQ(w.run(w.raft().fetch(bad))->error_code, wire::error_code(Errc::invalid_request));
  bad.cluster_id = "other";
  EXPECT_EQ(w.run(w.raft().fetch(bad))->error_code,
            wire::error_code(Errc::inconsistent_cluster_id));
  const auto quorum =
      w.raft().describe_quorum({.topics = {{.topic_name = kMetadataTopic, .partitions = {{0}}}}});
  EXPECT_EQ(quorum.topics[0].partitions[0].current_voters.size(), 1u);
  EXPECT_EQ(quorum.topics[0].partitions[0].observers.size(), 1u);
}

TEST(RaftNode, ABadDiskEndsIt) {
  RaftWorld w;
  w.format();
  ASSERT_TRUE(w.start());
  w.disk().plan({.call = runtime::sim::DiskCall::sync,
                 .fault = runtime::sim::DiskFault::io_error,
                 .times = 100});
  EXPECT_FALSE(w.append({"lost"}));
  EXPECT_TRUE(w.raft().failure());
  w.disk().clear_planned();
}

TEST(RaftNode, QuorumStateIsReadInBothVersions) {
  const auto decode = [](std::string_view text) { return decode_quorum_state(as_bytes(text)); };
  const ElectionState voted{LeaderEpoch(7), kNoNode, kSelf};
  EXPECT_EQ(*decode(as_text(encode_quorum_state(voted).view())), voted);
  EXPECT_EQ(decode(R"({"clusterId":"","leaderId":2,"leaderEpoch":3,"votedId":-1,)"
                   R"("appliedOffset":0,"currentVoters":[],"data_version":0})")
                ->leader,
            NodeId(2));
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"leaderId":1,"leaderEpoch":-1,"data_version":1})",
        R"({"leaderId":1,"leaderEpoch":1,"data_version":2})",
        R"({"leaderId":"1","leaderEpoch":1,"data_version":1})"}) {
    EXPECT_FALSE(decode(bad)) << bad;
  }
}

TEST(RaftNode, SnapshotFilesAreWholeOrRefused) {
  const Bytes file = bootstrap_snapshot();
  ASSERT_TRUE(check_snapshot(file.view()));
  for (size_t size = 0; size < file.size(); size++)
    EXPECT_FALSE(check_snapshot(file.view().first(size))) << size;
  EXPECT_EQ(snapshot_name({Offset(7), LeaderEpoch(2)}),
            "00000000000000000007-0000000002.checkpoint");
  EXPECT_EQ(parse_snapshot_name("00000000000000000007-0000000002.checkpoint"),
            (OffsetAndEpoch{Offset(7), LeaderEpoch(2)}));
  EXPECT_FALSE(parse_snapshot_name("00000000000000000007-0000000002.checkpoint.part"));
  EXPECT_FALSE(parse_snapshot_name("0000000000000000000x-0000000002.checkpoint"));
}

Bytes kafka_file(const std::string& name) {
  std::ifstream file(source_path("src/metadata/testdata/" + name), std::ios::binary);
  return Bytes::copy_of(std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST(RaftNode, OpensALogThatKafkaWrote) {
  const Bytes snapshot = kafka_file("kafka_0-0.checkpoint");
  const auto quorum = check_snapshot(snapshot.view());
  ASSERT_TRUE(quorum && quorum->voters);
  RaftWorld w({}, quorum->voters->voters().begin()->second.key);
  const std::string directory = "/data/__cluster_metadata-0/";
  w.disk().put(directory + snapshot_name({}), snapshot.view());
  w.disk().put(directory + "00000000000000000000.log", kafka_file("kafka_clean.log").view());
  w.disk().put(directory + "quorum-state",
               as_bytes(R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,)"
                        R"("votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})"));
  const auto started = w.start();
  ASSERT_TRUE(started) << describe(started.error());
  EXPECT_EQ(w.raft().epoch(), LeaderEpoch(3));
  EXPECT_EQ(w.raft().high_watermark(), w.raft().log_end());
  EXPECT_GT(w.committed_values().size(), 100u);
}

// --- power cuts ---

struct Acknowledged {
  uint64_t log_position;
  Values values;
  int64_t snapshot_end;
};

/// What was wrong with the first disk that did not hold what was acknowledged, or nothing.
std::string first_loss() {
  RaftWorld w;
  w.format();
  w.disk().start_recording();
  std::vector<Acknowledged> acknowledged;
  Values values;
  int64_t snapshot_end = 0;
  const auto note = [&] {
    acknowledged.push_back({w.disk().log_position(), values, snapshot_end});
  };
  EXPECT_TRUE(w.start());
  for (int i = 0; i < 6; i++) {
    values.push_back("value " + std::to_string(i));
    EXPECT_TRUE(w.append({values.back()}));
    note();
    if (i != 2) continue;
    EXPECT_TRUE(w.snapshot());
    snapshot_end = w.raft().log_start().value();
    values.clear();
    note();
  }
  EXPECT_TRUE(w.stop());
  std::string loss;
  CrashEnumerator(w.disk().take_recording())
      .for_each_while([&](const CrashPoint& point, const DiskImage& image) {
        RaftWorld after(image);
        const auto started = after.start();
        if (!started) {
          loss = point.to_string() + ": " + describe(started.error());
          return false;
        }
        Values held = after.committed_values();
        for (const Acknowledged& a : acknowledged) {
          if (a.log_position > point.log_position ||
              a.snapshot_end < after.raft().log_start().value())
            continue;
          if (held.size() < a.values.size() ||
              !std::equal(a.values.begin(), a.values.end(), held.begin())) {
            loss = point.to_string() + ": a committed record is gone";
          }
        }
        for (const Acknowledged& a : acknowledged) {
          if (a.log_position <= point.log_position &&
              a.snapshot_end > after.raft().log_start().value()) {
            loss = point.to_string() + ": a snapshot is gone";
          }
        }
        return loss.empty();
      });
  return loss;
}

TEST(RaftNode, NoPowerCutLosesWhatWasCommitted) {
  EXPECT_EQ(first_loss(), "");
}

TEST(RaftNode, PowerCutsFindForgottenSyncs) {
  for (const char* name :
       {"raft.skip_snapshot_sync", "raft.skip_snapshot_name_sync", "raft.count_unflushed"}) {
    faults::set_mutant(name);
    EXPECT_NE(first_loss(), "") << name;
    faults::set_mutant("");
  }
}

}  // namespace
}  // namespace partita::raft
