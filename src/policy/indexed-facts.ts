/**
 * What the index keeps of an entry of the log, under the policy that it was admitted under: one function
 * for the follower that writes the index and for the auditor that computes it again. Whatever an entry
 * holds, it is kept: one that cannot be read, through a fault of ours even, is opaque with a finding.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { readEntryFacts } from '../payload/entry-facts.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'
import { describeAppraisal, describeRefusal } from '../payload/tee/describe-appraisal.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { innerCheck } from './inner-signatures.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { appraiseAdmitted, isAppraised } from './tee-evidence.ts'
import type { EvidenceGivens } from './tee-evidence.ts'

/** An entry read as a statement, or why it cannot be. */
export type ParsedEntry = SignedStatement | Error

export function parseEntry(entry: Uint8Array, sha256: Sha256): ParsedEntry {
  try {
    return parseSignedStatement(entry, { sha256 })
  } catch (error) {
    return error as Error
  }
}

export interface IndexedFactsRequest {
  readonly entry: Uint8Array
  readonly statement: ParsedEntry
  /** Content of a hash envelope, known to have its digest. */
  readonly preimage: Uint8Array | undefined
  readonly policy: RegistrationPolicy | undefined
  readonly registrationTime: UnixSeconds
  /** What evidence in the entry refers to in its log. */
  readonly givens: EvidenceGivens
  /** Of whoever submitted it; none where that is not known. */
  readonly submitter?: readonly DescribedAttribute[] | undefined
  readonly verifier: SignatureVerifier
  readonly sha256: Sha256
}

/** Never rejects. */
export async function readIndexedFacts(request: IndexedFactsRequest): Promise<EntryFacts> {
  const { submitter = [] } = request
  const facts = await readOwnFacts(request)
  if (submitter.length === 0) return facts
  const { description } = facts
  const attributes = [...description.attributes, ...submitter]
  return { ...facts, description: { ...description, attributes } }
}

async function readOwnFacts(request: IndexedFactsRequest): Promise<EntryFacts> {
  const { entry, statement, preimage, policy, sha256 } = request
  try {
    if (statement instanceof Error) throw statement
    const facts = readEntryFacts({
      statement,
      preimage,
      sha256,
      innerCheck: () => innerCheck(policy, statement, preimage),
    })
    if (policy === undefined || !isAppraised(statement, policy)) return facts
    return await withEvidence(facts, { ...request, statement, policy })
  } catch (error) {
    const findings = [{ code: 'unreadable', message: (error as Error).message }]
    const nothing = { digests: [], attributes: [], numbers: [] }
    const description = { kind: 'opaque', type: '', ...nothing, findings } as const
    return { entryId: sha256(entry), description }
  }
}

/** What the policy had verified is verified again, and described by what was found. */
async function withEvidence(
  facts: EntryFacts,
  request: IndexedFactsRequest & {
    readonly statement: SignedStatement
    readonly policy: RegistrationPolicy
  },
): Promise<EntryFacts> {
  const { statement, preimage, policy, registrationTime: at, givens, verifier } = request
  const { description } = facts
  try {
    const content = { statement, preimage }
    const appraisal = await appraiseAdmitted({ ...content, policy, at, givens, verifier })
    if (appraisal === undefined) return facts
    return { ...facts, description: describeAppraisal(description, appraisal) }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    // That the content is not at hand, the description says already.
    if (error.reason === 'content-missing') return facts
    return { ...facts, description: describeRefusal(description, error) }
  }
}
