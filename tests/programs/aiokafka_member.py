"""Members of a group by aiokafka; see members.py."""
import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from members import HEARTBEAT_MS, SESSION_MS, Owned, arguments, say, stopping


async def member(given, name):
    consumer = AIOKafkaConsumer(
        given.topic, bootstrap_servers=given.address, group_id=given.group, client_id=name,
        auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
    )
    await consumer.start()
    owned = Owned(name)
    while not stopping.is_set():
        found = await consumer.getmany(timeout_ms=200, max_records=100)
        for where, messages in found.items():
            for message in messages:
                say("read", name, where.partition, message.offset, message.value.decode())
        if found:
            try:
                await consumer.commit()
            except KafkaError as error:
                say("uncommitted", name, error)
        owned.are(where.partition for where in consumer.assignment())
    await consumer.stop()
    say("closed", name)


async def main():
    given = arguments()
    await asyncio.gather(*(member(given, name) for name in given.names))


asyncio.run(main())
