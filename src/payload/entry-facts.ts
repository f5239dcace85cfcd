/**
 * What the index keeps of one entry, beside its position: a pure function of the entry's bytes, of the
 * preimage when that was at hand, and of whether the rules of its time had inner signatures checked.
 * The follower stores it and an auditor computes it again, so that neither has to believe the other.
 */
import { encodeHex } from '../bytes/hex.ts'
import { sha256 as portableSha256 } from '../bytes/digest.ts'
import type { Sha256 } from '../bytes/digest.ts'
import type { Writable } from '../bytes/writable.ts'
import { DIGEST_IDS } from '../statement/hash-envelope.ts'
import { formatPayloadName } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { StatementHeaders } from '../statement/statement-headers.ts'
import { describeStatement } from './describe-statement.ts'
import type { AttributeName, Description, Finding } from './description.ts'
import { DescriptionBuilder } from './description-builder.ts'
import { isAttestedStatement } from './tee/attested-header.ts'
import { describeAttestedStatement } from './tee/describe-attested.ts'

/** The members of a record of the index that do not depend on where the entry is. */
export interface EntryFacts {
  /** Full SHA-256 of the entry. */
  readonly entryId: Uint8Array
  /** Claims of the statement's protected header; absent where it has none. */
  readonly issuer?: string
  readonly subject?: string
  /** Key id in hex; for a certificate the hex of its SHA-256. */
  readonly signer?: string
  /** Label 3, or the preimage's type of a hash envelope. */
  readonly contentType?: string
  /** Digest of a hash envelope, and whether its preimage was read into the description. */
  readonly envelope?: { readonly digest: string; readonly preimage: 'read' | 'absent' }
  readonly description: Description
}

export interface EntryFactsRequest {
  readonly statement: SignedStatement
  /** Content of a hash envelope, known to have its digest. */
  readonly preimage?: Uint8Array | undefined
  /**
   * Whether the policy in force had the signatures inside wrapped envelopes verified; asked only of a
   * statement that wraps one.
   */
  readonly innerCheck?: () => 'checked' | 'not-checked'
  readonly sha256?: Sha256
}

/** Reads an entry as the index does. Never throws for content. */
export function readEntryFacts(request: EntryFactsRequest): EntryFacts {
  const { statement, preimage, sha256 = portableSha256 } = request
  const { headers, message, entryDigest } = statement
  const { issuer, subject, hashEnvelope } = headers
  const signer = signerOf(headers, sha256)
  const type = hashEnvelope === undefined ? headers.contentType : hashEnvelope.preimageContentType
  const digest =
    hashEnvelope === undefined || message.payload === null
      ? undefined
      : formatPayloadName({ algorithm: hashEnvelope.algorithm, digest: message.payload })
  const facts: Writable<EntryFacts> = { entryId: entryDigest, description: describe(request) }
  if (issuer !== undefined) facts.issuer = issuer
  if (subject !== undefined) facts.subject = subject
  if (signer !== undefined) facts.signer = signer
  if (type !== undefined) facts.contentType = String(type)
  if (digest !== undefined) {
    facts.envelope = { digest, preimage: preimage === undefined ? 'absent' : 'read' }
  }
  return facts
}

/** What a wrapped envelope says of its own signer; nothing of it is true before it is verified. */
const INNER: readonly AttributeName[] = ['inner-identity', 'inner-certificate', 'inner-key']
const NOT_CHECKED: Finding = {
  code: 'inner-signature-not-checked',
  message: 'the policy in force did not have the signature inside the envelope verified',
}

/** By these a statement is about an environment. */
const ENVIRONMENT: readonly AttributeName[] = ['tee-type', 'measurement', 'binding', 'bound-key']
const NOT_INDEXED: Finding = {
  code: 'key-environment-not-indexed',
  message: 'the payload is about environments; that of the key that signed it is left out',
}

function describe({ statement, preimage, innerCheck, sha256 }: EntryFactsRequest): Description {
  const description = describeStatement({
    statement,
    preimage,
    sha256,
  })
  const own = describeAttested(description, statement)
  const isUnchecked =
    description.attributes.some(({ name }) => INNER.includes(name)) &&
    !description.findings.some(({ code }) => code === NOT_CHECKED.code) &&
    innerCheck?.() === 'not-checked'
  return isUnchecked ? { ...own, findings: [...own.findings, NOT_CHECKED] } : own
}

/**
 * With what the statement says of the environment of its own key; unless the payload is about environments
 * itself. What a service says of others is not what its hardware attests, nor does it endorse itself.
 */
function describeAttested(description: Description, statement: SignedStatement): Description {
  if (!isAttestedStatement(statement)) return description
  const out = new DescriptionBuilder().add(description)
  const isOfOthers = description.attributes.some(({ name }) => ENVIRONMENT.includes(name))
  if (isOfOthers) out.finding(NOT_INDEXED.code, NOT_INDEXED.message)
  else describeAttestedStatement(statement, out)
  return out.build(description.kind, description.type)
}

function signerOf({ x5chain, x5t, keyId }: StatementHeaders, sha256: Sha256): string | undefined {
  const leaf = x5chain?.[0]
  if (leaf !== undefined) return encodeHex(sha256(leaf))
  if (x5t?.algorithm === DIGEST_IDS['SHA-256']) return encodeHex(x5t.hash)
  return keyId === undefined ? undefined : encodeHex(keyId)
}
