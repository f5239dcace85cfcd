/**
 * One entry as the index keeps it. Whatever an entry holds, there is a record of it: an entry that
 * stopped the follower would hide all that come after it.
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { IndexRecord } from '../log/index-store.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { parseEntry, readIndexedFacts } from '../policy/indexed-facts.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import { mayBeEvidence } from '../policy/tee-evidence.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { readReferences } from './evidence-source.ts'
import type { EvidencePorts } from './evidence-source.ts'

/** An entry of the log, and when it was registered. */
export interface RegisteredEntry {
  readonly leafIndex: LeafIndex
  readonly entry: Uint8Array
  readonly registrationTime: UnixSeconds
  /** Of whoever submitted it; absent where that is not known. */
  readonly submitter?: readonly DescribedAttribute[] | undefined
}

export interface RecordEntryPorts extends EvidencePorts {
  readonly readPreimage: (name: PayloadName) => Promise<Uint8Array | undefined>
  readonly verifier: SignatureVerifier
}

export interface RecordedEntry {
  readonly record: IndexRecord
  /** Bytes that were read for it. */
  readonly bytesRead: number
}

/** @param policy what the entry was admitted under. */
export async function recordEntry(
  { leafIndex, entry, registrationTime, submitter }: RegisteredEntry,
  policy: RegistrationPolicy | undefined,
  ports: RecordEntryPorts,
): Promise<RecordedEntry> {
  const { readPreimage, verifier, sha256 } = ports
  const statement = parseEntry(entry, sha256)
  const name = statement instanceof Error ? undefined : payloadNameOf(statement)
  // A read that fails is no property of the entry: the follower tries again.
  const preimage = name === undefined ? undefined : await readPreimage(name)
  const givens =
    statement instanceof Error || !mayBeEvidence(statement)
      ? {}
      : await readReferences({ leafIndex, statement, preimage }, policy, ports)
  const facts = await readIndexedFacts({
    entry,
    statement,
    preimage,
    policy,
    registrationTime,
    givens,
    submitter,
    verifier,
    sha256,
  })
  return {
    record: { ...facts, leafIndex, registrationTime },
    bytesRead: entry.length + (preimage?.length ?? 0),
  }
}
