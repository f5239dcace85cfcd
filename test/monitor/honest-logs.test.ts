/**
 * An honest log passes the audit, whatever its shape (D5, I6): random logs of the real registry, audited
 * whole, in steps from saved states while they grow, cut at random blocks, and from a mirror that grew the
 * same way. Every way leads to the same state. `ATTESTRY_SLOW=1` makes thousands of a few.
 */
import { describe, expect, it } from 'vitest'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { mirrorLog } from '../../src/monitor/mirror-log.ts'
import { parseVerifierKey } from '../../src/note/verifier-key.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { testSigner } from '../support/test-signer.ts'
import { audit } from './audit-fixture.ts'
import type { CopiedLog } from './copied-log.ts'
import { hasher, readerOf, sha256 } from './log-forge.ts'
import type { LogForge, Resources } from './log-forge.ts'
import { MemoryTarget } from './memory-target.ts'
import { RandomLog } from './random-log.ts'
import type { Random } from './random-log.ts'
import { rememberingVerifier as verifier } from './remembering-verifier.ts'

const LOGS = Number(process.env['ATTESTRY_LOGS'] ?? (slow ? 3000 : 4))
const SIZES = slow ? [20, 300, 700, 1500] : [20, 100, 300, 300]
const ROTATED = testSigner()

/** What has to be the same whichever way an audit came to it: content may have gone on the way. */
function lasting({ unreplayed, indexed, ...state }: AuditState): unknown {
  return JSON.parse(Buffer.from(encodeAuditState(state)).toString()) as unknown
}

/** Audits on from a state, cut at random blocks, to the end of the tree. */
async function auditInPieces(
  forge: LogForge,
  resources: Resources,
  random: Random,
  from: AuditState | undefined,
): Promise<AuditReport> {
  for (let state = from; ;) {
    const isCancelled = (): boolean => random(3) === 0
    const known = state === undefined ? {} : { state: parseAuditState(encodeAuditState(state)) }
    const report = await audit(forge, resources, { verifier, isCancelled, ...known })
    if (report.isComplete) return report
    state = report.state
  }
}

/** Brings a copy up to date, cut at random blocks. */
async function mirrorInPieces(
  forge: LogForge,
  resources: Resources,
  random: Random,
  target: MemoryTarget,
): Promise<void> {
  const reader = readerOf(resources)
  const known = {
    origin: forge.origin,
    checkpointKeys: [parseVerifierKey(forge.vkey)],
    receiptKeys: forge.receiptKeys.map(parseCoseKey),
  }
  const ports = { reader, source: new LogSource(reader), hasher, sha256, verifier }
  const isCancelled = (): boolean => random(3) === 0
  while (!(await mirrorLog({ ...ports, target, known, isCancelled })).isComplete);
}

/** Sizes at which somebody looks, the last one among them. */
function stepsOf({ sizes }: CopiedLog, random: Random): readonly number[] {
  const some = Array.from({ length: random(6) }, () => sizes[random(sizes.length)]!)
  return [...some, sizes.at(-1)!].sort((a, b) => a - b)
}

async function check(log: CopiedLog, random: Random): Promise<void> {
  const { sizes } = log
  const rotated = { size: sizes[random(sizes.length)]!, receipt: ROTATED }
  const size = sizes.at(-1)!
  const { waitingFrom, waitsFor, ...counts } = log.expected(size)
  const whole = await audit(log.at(size, rotated), undefined, { verifier })
  expect([whole.waitingFrom, whole.waitsFor], 'waiting').toEqual([waitingFrom, waitsFor])
  if (waitingFrom === undefined) expect(whole.counts).toMatchObject(counts)

  const isMirrored = random(3) === 0
  const target = new MemoryTarget()
  let state: AuditState | undefined
  for (const step of stepsOf(log, random)) {
    const expected = log.expected(step)
    const forge = log.at(step, rotated)
    const resources = await forge.export()
    if (isMirrored) await mirrorInPieces(forge, resources, random, target)
    const report = await auditInPieces(forge, isMirrored ? target.files : resources, random, state)
    const { waitingFrom: from, waitsFor: what } = report
    expect([from, what], `at ${step}`).toEqual([expected.waitingFrom, expected.waitsFor])
    state = report.state
  }
  if (waitingFrom === undefined) expect(lasting(state!)).toEqual(lasting(whole.state))
  if (!isMirrored) return
  const isSampled = (): boolean => random(4) === 0
  const copied = await audit(log.at(size, rotated), target.files, { verifier, isSampled })
  expect(copied.waitingFrom).toBe(waitingFrom)
}

describe('an honest log', () => {
  it.each(Array.from({ length: LOGS }, (_, at) => seed + at))('passes: seed %i', async (one) => {
    const random = randomFrom(one)
    const log = await RandomLog.create(random)
    await log.grow(random(SIZES[random(4)]!))
    if (random(3) > 0) await log.settle()
    const copy = await log.copy()
    await log.close()
    await check(copy, random)
  })
})
