/**
 * What evidence refers to, as an auditor reads it: entries that registered collateral, remembered while
 * the log is replayed and read again from its bundles, and heads whose signatures hold. Only what lies
 * below an entry counts for it. Content that is not served any more makes its admission "not replayable".
 */
import { encodeHex } from '../bytes/hex.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { headBundleOf } from '../cose/head-bundle.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { payloadMediaType } from '../payload/payload-content.ts'
import { COLLATERAL_MEDIA_TYPE } from '../payload/tee/collateral-bundle.ts'
import { gatherGivens } from '../policy/evidence-givens.ts'
import type { RegisteredContent } from '../policy/evidence-givens.ts'
import type { JournalCollateral } from '../policy/registration-journal.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { AuditFault } from './audit-fault.ts'
import { findCollateral } from './collateral.ts'
import type { MissingPreimage } from './collateral.ts'
import type { LogSource } from './log-source.ts'
import type { SignedHeads } from './signed-heads.ts'

/** An entry that registered collateral. */
export interface RegisteredCollateral {
  readonly leafIndex: number
  /** SHA-256 of the entry, hex. */
  readonly entryId: string
  /** `sha256:` and hex of the content that a hash envelope was admitted with. */
  readonly preimage?: string
}

export interface ReferencePorts {
  readonly source: LogSource
  readonly heads: SignedHeads
  readonly treeSize: number
  readonly origin: string
  readonly checkpointKeys: readonly VerifierKey[]
  readonly sha256: Sha256
}

/** An entry that may hold evidence. */
export interface ReferringEntry {
  readonly leafIndex: number
  readonly statement: SignedStatement
  readonly preimage?: Uint8Array | undefined
  readonly policy: Pick<RegistrationPolicy, 'teeEvidence'> | undefined
  /** Entries below it that registered collateral. */
  readonly registered: readonly RegisteredCollateral[]
}

export interface References {
  readonly givens: EvidenceGivens
  /** Collateral that it was decided with and that is not served any more. */
  readonly missing?: MissingPreimage
}

/** What an auditor remembers of an entry; `undefined` for those that register no collateral. */
export function registeredCollateral(
  leafIndex: number,
  statement: SignedStatement,
  pieces: readonly JournalCollateral[],
): RegisteredCollateral | undefined {
  if (payloadMediaType(statement).name !== COLLATERAL_MEDIA_TYPE) return undefined
  const preimage = pieces.find(({ kind }) => kind === 'preimage')?.digest
  const { entryId } = statement
  return { leafIndex, entryId, ...(preimage === undefined ? {} : { preimage }) }
}

/**
 * Reads what the evidence in an entry refers to.
 * @throws AuditFault when it is served and is not what the log committed to.
 */
export async function readReferences(
  entry: ReferringEntry,
  ports: ReferencePorts,
): Promise<References> {
  const { leafIndex, policy, registered } = entry
  const { origin, checkpointKeys, heads } = ports
  let missing: MissingPreimage | undefined
  const givens = await gatherGivens(entry, policy, {
    origin,
    checkpointKeys,
    findHead: async (treeSize) => {
      if (treeSize > leafIndex) return undefined
      const bundle = await heads.inBundle(headBundleOf(treeSize))
      return bundle.find((head) => head.treeSize === treeSize)
    },
    findEntry: async (id) => {
      const entryId = encodeHex(id)
      const found = registered.find((one) => one.entryId === entryId && one.leafIndex < leafIndex)
      if (found === undefined) return undefined
      const content = await readContent(found, ports)
      if (content === 'missing') missing = { leafIndex, digest: found.preimage! }
      return content === 'missing' ? undefined : content
    },
  })
  return { givens, ...(missing === undefined ? {} : { missing }) }
}

async function readContent(
  found: RegisteredCollateral,
  ports: ReferencePorts,
): Promise<RegisteredContent | 'missing'> {
  const { leafIndex, preimage: digest } = found
  const statement = await readStatement(found, ports)
  if (digest === undefined) return { statement }
  const preimage = await findCollateral({ leafIndex, digest, kind: 'preimage' }, ports)
  return preimage === undefined ? 'missing' : { statement, preimage }
}

/** The entry again; that it is the one that was replayed, its digest says. */
async function readStatement(
  { leafIndex, entryId }: RegisteredCollateral,
  { source, sha256, treeSize }: ReferencePorts,
): Promise<SignedStatement> {
  const bundle = Math.floor(leafIndex / TILE_WIDTH)
  const width = Math.min(TILE_WIDTH, treeSize - bundle * TILE_WIDTH)
  const entry = (await source.entries(bundle, width)).entries[leafIndex - bundle * TILE_WIDTH]
  if (entry === undefined || encodeHex(sha256(entry)) !== entryId) {
    const message = `entry ${leafIndex} is not the one that was replayed`
    throw new AuditFault('tile', message, { leafIndex, entryId })
  }
  return parseSignedStatement(entry, { sha256 })
}
