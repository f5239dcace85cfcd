/**
 * Evidence as the index keeps it once a policy had it verified: the verified facts take the place of what
 * was read from the bytes alone, with what the evidence is bound to. Where the same checks do not succeed
 * any more, the description says why and stays unverified.
 */
import { DescriptionBuilder } from '../description-builder.ts'
import type { AttributeName, DescribedAttribute, Description } from '../description.ts'
import type { Appraisal } from './appraise-evidence.ts'
import { describeEvidenceFacts } from './describe-evidence.ts'
import type { EvidenceError } from './evidence.ts'
import type { VerifiedBinding } from './verify-binding.ts'

/** What is said by facts; anything else (a purl of the subject) is the statement's. */
const OF_EVIDENCE: readonly AttributeName[] = [
  'tee-type',
  'measurement',
  'tcb-status',
  'tcb-svn',
  'advisory',
  'fmspc',
  'debug',
  'platform-certificate',
  'binding',
  'bound-key',
]

/** The description of a statement whose evidence was appraised. */
export function describeAppraisal(
  description: Description,
  { facts, platform, bindings, findings }: Appraisal,
): Description {
  const { kind, type, digests, attributes } = description
  const own = attributes.filter(({ name }) => !OF_EVIDENCE.includes(name))
  const out = new DescriptionBuilder().add({ digests, attributes: own, numbers: [], findings: [] })
  describeEvidenceFacts(facts, out)
  if (platform !== undefined) describeEvidenceFacts(platform, out)
  for (const { name, value } of bindings.flatMap(describeBinding)) out.attribute(name, value)
  for (const { code, message, pointer } of findings) out.finding(code, message, pointer)
  return out.build(kind, type)
}

/** The description of a statement whose evidence does not verify here, or not any more. */
export function describeRefusal(
  description: Description,
  { reason, message }: EvidenceError,
): Description {
  const finding = { code: 'evidence-does-not-verify', message: `${reason}: ${message}` }
  return { ...description, findings: [...description.findings, finding] }
}

/** A verified binding as attributes. */
export function describeBinding(binding: VerifiedBinding): DescribedAttribute[] {
  const { type, keyThumbprint: key, payloadSha256, after, buildId } = binding
  return [
    { name: 'binding', value: type },
    ...(key === undefined ? [] : [{ name: 'bound-key', value: key } as const]),
    ...(payloadSha256 === undefined
      ? []
      : [{ name: 'binding', value: `payload:sha256:${payloadSha256}` } as const]),
    ...(buildId === undefined ? [] : [{ name: 'binding', value: `build:${buildId}` } as const]),
    ...(after === undefined
      ? []
      : [{ name: 'binding', value: `checkpoint:${after.treeSize}` } as const]),
  ]
}
