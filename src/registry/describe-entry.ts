/** One entry as the registry reads it: its header, what it says, and what is remarkable about it. */
import { decodeHex } from '../bytes/hex.ts'
import type { IndexRecord } from '../log/index-store.ts'
import { NotFoundError } from '../errors.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { findContradictions } from './contradictions.ts'
import type { Contradiction } from './contradictions.ts'
import { findPruning } from './payloads.ts'
import type { RegistryPorts } from './ports.ts'
import { assertCovers, requireIndex } from './require-index.ts'
import { findUsedDelegation } from './used-delegation.ts'
import type { UsedDelegation } from './used-delegation.ts'

export interface DescribedEntry {
  /** Size that the index covers. */
  readonly treeSize: number
  readonly statement: SignedStatement
  readonly record: IndexRecord
  /** Of evidence and of verdicts about it: statements that say something else. */
  readonly contradictions: readonly Contradiction[]
  /** Absent where no delegation had a part in it. */
  readonly delegation?: UsedDelegation | undefined
  /** Seconds from the end of the build to the registration (R8), where the statement says when that was. */
  readonly registrationLag?: number | undefined
  /** Entry by which the content of a hash envelope was deleted. */
  readonly prunedBy: Uint8Array | undefined
}

/**
 * An entry by its id: header from the entry itself, the rest as it is indexed.
 * @throws NotFoundError `ERR_ENTRY_UNKNOWN` when no such entry is committed.
 * @throws UnavailableError `ERR_INDEX_OFF`; `ERR_INDEX_BEHIND` for a moment after its registration.
 */
export async function describeEntry(
  entryId: string,
  ports: RegistryPorts,
): Promise<DescribedEntry> {
  const index = requireIndex(ports)
  const stored = await ports.log.findEntry(decodeHex(entryId))
  if (stored === undefined) {
    throw new NotFoundError('ERR_ENTRY_UNKNOWN', `there is no entry ${entryId}`)
  }
  const { leafIndex } = stored
  const { treeSize, records } = await index.findRecords([leafIndex])
  assertCovers(treeSize, leafIndex + 1)
  const [record] = records
  if (record === undefined) {
    throw new NotFoundError('ERR_ENTRY_UNKNOWN', `the index lacks entry ${leafIndex}`)
  }
  const entry = await ports.log.readEntry(leafIndex)
  const statement = parseSignedStatement(entry, { sha256: ports.sha256 })
  const [name, { payloads }] = [payloadNameOf(statement), ports]
  return {
    treeSize,
    record,
    statement,
    contradictions: await findContradictions(record, treeSize, ports),
    delegation: await findUsedDelegation({ ...record, statement }, ports),
    registrationLag: lagOf(record),
    prunedBy:
      name === undefined || payloads === undefined ? undefined : await findPruning(name, payloads),
  }
}

function lagOf({ description, registrationTime }: IndexRecord): number | undefined {
  // The end of an incident's window is nobody's build.
  if (description.kind === 'incident') return undefined
  const finished = description.numbers.find(({ name }) => name === 'finished-on')
  return finished && registrationTime - finished.value
}
