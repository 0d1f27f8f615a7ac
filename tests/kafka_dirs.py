"""Data directories that Apache Kafka wrote (data/kafka_dir), what a broker serves of one, and
Apache Kafka itself to start on what we leave behind.

data/kafka_dir: clean.tar.gz after a clean shutdown, killed.tar.gz after kill -9, of Apache Kafka
4.3.1 as broker and controller in one (node 1); expected.json is what it served: of each partition
the log start, high watermark, last stable offset, every record, and the offsets of those that a
read_committed consumer saw.
"""
import hashlib
import json
import pathlib
import signal
import socket
import subprocess
import tarfile
import time

import broker
import kafka_tools
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

DATA = pathlib.Path(__file__).resolve().parent / "data/kafka_dir"
DIRECTORIES = ("clean", "killed")
# The records are older than the defaults keep.
SETTINGS = {
    "log.retention.ms": "-1", "producer.id.expiration.ms": "2147483647",
    "offsets.retention.minutes": "5256000", "transactional.id.expiration.ms": "2147483647",
}
KAFKA_SETTINGS = {
    **SETTINGS, "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3", "group.initial.rebalance.delay.ms": "0",
    "share.coordinator.state.topic.num.partitions": "1",
    # What is open stays open for as long as a test lasts.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "3600000",
}
READ_SECONDS = 20
TXN_END = 55
KAFKA_START_SECONDS = 300


def expected():
    """What is served once the open transaction, whose time is long over, was aborted: its marker
    stands at 54."""
    found = json.loads((DATA / "expected.json").read_text())
    found["txn"]["0"]["high watermark"] = found["txn"]["0"]["last stable offset"] = TXN_END
    return found


def unpack(name, directory):
    """Makes directory/data."""
    with tarfile.open(DATA / f"{name}.tar.gz") as archive:
        archive.extractall(directory)


def text(value):
    """As expected.json has it: long values by their length and SHA-256."""
    if value is None or len(value) <= 100:
        return value if value is None else value.decode()
    return f"{len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()}"


def record(message):
    headers = [[name, text(value)] for name, value in message.headers() or []]
    return [message.offset(), list(message.timestamp()), text(message.key()),
            text(message.value()), headers]


def watermarks(consumer, partition):
    """Apache Kafka may lead a partition for metadata requests a moment before it serves it."""
    for _ in range(50):
        try:
            return consumer.get_watermark_offsets(partition, READ_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
        time.sleep(0.2)
    raise AssertionError(f"nobody leads {partition}")


def read(address, topic, partition, isolation):
    """Log start, end, and every record."""
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": "nobody", "isolation.level": isolation,
        "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "error",
        "log_level": 0,
    })
    low, high = watermarks(consumer, TopicPartition(topic, partition))
    consumer.assign([TopicPartition(topic, partition, low)])
    records = []
    while True:
        message = consumer.poll(READ_SECONDS)
        assert message is not None, f"{topic}-{partition} does not end"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            break
        records.append(record(message))
    consumer.close()
    return low, high, records


def served(address, topics=None):
    """What expected.json holds; of these topics, else of all that are not internal."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    metadata = admin.list_topics(timeout=READ_SECONDS)
    result = {}
    for topic in sorted(name for name in metadata.topics if not name.startswith("__")):
        if topics is not None and topic not in topics:
            continue
        for partition in sorted(metadata.topics[topic].partitions):
            low, high, records = read(address, topic, partition, "read_uncommitted")
            low_again, stable, committed = read(address, topic, partition, "read_committed")
            assert low_again == low
            result.setdefault(topic, {})[str(partition)] = {
                "log start": low, "read_uncommitted": records, "high watermark": high,
                "last stable offset": stable, "read_committed": [r[0] for r in committed],
            }
    return result


class Kafka:
    """Apache Kafka 4.3.1 on directory/data: broker and controller, as make.py had it."""

    def __init__(self, directory, settings=None):
        self.directory = pathlib.Path(directory)
        self.settings = {**KAFKA_SETTINGS, **(settings or {})}
        self.port, self.controller_port = broker.free_port(), broker.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = self.directory / "kafka.log"
        self.process = None

    def start(self):
        listeners = f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}"
        properties = self.directory / "kafka.properties"
        given = {
            "process.roles": "broker,controller", "node.id": "1", "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "log.dirs": str(self.directory / "data"), "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1", **self.settings,
        }
        properties.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        command = ["java", "-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                   f"{kafka_tools.jars()}/*", "kafka.Kafka", str(properties)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            broker.wait_until("Apache Kafka leads every partition", self.leads,
                              KAFKA_START_SECONDS, 0.3)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log_tail()}") from late
        return self

    def leads(self):
        assert self.process.poll() is None, f"Apache Kafka has ended\n{self.log_tail()}"
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
            topics = admin.list_topics(timeout=5).topics
        except Exception:  # not yet
            return False
        partitions = [p for topic in topics.values() for p in topic.partitions.values()]
        return partitions and all(p.leader == 1 for p in partitions)

    def log_tail(self, lines=60):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process = None
        # 143: a JVM that SIGTERM ended, its shutdown hooks run.
        assert code in (0, 143), f"exit code {code}\n{self.log_tail()}"
        time.sleep(0.1)

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
