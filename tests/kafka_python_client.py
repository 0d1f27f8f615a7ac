"""A program around kafka-python, of any release: what happened, as one JSON object on its output.

    kafka_python_client.py ADDRESS TOPIC BASE_TIME_MS CODEC...

Run with the interpreter that has the release to be tried. No groups: partitions are assigned.
"""
import json
import sys

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic

KEYS = [f"key-{number}".encode() for number in range(20)]


def consume(address, topic, partition, offset=None):
    """[offset, key, value, timestamp, headers] of everything in a partition."""
    consumer = KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=20_000)
    where = TopicPartition(topic, partition)
    consumer.assign([where])
    if offset is None:
        consumer.seek_to_beginning(where)
    else:
        consumer.seek(where, offset)
    end = consumer.end_offsets([where])[where]
    found = []
    while consumer.position(where) < end:
        message = next(consumer)
        text = [part and part.decode() for part in (message.key, message.value)]
        headers = [[key, value.decode()] for key, value in message.headers]
        found.append([message.offset, *text, message.timestamp, headers])
    consumer.close()
    return found


def administer(address, topic, out):
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "-1"})])
    admin.create_partitions({topic: NewPartitions(4)})
    out["listed"] = topic in admin.list_topics()
    (described,) = admin.describe_topics([topic])
    out["partitions"] = len(described["partitions"])
    admin.create_topics([NewTopic(topic + "-gone", 1, 1)])
    admin.delete_topics([topic + "-gone"])
    try:
        admin.create_topics([NewTopic(topic, 1, 1)])
    except kafka.errors.KafkaError as error:
        out["twice"] = type(error).__name__
    admin.close()


def produce(address, topic, base, out):
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    out["by_key"] = [producer.send(topic, key, key).get(30).partition for key in KEYS]
    placed = [
        producer.send(topic, b"chosen", partition=3, timestamp_ms=base + 10 * number,
                      headers=[("n", b"%d" % number)]).get(30)
        for number in range(5)
    ]
    out["chosen"] = [[one.partition, one.offset - placed[0].offset] for one in placed]
    out["first"] = placed[0].offset
    producer.close()


def produce_codecs(address, topic, codecs):
    for codec in codecs:
        producer = KafkaProducer(bootstrap_servers=address, compression_type=codec, linger_ms=50)
        for number in range(50):
            producer.send(f"{topic}-{codec}", b"again and again " * 9 + b"%d" % number)
        producer.flush(30)
        producer.close()


def read_back(address, topic, base, out):
    out["all"] = [consume(address, topic, partition) for partition in range(4)]
    out["from"] = consume(address, topic, 3, out["first"] + 3)
    consumer = KafkaConsumer(bootstrap_servers=address)
    where = TopicPartition(topic, 3)
    out["ends"] = [consumer.beginning_offsets([where])[where], consumer.end_offsets([where])[where]]
    out["times"] = {}
    for after in (0, 5, 40):
        found = consumer.offsets_for_times({where: base + after})[where]
        out["times"][after] = found and [found.offset - out["first"], found.timestamp - base]
    consumer.close()


def subscribe_without_group(address, topic, out):
    """As tutorials do: the topic in the constructor, no group, from the earliest."""
    consumer = KafkaConsumer(topic, bootstrap_servers=[address], auto_offset_reset="earliest",
                             consumer_timeout_ms=2500)
    out["tutorial"] = sorted(message.value.decode() for message in consumer)
    consumer.close()


def main():
    address, topic, base = sys.argv[1], sys.argv[2], int(sys.argv[3])
    out = {"version": kafka.__version__}
    administer(address, topic, out)
    produce(address, topic, base, out)
    read_back(address, topic, base, out)
    subscribe_without_group(address, topic, out)
    produce_codecs(address, topic, sys.argv[4:])
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
