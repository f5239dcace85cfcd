/** What has to hold of a random log that moved (`moved-logs.test.ts`). */
import { expect } from 'vitest'
import { encodeHex } from '../../src/bytes/hex.ts'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import { readSeenHeads } from '../../src/monitor/seen-heads.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { LOG_ORIGIN } from '../support/test-registry.ts'
import { ALL_LOOKUPS } from './indexed-fixture.ts'
import type { LogTables } from './log-tables.ts'
import type { MovingLog } from './moving-log.ts'
import type { Random } from './random-log.ts'
import { rememberingVerifier as verifier } from './remembering-verifier.ts'

type Row = Readonly<Record<string, string>>
const rowsOf = (tables: LogTables, table: string): readonly Row[] => tables.get(table)!
const below = (size: number, column: string) => (row: Row) => Number(row[column]) < size
const digests = (tables: LogTables): Set<string> =>
  new Set(
    [...rowsOf(tables, 'payload'), ...rowsOf(tables, 'collateral')].map((row) => row['digest']!),
  )

/** What the log told the world holds of it, wherever it is now. */
async function checkPromises({ log, checkpoints }: MovingLog, random: Random): Promise<void> {
  const { store, ports, registry } = log.service
  const keys = (await store.listServiceKeys()).filter(({ purpose }) => purpose === 'receipt')
  for (const { statement, receipt } of log.registered) {
    const parsed = parseReceipt(receipt)
    const stored = keys.find(({ keyId }) => encodeHex(keyId) === encodeHex(parsed.keyId!))!
    const { entry, entryDigest } = parseSignedStatement(statement)
    const key = parseCoseKey(stored.coseKey)
    const proof = { receipt: parsed, entry, key, leafRule: 'entry', verifier } as const
    const verified = await verifyInclusionReceipt({ ...proof, requireTreeSizeClaim: true })
    expect(await store.findLeafIndexes([entryDigest])).toEqual([Number(verified.leafIndex)])
    if (random(10) > 0) continue
    // A statement that is there already is answered as it was.
    expect(await registry.register(statement)).toMatchObject({ status: 'registered', receipt })
  }
  const checkpointKeys = ports.checkpointSigners.map((one) => verifierKeyOf(one, 'ed25519'))
  const known = { origin: LOG_ORIGIN, checkpointKeys, receiptKeys: [] }
  for (const checkpoint of checkpoints) {
    const [seen] = await readSeenHeads(checkpoint, 'somebody', { known, verifier })
    const head = await store.findBatchHead(treeSize(Number(seen!.treeSize)))
    expect(head?.treeHead.rootHash).toEqual(seen!.rootHash)
  }
}

/** Audits the log on from what an audit knew before. */
export async function auditOn(
  moving: MovingLog,
  state: AuditState | undefined,
  random: Random,
): Promise<AuditReport> {
  const { log } = moving
  const { service } = log
  await checkPromises(moving, random)
  await moving.index(log.size)
  const { url } = await service.listen()
  const { checkpointSigners, serviceKeys } = service.ports
  return auditRegistry(service, url, {
    ...{ verifier, index: ALL_LOOKUPS, isSampled: () => random(4) === 0 },
    known: {
      origin: LOG_ORIGIN,
      checkpointKeys: checkpointSigners.map((one) => verifierKeyOf(one, 'ed25519')),
      receiptKeys: serviceKeys.map(({ key }) => key),
    },
    ...(state === undefined ? {} : { state: parseAuditState(encodeAuditState(state)) }),
  })
}

/** A backup that was made while the log grew has all of its moment, and nothing of later. */
export function checkBackup(
  restored: LogTables,
  [before, after]: readonly [LogTables, LogTables],
  size: number,
): void {
  const bounds = { entry: 'leaf_index', governance: 'leaf_index', entry_collateral: 'leaf_index' }
  for (const [table, column] of Object.entries(bounds)) {
    expect(rowsOf(restored, table)).toEqual(rowsOf(after, table).filter(below(size, column)))
  }
  for (const table of ['batch', 'signed_head']) {
    const expected = rowsOf(after, table).filter(below(size + 1, 'tree_size'))
    expect(rowsOf(restored, table).slice(0, expected.length)).toEqual(expected)
  }
  expect(rowsOf(restored, 'service_key')).toEqual(rowsOf(after, 'service_key'))
  const collateral = rowsOf(after, 'collateral').filter(below(size, 'first_entry'))
  expect(rowsOf(restored, 'collateral')).toEqual(expect.arrayContaining(collateral))
  const [had, has, kept] = [digests(before), digests(after), digests(restored)]
  for (const digest of had) if (has.has(digest)) expect(kept).toContain(digest)
  for (const row of rowsOf(restored, 'pruned_payload')) expect(kept).not.toContain(row['digest'])
  const lasting = ['payload_alias', 'pruned_payload', 'refusal']
  for (const table of lasting) {
    expect(rowsOf(restored, table)).toEqual(expect.arrayContaining([...rowsOf(before, table)]))
    expect(rowsOf(after, table)).toEqual(expect.arrayContaining([...rowsOf(restored, table)]))
  }
  const names = (tables: LogTables): (string | undefined)[] =>
    rowsOf(tables, 'api_token').map((row) => row['token_id'])
  expect(names(restored)).toEqual(expect.arrayContaining(names(before)))
}

/** Facts have no order. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => JSON.stringify(unordered(one))).sort()
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unordered(one)]))
}

/** Two indexes of one log say the same; what was pruned since is read by the older one only. */
export async function checkRebuilt(moving: MovingLog, older: string): Promise<void> {
  const { size, tally } = moving.log
  if (tally['payload-pruning+json'] !== undefined) return
  await moving.index(size)
  const all = Array.from({ length: size }, (_, at) => leafIndex(at))
  const read = async (path: string): Promise<readonly unknown[]> => {
    const index = SqliteIndex.open(path)
    const { records } = await index.findRecords(all)
    await index.close()
    return records.map(unordered)
  }
  const known = await read(older)
  expect((await read(moving.paths.index)).slice(0, known.length)).toEqual(known)
}
