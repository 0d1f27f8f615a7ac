// Members of a group by kafkajs; see members.mjs.
import { HEARTBEAT_MS, SESSION_MS, load, run, say, sayOwned } from './members.mjs'

const { default: { Kafka, logLevel } } = await load('kafkajs')

async function member({ address, topic, group }, name) {
  const kafka = new Kafka({ clientId: name, brokers: [address], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({
    groupId: group, sessionTimeout: SESSION_MS, heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: 200
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    sayOwned(name, payload.memberAssignment[topic] ?? [])
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 2,
    eachBatch: async ({ batch, resolveOffset }) => {
      for (const message of batch.messages) {
        say('read', name, batch.partition, message.offset, message.value.toString())
        resolveOffset(message.offset)
      }
      const offset = (BigInt(batch.lastOffset()) + 1n).toString()
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
    }
  })
  return async () => {
    await consumer.disconnect()
  }
}

await run(member)
