/** The rules' documents that an entry of the log was admitted under: the last ones below it. */
import { InputError } from '../errors.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { parseRegistrationPolicy, readTrustAnchorsDocument } from '../policy/registration-policy.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { RegistryPorts } from './ports.ts'

export interface PolicyAt {
  /** Id of the entry that holds it, hex. */
  readonly policyId: string
  readonly policy: RegistrationPolicy
}

type DocumentPorts = Pick<RegistryPorts, 'log' | 'sha256'>

/** Undefined where there is none, or it cannot be read here: the log was not admitted by these rules then. */
export async function findPolicyAt(
  leafIndex: LeafIndex,
  ports: DocumentPorts,
): Promise<PolicyAt | undefined> {
  const read = (payload: Uint8Array, policyId: string): PolicyAt => ({
    policyId,
    policy: parseRegistrationPolicy(payload),
  })
  return findDocumentAt('policy', { leafIndex, read }, ports)
}

/** The trust anchors; undefined as {@link findPolicyAt}. */
export async function findAnchorsAt(
  leafIndex: LeafIndex,
  ports: DocumentPorts,
): Promise<readonly TrustAnchor[] | undefined> {
  const read = (payload: Uint8Array): readonly TrustAnchor[] =>
    readTrustAnchorsDocument(payload).anchors
  return findDocumentAt('trust-anchors', { leafIndex, read }, ports)
}

async function findDocumentAt<Value>(
  kind: 'policy' | 'trust-anchors',
  asked: {
    readonly leafIndex: LeafIndex
    readonly read: (payload: Uint8Array, entryId: string) => Value
  },
  { log, sha256 }: DocumentPorts,
): Promise<Value | undefined> {
  const indexes = await log.listGovernance(kind)
  const index = indexes.findLast((each) => each < asked.leafIndex)
  if (index === undefined) return undefined
  const { entryId, message } = parseSignedStatement(await log.readEntry(index), { sha256 })
  try {
    return asked.read(message.payload ?? new Uint8Array(0), entryId)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}
