// Members of a group by @platformatic/kafka, PROTOCOL classic or consumer; see members.mjs.
import { HEARTBEAT_MS, SESSION_MS, load, run, say, sayOwned } from './members.mjs'

const { Consumer } = await load('@platformatic/kafka')

async function read(stream, name) {
  for await (const message of stream) {
    say('read', name, message.partition, message.offset, message.value.toString())
    try {
      await message.commit()
    } catch (error) {
      say('uncommitted', name, error.message)
    }
  }
}

async function member({ address, topic, group, protocol }, name) {
  const consumer = new Consumer({
    clientId: name, groupId: group, bootstrapBrokers: [address], groupProtocol: protocol,
    maxWaitTime: 200,
    ...(protocol === 'classic' && { sessionTimeout: SESSION_MS, heartbeatInterval: HEARTBEAT_MS })
  })
  let before
  const owned = setInterval(() => {
    const partitions = (consumer.assignments ?? []).flatMap(one => one.partitions)
    if (partitions.join() !== before) sayOwned(name, partitions)
    before = partitions.join()
  }, 100)
  const stream = await consumer.consume({
    topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false
  })
  const reading = read(stream, name)
  return async () => {
    clearInterval(owned)
    await stream.close()
    await reading
    await consumer.close()
  }
}

await run(member)
