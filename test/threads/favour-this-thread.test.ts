import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'

const BUILT = new URL('../../dist/threads/favour-this-thread.js', import.meta.url).href
const hasThreads = existsSync('/proc/self/task')
if (!hasThreads) console.warn('skipped: threads have priorities of their own on Linux alone')

/** Favours its first thread once the pool runs, starts a worker, and prints the threads' priorities. */
const PROGRAM = `
import { readdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { favourThisThread } from ${JSON.stringify(BUILT)}

await stat('/')
const before = readdirSync('/proc/self/task')
favourThisThread()
const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
await new Promise((resolve) => worker.once('online', resolve))
const nice = (thread) =>
  Number(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ')[1].split(' ')[16])
const others = before.filter((thread) => Number(thread) !== process.pid).map(nice)
const later = readdirSync('/proc/self/task').filter((thread) => !before.includes(thread)).map(nice)
console.log(JSON.stringify({ own: nice(process.pid), others, later }))
process.exit()
`

interface Priorities {
  readonly own: number
  readonly others: readonly number[]
  readonly later: readonly number[]
}

function priorities(startedAt: number): Priorities {
  const node = [process.execPath, '--input-type=module', '-e', PROGRAM]
  const printed = execFileSync('nice', ['-n', String(startedAt), ...node], { encoding: 'utf8' })
  return JSON.parse(printed) as Priorities
}

it.skipIf(!hasThreads)('what the process has beside the thread comes after it', () => {
  const { own, others, later } = priorities(0)
  // Four of the pool and some of V8.
  expect(others.length).toBeGreaterThan(4)
  expect(new Set(others)).toEqual(new Set([own + 5]))
  expect(later.length).toBeGreaterThan(0)
  expect(new Set(later)).toEqual(new Set([own]))
})

it.skipIf(!hasThreads)('a process that operators have made nicer stays so', () => {
  const { own, others } = priorities(17)
  expect(own).toBeGreaterThanOrEqual(17)
  expect(new Set(others)).toEqual(new Set([19]))
})
