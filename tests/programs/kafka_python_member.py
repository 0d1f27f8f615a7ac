"""Members of a group by kafka-python, of any release; see members.py."""
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from members import HEARTBEAT_MS, SESSION_MS, Owned, run, say, stopping


def member(given, name):
    consumer = KafkaConsumer(
        given.topic, bootstrap_servers=[given.address], group_id=given.group, client_id=name,
        auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
    )
    owned = Owned(name)
    while not stopping.is_set():
        found = consumer.poll(timeout_ms=200, max_records=100)
        for where, messages in found.items():
            for message in messages:
                say("read", name, where.partition, message.offset, message.value.decode())
        if found:
            try:
                consumer.commit()
            except KafkaError as error:
                say("uncommitted", name, error)
        owned.are(where.partition for where in consumer.assignment())
    consumer.close()
    say("closed", name)


run(member)
