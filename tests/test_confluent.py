"""confluent_kafka as Debian packages it (librdkafka): the client of administration."""
import unittest

import segments
from broker import wait_until
from clients import ConfluentCase, consume_all, produce_all
from confluent_kafka import KafkaError
from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic


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


if __name__ == "__main__":
    unittest.main()
