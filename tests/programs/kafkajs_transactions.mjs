// Transactions by kafkajs; see transactions.py.
import { load, say } from './members.mjs'

const { default: { Kafka, logLevel } } = await load('kafkajs')
const [address, topic, group, transactionalId] = process.argv.slice(2)
const kafka = new Kafka({ clientId: transactionalId, brokers: [address], logLevel: logLevel.NOTHING })

async function begin() {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return producer
}

async function write(producer, what, count = 3) {
  const transaction = await producer.transaction()
  const messages = Array.from({ length: count }, (_, number) => ({
    partition: number % 3, value: `${what}-${number}`
  }))
  await transaction.send({ topic, messages, acks: -1 })
  return transaction
}

async function sendOffset(transaction, offset) {
  const topics = [{ topic: `${topic}-in`, partitions: [{ partition: 0, offset }] }]
  await transaction.sendOffsets({ consumerGroupId: group, topics })
}

async function produce() {
  const producer = await begin()
  await (await write(producer, 'committed', 9)).commit()
  await (await write(producer, 'aborted', 9)).abort()
  const withOffsets = await write(producer, 'with-offsets')
  await sendOffset(withOffsets, '5')
  await withOffsets.commit()
  const withoutOffsets = await write(producer, 'without-offsets')
  await sendOffset(withoutOffsets, '9')
  await withoutOffsets.abort()
  const open = await write(producer, 'open')
  const second = await begin()
  const last = await write(second, 'last')
  try {
    await open.commit()
  } catch (error) {
    say('fenced', error.type ?? error.name)
  }
  await last.commit()
  await second.disconnect()
  await producer.disconnect()
}

// kafkajs reads in groups only; this one is of the reader alone.
async function read() {
  const consumer = kafka.consumer({ groupId: `${topic}-readers`, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let last = 0
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    consumer.run({
      eachMessage: async ({ partition, message }) => {
        const value = message.value.toString()
        say('read', partition, message.offset, value)
        if (value.startsWith('last-') && ++last === 3) resolve()
      }
    })
  })
  await consumer.disconnect()
}

await produce()
await read()
process.exit(0)
