/**
 * What evidence refers to, read from the store for the index: only what lies below an entry, so that a
 * rebuilt index says the same as one that followed along.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { LogStore } from '../log/store.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { gatherGivens, refersToLog } from '../policy/evidence-givens.ts'
import type { RegisteredContent } from '../policy/evidence-givens.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { EvidenceContent, EvidenceGivens } from '../policy/tee-evidence.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'

export interface EvidencePorts {
  readonly log: Pick<
    LogStore,
    | 'readState'
    | 'findBatchHead'
    | 'findLeafIndexes'
    | 'readEntries'
    | 'listEntryCollateral'
    | 'findCollateral'
  >
  /** Every key that signed checkpoints of the log. */
  readonly readCheckpointKeys: () => Promise<readonly VerifierKey[]>
  readonly sha256: Sha256
}

/** What the evidence in the entry `leafIndex` refers to. */
export async function readReferences(
  { leafIndex, ...content }: EvidenceContent & { readonly leafIndex: LeafIndex },
  policy: RegistrationPolicy | undefined,
  ports: EvidencePorts,
): Promise<EvidenceGivens> {
  if (policy?.teeEvidence === undefined || !refersToLog(content)) return {}
  const { log } = ports
  return gatherGivens(content, policy, {
    origin: (await log.readState()).origin,
    checkpointKeys: await ports.readCheckpointKeys(),
    findHead: async (treeSize) => {
      if (treeSize > leafIndex) return undefined
      const head = await log.findBatchHead(treeSize as TreeSize)
      return head && { ...head.treeHead, registrationTime: head.registrationTime }
    },
    findEntry: async (entryId) => {
      const [found] = await log.findLeafIndexes([entryId])
      return found === undefined || found >= leafIndex ? undefined : readContent(found, ports)
    },
  })
}

async function readContent(
  leafIndex: LeafIndex,
  { log, sha256 }: EvidencePorts,
): Promise<RegisteredContent | undefined> {
  const [stored] = await log.readEntries(leafIndex, 1)
  if (stored === undefined) return undefined
  const statement = parseSignedStatement(stored.entry, { sha256 })
  const pieces = await log.listEntryCollateral(leafIndex, leafIndex + 1)
  const piece = pieces.find(({ kind }) => kind === 'preimage')
  const preimage = piece && (await log.findCollateral(piece.digest))?.bytes
  return { statement, ...(preimage === undefined ? {} : { preimage }) }
}
