#include "runtime/sim/crash_enumerator.h"
#include "runtime/sim/sim_test.h"
#include "storage/clean_shutdown.h"
#include "storage/log_config.h"
#include "storage/meta_properties.h"
#include "storage/partition_metadata.h"
#include "storage/testdata_test.h"

namespace partita::storage {
namespace {

TEST(PartitionMetadata, KafkasFilesAreReadAndWrittenAlike) {
  for (const char* name : {"plain-0", "__cluster_metadata-0"}) {
    const Bytes kafka = kafka_file("storage/testdata/" + std::string(name) + ".partition.metadata");
    const auto id = decode_partition_metadata(kafka.view());
    ASSERT_TRUE(id) << name;
    EXPECT_EQ(as_text(encode_partition_metadata(*id).view()), as_text(kafka.view()));
  }
  const auto id = decode_partition_metadata(
      kafka_file("storage/testdata/__cluster_metadata-0.partition.metadata").view());
  EXPECT_EQ(id, kMetadataTopicId);
}

TEST(PartitionMetadata, GarbageIsRefused) {
  const std::string id = "bZE3rzhWR46SqlIHbl0MPw";
  EXPECT_TRUE(decode_partition_metadata(as_bytes("version: 0\ntopic_id: " + id + "\n")));
  for (const std::string& text :
       std::vector<std::string>{"", "version: 0\n", "version: 1\ntopic_id: " + id,
                                "version: 0\ntopic_id: ", "version: 0\ntopic_id: " + id + "x",
                                "version: 0\ntopic_id: " + id + "\n\n", "topic_id: " + id,
                                "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
                                "version: 0\ntopic_id: bZE3rzhWR46SqlIHbl0MP!"}) {
    const auto decoded = decode_partition_metadata(as_bytes(text));
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, Errc::corrupt_data);
  }
}

TEST(MetaPropertiesFile, KafkasIsReadAndWrittenAlike) {
  const Bytes kafka = kafka_file("storage/testdata/meta.properties");
  const auto properties = decode_meta_properties(kafka.view());
  ASSERT_TRUE(properties);
  EXPECT_EQ(properties->version, 1);
  EXPECT_EQ(properties->node_id, NodeId(1));
  EXPECT_EQ(properties->cluster_id, "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ(properties->directory_id, DirectoryId::parse("6ij01BB3Tny6VsfQ96RnKg"));
  EXPECT_EQ(as_text(encode_meta_properties(*properties, WallTime(1795322144000)).view()),
            as_text(kafka.view()));
}

TEST(MetaPropertiesFile, VersionZeroIsRead) {
  const auto zero = decode_meta_properties(as_bytes("broker.id=3\ncluster.id: abc\nother=1\n"));
  EXPECT_EQ(zero, (MetaProperties{.version = 0, .node_id = NodeId(3), .cluster_id = "abc"}));
  EXPECT_EQ(decode_meta_properties(as_bytes("version=0\n")), (MetaProperties{.version = 0}));
  EXPECT_EQ(decode_meta_properties(encode_meta_properties(*zero, WallTime(0)).view()), zero);
}

TEST(MetaPropertiesFile, GarbageIsRefused) {
  const std::string good = "version=1\nnode.id=1\ncluster.id=c\n";
  EXPECT_TRUE(decode_meta_properties(as_bytes(good)));
  for (const std::string& text : std::vector<std::string>{
           "version=1\n", "version=1\nnode.id=1\n", "version=1\ncluster.id=c\n",
           "version=2\nnode.id=1\ncluster.id=c\n", "version=x\n",
           "version=1\nnode.id=-1\ncluster.id=c\n", "version=1\nnode.id=2147483648\ncluster.id=c\n",
           good + "directory.id=short\n", good + "directory.id=AAAAAAAAAAAAAAAAAAAAAA\n",
           good + "x=\\u12\n"}) {
    const auto decoded = decode_meta_properties(as_bytes(text));
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, Errc::corrupt_data);
  }
}

TEST(MetaPropertiesFile, DatesAreJavas) {
  const MetaProperties properties{.node_id = NodeId(1), .cluster_id = "c"};
  const auto text = [&](int64_t ms) {
    return std::string(as_text(encode_meta_properties(properties, WallTime(ms)).view()));
  };
  EXPECT_TRUE(text(0).starts_with("#\n#Thu Jan 01 00:00:00 UTC 1970\n"));
  EXPECT_TRUE(text(1709251199999).starts_with("#\n#Thu Feb 29 23:59:59 UTC 2024\n"));
}

TEST(CleanShutdown, KafkasMarkerIsReadAndWrittenAlike) {
  const Bytes kafka = kafka_file("storage/testdata/kafka_cleanshutdown");
  EXPECT_EQ(decode_clean_shutdown(kafka.view()), BrokerEpoch(208));
  EXPECT_EQ(as_text(encode_clean_shutdown(BrokerEpoch(208)).view()), as_text(kafka.view()));
  EXPECT_EQ(decode_clean_shutdown(as_bytes(R"({"version":0})")), kNoBrokerEpoch);
}

TEST(CleanShutdown, GarbageIsRefused) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"version":1,"brokerEpoch":5})", R"({"version":"0"})",
        R"({"version":0,"brokerEpoch":"5"})", R"({"version":0,"brokerEpoch":-2})",
        R"({"version":0,"brokerEpoch":18446744073709551615})",
        R"({"version":0,"brokerEpoch":1e300})"}) {
    const auto decoded = decode_clean_shutdown(as_bytes(text));
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, Errc::corrupt_data);
  }
}

class CleanShutdownTest : public runtime::sim::SimTest {
 protected:
  CleanShutdownTest() { EXPECT_TRUE(disk().make_directory("/data")); }

  Result<std::optional<BrokerEpoch>> marker() {
    return run(read_clean_shutdown(executor(), disk(), "/data"));
  }
  /// Records the removal and answers whether a marker can come back once it was acknowledged.
  bool can_come_back() {
    EXPECT_TRUE(run(write_clean_shutdown(executor(), disk(), "/data", BrokerEpoch(7))));
    sim_disk().start_recording();
    EXPECT_TRUE(run(remove_clean_shutdown(executor(), disk(), "/data")));
    const uint64_t removed = sim_disk().log_position();
    bool found = false;
    runtime::sim::CrashEnumerator(sim_disk().recording())
        .for_each([&](const auto& point, const auto& image) {
          if (point.log_position < removed) return;
          found = found || image.find("/data/.kafka_cleanshutdown").has_value();
        });
    return found;
  }
};

TEST_F(CleanShutdownTest, IsWrittenReadAndRemoved) {
  EXPECT_EQ(marker(), std::nullopt);
  ASSERT_TRUE(run(write_clean_shutdown(executor(), disk(), "/data", BrokerEpoch(7))));
  EXPECT_EQ(marker(), BrokerEpoch(7));
  ASSERT_TRUE(run(remove_clean_shutdown(executor(), disk(), "/data")));
  EXPECT_EQ(marker(), std::nullopt);
}

TEST_F(CleanShutdownTest, AnEmptyMarkerCounts) {
  ASSERT_TRUE(disk().open("/data/.kafka_cleanshutdown", OpenMode::create));
  EXPECT_EQ(marker(), kNoBrokerEpoch);
}

TEST_F(CleanShutdownTest, AnIoErrorIsNoAnswer) {
  ASSERT_TRUE(run(write_clean_shutdown(executor(), disk(), "/data", BrokerEpoch(7))));
  sim_disk().faults().read_error_one_in = 1;
  EXPECT_EQ(marker().error().code, Errc::io_error);
}

TEST_F(CleanShutdownTest, RemovedItNeverComesBack) {
  EXPECT_FALSE(can_come_back());
}

TEST_F(CleanShutdownTest, MutantWithoutTheDirectorySyncIsVisible) {
  const WithMutant mutant("storage.clean_shutdown_not_synced");
  EXPECT_TRUE(can_come_back());
}

TEST_F(CleanShutdownTest, TheDirectoryIsSyncedAlsoWhereTheMarkerIsGone) {
  ASSERT_TRUE(run(write_clean_shutdown(executor(), disk(), "/data", BrokerEpoch(7))));
  ASSERT_TRUE(disk().unlink("/data/.kafka_cleanshutdown"));  // a process died right after
  const uint64_t before = sim_disk().calls(runtime::sim::DiskCall::sync_directory);
  ASSERT_TRUE(run(remove_clean_shutdown(executor(), disk(), "/data")));
  EXPECT_EQ(sim_disk().calls(runtime::sim::DiskCall::sync_directory), before + 1);
}

TEST(LogConfig, FlushSettingsSpellDurability) {
  const auto with = [](FlushConfig flush) {
    LogConfig config;
    apply_flush_config(config, flush);
    return config;
  };
  EXPECT_EQ(with({}), LogConfig());
  EXPECT_EQ(with({.flush_messages = 1}).durability, Durability::fsync);
  EXPECT_EQ(with({.flush_ms = 0}).durability, Durability::fsync);
  const LogConfig by_time = with({.flush_ms = 250});
  EXPECT_EQ(by_time.durability, Durability::interval);
  EXPECT_EQ(by_time.flush_interval, 250ms);
  EXPECT_EQ(by_time.flush_interval_messages, kNever);
  const LogConfig by_count = with({.flush_messages = 500});
  EXPECT_EQ(by_count.durability, Durability::interval);
  EXPECT_EQ(by_count.flush_interval_messages, 500);
  EXPECT_EQ(by_count.flush_interval, Duration::max());
  EXPECT_EQ(with({.flush_messages = kNever}).durability, Durability::os);
  EXPECT_EQ(with({.flush_messages = kNever, .flush_ms = kNever}).durability, Durability::os);
}

TEST(LogConfig, JitterStaysBelowItsBounds) {
  LogConfig config{.segment_ms = 1000};
  EXPECT_EQ(segment_jitter(config, 12345), 0);
  config.segment_jitter_ms = 100;
  EXPECT_EQ(segment_jitter(config, 12345), 45);
  config.segment_jitter_ms = kNever;
  EXPECT_EQ(segment_jitter(config, 12345), 345);
}

}  // namespace
}  // namespace partita::storage
