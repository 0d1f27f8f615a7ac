// What the members of a group in JavaScript have in common; members.py says what they print.
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

export const SESSION_MS = 6000
export const HEARTBEAT_MS = 500

const packages = createRequire(`${process.env.NODE_PACKAGES}/package.json`)

// Of the packages that tests set up, which do not stand beside these programs.
export function load(name) {
  return import(pathToFileURL(packages.resolve(name)))
}

export function say(...words) {
  process.stdout.write(words.join(' ') + '\n')
}

export function sayOwned(name, partitions) {
  say('owns', name, ...[...partitions].sort((a, b) => a - b))
}

// Starts member({ address, topic, group, protocol }, name) for each; what it answers is called at
// the end of standard input.
export async function run(member) {
  const [address, topic, group, protocol, ...names] = process.argv.slice(2)
  const given = { address, topic, group, protocol }
  const ends = await Promise.all(names.map(name => member(given, name)))
  process.stdin.resume()
  await once(process.stdin, 'end')
  await Promise.all(ends.map(async (end, at) => {
    await end()
    say('closed', names[at])
  }))
  process.exit(0)
}
