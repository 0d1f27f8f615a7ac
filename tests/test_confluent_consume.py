"""confluent_kafka as Debian packages it (librdkafka): the consumer, without a group."""
import time
import unittest

from clients import QUIET, ConfluentCase, consume_all, produce_all
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)


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
