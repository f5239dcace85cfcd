/** One log, one issuer, and how the policy's tests sign statements and have them decided. */
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { decide } from '../../src/policy/decide.ts'
import type { DecideOptions } from '../../src/policy/decide.ts'
import type { Decision } from '../../src/policy/decision.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { testSigner } from '../support/test-signer.ts'

export const ISSUER = 'https://acme.example'
export const LOG = { issuer: 'https://log.example', origin: 'log.example/1' }
export const NOW = 1_780_000_000
export const SLSA_V1 = 'https://slsa.dev/provenance/v1'

export const signer = testSigner()
export const operator = testSigner('EdDSA')
export const policy: RegistrationPolicy = {
  version: 1,
  algorithms: ['ES256'],
  contentTypes: ['*'],
  operatorKeys: [operator.publicKey],
}
export const anchor: TrustAnchor = {
  kind: 'cose-key',
  key: signer.publicKey,
  issuers: [`${ISSUER}*`],
}

/** RFC 3339 time of Unix seconds. */
export const time = (seconds: number): string => new Date(seconds * 1000).toISOString()

export interface ProvenanceOptions {
  readonly builderId?: string
  readonly finishedOn?: string
  readonly subjectName?: string
  readonly predicateType?: string
}

/** An in-toto Statement with SLSA provenance v1. */
export function provenance(options: ProvenanceOptions = {}): Record<string, unknown> {
  const { finishedOn } = options
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: options.subjectName ?? 'demo.tgz', digest: { sha256: 'ab'.repeat(32) } }],
    predicateType: options.predicateType ?? SLSA_V1,
    predicate: {
      buildDefinition: { buildType: 'https://acme.example/build', externalParameters: {} },
      runDetails: {
        builder: { id: options.builderId ?? 'https://acme.example/builder' },
        metadata: finishedOn === undefined ? {} : { finishedOn },
      },
    },
  }
}

export interface StatementOptions extends Partial<Omit<SignStatementRequest, 'payload'>> {
  readonly payload?: unknown
}

/** A parsed statement of the issuer; the payload is JSON unless it is bytes. */
export async function statement(options: StatementOptions = {}): Promise<SignedStatement> {
  const { payload = provenance(), ...rest } = options
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : encodeUtf8(typeof payload === 'string' ? payload : JSON.stringify(payload))
  return parseSignedStatement(
    await signStatement({
      payload: bytes,
      issuer: ISSUER,
      subject: 'pkg:npm/@acme/demo@1.0.0',
      contentType: 'application/vnd.in-toto+json',
      signer,
      ...rest,
    }),
  )
}

/** The decision about a statement under the fixture's rules, changed as asked. */
export async function decided(
  about: SignedStatement,
  {
    by,
    ...options
  }: Partial<Omit<DecideOptions, 'policy'>> & {
    readonly by?: Partial<RegistrationPolicy>
  } = {},
): Promise<Decision> {
  return decide({
    statement: about,
    policy: { ...policy, ...by },
    anchors: [anchor],
    registrationTime: NOW,
    verifier: nodeSignatureVerifier,
    log: LOG,
    ...options,
  })
}

/** `accept`, or the rule that refuses. */
export const ruleOf = (decision: Decision): string =>
  decision.kind === 'accept' ? 'accept' : decision.rule

export type { Signer }
