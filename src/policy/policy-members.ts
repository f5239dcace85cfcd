/** Readers of a Registration Policy's members, one a member; each says which one is wrong. */
import { decodeBase64url } from '../bytes/base64.ts'
import type { JsonContext } from '../bytes/strict-json.ts'
import { readList, readMembers, readText } from '../bytes/json-values.ts'
import { algorithmByName } from '../cose/algorithms.ts'
import { parseCoseKey } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { AttestryError, InputError } from '../errors.ts'
import { PAYLOAD_VALIDATOR } from '../payload/validate-payload.ts'
import { CEL_EVALUATOR } from './cel-subset.ts'
import { compileCondition, CONDITIONS_MAX } from './conditions.ts'
import type { PolicyCondition } from './conditions.ts'
import { REQUIRED_CLAIMS } from './required-claims.ts'
import type { RequiredClaim } from './required-claims.ts'
import type { OidcProvider, SubmitterPolicy } from './submitter-claims.ts'

export const POLICY: JsonContext = { code: 'ERR_TRUST_CONFIGURATION', what: 'registration policy' }

/** Deepest delegation chain that a policy may allow: each link costs a signature check. */
export const DELEGATION_DEPTH_MAX = 8
/** Ten years: longer spans are mistakes of unit. */
const SECONDS_MAX = 315_360_000

const of = (what: string): JsonContext => ({
  ...POLICY,
  what: `${what} of the registration policy`,
})

function fail(message: string, options?: ErrorOptions): never {
  throw new InputError(POLICY.code, `registration policy ${message}`, options)
}

export function nonEmptyList(value: unknown, what: string): readonly unknown[] {
  const list = readList(value, of(what))
  if (list.length === 0) fail(`lists no ${what}`)
  return list
}

export function readPatterns(value: unknown, what: string): readonly string[] {
  return nonEmptyList(value, what).map((item) => readText(item, of(`one of the ${what}`)))
}

export function readAlgorithm(value: unknown): string {
  const name = readText(value, of('algorithm'))
  asConfiguration(`names an unknown algorithm "${name}"`, () => algorithmByName(name))
  return name
}

export function readKeys(value: unknown, what: string): readonly PublicKey[] {
  return nonEmptyList(value, what).map((item) => {
    const text = readText(item, of(`one of the ${what}`))
    return asConfiguration(`has something else than COSE_Keys among its ${what}`, () =>
      parseCoseKey(decodeBase64url(text)),
    )
  })
}

/** Another validator might refuse what this one admits, or admit what it refuses. */
export function readPayloadValidator(value: unknown): typeof PAYLOAD_VALIDATOR {
  if (value === PAYLOAD_VALIDATOR) return PAYLOAD_VALIDATOR
  return fail(`names a payload validator that is not here; here it is ${PAYLOAD_VALIDATOR}`)
}

export function readRequiredClaims(value: unknown): readonly RequiredClaim[] {
  return nonEmptyList(value, 'required claims').map((item) => {
    const claim = REQUIRED_CLAIMS.find((known) => known === item)
    return claim ?? fail(`demands a claim that is not one of ${REQUIRED_CLAIMS.join(', ')}`)
  })
}

export function readSeconds(value: unknown, name: string): number {
  const isSeconds =
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= SECONDS_MAX
  return isSeconds
    ? value
    : fail(`has a ${name} that is not a number of seconds, 0 to ${SECONDS_MAX}`)
}

export function readDelegationPolicy(value: unknown): { readonly depthMax: number } {
  const { depthMax } = readMembers(value, { required: ['depthMax'] }, of('delegation'))
  const isDepth = typeof depthMax === 'number' && Number.isInteger(depthMax)
  if (!isDepth || depthMax < 1 || depthMax > DELEGATION_DEPTH_MAX) {
    fail(`has a delegation depthMax that is not a number from 1 to ${DELEGATION_DEPTH_MAX}`)
  }
  return { depthMax }
}

export function readSubmitterPolicy(value: unknown): SubmitterPolicy {
  const context = of('submitter')
  const members = readMembers(value, { required: ['required'], optional: ['oidc'] }, context)
  const { required, oidc } = members
  if (typeof required !== 'boolean') fail('has a submitter.required that is not true or false')
  if (oidc === undefined) return { required }
  return { required, oidc: nonEmptyList(oidc, 'OIDC providers').map(readProvider) }
}

function readProvider(value: unknown): OidcProvider {
  const context = of('OIDC provider')
  const members = readMembers(value, { required: ['issuer', 'audience'] }, context)
  const issuer = readText(members['issuer'], of('issuer of an OIDC provider'))
  if (!issuer.startsWith('https://')) fail(`has an OIDC issuer that is not an https: URL`)
  return { issuer, audience: readText(members['audience'], of('audience of an OIDC provider')) }
}

export function readConditions(value: unknown): readonly PolicyCondition[] {
  const list = nonEmptyList(value, 'conditions')
  if (list.length > CONDITIONS_MAX) fail(`has more than ${CONDITIONS_MAX} conditions`)
  const conditions = list.map((item) => {
    const members = readMembers(item, { required: ['name', 'cel'] }, of('condition'))
    const name = readText(members['name'], of('name of a condition'))
    if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
      fail(`has the condition name "${name}"; names are a-z, 0-9 and "-", at most 64 characters`)
    }
    if (typeof members['cel'] !== 'string') fail(`has no text for the condition "${name}"`)
    const condition = { name, cel: members['cel'] }
    try {
      compileCondition(condition)
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause
      fail(`has the condition "${name}", which is not understood: ${cause.message}`, { cause })
    }
    return condition
  })
  if (new Set(conditions.map(({ name }) => name)).size < conditions.length) {
    fail('has two conditions of one name')
  }
  return conditions
}

/** Names of Sigstore roots: digests of their files. */
export function readRootDigests(value: unknown): readonly string[] {
  return nonEmptyList(value, 'Sigstore roots').map((item) =>
    typeof item === 'string' && /^sha256:[0-9a-f]{64}$/.test(item)
      ? item
      : fail('names a Sigstore root that is not sha256: and 64 digits of hex'),
  )
}

export function readDssePolicy(value: unknown): 'required' {
  return value === 'required' ? value : fail('has a dsse that is not "required"')
}

export function readEvaluatorName(value: unknown): string {
  return readText(value, of('celEvaluator'))
}

/** Conditions mean what one evaluator makes of them, so the policy names it and no other is used. */
export function assertEvaluator({
  conditions,
  celEvaluator,
}: {
  readonly conditions?: readonly PolicyCondition[]
  readonly celEvaluator?: string
}): void {
  if (conditions !== undefined && celEvaluator === undefined) {
    fail(`has conditions and no celEvaluator; here it is ${CEL_EVALUATOR}`)
  }
  if (celEvaluator !== undefined && celEvaluator !== CEL_EVALUATOR) {
    fail(`was written for the evaluator ${celEvaluator}; here it is ${CEL_EVALUATOR}`)
  }
}

function asConfiguration<T>(message: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    return fail(message, { cause })
  }
}
