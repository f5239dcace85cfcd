/** The published schemas and the parsers say the same about documents; parsers may be stricter. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { ALGORITHMS } from '../../src/cose/algorithms.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { InputError } from '../../src/errors.ts'
import { CEL_EVALUATOR } from '../../src/policy/cel-subset.ts'
import { parseDelegation, parseDelegationRevocation } from '../../src/policy/delegation.ts'
import { parsePayloadPruning } from '../../src/policy/payload-pruning.ts'
import { parseRegistrationJournal } from '../../src/policy/registration-journal.ts'
import {
  parseRegistrationPolicy,
  parseTrustAnchorsDocument,
} from '../../src/policy/registration-policy.ts'
import { REQUIRED_CLAIMS } from '../../src/policy/required-claims.ts'
import { encodeTrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { makeCa } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'

const ajv = new Ajv2020({ strict: true, strictTuples: false, formats: {}, keywords: [] })
type Json = Readonly<Record<string, unknown>>
const schemaOf = (name: string): Json =>
  JSON.parse(
    readFileSync(new URL(`../../schemas/${name}.schema.json`, import.meta.url), 'utf8'),
  ) as Json

const key = encodeBase64url(encodeCoseKey(testSigner().publicKey))
const policy = {
  version: 1,
  algorithms: ALGORITHMS.map(({ name }) => name),
  contentTypes: ['*'],
  operatorKeys: [key],
  registrarKeys: [key],
  predicateTypes: ['https://slsa.dev/*'],
  payloadValidator: 'attestry@1',
  requiredClaims: REQUIRED_CLAIMS,
  maxRegistrationLagSeconds: 3600,
  maxClockSkewSeconds: 0,
  delegation: { depthMax: 8 },
  submitter: { required: true, oidc: [{ issuer: 'https://t.example', audience: 'log' }] },
  sigstoreRoots: [`sha256:${'ab'.repeat(32)}`],
  dsse: 'required',
  teeEvidence: {
    check: 'verified@1',
    outOfDate: 'refuse',
    debug: 'annotate',
    checkpointAgeMax: 86_400,
    roots: { intel: [`sha256:${'ab'.repeat(32)}`], tpm: [`sha256:${'cd'.repeat(32)}`] },
    endorsers: { cca: [key], tpm: [key] },
  },
  conditions: [{ name: 'only-npm', cel: 'statement.subject.startsWith("pkg:npm/")' }],
  celEvaluator: CEL_EVALUATOR,
}
const certificate = makeCa({ name: 'Root' }).der
const root = parseCertificate(certificate)
const anchors = {
  version: 1,
  anchors: [
    {
      kind: 'cose-key',
      coseKey: key,
      issuers: ['*'],
      subjects: ['a'],
      predicateTypes: ['b'],
      builderIds: ['c'],
    },
    encodeTrustAnchor({ kind: 'x509-root', certificate: root, issuers: ['a', ''] }),
    encodeTrustAnchor({
      kind: 'did-x509-root',
      fingerprint: { hash: 'SHA-384', value: new Uint8Array(48) },
      issuers: ['did:x509:*'],
    }),
    encodeTrustAnchor({
      kind: 'attested-service',
      service: {
        endorsers: [{ did: 'did:x509:0:sha256:x::eku:1.2', feed: 'images', minSvn: 100 }],
        amdRoots: ['ab'.repeat(32)],
        measurements: ['ab'.repeat(48)],
        hostData: ['ab'.repeat(32)],
      },
      issuers: ['did:attestedsvc:*'],
    }),
  ],
}
const trustedRoot = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }
const allAnchors = {
  ...anchors,
  sigstoreRoots: [{ name: 'own', trustedRoot: btoa(JSON.stringify(trustedRoot)) }],
  dsseKeys: [{ coseKey: key, keyid: 'SHA256:abc', validFrom: 0, validUntil: 1_790_000_000 }],
}
const delegation = {
  version: 1,
  audience: key,
  subjects: ['pkg:npm/@acme/*'],
  predicateTypes: ['*'],
  notBefore: 0,
  expires: 1_790_000_000,
  parent: 'ab'.repeat(32),
}
const journal = {
  version: 1,
  from: 2,
  to: 5,
  times: [
    [2, 1_780_000_000],
    [4, 1_780_000_060],
  ],
  collateral: [[3, `sha256:${'ab'.repeat(32)}`, 'x5chain']],
  submitters: [[3, `sha256:${'cd'.repeat(32)}`]],
}
const pruning = { version: 1, digest: `sha256:${'ab'.repeat(32)}`, reason: 'a court asked' }
const revocation = { version: 1, delegation: 'ab'.repeat(32) }

/** Values that are put in the place of every value of a good document. */
const REPLACEMENTS: readonly unknown[] = [
  undefined, null, true, 0, 1, -1, 0.5, 2 ** 53, '', 'x', 'https://x', '\u0000', 'AB'.repeat(32), [], [''], ['x'], [1], [[]], {}, { x: 1 },
] // prettier-ignore

/** Every document that differs from `value` in one place: replaced, removed, or one member more. */
function* mutants(value: unknown): Generator {
  yield* REPLACEMENTS
  if (Array.isArray(value)) {
    const list = value as unknown[]
    for (const [at, item] of list.entries()) {
      for (const other of mutants(item)) yield list.with(at, other)
    }
    yield Array.from({ length: 70 }, () => list[0])
  } else if (typeof value === 'object' && value !== null) {
    yield { ...value, extra: 1 }
    for (const [name, item] of Object.entries(value)) {
      const { [name as never]: _, ...without } = value
      yield without
      for (const other of mutants(item)) yield { ...value, [name]: other }
    }
  }
}

const DOCUMENTS: [string, Json, (bytes: Uint8Array) => unknown][] = [
  ['registration-policy', policy, parseRegistrationPolicy],
  ['trust-anchors', allAnchors, parseTrustAnchorsDocument],
  ['delegation', delegation, parseDelegation],
  ['delegation-revocation', revocation, parseDelegationRevocation],
  ['registration-journal', journal, parseRegistrationJournal],
  ['payload-pruning', pruning, parsePayloadPruning],
]

describe.each(DOCUMENTS)('%s', (name, good, parse) => {
  const validate = ajv.compile(schemaOf(name))
  const parses = (json: string): boolean => {
    try {
      parse(encodeUtf8(json))
      return true
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      return false
    }
  }

  it('both take the full document', () => {
    expect(validate(good), JSON.stringify(validate.errors)).toBe(true)
    parse(encodeUtf8(JSON.stringify(good)))
  })

  it('what the parser takes, the schema takes; what the schema refuses, the parser refuses', () => {
    const differences: string[] = []
    let [taken, refused] = [0, 0]
    for (const mutant of mutants(good)) {
      const json = JSON.stringify(mutant)
      if (mutant === undefined) continue
      const bySchema = validate(JSON.parse(json))
      const byParser = parses(json)
      if (byParser) taken++
      else refused++
      if (byParser && !bySchema) differences.push(`parser takes ${json}`)
      // The schema cannot know keys, certificates, CEL and order; anything else it should know.
      if (bySchema && !byParser && !isBeyondSchema(json, good))
        differences.push(`schema takes ${json}`)
    }
    expect(differences.slice(0, 5)).toEqual([])
    expect(refused).toBeGreaterThan(20)
    expect(taken).toBeGreaterThan(name === 'delegation-revocation' ? -1 : 3)
  })
})

/** True when the difference lies in a key, a certificate, an expression, a name used twice, or order. */
function isBeyondSchema(json: string, good: Json): boolean {
  const mutant = JSON.parse(json) as Json
  const changed = Object.keys(good).filter(
    (member) => JSON.stringify(mutant[member]) !== JSON.stringify(good[member]),
  )
  const endorsersOf = ({ teeEvidence }: Json): string =>
    JSON.stringify((teeEvidence as Json | null | undefined)?.['endorsers'])
  if (endorsersOf(mutant) !== endorsersOf(good)) changed.push('endorsers')
  return [
    'endorsers',
    'operatorKeys',
    'registrarKeys',
    'conditions',
    'audience',
    'anchors',
    'sigstoreRoots',
    'dsseKeys',
    'expires',
    'notBefore',
    'from',
    'to',
    'times',
    'collateral',
    'submitters',
  ].some((member) => changed.includes(member))
}
