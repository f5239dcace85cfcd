/**
 * Conditions of a policy, in CEL, over what a statement says: for what the closed rules do not. All
 * have to be true; one that is false, fails or would take too long refuses the statement.
 */
import { encodeHex } from '../bytes/hex.ts'
import { algorithmById } from '../cose/algorithms.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import type { RegistrableStatement } from '../statement/signed-statement.ts'
import { boundSteps, CEL_STEPS_MAX } from './cel-cost.ts'
import { parseCel } from './cel-subset.ts'
import type { CelFacts, CelProgram } from './cel-subset.ts'
import type { SubmitterClaims } from './submitter-claims.ts'

/** A condition as the policy states it. */
export interface PolicyCondition {
  /** What a refusal names. */
  readonly name: string
  readonly cel: string
}

/** Conditions that one policy may have. */
export const CONDITIONS_MAX = 32

const programs = new WeakMap<PolicyCondition, CelProgram>()

/**
 * The program of a condition; made once for each condition object.
 * @throws InputError `ERR_TRUST_CONFIGURATION` when it is not in the subset that is evaluated.
 */
export function compileCondition(condition: PolicyCondition): CelProgram {
  let program = programs.get(condition)
  if (program === undefined) {
    program = parseCel(condition.cel)
    programs.set(condition, program)
  }
  return program
}

/** Why the first condition that does not hold does not, or `undefined` when all hold. */
export function findUnmetCondition(
  conditions: readonly PolicyCondition[],
  facts: CelFacts,
): string | undefined {
  let left = CEL_STEPS_MAX
  for (const condition of conditions) {
    const program = compileCondition(condition)
    const what = `the condition "${condition.name}"`
    left -= boundSteps(program.ast, facts)
    if (!(left >= 0)) return `${what} could take more than ${CEL_STEPS_MAX} steps on this statement`
    let value: unknown
    try {
      value = program.run(facts)
    } catch (error) {
      const text = error instanceof Error && 'summary' in error ? String(error.summary) : 'failed'
      return `${what} cannot be evaluated: ${text}`
    }
    if (value !== true) {
      return value === false ? `${what} does not hold` : `${what} did not say true or false`
    }
  }
  return undefined
}

/** What conditions see of a statement. */
export function celFacts(
  statement: RegistrableStatement,
  payload: PayloadFacts,
  submitter: SubmitterClaims | undefined,
): CelFacts {
  return {
    statement: statementFacts(statement, payload),
    payload: payloadJson(payload),
    submitter: toCel(
      submitter === undefined
        ? {}
        : {
            ...submitter.claims,
            kind: submitter.kind,
            issuer: submitter.issuer,
            audience: submitter.audience,
          },
    ) as ReadonlyMap<string, unknown>,
  }
}

function statementFacts(
  { headers, message }: RegistrableStatement,
  payload: PayloadFacts,
): ReadonlyMap<string, unknown> {
  const inToto = payload.kind === 'in-toto' ? payload.statement : undefined
  return toCel({
    issuer: headers.issuer,
    subject: headers.subject ?? '',
    algorithm: algorithmById(headers.algorithm).name,
    contentType: headers.contentType ?? headers.hashEnvelope?.preimageContentType,
    keyId: headers.keyId === undefined ? undefined : encodeHex(headers.keyId),
    issuedAt: headers.issuedAt,
    isHashEnvelope: headers.hashEnvelope !== undefined,
    payloadBytes: message.payload.length,
    payloadKind: payload.kind,
    predicateType: inToto?.predicateType,
    builderId: inToto?.provenance?.builderId,
    invocationId: inToto?.provenance?.invocationId,
    subjects: inToto?.subjects.map(({ name, uri, digest }) => ({ name, uri, digest })) ?? [],
  }) as ReadonlyMap<string, unknown>
}

function payloadJson(payload: PayloadFacts): ReadonlyMap<string, unknown> {
  const json =
    payload.kind === 'in-toto'
      ? payload.statement.json
      : payload.kind === 'json'
        ? payload.value
        : undefined
  const value = toCel(json)
  return value instanceof Map ? (value as ReadonlyMap<string, unknown>) : new Map()
}

/** Objects as maps, whole numbers as ints; members that are undefined are left out. */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toCel)
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return new Map(
    (entries as [string, unknown][]).flatMap(([name, item]) =>
      item === undefined ? [] : [[name, toCel(item)] as const],
    ),
  )
}
