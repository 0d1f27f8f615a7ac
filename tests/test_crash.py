"""kill -9 under producers with acks=all: every acknowledged record is there, in order, once.

A killed process loses nothing in any durability mode, since nothing acknowledged waits in the
process. The producers are librdkafka's, idempotent, and go on through the kills.
"""
import collections
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import segments
from broker import BrokerCase, Broker
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from clients import consume_all, consume_each

PARTITIONS = 3
ROUNDS = 3
SECONDS_A_ROUND = 1.0


class Load:
    """A thread that numbers records and sends them until told to stop; what was acknowledged."""

    def __init__(self, address, topic):
        self.topic = topic
        self.sent = 0
        self.acknowledged = collections.defaultdict(list)  # partition -> [(offset, number)]
        self.failed = []
        self._stop = threading.Event()
        self._producer = Producer({
            "bootstrap.servers": address, "enable.idempotence": True, "acks": "all",
            "batch.num.messages": 20, "linger.ms": 1, "message.timeout.ms": 60_000,
            "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 50, "log_level": 0,
        })
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _delivered(self, error, message):
        if error:
            self.failed.append(error)
        else:
            self.acknowledged[message.partition()].append(
                (message.offset(), int(message.value()))
            )

    def _run(self):
        while not self._stop.is_set():
            for partition in range(PARTITIONS):
                self._producer.produce(self.topic, str(self.sent).encode(), partition=partition,
                                       on_delivery=self._delivered)
                self.sent += 1
            self._producer.poll(0.002)

    def count(self):
        return sum(map(len, self.acknowledged.values()))

    def stop(self):
        """Ends it when all that it has sent is acknowledged."""
        self._stop.set()
        self._thread.join()
        left = self._producer.flush(60)
        assert left == 0, f"{left} records without an answer"


class Crash(unittest.TestCase):
    durability = "fsync"

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="partita-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.broker = Broker(self.directory, {"durability": self.durability})
        self.addCleanup(self.broker.close)
        self.broker.start()
        admin = AdminClient({"bootstrap.servers": self.broker.address, "log_level": 0})
        for future in admin.create_topics([NewTopic("t", PARTITIONS, 1)]).values():
            future.result(20)

    def check(self, load):
        read = consume_each(self.broker.address, "t", range(PARTITIONS))
        for partition, messages in enumerate(read):
            got = [int(message.value()) for message in messages]
            sent = list(range(partition, load.sent, PARTITIONS))
            self.assertEqual(got, sent, f"partition {partition}")
            for offset, number in load.acknowledged[partition]:
                self.assertEqual(got[offset], number)

    def test_kill_under_producers(self):
        load = Load(self.broker.address, "t")
        for _ in range(ROUNDS):
            before = load.count()
            deadline = time.monotonic() + 30
            while load.count() < before + 300 and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertGreaterEqual(load.count(), before + 300)
            self.broker.kill()
            self.broker.start()
        load.stop()
        self.assertEqual(load.failed, [])
        self.check(load)
        self.assertEqual(self.broker.restart().log_text().count("ERROR"), 0)
        self.check(load)

    def test_what_was_acknowledged_before_the_kill(self):
        """Without a producer that goes on: only what it heard of counts, and nothing is made up."""
        load = Load(self.broker.address, "t")
        deadline = time.monotonic() + 30
        while load.count() < 500 and time.monotonic() < deadline:
            time.sleep(0.02)
        acknowledged = {p: list(pairs) for p, pairs in load.acknowledged.items()}
        self.broker.kill()
        # Started at another port: the producer cannot finish what it has sent.
        moved = Broker(self.directory, {"durability": self.durability})
        self.addCleanup(moved.close)
        moved.start()
        self.assertEqual(sorted(acknowledged), list(range(PARTITIONS)))
        for partition, messages in enumerate(consume_each(moved.address, "t", range(PARTITIONS))):
            got, pairs = [int(message.value()) for message in messages], acknowledged[partition]
            self.assertEqual(got, list(range(partition, 3 * len(got), PARTITIONS)))
            self.assertGreaterEqual(len(got), len(pairs))
            for offset, number in pairs:
                self.assertEqual(got[offset], number)
        self.assertEqual(moved.stop(), 0)
        self.broker.start()  # at the old port, so that the producer can end
        load.stop()
        self.check(load)


class CrashWithoutSync(Crash):
    durability = "os"


class CrashWithIntervals(Crash):
    durability = "interval"


class TornTail(BrokerCase):
    """What a torn write leaves at the end of a segment is cut; the records before it stay."""

    def test_garbage_behind_the_last_batch(self):
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        admin.create_topics([NewTopic("torn", 1, 1)])["torn"].result(20)
        producer = Producer({"bootstrap.servers": self.address, "log_level": 0})
        for number in range(10):
            producer.produce("torn", str(number))
            self.assertEqual(producer.flush(20), 0)
        self.broker.kill()
        (segment,) = (self.broker.data / "torn-0").glob("*.log")
        whole = segment.read_bytes()
        with open(segment, "ab") as out:
            out.write(whole[:70])
        self.broker.start()
        got = [m.value() for m in consume_all(self.address, "torn")]
        self.assertEqual(got, [str(number).encode() for number in range(10)])
        self.assertEqual(segment.read_bytes(), whole)
        self.assertEqual(len(segments.batches(self.broker.data, "torn")), 10)


class Lock(BrokerCase):

    def test_a_second_process_is_refused(self):
        """One data directory has one process; a killed one leaves no lock behind."""
        other = Broker(self.directory)
        done = subprocess.run(other.command(), capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, b"")
        words = done.stderr.decode()
        self.assertIn(str(self.broker.data), words)
        self.assertRegex(words, "(?i)lock|in use|another")
        self.assertIsNone(self.broker.process.poll())
        self.broker.kill()
        self.broker.start()


if __name__ == "__main__":
    unittest.main()
