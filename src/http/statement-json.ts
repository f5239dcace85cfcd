/** Statements of the index as JSON: rows of lists, and with everything that they say. */
import { encodeHex } from '../bytes/hex.ts'
import type { IndexedStatement } from '../log/index-store.ts'
import type { Description, Finding } from '../payload/description.ts'
import type { RelatedDigests } from '../registry/describe-artifact.ts'

/** A row: where the entry is, what it is, and where the evidence for that can be had. */
export function rowJson(row: IndexedStatement): Record<string, unknown> {
  const entryId = encodeHex(row.entryId)
  return {
    index: row.leafIndex,
    entryId,
    registeredAt: row.registrationTime,
    issuer: row.issuer,
    subject: row.subject,
    signer: row.signer,
    contentType: row.contentType,
    kind: row.kind,
    type: row.type,
    envelope: row.envelope,
    findings: row.findings,
    receipt: `/entries/${entryId}`,
    statement: `/entries/${entryId}/statement`,
  }
}

/** What a statement says, in the vocabulary of all kinds. */
export function factsJson({ digests, attributes, numbers, findings }: Description): object {
  return {
    digests: digests.map(({ role, algorithm, value }) => ({ role, algorithm, value })),
    attributes: attributes.map(({ name, value }) => ({ name, value })),
    numbers: numbers.map(({ name, value }) => ({ name, value })),
    findings: findings.map(findingJson),
  }
}

export function findingJson({ code, pointer, message }: Finding): object {
  return { code, pointer, message }
}

export function relatedJson(related: RelatedDigests | undefined): object | undefined {
  if (related === undefined) return undefined
  const { total, digests } = related
  return { total, digests: digests.map(({ algorithm, value }) => `${algorithm}:${value}`) }
}
