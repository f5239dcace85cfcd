import { describe, expect, it } from 'vitest'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { AuditFault } from '../../src/monitor/audit-fault.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { mirrorLog } from '../../src/monitor/mirror-log.ts'
import type { MirrorReport } from '../../src/monitor/mirror-log.ts'
import type { MirrorTarget } from '../../src/monitor/copy-block.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import { parseVerifierKey } from '../../src/note/verifier-key.ts'
import { encodeSubmitterCollateral } from '../../src/policy/collateral.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { audit } from './audit-fixture.ts'
import { hasher, LogForge, ORIGIN, readerOf, sha256 } from './log-forge.ts'
import type { Resources } from './log-forge.ts'
import { MemoryTarget } from './memory-target.ts'

function lying(
  honest: ResourceReader,
  again: ((bundle: Uint8Array) => Uint8Array) | undefined,
): ResourceReader {
  const served = new Set<string>()
  const read = async (path: string, bytesMax: number): Promise<Uint8Array | undefined> => {
    const bytes = await honest.read(path, bytesMax)
    if (bytes === undefined || again === undefined || !path.startsWith('heads/')) return bytes
    if (served.has(path)) return again(bytes)
    served.add(path)
    return bytes
  }
  return { ...honest, read }
}

async function mirror(
  forge: LogForge,
  target: MirrorTarget,
  {
    resources,
    isCancelled,
    again,
  }: {
    resources?: Resources
    isCancelled?: () => boolean
    /** What head bundles are when they are read a second time. */
    again?: (bundle: Uint8Array) => Uint8Array
  } = {},
): Promise<MirrorReport> {
  const reader = lying(readerOf(resources ?? (await forge.export())), again)
  return mirrorLog({
    ...{ reader, target, hasher, sha256, verifier: nodeVerifier },
    source: new LogSource(reader),
    known: {
      origin: ORIGIN,
      checkpointKeys: [parseVerifierKey(forge.vkey)],
      receiptKeys: [parseCoseKey(forge.receiptKey)],
    },
    ...(isCancelled === undefined ? {} : { isCancelled }),
  })
}

describe('a mirror', () => {
  it('is a copy that passes the audit, with receipts of its own making, and grows', async () => {
    const forge = await LogForge.create()
    const target = new MemoryTarget()
    const claims = encodeSubmitterCollateral({ kind: 'api-token', issuer: 'x', claims: {} })
    for (let round = 0; round < 3; round++) {
      await forge.batch(await forge.statements(`round ${round}`, 150))
      forge.addCollateral(forge.entries.length - 1, 'submitter-claims', claims)
      await forge.journal()
      const { from, head, isComplete } = await mirror(forge, target)
      expect({ from, size: head.treeSize, isComplete }).toEqual({
        ...{ from: round === 0 ? 0 : 2 + round * 151, size: forge.entries.length },
        isComplete: true,
      })
      const report = await audit(forge, target.files, { isSampled: () => true })
      expect(report.counts).toMatchObject({ entries: forge.entries.length, journals: round + 1 })
      expect(report.counts.receipts).toBe(forge.entries.length)
    }
    // Each statement's Receipt is by the first head that has it, whichever run has copied it.
    const heads = [...target.files.keys()].flatMap((path) => /^heads\/(\d+)$/.exec(path)?.[1] ?? []).map(Number).sort((a, b) => a - b) // prettier-ignore
    expect(heads.length).toBeGreaterThan(3)
    for (const [index, entry] of forge.entries.entries()) {
      const stored = target.files.get(`entries/${encodeHex(sha256(entry))}/statement`)!
      const [receipt, ...others] = parseSignedStatement(stored).receipts
      expect(others).toEqual([])
      expect(parseReceipt(receipt!).claims.treeSize).toBe(heads.find((head) => head > index))
    }
    const partials = [...target.files.keys()].filter((path) => path.startsWith('tile/0/000.p/'))
    expect(partials).toEqual([])
  })

  it('writes the checkpoint last', async () => {
    const target = new MemoryTarget()
    await mirror(await LogForge.create(), target)
    expect(target.written.at(-1)).toBe('checkpoint')
  })

  it('keeps what it had when the log is another one now', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 10))
    const target = new MemoryTarget()
    await mirror(forge, target)
    const before = new Map(target.files)

    const fork = forge.fork()
    fork.entries[5] = await fork.statement('instead')
    await fork.batch(await fork.statements('b', 10))
    await expect(mirror(fork, target)).rejects.toThrow(AuditFault)
    expect(target.files).toEqual(before)

    const flipped = await forge.export()
    await forge.batch(await forge.statements('c', 1))
    flipped.set('tile/entries/000.p/12', new Uint8Array(40))
    await expect(mirror(forge, new MemoryTarget(), { resources: flipped })).rejects.toThrow(
      AuditFault,
    )
  })

  it.each<[string, (bundle: Uint8Array) => Uint8Array]>([
    ['with a signature that fails', (bundle) => bundle.with(-1, bundle.at(-1)! ^ 1)],
    ['cut short', (bundle) => bundle.subarray(0, -1)],
    ['empty', () => new Uint8Array(0)],
  ])('writes the heads that it verified: not what is served later, %s', async (_what, again) => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 300))
    const target = new MemoryTarget()
    expect((await mirror(forge, target, { again })).isComplete).toBe(true)
    const report = await audit(forge, target.files, { isSampled: () => true })
    expect(report.counts.receipts).toBe(forge.entries.length)
  })

  it('can be interrupted, and is whole all the same', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 300))
    const target = new MemoryTarget()
    expect((await mirror(forge, target, { isCancelled: () => true })).isComplete).toBe(false)
    expect(target.files.has('checkpoint')).toBe(false)
    await mirror(forge, target)
    expect((await audit(forge, target.files, { isSampled: () => true })).counts.entries).toBe(302)
  })
})
