"""Transactions by confluent_kafka; see transactions.py."""
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from transactions import ABORTED, COMMITTED, FIRST_OFFSET, SECOND_OFFSET, named, say

address, topic, group, transactional_id = sys.argv[1:]
PLAIN = {"bootstrap.servers": address, "log_level": 0}
failed = []


def delivered(error, _):
    if error:
        failed.append(error)


def begin():
    producer = Producer({**PLAIN, "transactional.id": transactional_id})
    producer.init_transactions(30)
    return producer


def write(producer, records):
    producer.begin_transaction()
    for partition, value in records:
        producer.produce(topic, value, partition=partition, on_delivery=delivered)
    assert producer.flush(30) == 0
    assert not failed, failed


def send_offset(producer, offset):
    consumer = Consumer({**PLAIN, "group.id": group})
    producer.send_offsets_to_transaction(
        [TopicPartition(f"{topic}-in", 0, offset)], consumer.consumer_group_metadata(), 30)
    consumer.close()


def produce():
    producer = begin()
    write(producer, named("committed", COMMITTED))
    producer.commit_transaction(30)
    write(producer, named("aborted", ABORTED))
    producer.abort_transaction(30)
    write(producer, named("with-offsets"))
    send_offset(producer, FIRST_OFFSET)
    producer.commit_transaction(30)
    write(producer, named("without-offsets"))
    send_offset(producer, SECOND_OFFSET)
    producer.abort_transaction(30)
    write(producer, named("open"))
    second = begin()
    try:
        producer.commit_transaction(30)
    except KafkaException as error:
        say("fenced", error.args[0].name())
    write(second, named("last"))
    second.commit_transaction(30)


def read():
    consumer = Consumer({**PLAIN, "group.id": "unused", "isolation.level": "read_committed",
                         "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(3)])
    last = 0
    while last < 3:
        message = consumer.poll(20)
        if message is None or message.error():
            raise KafkaException(message and message.error())
        value = message.value().decode()
        say("read", message.partition(), message.offset(), value)
        last += value.startswith("last-")
    consumer.close()


produce()
read()
