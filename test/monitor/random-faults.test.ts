/**
 * The converse of honest-logs.test.ts: of a random honest log one byte of one resource is flipped, or one
 * resource is missing, or one byte of one entry is another one and everything is signed again. It is named.
 */
import { describe, expect, it } from 'vitest'
import { AuditFault } from '../../src/monitor/audit-fault.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { audit } from './audit-fixture.ts'
import { readerOf } from './log-forge.ts'
import type { LogForge, Resources } from './log-forge.ts'
import { RandomLog } from './random-log.ts'
import type { Random } from './random-log.ts'
import { rememberingVerifier as verifier } from './remembering-verifier.ts'

const LOGS = Number(process.env['ATTESTRY_LOGS'] ?? (slow ? 1000 : 2))
const FAULTS = slow ? 20 : 5
const everything = { verifier, isSampled: (): boolean => true }

/** What an audit reads: a fault in anything else harms nobody. */
async function pathsRead(forge: LogForge, resources: Resources): Promise<readonly string[]> {
  const paths = new Set<string>()
  const reader = readerOf(resources)
  const source = new LogSource({
    ...reader,
    read: async (path, bytesMax) => {
      const bytes = await reader.read(path, bytesMax)
      if (bytes !== undefined) paths.add(path)
      return bytes
    },
  })
  await audit(forge, resources, { ...everything, source })
  return [...paths].sort()
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random(bytes.length)
  return bytes.with(at, bytes[at]! ^ (1 << random(8)))
}

/**
 * The kind of fault that an audit ends with; content that was pruned by the rules is told, too, and that
 * entries wait: for a journal that was made unreadable, say, and with it all that it is about.
 */
async function outcome(
  forge: LogForge,
  resources: Resources,
  isSampled = everything.isSampled,
): Promise<string> {
  try {
    const honest = await audit(forge, resources, { verifier, isSampled })
    if (honest.waitingFrom !== undefined) return 'waiting'
    return honest.unreplayed.length > 0 ? 'not replayable' : 'passed'
  } catch (error) {
    if (error instanceof AuditFault) return error.kind
    throw error
  }
}

async function settled(random: Random, size: number): Promise<{ forge: LogForge; random: Random }> {
  const log = await RandomLog.create(random)
  await log.grow(random(size))
  await log.settle()
  const copy = await log.copy()
  await log.close()
  return { forge: copy.at(copy.sizes.at(-1)!), random }
}

const seeds = Array.from({ length: LOGS }, (_, at) => seed + at)

describe('a log with one fault', () => {
  it.each(seeds)('is named where a resource is another one, or missing: seed %i', async (one) => {
    const { forge, random } = await settled(randomFrom(one), slow ? 600 : 60)
    const resources = await forge.export({ receipts: true })
    const paths = await pathsRead(forge, resources)
    for (let fault = 0; fault < FAULTS; fault++) {
      // One of a kind, so that the few are not lost among the many.
      const kinds = [...new Set(paths.map((path) => path.split('/')[0]!))]
      const kind = kinds[random(kinds.length)]!
      const some = paths.filter((path) => path.split('/')[0] === kind)
      const path = some[random(some.length)]!
      const faulty = new Map(resources)
      const isMissing = random(4) === 0
      if (isMissing) faulty.delete(path)
      else faulty.set(path, flipped(resources.get(path)!, random))
      const found = await outcome(forge, faulty)
      expect(found, `${path} ${isMissing ? 'missing' : 'flipped'}`).not.toBe('passed')
    }
  })

  it.each(seeds)('is named where an entry is another one, signed again: seed %i', async (one) => {
    const { forge, random } = await settled(randomFrom(one + 1), slow ? 600 : 60)
    for (let fault = 0; fault < FAULTS; fault++) {
      const faulty = forge.fork()
      const at = random(faulty.entries.length)
      faulty.entries[at] = flipped(faulty.entries[at]!, random)
      const found = await outcome(faulty, await faulty.export(), () => false)
      expect(found, `entry ${at}`).not.toBe('passed')
    }
  })
})
