/**
 * The Registration Policy and the trust anchors as the payloads of governance statements (design D4,
 * RFC 9943 §5.1.1): what a log admits, in the form that the log itself carries
 * (schemas/registration-policy.schema.json). Parsing is strict; a member that is not understood
 * could be a restriction, so it is refused. Out of scope: the decision itself (decide.ts).
 */
import { encodeBase64url } from '../bytes/base64.ts'
import { encodeUtf8 } from '../bytes/bytes.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { readMembers } from '../bytes/json-values.ts'
import { encodeCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { InputError } from '../errors.ts'
import type { PAYLOAD_VALIDATOR } from '../payload/validate-payload.ts'
import { encodeTrustAnchor, parseTrustAnchors } from '../statement/trust-anchor.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { PolicyCondition } from './conditions.ts'
import {
  INNER_ANCHOR_MEMBERS,
  innerAnchorsJson,
  NO_INNER_ANCHORS,
  parseInnerAnchors,
} from './inner-anchors.ts'
import type { InnerAnchors } from './inner-anchors.ts'
import * as read from './policy-members.ts'
import type { RequiredClaim } from './required-claims.ts'
import type { SubmitterPolicy } from './submitter-claims.ts'
import { readTeeEvidencePolicy, teeEvidencePolicyJson } from './tee-evidence-policy.ts'
import type { TeeEvidencePolicy } from './tee-evidence-policy.ts'

export {
  isGovernanceMediaType,
  mediaTypeName,
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../payload/media-types.ts'

/** What a log admits, beside the anchors that say who may speak. Absent members restrict nothing. */
export interface RegistrationPolicy {
  readonly version: 1
  /** Accepted signature algorithms, by name: `ES256`, `EdDSA` … */
  readonly algorithms: readonly string[]
  /** Accepted media types; `*` stands for any text. A statement without one matches only `*`. */
  readonly contentTypes: readonly string[]
  /** Keys that may sign the next policy and trust anchors. */
  readonly operatorKeys: readonly PublicKey[]
  /** Keys that may sign registration journals. */
  readonly registrarKeys?: readonly PublicKey[]
  /** Accepted predicate types of in-toto Statements. */
  readonly predicateTypes?: readonly string[]
  /** Payloads of known kinds have to be of their form, as this validator understands it. */
  readonly payloadValidator?: typeof PAYLOAD_VALIDATOR
  /** Claims that every statement, or every provenance, has to make. */
  readonly requiredClaims?: readonly RequiredClaim[]
  /** Longest time between the end of a build and the registration of its provenance. */
  readonly maxRegistrationLagSeconds?: number
  /** How far in the future the end of a build may lie. */
  readonly maxClockSkewSeconds?: number
  /** Delegations are admitted, and honoured, to this depth. */
  readonly delegation?: { readonly depthMax: number }
  readonly submitter?: SubmitterPolicy
  /** All of them have to hold for every ordinary statement. */
  readonly conditions?: readonly PolicyCondition[]
  /** Sigstore roots, by `sha256:` of their files, under one of which every wrapped bundle verifies. */
  readonly sigstoreRoots?: readonly string[]
  /** Every wrapped DSSE envelope has to verify under keys of the trust anchors. */
  readonly dsse?: 'required'
  /** Raw TEE evidence has to verify, as this check understands it. */
  readonly teeEvidence?: TeeEvidencePolicy
  /** `<package>@<version>` that the conditions were written for; demanded with conditions. */
  readonly celEvaluator?: string
}

/** How far in the future a build may end when the policy limits the lag and says nothing else. */
export const CLOCK_SKEW_SECONDS_DEFAULT = 300

const POLICY: JsonContext = read.POLICY
const ANCHORS: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'trust anchors document' }

/**
 * Parses the payload of a policy statement.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form, its
 * conditions are in the subset that is evaluated, and their evaluator is the one that is here.
 */
export function parseRegistrationPolicy(bytes: Uint8Array): RegistrationPolicy {
  const members = readMembers(
    parseStrictJson(bytes, POLICY),
    {
      required: ['version', 'algorithms', 'contentTypes', 'operatorKeys'],
      optional: Object.keys(OPTIONAL),
    },
    POLICY,
  )
  requireVersion(members['version'], POLICY)
  const optional = Object.fromEntries(
    Object.entries(OPTIONAL).flatMap(([name, readMember]) =>
      Object.hasOwn(members, name) ? [[name, readMember(members[name])]] : [],
    ),
  ) as Partial<RegistrationPolicy>
  read.assertEvaluator(optional)
  return {
    version: 1,
    algorithms: read.nonEmptyList(members['algorithms'], 'algorithms').map(read.readAlgorithm),
    contentTypes: read.readPatterns(members['contentTypes'], 'content types'),
    operatorKeys: read.readKeys(members['operatorKeys'], 'operator keys'),
    ...optional,
  }
}

/** Readers of the optional members, in the order in which they are written. */
const OPTIONAL: Readonly<Record<string, (value: unknown) => unknown>> = {
  registrarKeys: (value) => read.readKeys(value, 'registrar keys'),
  predicateTypes: (value) => read.readPatterns(value, 'predicate types'),
  payloadValidator: read.readPayloadValidator,
  requiredClaims: read.readRequiredClaims,
  maxRegistrationLagSeconds: (value) => read.readSeconds(value, 'maxRegistrationLagSeconds'),
  maxClockSkewSeconds: (value) => read.readSeconds(value, 'maxClockSkewSeconds'),
  delegation: read.readDelegationPolicy,
  submitter: read.readSubmitterPolicy,
  sigstoreRoots: read.readRootDigests,
  dsse: read.readDssePolicy,
  teeEvidence: readTeeEvidencePolicy,
  conditions: read.readConditions,
  celEvaluator: read.readEvaluatorName,
}

/** The policy's one serialisation: members in the documented order, no white space. */
export function encodeRegistrationPolicy(policy: RegistrationPolicy): Uint8Array {
  return encodeUtf8(JSON.stringify(registrationPolicyJson(policy)))
}

/** The policy as JSON, members in the documented order. */
export function registrationPolicyJson(policy: RegistrationPolicy): Record<string, unknown> {
  const keys = (list: readonly PublicKey[]): string[] =>
    list.map((key) => encodeBase64url(encodeCoseKey(key)))
  return {
    version: policy.version,
    algorithms: policy.algorithms,
    contentTypes: policy.contentTypes,
    operatorKeys: keys(policy.operatorKeys),
    // JSON.stringify leaves out what is undefined.
    registrarKeys: policy.registrarKeys && keys(policy.registrarKeys),
    predicateTypes: policy.predicateTypes,
    payloadValidator: policy.payloadValidator,
    requiredClaims: policy.requiredClaims,
    maxRegistrationLagSeconds: policy.maxRegistrationLagSeconds,
    maxClockSkewSeconds: policy.maxClockSkewSeconds,
    delegation: policy.delegation,
    submitter: policy.submitter,
    sigstoreRoots: policy.sigstoreRoots,
    dsse: policy.dsse,
    teeEvidence: policy.teeEvidence && teeEvidencePolicyJson(policy.teeEvidence),
    conditions: policy.conditions,
    celEvaluator: policy.celEvaluator,
  }
}

/**
 * Parses the payload of a trust anchors statement. An empty list is legal: it admits nobody.
 * @throws InputError `ERR_TRUST_CONFIGURATION` unless it is exactly of the documented form.
 */
export function parseTrustAnchorsDocument(bytes: Uint8Array): readonly TrustAnchor[] {
  return readTrustAnchorsDocument(bytes).anchors
}

/** Everything that a trust anchors document holds. @throws as {@link parseTrustAnchorsDocument}. */
export function readTrustAnchorsDocument(bytes: Uint8Array): {
  readonly anchors: readonly TrustAnchor[]
  readonly inner: InnerAnchors
} {
  const members = readMembers(
    parseStrictJson(bytes, ANCHORS),
    { required: ['version', 'anchors'], optional: INNER_ANCHOR_MEMBERS },
    ANCHORS,
  )
  requireVersion(members['version'], ANCHORS)
  return { anchors: parseTrustAnchors(members['anchors']), inner: parseInnerAnchors(members) }
}

/** The serialisation of a trust anchors document. */
export function encodeTrustAnchorsDocument(
  anchors: readonly TrustAnchor[],
  inner: InnerAnchors = NO_INNER_ANCHORS,
): Uint8Array {
  const document = { version: 1, anchors: anchors.map(encodeTrustAnchor) }
  return encodeUtf8(JSON.stringify({ ...document, ...innerAnchorsJson(inner) }))
}

function requireVersion(version: unknown, context: JsonContext): void {
  if (version !== 1) {
    throw new InputError(context.code, `${context.what} is not of version 1`)
  }
}
