/**
 * EAT Attestation Results (draft-ietf-rats-ear; statements.md §5.8): what a verifier concluded about
 * each part of an attester, read from a verified token. The status values of the draft are the words
 * for verdicts of others everywhere in Attestry. The profile's name changes from draft to draft.
 */
import { asObject, type JsonObject } from '../json-members.ts'
import { EvidenceError } from './evidence.ts'
import type { ClaimedToken } from './eat-claims.ts'

const PROFILE = /^tag:(?:ietf\.org,202[3-9]:rats\/ear#\d{2}|github\.com,2023:veraison\/ear)$/
const SUBMODULES_MAX = 64

/** Tiers of AR4SI that the draft uses as its status. */
export type EarStatus = 'none' | 'affirming' | 'warning' | 'contraindicated'
const STATUSES = new Map<unknown, EarStatus>([
  [0, 'none'],
  [2, 'affirming'],
  [32, 'warning'],
  [96, 'contraindicated'],
  ['none', 'none'],
  ['affirming', 'affirming'],
  ['warning', 'warning'],
  ['contraindicated', 'contraindicated'],
])

const VECTOR_NAMES = [
  'instance-identity',
  'configuration',
  'executables',
  'file-system',
  'hardware',
  'runtime-opaque',
  'storage-opaque',
  'sourced-data',
] as const

/** The verdict about one part. */
export interface EarAppraisal {
  readonly label: string
  readonly status: EarStatus
  /** Claims of the trustworthiness vector by name, -128 to 127. */
  readonly vector: Readonly<Partial<Record<(typeof VECTOR_NAMES)[number], number>>>
  readonly policyIds: readonly string[]
}

/** A result, read. */
export interface EarResult {
  readonly verifier: { readonly developer: string; readonly build: string }
  readonly appraisals: readonly EarAppraisal[]
  /** The worst status of all parts. */
  readonly status: EarStatus
}

function malformed(message: string): EvidenceError {
  return new EvidenceError('malformed', `EAR: ${message}`)
}

function readObject(value: unknown, what: string): JsonObject {
  const object = asObject(value)
  if (object === undefined) throw malformed(`${what} is not an object`)
  return object
}

/** True when the token says that it is an EAR of a draft that is read here. */
export function isEar({ profile }: Pick<ClaimedToken, 'profile'>): boolean {
  return profile !== undefined && PROFILE.test(profile)
}

function readVector(value: unknown): EarAppraisal['vector'] {
  if (value === undefined) return {}
  const claims = readObject(value, 'the trustworthiness vector')
  const vector: Partial<Record<(typeof VECTOR_NAMES)[number], number>> = {}
  for (const [index, name] of VECTOR_NAMES.entries()) {
    const claim = claims[name] ?? claims[String(index)]
    if (claim === undefined) continue
    const isClaim = typeof claim === 'number' && Number.isInteger(claim)
    if (!isClaim || claim < -128 || claim > 127) throw malformed(`the claim ${name}`)
    vector[name] = claim
  }
  return vector
}

function readPolicies(appraisal: JsonObject): readonly string[] {
  const value = appraisal['ear_appraisal_policy_ids'] ?? appraisal['ear_appraisal_policy_id']
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value]
  if (!list.every((item): item is string => typeof item === 'string'))
    throw malformed('a policy id')
  return list
}

function readAppraisal(label: string, value: unknown): EarAppraisal {
  const appraisal = readObject(value, `the part "${label}"`)
  const status = STATUSES.get(appraisal['ear_status'])
  if (status === undefined) throw malformed(`the status of "${label}"`)
  return {
    label,
    status,
    vector: readVector(appraisal['ear_trustworthiness_vector']),
    policyIds: readPolicies(appraisal),
  }
}

/** From good to bad; `none` says nothing and is worse than a warning. */
const ORDER: readonly EarStatus[] = ['affirming', 'warning', 'none', 'contraindicated']

/**
 * Reads a result.
 * @throws EvidenceError `malformed`, `unsupported` for another profile.
 */
export function readEar(token: ClaimedToken): EarResult {
  if (!isEar(token)) throw new EvidenceError('unsupported', 'the token is not an EAR')
  if (token.issuedAt === undefined) throw malformed('no time of issue')
  const id = readObject(token.claims['ear_verifier_id'], 'the verifier id')
  const developer = id['developer'] ?? id['0']
  const build = id['build'] ?? id['1']
  if (typeof developer !== 'string' || typeof build !== 'string') throw malformed('the verifier id')
  const entries = Object.entries(readObject(token.claims['submods'], 'submods'))
  if (entries.length === 0 || entries.length > SUBMODULES_MAX) throw malformed('submods')
  const appraisals = entries.map(([label, value]) => readAppraisal(label, value))
  const worst = Math.max(...appraisals.map(({ status }) => ORDER.indexOf(status)))
  return { verifier: { developer, build }, appraisals, status: ORDER[worst]! }
}
