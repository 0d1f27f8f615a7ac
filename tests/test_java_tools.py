"""Apache Kafka's own command line tools, of the release whose protocol is served."""
import re
import unittest

import kafka_tools
import segments
from broker import BrokerCase
from clients import produce_all
from confluent_kafka.admin import AdminClient, NewTopic
from partitioners import by_key

CODECS = segments.CODECS
TOOLS = "org.apache.kafka.tools."


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class JavaCase(BrokerCase):

    def java(self, tool, *arguments, given="", expect=0):
        """Standard output and errors of a tool that ends with this code."""
        run = kafka_tools.java().run(tool, arguments, given.encode())
        self.assertEqual(run.code, expect, f"{run.out}\n{run.err}")
        return run.out, run.err

    def online(self, tool, *arguments, **rest):
        return self.java(TOOLS + tool, "--bootstrap-server", self.address, *arguments, **rest)


class Topics(JavaCase):

    def test_life_of_a_topic(self):
        """As the tutorials type it: create, describe, grow, and never shrink; delete."""
        topic = ("--topic", "my-topic")
        output, _ = self.online("TopicCommand", "--create", *topic, "--partitions", "5",
                                "--replication-factor", "1", "--config", "retention.ms=100000")
        self.assertEqual(output, "Created topic my-topic.\n")
        output, _ = self.online("TopicCommand", "--describe", *topic)
        lines = output.splitlines()
        self.assertRegex(
            lines[0], "^Topic: my-topic\tTopicId: [A-Za-z0-9_-]{22}\tPartitionCount: 5\t"
            "ReplicationFactor: 1\tConfigs: .*retention.ms=100000"
        )
        self.assertEqual(len(lines), 6)
        for index, line in enumerate(lines[1:]):
            self.assertRegex(
                line, f"^\tTopic: my-topic\tPartition: {index}\tLeader: 1\tReplicas: 1\tIsr: 1"
            )
        output, _ = self.online("TopicCommand", "--alter", *topic, "--partitions", "10")
        output, _ = self.online("TopicCommand", "--describe", *topic)
        self.assertIn("PartitionCount: 10\t", output)
        output, errors = self.online(
            "TopicCommand", "--alter", *topic, "--partitions", "3", expect=1)
        self.assertIn(
            "The topic my-topic currently has 10 partition(s); 3 would not be an increase.",
            output + errors)
        output, _ = self.online("TopicCommand", "--list")
        self.assertEqual(output, "my-topic\n")
        self.online("TopicCommand", "--delete", *topic)
        output, _ = self.online("TopicCommand", "--list")
        self.assertEqual(output.strip(), "")

    def test_factor_three_on_one_broker(self):
        output, _ = self.online("TopicCommand", "--create", "--topic", "three", "--partitions",
                                "1", "--replication-factor", "3", expect=1)
        self.assertIn("Error while executing topic command : Unable to replicate the partition 3 "
                      "time(s): The target replication factor of 3 cannot be reached because only "
                      "1 broker(s) are registered or some brokers have all their log directories "
                      "cordoned.", output)


class Records(JavaCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        admin = AdminClient({"bootstrap.servers": cls.address, "log_level": 0})
        names = ["console", *CODECS, *(f"plain-{codec}" for codec in CODECS)]
        for future in admin.create_topics([NewTopic(name, 2, 1) for name in names]).values():
            future.result(20)

    def test_console_producer_and_consumer(self):
        pairs = [(key, str(number)) for number, key in enumerate("abcdaceb")]
        self.online("ConsoleProducer", "--topic", "console", "--reader-property", "parse.key=true",
                    "--reader-property", "key.separator=:",
                    given="".join(f"{key}:{value}\n" for key, value in pairs))
        records = {}
        for partition in range(2):
            output, errors = self.java(
                TOOLS + "consumer.ConsoleConsumer", "--bootstrap-server", self.address, "--topic",
                "console", "--partition", partition, "--offset", "earliest", "--timeout-ms", "1500",
                "--formatter-property", "print.key=true", "--formatter-property",
                "print.offset=true",
            )
            records[partition] = output.splitlines()
            self.assertRegex(errors, rf"Processed a total of {len(records[partition])} messages")
        expected = {0: [], 1: []}
        for key, value in pairs:
            lines = expected[by_key(key.encode(), 2)]
            lines.append(f"Offset:{len(lines)}\t{key}\t{value}")
        self.assertEqual(records, expected)
        self.assertTrue(records[0] and records[1])
        output, _ = self.online("GetOffsetShell", "--topic", "console")
        self.assertEqual(output.splitlines(), [
            f"console:{partition}:{len(records[partition])}" for partition in range(2)
        ])

    def perform(self, topic, *settings):
        """What 500 records of ProducerPerformance leave on disk: batches of both partitions."""
        output, _ = self.java(
            TOOLS + "ProducerPerformance", "--topic", topic, "--num-records", "500",
            "--record-size", "200", "--throughput", "-1", "--producer-props",
            f"bootstrap.servers={self.address}", *settings,
        )
        self.assertRegex(output, r"500 records sent, ")
        found = [b for p in range(2) for b in segments.batches(self.broker.data, topic, p)]
        self.assertEqual(sum(batch.records for batch in found), 500)
        return found

    def test_producer_performance_with_every_codec(self):
        """Idempotent, as is its default; what arrives on disk is compressed as it says."""
        for codec in CODECS:
            with self.subTest(codec):
                found = self.perform(codec, f"compression.type={codec}", "acks=all")
                self.assertEqual({batch.codec for batch in found}, {codec})
                self.assertTrue(all(batch.producer_id >= 0 for batch in found))

    def test_producer_performance_without_idempotence(self):
        for codec in CODECS:
            with self.subTest(codec):
                found = self.perform(f"plain-{codec}", f"compression.type={codec}", "acks=1",
                                     "enable.idempotence=false")
                self.assertEqual({batch.codec for batch in found}, {codec})
                self.assertEqual({batch.producer_id for batch in found}, {-1})
        output, _ = self.online("GetOffsetShell", "--topic", "plain-none", "--time", "-1")
        ends = [int(line.rsplit(":", 1)[1]) for line in output.splitlines()]
        self.assertEqual((len(ends), sum(ends)), (2, 500))


class DumpLogSegments(JavaCase):
    """Kafka's reader of log files, on ours: segments, both indexes, snapshots, metadata."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        admin = AdminClient({"bootstrap.servers": cls.address, "log_level": 0})
        config = {"segment.bytes": "1048576", "index.interval.bytes": "1024"}
        admin.create_topics([NewTopic("dump", 2, 1, config=config)])["dump"].result(20)
        records = [(b"key %d" % number, bytes(500)) for number in range(6000)]
        cls.placed = produce_all(cls.address, "dump", [(k, v, 0) for k, v in records], **{
            "enable.idempotence": True, "batch.num.messages": 20,
        })
        produce_all(cls.address, "dump", [(k, v, 1) for k, v in records[:100]],
                    **{"compression.type": "lz4"})
        admin.delete_topics(["dump-none"])
        assert cls.broker.stop() == 0

    def dump(self, files, *arguments):
        output, errors = self.java(TOOLS + "DumpLogSegments", "--files",
                                   ",".join(map(str, files)), *arguments)
        for complaint in ("Found timestamp mismatch", "Found out of order timestamp",
                          "Mismatches in", "isvalid: false", "Exception", "Error"):
            self.assertNotIn(complaint, output + errors)
        return output

    def files(self, pattern, partition="dump-0"):
        return sorted((self.broker.data / partition).glob(pattern))

    def test_segments(self):
        files = self.files("*.log")
        self.assertGreaterEqual(len(files), 3)
        output = self.dump(files, "--deep-iteration")
        offsets = [int(o) for o in re.findall(r"^\| offset: (\d+) ", output, re.MULTILINE)]
        self.assertEqual(offsets, list(range(6000)))
        batches = re.findall(r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .*isvalid: (\w+)",
                             output, re.MULTILINE)
        self.assertEqual(sum(int(count) for _, _, count, _ in batches), 6000)
        self.assertEqual({valid for _, _, _, valid in batches}, {"true"})

    def test_compressed_segments(self):
        output = self.dump(self.files("*.log", "dump-1"), "--deep-iteration",
                           "--print-data-log")
        self.assertIn("compresscodec: lz4", output)
        self.assertEqual(re.findall(r"key: (key \d+) ", output),
                         [f"key {number}" for number in range(100)])

    def test_indexes(self):
        """Their sanity, and every entry against the log."""
        indexes = self.files("*.index") + self.files("*.timeindex")
        self.assertGreaterEqual(len(indexes), 6)
        output = self.dump(indexes, "--index-sanity-check")
        self.assertEqual(output.count("passed sanity check."), len(indexes))
        output = self.dump(indexes)
        self.assertGreater(len(re.findall(r"^offset: \d+ position: \d+$", output, re.MULTILINE)),
                           100)
        self.assertGreater(
            len(re.findall(r"^timestamp: \d+ offset: \d+$", output, re.MULTILINE)), 5)

    def test_producer_snapshots(self):
        snapshots = self.files("*.snapshot")
        self.assertTrue(snapshots)
        output = self.dump(snapshots)
        self.assertRegex(output, r"producerId: \d+ producerEpoch: 0 ")

    def test_metadata_log(self):
        files = sorted((self.broker.data / "__cluster_metadata-0").glob("*.log"))
        self.assertTrue(files)
        output = self.dump(files, "--cluster-metadata-decoder")
        found = re.findall(r'payload: \{"type":"(\w+)"', output)
        self.assertEqual(found.count("TOPIC_RECORD"), 1)
        self.assertEqual(found.count("PARTITION_RECORD"), 2)
        self.assertEqual(len(re.findall(r'"CONFIG_RECORD".*"resourceName":"dump"', output)), 2)
        for kind in ("FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "BEGIN_TRANSACTION_RECORD",
                     "END_TRANSACTION_RECORD", "PRODUCER_IDS_RECORD"):
            self.assertIn(kind, found)
        self.assertIn("keySize: 4", output)  # LeaderChange and the other control records
        self.assertIn("LeaderChange", output)


del JavaCase  # a base of others, no test

if __name__ == "__main__":
    unittest.main()
