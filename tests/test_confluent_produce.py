"""confluent_kafka as Debian packages it (librdkafka): the producer."""
import unittest
import uuid

import segments
from clients import QUIET, ConfluentCase, consume_all, consume_each, produce_all
from confluent_kafka import TIMESTAMP_CREATE_TIME, KafkaError, Producer
from partitioners import by_key, consistent_random


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

    def test_by_key_as_java(self):
        """The partitioner of Java's clients: murmur2 of the key."""
        self.create(4)
        keys = [f"key-{number}".encode() for number in range(40)]
        produce_all(self.address, self.topic, [(key, key) for key in keys],
                    partitioner="murmur2_random")
        for partition, got in enumerate(consume_each(self.address, self.topic, range(4))):
            expected = [key for key in keys if by_key(key, 4) == partition]
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


if __name__ == "__main__":
    unittest.main()
