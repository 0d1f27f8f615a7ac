"""Reads, changes and writes, exactly once, by confluent_kafka: one member of a group of copiers.

    confluent_copier.py ADDRESS FROM TO GROUP ID

Each transaction holds what was read and the offsets of it. Whatever goes wrong that can be undone
is: the transaction is aborted, and what it read is read again. An error that is fatal ends the
producer, and another one takes its id over. The end of standard input ends the program.
"""
import sys
import threading

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

address, source, target, group, transactional_id = sys.argv[1:]
# Without brokers for a while, librdkafka 2.16 bootstraps again, over and over, and then forgets
# requests that wait for a coordinator: their calls never come back.
PLAIN = {"bootstrap.servers": address, "log_level": 0, "reconnect.backoff.ms": 50,
         "reconnect.backoff.max.ms": 300, "metadata.recovery.strategy": "none"}
stopping = threading.Event()


def wait_for_end_of_input():
    sys.stdin.read()
    stopping.set()


def begin():
    while True:
        producer = Producer({**PLAIN, "transactional.id": transactional_id,
                             "transaction.timeout.ms": 10_000})
        try:
            producer.init_transactions(30)
            return producer
        except KafkaException as error:
            print("init", error, flush=True)


def rewind(consumer):
    """Back to what is committed: what an aborted transaction had read is read again."""
    owned = consumer.assignment()
    if owned:
        for where in consumer.committed(owned, 30):
            consumer.seek(TopicPartition(where.topic, where.partition, max(where.offset, 0)))


def copy(producer, consumer, messages):
    ends = {}
    producer.begin_transaction()
    for message in messages:
        producer.produce(target, message.value() + b"!", partition=message.partition())
        ends[message.partition()] = message.offset() + 1
    producer.send_offsets_to_transaction(
        [TopicPartition(source, partition, end) for partition, end in ends.items()],
        consumer.consumer_group_metadata(), 30)
    producer.commit_transaction(30)


def undo(producer, error):
    """The producer to go on with."""
    print("undone", error, flush=True)
    if not error.args[0].fatal():
        try:
            producer.abort_transaction(30)
            return producer
        except KafkaException as another:
            print("not aborted", another, flush=True)
    del producer
    return begin()


def main():
    threading.Thread(target=wait_for_end_of_input, daemon=True).start()
    consumer = Consumer({
        **PLAIN, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
        "isolation.level": "read_committed", "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
    })
    consumer.subscribe([source])
    producer = begin()
    while not stopping.is_set():
        messages = [one for one in consumer.consume(20, 0.1) if not one.error()]
        if not messages:
            continue
        try:
            copy(producer, consumer, messages)
        except KafkaException as error:
            producer = undo(producer, error)
            while not stopping.is_set():
                try:
                    rewind(consumer)
                    break
                except KafkaException as again:
                    print("not rewound", again, flush=True)
    consumer.close()


main()
