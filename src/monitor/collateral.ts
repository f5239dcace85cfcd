/**
 * Collateral as an auditor reads it (design D5): by digest, compared with the digest that the journal
 * commits to, decoded into what decide() is given. What is missing makes an admission "not
 * replayable", never "passed" (D1).
 */
import type { Sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { AttestryError } from '../errors.ts'
import type { Collateral } from '../policy/decide.ts'
import { decodeChain, parseSubmitterCollateral } from '../policy/collateral.ts'
import type { JournalCollateral } from '../policy/registration-journal.ts'
import { AuditFault } from './audit-fault.ts'
import type { LogSource } from './log-source.ts'

export interface CollateralPorts {
  readonly source: LogSource
  readonly sha256: Sha256
}

/**
 * Reads one piece of collateral.
 * @throws AuditFault `collateral` when it is missing, or is not what its digest says.
 */
export async function readCollateral(
  { leafIndex, digest, kind }: JournalCollateral,
  { source, sha256 }: CollateralPorts,
): Promise<Uint8Array> {
  const bytes = await source.collateral(digest)
  if (bytes === undefined) {
    throw new AuditFault(
      'collateral',
      `entry ${leafIndex} cannot be replayed: its ${kind} ${digest} is not served`,
      { leafIndex },
    )
  }
  if (`sha256:${encodeHex(sha256(bytes))}` !== digest) {
    throw new AuditFault('collateral', `the ${kind} of entry ${leafIndex} is not ${digest}`, {
      leafIndex,
    })
  }
  return bytes
}

/** What decide() is given beside the statement. @throws AuditFault `collateral`. */
export async function readEntryCollateral(
  pieces: readonly JournalCollateral[],
  ports: CollateralPorts,
): Promise<Collateral> {
  let collateral: Collateral = {}
  for (const piece of pieces) {
    const bytes = await readCollateral(piece, ports)
    try {
      if (piece.kind === 'x5chain') collateral = { ...collateral, x5chain: decodeChain(bytes) }
      if (piece.kind === 'submitter-claims') {
        collateral = { ...collateral, submitter: parseSubmitterCollateral(bytes) }
      }
    } catch (cause) {
      if (!(cause instanceof AttestryError)) throw cause
      const { message } = cause as AttestryError
      const place = { leafIndex: piece.leafIndex }
      throw new AuditFault('collateral', `${piece.kind}: ${message}`, place, { cause })
    }
  }
  return collateral
}
