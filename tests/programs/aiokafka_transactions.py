"""Transactions by aiokafka; see transactions.py."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from transactions import ABORTED, COMMITTED, FIRST_OFFSET, SECOND_OFFSET, named, say

address, topic, group, transactional_id = sys.argv[1:]


async def begin():
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=transactional_id)
    await producer.start()
    return producer


async def write(producer, records):
    await producer.begin_transaction()
    for partition, value in records:
        await producer.send_and_wait(topic, value.encode(), partition=partition)


async def send_offset(producer, offset):
    where = TopicPartition(f"{topic}-in", 0)
    await producer.send_offsets_to_transaction({where: offset}, group)


async def produce():
    producer = await begin()
    await write(producer, named("committed", COMMITTED))
    await producer.commit_transaction()
    await write(producer, named("aborted", ABORTED))
    await producer.abort_transaction()
    await write(producer, named("with-offsets"))
    await send_offset(producer, FIRST_OFFSET)
    await producer.commit_transaction()
    await write(producer, named("without-offsets"))
    await send_offset(producer, SECOND_OFFSET)
    await producer.abort_transaction()
    await write(producer, named("open"))
    second = await begin()
    try:
        await producer.commit_transaction()
    except KafkaError as error:
        say("fenced", type(error).__name__)
    await write(second, named("last"))
    await second.commit_transaction()
    await second.stop()
    try:
        await producer.stop()
    except KafkaError:
        pass  # it has been fenced, as was said


async def read():
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level="read_committed",
                                enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(3)])
    await consumer.seek_to_beginning()
    last = 0
    while last < 3:
        message = await asyncio.wait_for(consumer.getone(), 20)
        value = message.value.decode()
        say("read", message.partition, message.offset, value)
        last += value.startswith("last-")
    await consumer.stop()


async def main():
    await produce()
    await read()


asyncio.run(main())
