"""Apache Kafka's own directories: ours starts on them, serves what Kafka served, works on them, and
leaves behind what Apache Kafka starts on again."""
import pathlib
import shutil
import tempfile
import unittest

import kafka_dirs
import kafka_tools
import messages
import segments
import wire
from batches import batch
from broker import Broker, wait_until
from clients import produce_all
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ISOLATION_KEYS = ("log start", "high watermark", "last stable offset", "read_committed",
                  "read_uncommitted")
OUT_OF_ORDER_SEQUENCE_NUMBER = 45
INVALID_PRODUCER_EPOCH = 47
GROUP_OFFSET = 150


class KafkaDirs(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="partita-kafka-dir-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.broker = None

    def start(self, name):
        kafka_dirs.unpack(name, self.directory)
        self.broker = Broker(self.directory, kafka_dirs.SETTINGS)
        self.addCleanup(self.broker.close)
        self.broker.start()
        self.assertEqual(self.broker.node, 1)
        self.assertEqual(self.broker.cluster, "AAAAAAAAAAAAAAAAAAAAAQ")

    def stop(self):
        self.assertEqual(self.broker.stop(), 0, self.broker.log_tail())

    def check_served(self, address, wanted):
        """One partition after the other, so that a difference can be read."""
        found = kafka_dirs.served(address)
        self.assertEqual(sorted(found), sorted(wanted))
        for topic, partitions in wanted.items():
            self.assertEqual(sorted(found[topic]), sorted(partitions))
            for partition, entry in partitions.items():
                for key in ISOLATION_KEYS:
                    with self.subTest(topic=topic, partition=partition, what=key):
                        self.assertEqual(found[topic][partition][key], entry[key])

    def check_served_by_kafka(self, wanted):
        kafka = kafka_dirs.Kafka(self.directory)
        self.addCleanup(kafka.close)
        kafka.start()
        self.check_served(kafka.address, wanted)
        kafka.stop()

    def produce_raw(self, topic, data):
        """(error code, base offset)."""
        with wire.Connection(self.broker.port) as connection:
            body = messages.produce_body(8, [(topic, [(0, data)])])
            answer = messages.read_produce(8, connection.ask(wire.PRODUCE, 8, body))
        return answer[0][2:4]

    def delete_records(self, topic, partition, offset):
        with wire.Connection(self.broker.port) as connection:
            for version in (0, 2):
                body = messages.delete_records_body(version, topic, [(partition, offset)])
                answer = connection.ask(wire.DELETE_RECORDS, version, body)
                self.assertEqual(messages.read_delete_records(answer),
                                 [(topic, partition, offset, 0)])

    def check_idempotent_producer(self):
        """It goes on where it was, and nobody else does."""
        last = segments.batches(self.broker.data, "idempotent")[-1]
        count = last.records
        sequence = last.base_sequence
        producer, epoch = last.producer_id, last.producer_epoch

        def send(sequence, count=1, epoch=epoch):
            return self.produce_raw("idempotent", batch(
                values=[b"again"] * count, producer=(producer, epoch, sequence)))

        self.assertEqual(send(sequence + count + 1), (OUT_OF_ORDER_SEQUENCE_NUMBER, -1))
        self.assertEqual(send(sequence, count), (0, last.base_offset))  # a duplicate
        self.assertEqual(send(sequence + count), (0, 300))
        self.assertEqual(send(sequence + count), (0, 300))
        self.assertEqual(send(sequence + count + 1), (0, 301))
        self.assertEqual(send(0, epoch=epoch + 1), (0, 302))
        self.assertEqual(send(sequence + count + 2), (INVALID_PRODUCER_EPOCH, -1))

    def transactions(self):
        """Where the open ones of txn-0 began, as DescribeProducers tells."""
        with wire.Connection(self.broker.port) as connection:
            body = messages.describe_producers_body("txn", [0, 7])
            answer = connection.ask(wire.DESCRIBE_PRODUCERS, 0, body)
        known, unknown = messages.read_describe_producers(answer)
        self.assertEqual(known[:2], (0, 0))
        self.assertEqual(unknown, (7, 3, []))
        return [producer[5] for producer in known[2] if producer[5] != -1]

    def await_abort(self):
        """The coordinator aborts what was open when Apache Kafka left."""
        wait_until("the open transaction is aborted", lambda: self.transactions() == [], 30)

    def check_group(self, address):
        consumer = Consumer({"bootstrap.servers": address, "group.id": "readers", "log_level": 0})
        found = consumer.committed([TopicPartition("plain", 1)], 20)
        consumer.close()
        self.assertEqual(found[0].offset, GROUP_OFFSET)

    def work(self):
        """New topics, appends that roll, records deleted; kill -9 in between."""
        self.await_abort()
        address = self.broker.address
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        topic = NewTopic("after", 2, 1, config={
            "segment.bytes": "1048576", "retention.ms": "-1"})
        admin.create_topics([topic])["after"].result(30)
        produce_all(address, "after", [(b"%d" % i, b"x" * 2000, i % 2) for i in range(1500)])
        self.assertGreater(len(list((self.broker.data / "after-0").glob("*.log"))), 1)
        self.broker.kill()
        self.broker.start()
        produce_all(address, "plain", [(b"k", b"more", 0)] * 10, **{"compression.type": "lz4"})
        self.delete_records("after", 0, 700)
        self.delete_records("segments", 0, 1500)
        self.delete_records("trimmed", 0, 100)
        produce_all(address, "trimmed", [(None, b"new", 0)] * 3)
        produce_all(address, "compacted", [(b"key-1", b"new", 0)])
        self.check_idempotent_producer()


def for_each_directory(check):
    def test(self):
        for name in kafka_dirs.DIRECTORIES:
            with self.subTest(directory=name):
                self.setUp()
                check(self, name)
                self.broker.close()
    test.__doc__ = check.__doc__
    return test


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class BothWays(KafkaDirs):

    @for_each_directory
    def test_serves_what_kafka_served(self, name):
        """And Apache Kafka serves it again behind us."""
        self.start(name)
        wanted = kafka_dirs.expected()
        self.await_abort()
        self.check_served(self.broker.address, wanted)
        self.check_group(self.broker.address)
        self.broker.kill()
        self.broker.start()
        self.assertEqual(self.transactions(), [])
        self.check_group(self.broker.address)
        self.stop()
        self.check_served_by_kafka(wanted)

    def test_works_on_it_and_stops(self):
        self.start("clean")
        self.work()
        wanted = kafka_dirs.served(self.broker.address)
        self.check_worked(wanted)
        self.stop()
        self.check_served_by_kafka(wanted)

    def test_works_on_it_and_is_killed(self):
        self.start("killed")
        self.work()
        wanted = kafka_dirs.served(self.broker.address)
        self.check_worked(wanted)
        self.broker.kill()
        self.broker.start()
        self.check_served(self.broker.address, wanted)
        self.broker.kill()
        self.check_served_by_kafka(wanted)

    def check_worked(self, found):
        """What was there before and was not touched is the same; log starts and ends are ours."""
        before = kafka_dirs.expected()
        for topic in ("codecs", "recompressed", "appendtime", "txn", "empty"):
            self.assertEqual(found[topic], before[topic], topic)
        starts = {topic: found[topic]["0"]["log start"] for topic in found}
        self.assertEqual((starts["after"], starts["segments"], starts["trimmed"]),
                         (700, 1500, 100))
        ends = {topic: found[topic]["0"]["high watermark"] for topic in found}
        self.assertEqual(
            (ends["after"], ends["plain"], ends["trimmed"], ends["idempotent"]),
            (750, 212, 103, 303),
        )


del KafkaDirs  # no tests of its own

if __name__ == "__main__":
    unittest.main()
