"""confluent_kafka as Debian packages it (librdkafka): admin, producer, consumer without a group."""
import time
import unittest
import uuid

import segments
from broker import BrokerCase, wait_until
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    TIMESTAMP_CREATE_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic
from partitioners import consistent_random

QUIET = {"log_level": 0}


def produce_all(address, topic, records, **settings):
    """Sends (key, value[, partition]) in order; the partition and offset that each got."""
    placed, failed = [], []

    def delivered(error, message):
        (failed if error else placed).append(error or (message.partition(), message.offset()))

    producer = Producer({"bootstrap.servers": address, **QUIET, **settings})
    for key, value, *where in records:
        producer.produce(topic, value, key, *where, on_delivery=delivered)
    assert producer.flush(30) == 0, "records are left after 30 s"
    assert not failed, failed
    return placed


def consume_each(address, topic, partitions, offset=OFFSET_BEGINNING, **settings):
    """Everything of each partition from an offset on, to its end: a list a partition."""
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": "unused", "enable.partition.eof": True,
        "enable.auto.commit": False, "fetch.wait.max.ms": 10, **QUIET, **settings,
    })
    try:
        consumer.assign([TopicPartition(topic, partition, offset) for partition in partitions])
        messages, ended = {partition: [] for partition in partitions}, set()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error() is None:
                messages[message.partition()].append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
                if len(ended) == len(messages):
                    return list(messages.values())
            else:
                raise KafkaException(message.error())
        raise AssertionError("no end of the partitions within 60 s")
    finally:
        consumer.close()


def consume_all(address, topic, partition=0, offset=OFFSET_BEGINNING, **settings):
    (messages,) = consume_each(address, topic, [partition], offset, **settings)
    return messages


class ConfluentCase(BrokerCase):

    def setUp(self):
        self.admin = AdminClient({"bootstrap.servers": self.address, **QUIET})
        self.topic = "t-" + uuid.uuid4().hex[:8]

    def create(self, partitions=1, **config):
        topic = NewTopic(self.topic, partitions, 1, config=config)
        for future in self.admin.create_topics([topic]).values():
            future.result(20)

    def error_code(self, futures):
        """The code that the only future fails with."""
        (future,) = futures.values()
        with self.assertRaises(KafkaException) as caught:
            future.result(20)
        return caught.exception.args[0].code()

    def partitions_of(self, topic):
        return sorted(self.admin.list_topics(topic, timeout=20).topics[topic].partitions)

    def values(self, partition=0, offset=OFFSET_BEGINNING):
        return [m.value() for m in consume_all(self.address, self.topic, partition, offset)]


class Basics(ConfluentCase):
    """What --quick runs."""

    def test_create_list_delete(self):
        self.create(3)
        self.assertEqual(self.partitions_of(self.topic), [0, 1, 2])
        listed = self.admin.list_topics(timeout=20)
        self.assertIn(self.topic, listed.topics)
        self.assertEqual([(b.id, b.port) for b in listed.brokers.values()],
                         [(1, self.broker.port)])
        self.assertEqual(listed.cluster_id, self.broker.cluster)
        self.admin.delete_topics([self.topic])[self.topic].result(20)
        wait_until("it is gone from the list",
                   lambda: self.topic not in self.admin.list_topics(timeout=20).topics)

    def test_produce_consume(self):
        self.create(1)
        records = [(f"k{number}".encode(), f"v{number}".encode()) for number in range(100)]
        placed = produce_all(self.address, self.topic, records, acks="all")
        self.assertEqual(placed, [(0, number) for number in range(100)])
        got = consume_all(self.address, self.topic)
        self.assertEqual([(m.key(), m.value()) for m in got], records)
        self.assertEqual([m.offset() for m in got], list(range(100)))

    def test_idempotent_producer(self):
        self.create(1)
        records = [(None, str(number).encode()) for number in range(500)]
        produce_all(self.address, self.topic, records, **{
            "enable.idempotence": True, "batch.num.messages": 50,
        })
        self.assertEqual(self.values(), [value for _, value in records])
        batches = segments.batches(self.broker.data, self.topic)
        self.assertEqual(len({batch.producer_id for batch in batches}), 1)
        self.assertGreaterEqual(batches[0].producer_id, 0)
        self.assertEqual(
            [batch.base_sequence for batch in batches], [batch.base_offset for batch in batches]
        )


class Admin(ConfluentCase):

    def test_grow(self):
        self.create(2)
        self.admin.create_partitions([NewPartitions(self.topic, 5)])[self.topic].result(20)
        self.assertEqual(self.partitions_of(self.topic), [0, 1, 2, 3, 4])
        placed = produce_all(self.address, self.topic, [(None, b"x", 4)])
        self.assertEqual(placed, [(4, 0)])

    def test_partitions_never_shrink(self):
        self.create(3)
        for count in (2, 3):
            code = self.error_code(self.admin.create_partitions([NewPartitions(self.topic, count)]))
            self.assertEqual(code, KafkaError.INVALID_PARTITIONS)
        self.assertEqual(self.partitions_of(self.topic), [0, 1, 2])

    def test_errors(self):
        self.create(1)
        for wanted, code in [
            (NewTopic(self.topic, 1, 1), KafkaError.TOPIC_ALREADY_EXISTS),
            (NewTopic("three-" + self.topic, 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
            (NewTopic("bad/name", 1, 1), KafkaError.TOPIC_EXCEPTION),
            (NewTopic("c-" + self.topic, 1, 1, config={"no.such": "1"}), KafkaError.INVALID_CONFIG),
            (NewTopic("c-" + self.topic, 1, 1, config={"retention.ms": "x"}),
             KafkaError.INVALID_CONFIG),
        ]:
            with self.subTest(wanted.topic, config=wanted.config):
                self.assertEqual(self.error_code(self.admin.create_topics([wanted])), code)
        code = self.error_code(self.admin.delete_topics(["no-such-topic"]))
        self.assertEqual(code, KafkaError.UNKNOWN_TOPIC_OR_PART)

    def test_validate_only(self):
        topic = NewTopic(self.topic, 2, 1)
        self.admin.create_topics([topic], validate_only=True)[self.topic].result(20)
        self.assertNotIn(self.topic, self.admin.list_topics(timeout=20).topics)

    def test_describe_configs_of_a_topic(self):
        self.create(1, **{"retention.ms": "12345", "cleanup.policy": "compact"})
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.topic)
        (future,) = self.admin.describe_configs([resource]).values()
        found = future.result(20)
        self.assertEqual(found["retention.ms"].value, "12345")
        self.assertEqual(found["cleanup.policy"].value, "compact")
        self.assertFalse(found["retention.ms"].is_default)
        self.assertEqual(found["segment.bytes"].value, "1073741824")
        self.assertTrue(found["segment.bytes"].is_default)
        self.assertEqual(found["max.message.bytes"].value, "1048588")

    def test_describe_configs_of_the_broker(self):
        resource = ConfigResource(ConfigResource.Type.BROKER, "1")
        (future,) = self.admin.describe_configs([resource]).values()
        found = future.result(20)
        self.assertEqual(found["log.dirs"].value, str(self.broker.data))
        self.assertEqual(found["num.partitions"].value, "1")
        self.assertTrue(found["log.dirs"].is_read_only)

    def test_name_again_after_delete_is_another_topic(self):
        self.create(1)
        produce_all(self.address, self.topic, [(None, b"old")] * 3)
        self.admin.delete_topics([self.topic])[self.topic].result(20)
        self.create(1)
        produce_all(self.address, self.topic, [(None, b"new")])
        self.assertEqual(self.values(), [b"new"])

    def test_auto_creation(self):
        placed = produce_all(self.address, self.topic, [(None, b"x")])
        self.assertEqual(placed, [(0, 0)])
        self.assertEqual(self.partitions_of(self.topic), [0])


class Produce(ConfluentCase):

    def test_acks(self):
        for acks in ("0", "1", "all"):
            with self.subTest(acks=acks):
                self.topic = f"acks-{acks}-{uuid.uuid4().hex[:8]}"
                self.create(1)
                records = [(None, str(number).encode()) for number in range(50)]
                produce_all(self.address, self.topic, records, acks=acks)
                self.assertEqual(self.values(), [value for _, value in records])

    def test_codecs_with_and_without_idempotence(self):
        records = [(b"key", b"some words again and again " * 20)] * 100
        for codec in segments.CODECS:
            for idempotent in (False, True):
                with self.subTest(codec=codec, idempotent=idempotent):
                    self.topic = f"{codec}-{idempotent}-{uuid.uuid4().hex[:8]}"
                    self.create(1)
                    produce_all(self.address, self.topic, records, **{
                        "compression.type": codec, "enable.idempotence": idempotent,
                    })
                    self.assertEqual(segments.codecs(self.broker.data, self.topic), [codec])
                    got = consume_all(self.address, self.topic)
                    self.assertEqual([(m.key(), m.value()) for m in got], records)

    def test_topic_codec(self):
        """With compression.type of the topic's own the broker compresses anew."""
        for codec in segments.CODECS[1:]:
            with self.subTest(codec):
                self.topic = f"to-{codec}-{uuid.uuid4().hex[:8]}"
                self.create(1, **{"compression.type": codec})
                records = [(None, b"plain words " * 50)] * 20
                produce_all(self.address, self.topic, records)
                self.assertEqual(segments.codecs(self.broker.data, self.topic), [codec])
                self.assertEqual(self.values(), [value for _, value in records])

    def test_by_key(self):
        """librdkafka's own partitioner: CRC32 of the key."""
        self.create(4)
        keys = [f"key-{number}".encode() for number in range(40)]
        produce_all(self.address, self.topic, [(key, key) for key in keys])
        for partition, got in enumerate(consume_each(self.address, self.topic, range(4))):
            expected = [key for key in keys if consistent_random(key, 4) == partition]
            self.assertTrue(expected)
            self.assertEqual([message.value() for message in got], expected)

    def test_round_robin(self):
        """The application counts, and says which partition."""
        self.create(3)
        records = [(None, f"M{number + 1}".encode(), number % 3) for number in range(5)]
        produce_all(self.address, self.topic, records)
        self.assertEqual(
            [self.values(partition) for partition in range(3)],
            [[b"M1", b"M4"], [b"M2", b"M5"], [b"M3"]],
        )

    def test_without_key_every_record_arrives_once(self):
        self.create(3)
        values = [str(number).encode() for number in range(300)]
        produce_all(self.address, self.topic, [(None, value) for value in values],
                    **{"sticky.partitioning.linger.ms": 0})
        parts = [self.values(partition) for partition in range(3)]
        self.assertEqual(sorted(sum(parts, [])), sorted(values))
        for part in parts:
            self.assertEqual(part, sorted(part, key=int))

    def test_chosen_partition_that_is_not(self):
        self.create(2)
        producer = Producer({"bootstrap.servers": self.address, **QUIET})
        errors = []
        producer.produce(self.topic, b"x", partition=7,
                         on_delivery=lambda error, _: errors.append(error))
        self.assertEqual(producer.flush(20), 0)
        self.assertEqual(errors[0].code(), KafkaError._UNKNOWN_PARTITION)

    def test_headers_keys_nulls_and_timestamps(self):
        self.create(1)
        producer = Producer({"bootstrap.servers": self.address, **QUIET})
        headers = [("trace", b"\x00\xff"), ("trace", None), ("empty", b"")]
        producer.produce(self.topic, None, b"", headers=headers, timestamp=1_600_000_000_123)
        producer.produce(self.topic, b"", None)
        self.assertEqual(producer.flush(20), 0)
        first, second = consume_all(self.address, self.topic)
        self.assertEqual((first.key(), first.value(), first.headers()), (b"", None, headers))
        self.assertEqual(first.timestamp(), (TIMESTAMP_CREATE_TIME, 1_600_000_000_123))
        self.assertEqual((second.key(), second.value(), second.headers()), (None, b"", None))

    def test_message_too_large(self):
        self.create(1, **{"max.message.bytes": "2000"})
        producer = Producer({"bootstrap.servers": self.address, **QUIET})
        errors = []
        for size in (1000, 3000):
            producer.produce(self.topic, b"x" * size,
                             on_delivery=lambda error, _: errors.append(error))
            self.assertEqual(producer.flush(20), 0)
        self.assertIsNone(errors[0])
        self.assertEqual(errors[1].code(), KafkaError.MSG_SIZE_TOO_LARGE)
        self.assertEqual(self.values(), [b"x" * 1000])

    def test_unknown_topic_without_auto_creation_by_the_client(self):
        """A producer that may not create topics hears that there is none."""
        producer = Producer({
            "bootstrap.servers": self.address, "allow.auto.create.topics": False,
            "topic.metadata.propagation.max.ms": 500, "message.timeout.ms": 10_000, **QUIET,
        })
        errors = []
        producer.produce(self.topic, b"x", on_delivery=lambda error, _: errors.append(error))
        self.assertEqual(producer.flush(20), 0)
        self.assertEqual(errors[0].code(), KafkaError.UNKNOWN_TOPIC_OR_PART)


class Consume(ConfluentCase):

    def setUp(self):
        super().setUp()
        self.create(1)
        self.values_in = [str(number).encode() for number in range(30)]
        self.base = int(time.time() * 1000) - 60_000
        producer = Producer({"bootstrap.servers": self.address, "batch.num.messages": 4, **QUIET})
        for number, value in enumerate(self.values_in):
            producer.produce(self.topic, value, timestamp=self.base + 10 * number)
        self.assertEqual(producer.flush(20), 0)
        self.consumer = Consumer({
            "bootstrap.servers": self.address, "group.id": "unused", **QUIET,
        })
        self.addCleanup(self.consumer.close)

    def test_from_the_beginning_and_from_offsets(self):
        self.assertEqual(self.values(), self.values_in)
        for offset in (0, 1, 7, 29, 30):
            with self.subTest(offset):
                self.assertEqual(self.values(offset=offset), self.values_in[offset:])
        self.assertEqual(self.values(offset=OFFSET_END), [])

    def test_offset_out_of_range(self):
        """Beyond the end: as auto.offset.reset says."""
        for reset, expected in [("earliest", self.values_in), ("latest", [])]:
            with self.subTest(reset):
                got = consume_all(self.address, self.topic, 0, 1000, **{"auto.offset.reset": reset})
                self.assertEqual([message.value() for message in got], expected)
        with self.assertRaises(KafkaException) as caught:
            consume_all(self.address, self.topic, 0, 1000, **{"auto.offset.reset": "error"})
        self.assertEqual(caught.exception.args[0].code(), KafkaError._AUTO_OFFSET_RESET)

    def test_watermarks(self):
        low_high = self.consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=20)
        self.assertEqual(low_high, (0, 30))

    def test_offsets_for_times(self):
        for after, offset in [(-1000, 0), (0, 0), (1, 1), (10, 1), (95, 10), (290, 29)]:
            with self.subTest(after):
                asked = [TopicPartition(self.topic, 0, self.base + after)]
                (found,) = self.consumer.offsets_for_times(asked, timeout=20)
                self.assertIsNone(found.error)
                self.assertEqual(found.offset, offset)
        (found,) = self.consumer.offsets_for_times(
            [TopicPartition(self.topic, 0, self.base + 291)], timeout=20
        )
        # librdkafka says "the end" for "no record is that late".
        self.assertIn(found.offset, (OFFSET_END, OFFSET_INVALID))

    def test_from_a_time(self):
        (found,) = self.consumer.offsets_for_times(
            [TopicPartition(self.topic, 0, self.base + 150)], timeout=20
        )
        self.assertEqual(self.values(offset=found.offset), self.values_in[15:])

    def test_small_fetches(self):
        """Less per fetch than a batch has: a batch comes whole, and the next follows."""
        got = consume_all(self.address, self.topic, **{
            "fetch.message.max.bytes": 1, "fetch.max.bytes": 1000, "message.max.bytes": 1000,
        })
        self.assertEqual([message.value() for message in got], self.values_in)

    def test_long_poll_wakes_up(self):
        """A fetch that is ready to wait is answered as soon as there is a byte."""
        consumer = Consumer({
            "bootstrap.servers": self.address, "group.id": "unused", "fetch.wait.max.ms": 8000,
            "enable.auto.commit": False, **QUIET,
        })
        self.addCleanup(consumer.close)
        consumer.assign([TopicPartition(self.topic, 0, 30)])
        self.assertIsNone(consumer.poll(1))
        produce_all(self.address, self.topic, [(None, b"late")])
        began = time.monotonic()
        message = consumer.poll(20)
        self.assertEqual(message.value(), b"late")
        self.assertLess(time.monotonic() - began, 3)


if __name__ == "__main__":
    unittest.main()
