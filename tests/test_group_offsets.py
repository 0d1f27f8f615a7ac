"""Committed offsets: every version of the requests, clients, restarts, and the records on disk."""
import json
import re
import time
import unittest
import uuid

import kafka_tools
import messages
import offset_messages as offsets
from broker import wait_until
from clients import QUIET, ConfluentCase, produce_all
from confluent_kafka import Consumer, TopicPartition
from wire import DESCRIBE_CONFIGS, OFFSET_COMMIT, OFFSET_DELETE, OFFSET_FETCH, Connection

NONE, UNKNOWN_TOPIC, TOO_LARGE, ILLEGAL_GENERATION = 0, 3, 12, 22
GROUP_NOT_FOUND, SUBSCRIBED, UNKNOWN_ID, SERVER_ERROR = 69, 86, 100, -1
INVALID_GROUP = 24


class OffsetsCase(ConfluentCase):
    """Offsets committed over raw sockets in a group that no other test has."""

    settings = {"offsets.retention.check.interval.ms": 200}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The first of all clients has the topic of the offsets made.
        cls.commit_by_client("first", "first", 0)

    def setUp(self):
        super().setUp()
        self.group = "g-" + uuid.uuid4().hex[:8]
        self.connection = self.connect()

    def connect(self):
        connection = Connection(self.broker.port)
        self.addCleanup(connection.close)
        return connection

    @classmethod
    def consumer(cls, group, **settings):
        return Consumer({"bootstrap.servers": cls.address, "group.id": group,
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         **QUIET, **settings})

    @classmethod
    def commit_by_client(cls, group, topic, offset):
        produce_all(cls.address, topic, [(None, b"x")])
        consumer = cls.consumer(group)
        consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
        consumer.close()

    def create(self, partitions=1, **config):
        super().create(partitions, **config)
        _, self.topic_id, _ = wait_until(
            "the topic is told",
            lambda: (found := messages.describe_topic(self.connection, self.topic))[0] == 0
            and found)

    def name(self, version):
        return self.topic_id if version >= 10 else self.topic

    def commit(self, version, partitions, **rest):
        """{partition: error code}; `partitions`: [(partition, offset, metadata)]."""
        topic = rest.pop("topic", self.name(version))
        body = offsets.commit_body(version, rest.pop("group", self.group),
                                   [(topic, partitions)], **rest)
        answer = self.connection.ask(OFFSET_COMMIT, version, body)
        found = offsets.read_commit(version, answer)
        self.assertEqual({name for name, _, _ in found}, {topic})
        return {index: code for _, index, code in found}

    def fetch(self, version, partitions, topic=None, **rest):
        """[(partition, offset, leader epoch, metadata, error code)]; None asks for all."""
        topics = None if partitions is None else [(topic or self.name(version), partitions)]
        body = offsets.fetch_offsets_body(version, [(self.group, topics)], **rest)
        answer = self.connection.ask(OFFSET_FETCH, version, body)
        ((code, found),) = offsets.read_fetch_offsets(version, answer).values()
        self.assertEqual(code, NONE)
        self.assertLessEqual({one[0] for one in found}, {topic or self.name(version)})
        return [one[1:] for one in found]

    def offset(self, partition=0):
        return self.fetch(9, [partition])[0][1]

    def delete(self, partitions, group=None, topic=None):
        body = offsets.delete_offsets_body(group or self.group, [(topic or self.topic, partitions)])
        return offsets.read_delete_offsets(self.connection.ask(OFFSET_DELETE, 0, body))


class Requests(OffsetsCase):

    def test_every_version_reads_what_every_version_commits(self):
        self.create(2)
        for version in range(1, 11):
            with self.subTest(commit=version):
                committed = self.commit(version, [(0, version, f"by {version}"), (1, 77, None)])
                self.assertEqual(committed, {0: NONE, 1: NONE})
            for reader in range(1, 11):
                with self.subTest(commit=version, fetch=reader):
                    epoch = 7 if version >= 6 and reader >= 5 else -1
                    self.assertEqual(self.fetch(reader, [0, 1]),
                                     [(0, version, epoch, f"by {version}", NONE),
                                      (1, 77, epoch, "", NONE)])

    def test_what_nobody_knows(self):
        self.create(1)
        for version in range(1, 11):
            with self.subTest(version=version):
                self.assertEqual(self.commit(version, [(0, 1, ""), (1, 1, ""), (-1, 1, "")]),
                                 {0: NONE, 1: UNKNOWN_TOPIC, -1: UNKNOWN_TOPIC})
                unknown = bytes(range(16)) if version >= 10 else "no-such-topic"
                code = UNKNOWN_ID if version >= 10 else UNKNOWN_TOPIC
                self.assertEqual(self.commit(version, [(0, 1, "")], topic=unknown), {0: code})
                code = UNKNOWN_ID if version >= 10 else NONE
                self.assertEqual(self.fetch(version, [5], topic=unknown), [(5, -1, -1, "", code)])
                self.assertEqual(self.fetch(version, [5]), [(5, -1, -1, "", NONE)])

    def test_members_of_unknown_groups(self):
        self.create(1)
        for version, code in ((2, ILLEGAL_GENERATION), (8, ILLEGAL_GENERATION),
                              (9, GROUP_NOT_FOUND), (10, GROUP_NOT_FOUND)):
            with self.subTest(version=version):
                self.assertEqual(
                    self.commit(version, [(0, 1, "")], generation=3, member="nobody"), {0: code})
        self.assertEqual(self.fetch(9, [0]), [(0, -1, -1, "", NONE)])

    def test_metadata_and_batches_have_limits(self):
        self.create(300)
        self.assertEqual(self.commit(9, [(0, 1, "m" * 4096), (1, 1, "m" * 4097)]),
                         {0: NONE, 1: TOO_LARGE})
        many = [(partition, 5, "m" * 4096) for partition in range(300)]
        self.assertEqual(set(self.commit(9, many).values()), {SERVER_ERROR})
        self.assertEqual([self.offset(0), self.offset(1)], [1, -1])
        self.assertEqual(set(self.commit(9, many[:200]).values()), {NONE})

    def test_all_offsets_of_many_groups(self):
        self.create(3)
        self.commit(9, [(2, 20, "two"), (0, 10, "")])
        expected = [(0, 10, 7, "", NONE), (2, 20, 7, "two", NONE)]
        for version in range(2, 11):
            with self.subTest(version=version):
                read = self.fetch(version, None, topic=self.name(version))
                self.assertEqual([(*one[:2], *one[3:]) for one in read],
                                 [(*one[:2], *one[3:]) for one in expected])
        for version in (8, 9, 10):
            groups = [(self.group, None), ("no-such-group", None),
                      (self.group, [(self.name(version), [2, 1])])]
            body = offsets.fetch_offsets_body(version, groups[1:])
            answer = self.connection.ask(OFFSET_FETCH, version, body)
            found = offsets.read_fetch_offsets(version, answer)
            self.assertEqual(found["no-such-group"], (NONE, []))
            self.assertEqual([one[1:3] for one in found[self.group][1]], [(2, 20), (1, -1)])

    def test_delete(self):
        self.create(2)
        self.assertEqual(self.delete([0]), (GROUP_NOT_FOUND, []))
        body = offsets.delete_offsets_body("", [])
        self.assertEqual(
            offsets.read_delete_offsets(self.connection.ask(OFFSET_DELETE, 0, body)),
            (INVALID_GROUP, []))
        self.commit(9, [(0, 1, ""), (1, 2, "")])
        self.assertEqual(self.delete([0, 7]),
                         (NONE, [(self.topic, 0, NONE), (self.topic, 7, UNKNOWN_TOPIC)]))
        self.assertEqual([self.offset(0), self.offset(1)], [-1, 2])
        self.assertEqual(self.delete([0], topic="no-such-topic"),
                         (NONE, [("no-such-topic", 0, UNKNOWN_TOPIC)]))

    def test_deleted_topics_take_their_offsets_along(self):
        self.create(1)
        self.commit(9, [(0, 1, "")])
        self.admin.delete_topics([self.topic])[self.topic].result(20)
        wait_until("the offsets are gone", lambda: self.fetch(9, None) == [])

    def test_offsets_go_when_their_commit_says(self):
        self.create(2)
        self.commit(2, [(0, 1, "")], retention_ms=1)
        self.commit(2, [(1, 1, "")], retention_ms=1_000_000)
        wait_until("one is gone", lambda: self.offset(0) == -1)
        time.sleep(0.5)
        self.assertEqual(self.offset(1), 1)

    def test_lag(self):
        self.create(2)
        produce_all(self.address, self.topic, [(None, b"x", 0)] * 10)
        self.commit(9, [(0, 4, ""), (1, 0, "")])

        def lag(keys):
            body = offsets.describe_group_body(self.group, keys)
            answer = self.connection.ask(DESCRIBE_CONFIGS, 4, body)
            return offsets.read_described(answer)

        self.assertNotIn("partita.group.lag", lag(None)[1])
        code, entries = lag(["partita.group.lag"])
        self.assertEqual(code, NONE)
        told = json.loads(entries["partita.group.lag"])
        self.assertEqual((told["group"], told["records"]), (self.group, 6))
        first, second = told["partitions"]
        self.assertEqual((first["committed"], first["end"], first["lag"], first["stable_lag"]),
                         (4, 10, 6, 6))
        self.assertGreater(first["goes_in_ms"], 6 * 24 * 3600 * 1000)
        self.assertIsNone(first["warning"])
        self.assertGreaterEqual(first["lag_ms"], 0)
        self.assertEqual((second["lag"], second["lag_ms"], second["warning"]), (0, 0, None))
        self.commit(9, [(1, 5, "")])
        second = json.loads(lag(["partita.group.lag"])[1]["partita.group.lag"])["partitions"][1]
        self.assertEqual(second["warning"], "BEYOND_END")
        self.group = "no-such-group"
        self.assertEqual(lag(["partita.group.lag"]), (GROUP_NOT_FOUND, {}))


class Clients(OffsetsCase):

    def test_confluent(self):
        self.create(2)
        produce_all(self.address, self.topic, [(None, b"x", 0)] * 5)
        consumer = self.consumer(self.group)
        place = TopicPartition(self.topic, 0)
        self.assertEqual(consumer.committed([place], timeout=20)[0].offset, -1001)
        consumer.assign([place])
        for _ in range(3):
            message = consumer.poll(20)
            self.assertIsNone(message.error())
        consumer.commit(message=message, asynchronous=False)
        self.assertEqual(consumer.committed([place], timeout=20)[0].offset, 3)
        consumer.close()
        again = self.consumer(self.group)
        again.assign([place])
        self.assertEqual(again.poll(20).offset(), 3)
        again.close()

    def test_kafka_python(self):
        import kafka
        self.create(1)
        place = kafka.TopicPartition(self.topic, 0)
        for offset in (3, 8):
            consumer = kafka.KafkaConsumer(bootstrap_servers=self.address, group_id=self.group,
                                           enable_auto_commit=False)
            consumer.assign([place])
            consumer.commit({place: kafka.OffsetAndMetadata(offset, "kafka-python")})
            self.assertEqual(consumer.committed(place), offset)
            consumer.close()
        self.assertEqual(self.fetch(9, [0])[0][3], "kafka-python")

    def test_members_keep_what_they_read(self):
        self.create(1)
        other = self.topic + "-other"
        consumer = self.consumer(self.group)
        self.addCleanup(consumer.close)
        produce_all(self.address, other, [(None, b"x")])
        produce_all(self.address, self.topic, [(None, b"x")])
        consumer.subscribe([self.topic])
        wait_until("it reads", lambda: consumer.poll(1), seconds=60)
        consumer.commit(asynchronous=False)
        consumer.commit(offsets=[TopicPartition(other, 0, 1)], asynchronous=False)
        self.assertEqual(self.delete([0]), (NONE, [(self.topic, 0, SUBSCRIBED)]))
        self.assertEqual(self.delete([0], topic=other), (NONE, [(other, 0, NONE)]))
        self.assertEqual(self.offset(0), 1)


class Restarts(OffsetsCase):

    def test_what_was_acknowledged_stays(self):
        self.create(2)
        last = 0
        for ending in ("restart", "kill", "kill", "restart"):
            for _ in range(20):
                last += 1
                self.assertEqual(self.commit(9, [(0, last, f"number {last}")]), {0: NONE})
            if ending == "kill":
                self.broker.kill()
                self.broker.start()
            else:
                self.broker.restart()
            self.connection = self.connect()
            wait_until("the coordinator is back", self.is_back, seconds=30)
            self.assertEqual(self.fetch(9, [0]), [(0, last, 7, f"number {last}", NONE)])

    def is_back(self):
        body = offsets.fetch_offsets_body(9, [(self.group, None)])
        answer = self.connection.ask(OFFSET_FETCH, 9, body)
        return offsets.read_fetch_offsets(9, answer)[self.group][0] == NONE


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class Records(OffsetsCase):
    """Apache Kafka's own decoder reads what stands in __consumer_offsets."""

    def test_decoder(self):
        self.create(2)
        self.commit(9, [(0, 11, "plain")])
        self.commit(4, [(1, 12, "expiring")], retention_ms=3_600_000)
        self.delete([0])
        self.broker.restart()
        files = [str(log) for log in self.broker.data.glob("__consumer_offsets-*/*.log")]
        run = kafka_tools.java().run("kafka-dump-log", [
            "--offsets-decoder", "--files", ",".join(files)])
        self.assertEqual(run.code, 0, run.err)
        lines = [line for line in run.out.splitlines() if self.topic in line]
        values = [re.search(r"payload: (.*)$", line)[1] for line in lines]
        self.assertEqual(len(lines), 3, run.out)
        plain, expiring = json.loads(values[0]), json.loads(values[1])
        self.assertEqual(plain["version"], "4")
        self.assertEqual((plain["data"]["offset"], plain["data"]["leaderEpoch"],
                          plain["data"]["metadata"]), (11, 7, "plain"))
        self.assertEqual(expiring["version"], "1")
        self.assertEqual(expiring["data"]["expireTimestamp"]
                         - expiring["data"]["commitTimestamp"], 3_600_000)
        self.assertIn("<DELETE>", values[2].upper())


if __name__ == "__main__":
    unittest.main()
