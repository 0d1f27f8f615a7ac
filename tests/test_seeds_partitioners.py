"""Tutorials' partitioners and consumers as Java programs around their code (tests/java).

Where each record should go is computed here once more, and the broker must have it there.
"""
import time
import unittest

import kafka_tools
from broker import BrokerCase
from clients import consume_each
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from partitioners import by_key, java_abs, java_hash, murmur2

PARTITIONS = 6
RECORDS = [
    ("", "M1"), ("", "M2"), ("User123", "M1"), ("User456", "M2"), ("User789", "M3"), ("", "M4"),
    ("user-123", "login"), ("user-123", "logout"), ("user-9", "US west"), ("system-1", "EU boot"),
    ("system-22", "ASIA"), ("K1", "Region A"), ("K2", "Region B"), ("K1", "Region A"),
    ("K3", "Region A"), ("K2", "Region B"), ("", "US and EU"), ("", "end"),
]


def hashed(key):
    return java_abs(murmur2(key.encode())) % PARTITIONS


def custom(number, key, _):
    half = PARTITIONS // 2
    if not key:
        return 0
    if key.startswith("user-"):
        return java_abs(java_hash(key)) % half
    if key.startswith("system-"):
        return half + java_abs(java_hash(key)) % half
    return hashed(key)


def geographic(number, key, value):
    for partition, region in enumerate(("US", "EU", "ASIA")):
        if region in value:
            return partition
    return hashed(key) if key else 0


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class Partitioners(BrokerCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = ["DefaultPartitioner", "CustomPartitioner", "TimeBasedPartitioner", "BuiltIn",
                 "GeographicPartitioner", "RegionPartitioner", "RoundRobinPartitioner", "Chosen"]
        admin = AdminClient({"bootstrap.servers": cls.address, "log_level": 0})
        for future in admin.create_topics([NewTopic(n, PARTITIONS, 1) for n in names]).values():
            future.result(20)
        cls.hours = [int(time.time() // 3600) % 24]
        given = "".join(f"{key}:{value}\n" for key, value in RECORDS)
        run = kafka_tools.java().run("SeedPartitioners", [cls.address], given.encode())
        assert run.code == 0, run.err
        cls.hours.append(int(time.time() // 3600) % 24)
        cls.lines = [line.split("\t") for line in run.out.splitlines()]

    def check(self, topic, expected, records=RECORDS):
        """`expected`: the partition of each record, in the order of sending."""
        told = [int(line[3]) for line in self.lines if line[0] == topic]
        self.assertEqual(told, expected)
        for partition, messages in enumerate(consume_each(self.address, topic, range(PARTITIONS))):
            got = [((m.key() or b"").decode(), m.value().decode()) for m in messages]
            self.assertEqual(got, [r for r, p in zip(records, expected) if p == partition])

    def test_default(self):
        """murmur2 of the key; without one in turns, from the second partition on."""
        turns = iter(range(1, 100))
        self.check("DefaultPartitioner", [
            hashed(key) if key else next(turns) % PARTITIONS for key, _ in RECORDS
        ])

    def test_custom(self):
        self.check("CustomPartitioner", [custom(0, *pair) for pair in RECORDS])

    def test_geographic(self):
        self.check("GeographicPartitioner", [geographic(0, *pair) for pair in RECORDS])

    def test_region(self):
        self.check("RegionPartitioner", [int("Region B" in value) for _, value in RECORDS])

    def test_round_robin(self):
        self.check("RoundRobinPartitioner", [n % PARTITIONS for n in range(len(RECORDS))])

    def test_time_based(self):
        (only,) = {int(line[3]) for line in self.lines if line[0] == "TimeBasedPartitioner"}
        self.assertIn(only, [hour % PARTITIONS for hour in self.hours])
        self.check("TimeBasedPartitioner", [only] * len(RECORDS))

    def test_chosen(self):
        self.check("Chosen", list(range(PARTITIONS)), [("key", "value")] * PARTITIONS)

    def test_built_in(self):
        """Kafka's own partitioner, for records with keys."""
        keyed = [(key, value) for key, value in RECORDS if key]
        expected = [by_key(key.encode(), PARTITIONS) for key, _ in keyed]
        self.check("BuiltIn", expected, keyed)


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class Offsets(BrokerCase):

    def test_consumer_without_group(self):
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        admin.create_topics([NewTopic("my-topic", 2, 1)])["my-topic"].result(20)
        base = int(time.time() * 1000) - 3_600_000
        producer = Producer({"bootstrap.servers": self.address, "log_level": 0})
        for number in range(10):
            producer.produce("my-topic", str(number), partition=0, timestamp=base + 1000 * number)
        self.assertEqual(producer.flush(20), 0)
        run = kafka_tools.java().run("SeedOffsets", [self.address, "my-topic", base + 4500])
        self.assertEqual(run.code, 0, run.err)
        lines = run.out.splitlines()
        self.assertEqual(sorted(lines[:2]), [
            "Partition 0: current=0, beginning=0, end=10",
            "Partition 1: current=0, beginning=0, end=0",
        ])
        self.assertEqual(lines[2:], [
            "beginning: 0 1 2 3 4 5 6 7 8 9", "end:", "offset: 7 8 9", "time: 5 6 7 8 9",
            "size=10", "lag=0", "leader=1", "replicas=1", "inSyncReplicas=1",
            "healthy=truetruefalse",
        ])


if __name__ == "__main__":
    unittest.main()
