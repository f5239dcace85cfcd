/**
 * What the index keeps of an entry of the log, under the policy that it was admitted under: one function
 * for the follower that writes the index and for the auditor that computes it again. Whatever an entry
 * holds, it is kept: one that cannot be read, through a fault of ours even, is opaque with a finding.
 */
import type { Sha256 } from '../bytes/digest.ts'
import { readEntryFacts } from '../payload/entry-facts.ts'
import type { EntryFacts } from '../payload/entry-facts.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { innerCheck } from './inner-signatures.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

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
  readonly sha256: Sha256
}

/** Never throws. */
export function readIndexedFacts(request: IndexedFactsRequest): EntryFacts {
  const { entry, statement, preimage, policy, sha256 } = request
  try {
    if (statement instanceof Error) throw statement
    const check = innerCheck(policy, statement, preimage)
    return readEntryFacts({ statement, preimage, innerCheck: check, sha256 })
  } catch (error) {
    const findings = [{ code: 'unreadable', message: (error as Error).message }]
    const nothing = { digests: [], attributes: [], numbers: [] }
    const description = { kind: 'opaque', type: '', ...nothing, findings } as const
    return { entryId: sha256(entry), description }
  }
}
