/**
 * Collateral as an auditor reads it (design D5): by digest, compared with the digest that the journal
 * commits to, decoded into what decide() is given. What is missing makes an admission "not
 * replayable", never "passed" (D1); whether content may be missing, a later entry says.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { AttestryError } from '../errors.ts'
import { readPiece } from '../policy/collateral.ts'
import type { Collateral } from '../policy/collateral.ts'
import type { JournalCollateral } from '../policy/registration-journal.ts'
import { matchPayload } from '../statement/hash-envelope.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { AuditFault } from './audit-fault.ts'
import type { LogSource } from './log-source.ts'

export interface CollateralPorts {
  readonly source: LogSource
  readonly sha256: Sha256
}

/** An entry whose content was there when it was admitted, and is not served any more. */
export interface MissingPreimage {
  readonly leafIndex: number
  /** `sha256:` and hex of the content. */
  readonly digest: string
}

/**
 * Reads one piece of collateral.
 * @throws AuditFault `collateral` when it is missing, or is not what its digest says.
 */
export async function readCollateral(
  piece: JournalCollateral,
  ports: CollateralPorts,
): Promise<Uint8Array> {
  const bytes = await findCollateral(piece, ports)
  if (bytes === undefined) throw notServed(piece)
  return bytes
}

/** The fault of a log that does not serve what it admitted an entry with. */
export function notServed({ leafIndex, digest, kind }: JournalCollateral): AuditFault {
  return new AuditFault(
    'collateral',
    `entry ${leafIndex} cannot be replayed: its ${kind} ${digest} is not served`,
    { leafIndex },
  )
}

/** As {@link readCollateral}; `undefined` where it is not served. */
export async function findCollateral(
  { leafIndex, digest, kind }: JournalCollateral,
  { source, sha256 }: CollateralPorts,
): Promise<Uint8Array | undefined> {
  const bytes = await source.collateral(digest)
  if (bytes === undefined) return undefined
  if (`sha256:${encodeHex(sha256(bytes))}` !== digest) {
    throw new AuditFault('collateral', `the ${kind} of entry ${leafIndex} is not ${digest}`, {
      leafIndex,
    })
  }
  return bytes
}

/** What an entry was decided with, as far as it is served. */
export interface EntryCollateral {
  readonly collateral: Collateral
  /** Its content may have been pruned: a later entry says so, or it is a fault. */
  readonly missing?: MissingPreimage
}

/** What decide() is given beside the statement. @throws AuditFault `collateral`. */
export async function readEntryCollateral(
  pieces: readonly JournalCollateral[],
  statement: SignedStatement,
  ports: CollateralPorts,
): Promise<EntryCollateral> {
  let collateral: Collateral = {}
  let missing: MissingPreimage | undefined
  for (const piece of pieces) {
    const bytes = await findCollateral(piece, ports)
    if (bytes === undefined) {
      if (piece.kind !== 'preimage') throw notServed(piece)
      missing = { leafIndex: piece.leafIndex, digest: piece.digest }
      continue
    }
    try {
      if (piece.kind === 'preimage') matchPayload(statement, bytes)
      collateral = { ...collateral, ...readPiece(piece.kind, bytes) }
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      const { message } = cause as AttestryError
      const place = { leafIndex: piece.leafIndex }
      throw new AuditFault('collateral', `${piece.kind}: ${message}`, place, { cause })
    }
  }
  return missing === undefined ? { collateral } : { collateral, missing }
}
