"""What tests do by confluent_kafka: produce, consume to the end, and a case that does."""
import time
import uuid

from broker import BrokerCase
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

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
