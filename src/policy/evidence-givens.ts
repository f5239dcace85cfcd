/**
 * Gathers what evidence refers to in its own log, so that admission stays a pure function: collateral
 * that earlier entries registered, and the head that a nonce was made of. The registry, the follower of
 * the index and an auditor read from different places, and look for the same through this one function.
 */
import { encodeHex } from '../bytes/hex.ts'
import { AttestryError } from '../errors.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { payloadContent, payloadMediaType } from '../payload/payload-content.ts'
import { COLLATERAL_MEDIA_TYPE, COLLATERAL_TOTAL_MAX } from '../payload/tee/collateral-bundle.ts'
import type { TeeEvidence } from '../payload/tee/evidence-container.ts'
import type { PublishedHead } from '../payload/tee/evidence-limits.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { readEvidence } from './tee-evidence.ts'
import type { EvidenceContent, EvidenceGivens } from './tee-evidence.ts'

/** An entry of the log with what it was admitted with. */
export interface RegisteredContent {
  readonly statement: SignedStatement
  readonly preimage?: Uint8Array | undefined
}

/** The log as it was before the entry that is decided about. */
export interface EvidenceSource {
  readonly origin: string
  /** Every key that signed checkpoints under the origin. */
  readonly checkpointKeys: readonly VerifierKey[]
  /** A signed head of this very size. */
  readonly findHead: (treeSize: number) => Promise<PublishedHead | undefined>
  /** An entry by its id, where there is one. */
  readonly findEntry: (entryId: Uint8Array) => Promise<RegisteredContent | undefined>
}

/** What the evidence of a statement refers to; nothing for any other statement. */
export async function gatherGivens(
  content: EvidenceContent,
  policy: Pick<RegistrationPolicy, 'teeEvidence'> | undefined,
  source: EvidenceSource,
): Promise<EvidenceGivens> {
  if (policy?.teeEvidence === undefined) return {}
  const evidence = tryReadEvidence(content)
  if (evidence === undefined) return {}
  const { checkpoint, registered = [] } = evidence
  const bundles = new Map<string, Uint8Array>()
  let bytes = 0
  for (const id of registered) {
    // Too much is refused whatever follows, and a small statement may name a lot.
    if (bytes > COLLATERAL_TOTAL_MAX) break
    const found = await source.findEntry(id)
    const bundle = found === undefined ? undefined : bundleOf(found)
    if (bundle === undefined) continue
    bundles.set(encodeHex(id), bundle)
    bytes += bundle.length
  }
  const { origin, checkpointKeys } = source
  return {
    ...(registered.length === 0 ? {} : { registered: bundles }),
    ...(checkpoint === undefined
      ? {}
      : { log: { origin, checkpointKeys, head: await findHead(checkpoint, source) } }),
  }
}

/** Whether there is anything to gather for a statement. */
export function refersToLog(content: EvidenceContent): boolean {
  const { checkpoint, registered } = tryReadEvidence(content) ?? {}
  return checkpoint !== undefined || registered !== undefined
}

/** Whatever cannot be read refers to nothing; the rule says what is wrong with it. */
function tryReadEvidence(content: EvidenceContent): TeeEvidence | undefined {
  try {
    return readEvidence(content)
  } catch (error) {
    if (error instanceof AttestryError) return undefined
    throw error
  }
}

/** The collateral that an entry registered. */
function bundleOf({ statement, preimage }: RegisteredContent): Uint8Array | undefined {
  if (payloadMediaType(statement).name !== COLLATERAL_MEDIA_TYPE) return undefined
  return payloadContent(statement, preimage)
}

async function findHead(note: Uint8Array, source: EvidenceSource): Promise<PublishedHead | 'none'> {
  let size: bigint
  try {
    size = parseCheckpoint(note).treeSize
  } catch (error) {
    if (error instanceof AttestryError) return 'none'
    throw error
  }
  if (size < 1n || size > BigInt(Number.MAX_SAFE_INTEGER)) return 'none'
  return (await source.findHead(Number(size))) ?? 'none'
}
