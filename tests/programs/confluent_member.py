"""Members of a group by confluent_kafka, of any release; see members.py.

PROTOCOL is the assignor's name (range, cooperative-sticky), or `consumer`.
"""
from confluent_kafka import Consumer, KafkaException, TopicPartition
from members import HEARTBEAT_MS, SESSION_MS, Owned, run, say, stopping


def settings(given, name):
    own = {"group.protocol": "consumer"} if given.protocol == "consumer" else {
        "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": HEARTBEAT_MS,
        "partition.assignment.strategy": given.protocol,
    }
    return {
        "bootstrap.servers": given.address, "group.id": given.group, "client.id": name,
        "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0,
        "topic.metadata.refresh.interval.ms": 1000, **own,
    }


def read(consumer, name):
    """Reads some and commits them; what cannot be committed, in a rebalance, is read again."""
    ends = {}
    for message in consumer.consume(100, 0.2):
        if message.error():
            raise KafkaException(message.error())
        say("read", name, message.partition(), message.offset(), message.value().decode())
        ends[message.topic(), message.partition()] = message.offset() + 1
    if ends:
        try:
            consumer.commit(offsets=[TopicPartition(*where, end) for where, end in ends.items()],
                            asynchronous=False)
        except KafkaException as error:
            say("uncommitted", name, error)


def member(given, name):
    consumer = Consumer(settings(given, name))
    consumer.subscribe([given.topic])
    owned = Owned(name)
    while not stopping.is_set():
        read(consumer, name)
        owned.are(one.partition for one in consumer.assignment())
    consumer.close()
    say("closed", name)


run(member)
