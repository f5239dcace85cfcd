/**
 * What evidence refers to, read from the released log: the head that a nonce was made of, and entries
 * that registered collateral, each with the content that it was admitted with.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { NotFoundError } from '../errors.ts'
import { gatherGivens, refersToLog } from '../policy/evidence-givens.ts'
import type { EvidenceSource, RegisteredContent } from '../policy/evidence-givens.ts'
import { isSignedByKnownKey } from '../policy/known-signer.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { activeKeysOf } from './log-keys.ts'
import type { RegistryPorts, RulesInForce } from './ports.ts'

type SourcePorts = Pick<
  RegistryPorts,
  'log' | 'origin' | 'checkpointSigners' | 'retiredCheckpointKeys' | 'sha256'
>

/** The log as admission sees it: nothing above the released head, and nothing from `below` on. */
export function evidenceSource(ports: SourcePorts, below?: LeafIndex): EvidenceSource {
  const end = below ?? Infinity
  const { log, origin, checkpointSigners, retiredCheckpointKeys, sha256 } = ports
  const contentOf = async (leafIndex: LeafIndex): Promise<RegisteredContent> => {
    const statement = parseSignedStatement(await log.readEntry(leafIndex), { sha256 })
    return { statement, preimage: await admittedPreimage(statement, leafIndex, log) }
  }
  return {
    origin,
    checkpointKeys: [...activeKeysOf(checkpointSigners), ...retiredCheckpointKeys],
    findHead: async (treeSize) => {
      const head = treeSize > end ? undefined : await log.headAt(treeSize as TreeSize)
      return head && { ...head.treeHead, registrationTime: head.registrationTime }
    },
    findEntry: async (entryId) => {
      const found = await log.findEntry(entryId)
      const isThere = found?.released === true && found.leafIndex < end
      return isThere ? contentOf(found.leafIndex) : undefined
    },
  }
}

/** Content that a hash envelope was admitted with; undefined for anything else. */
export async function admittedPreimage(
  { headers }: SignedStatement,
  leafIndex: LeafIndex,
  log: Pick<RegistryPorts['log'], 'entryCollateral' | 'readCollateral'>,
): Promise<Uint8Array | undefined> {
  if (headers.hashEnvelope === undefined) return undefined
  const pieces = await log.entryCollateral(leafIndex, leafIndex + 1)
  const digest = pieces.find(({ kind }) => kind === 'preimage')?.digest
  try {
    return digest && (await log.readCollateral(digest))
  } catch (error) {
    // Pruned, by a registered statement: it is there for nobody, and nothing new rests on it.
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

export interface ReferencesRequest {
  readonly statement: SignedStatement
  readonly preimage?: Uint8Array | undefined
  readonly rules: Pick<RulesInForce, 'policy' | 'anchors' | 'delegations'>
  readonly at: number
  readonly ports: SourcePorts & Pick<RegistryPorts, 'verifier'>
}

/** What the evidence in a statement refers to. Nobody unknown makes the registry look anything up. */
export async function readReferences({
  statement,
  preimage,
  rules,
  at,
  ports,
}: ReferencesRequest): Promise<EvidenceGivens> {
  const { policy, anchors, delegations } = rules
  if (policy.teeEvidence === undefined || !refersToLog({ statement, preimage })) return {}
  const { verifier } = ports
  const isKnown = await isSignedByKnownKey({ statement, anchors, delegations, at, verifier })
  return isKnown ? gatherGivens({ statement, preimage }, policy, evidenceSource(ports)) : {}
}
