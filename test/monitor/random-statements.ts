/**
 * Statements for random logs, signed once a process and used by many logs: what decides about a log is
 * which of them it has, in which order and under which rules, and not their bytes.
 */
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { encodeSign1, signSign1 } from '../../src/cose/sign1.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import {
  DELEGATION_MEDIA_TYPE,
  DELEGATION_REVOCATION_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import { encodeDelegation, encodeDelegationRevocation } from '../../src/policy/delegation.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import { LIBRARY, provenanceOf } from '../support/in-toto-samples.ts'
import { EKU_CODE_SIGNING, issueCertificate, makeCa, TEST_NOW } from '../support/test-pki.ts'
import { signerFor, testSigner } from '../support/test-signer.ts'
import { sha256 } from './log-forge.ts'

const [A, B, X] = ['https://a.example', 'https://b.example', 'https://x.example'] as const
const [keyA, keyB, delegate] = [testSigner(), testSigner('EdDSA'), testSigner()]

const root = makeCa()
const leaf = issueCertificate({
  ca: makeCa({ ca: root, name: 'Between' }),
  eku: [EKU_CODE_SIGNING],
})
const spki = leaf.publicKey.export({ format: 'der', type: 'spki' })
const keyX = signerFor('ES256', leaf.privateKey, publicKeyFromSpki(new Uint8Array(spki)))

/** Believes all three issuers; a log may believe fewer. */
export const ANCHORS: readonly TrustAnchor[] = [
  { kind: 'cose-key', key: keyA.publicKey, issuers: [A] },
  { kind: 'cose-key', key: keyB.publicKey, issuers: [B] },
  { kind: 'x509-root', certificate: parseCertificate(root.der), issuers: [X] },
]
export const TEE_EVIDENCE = {
  check: 'verified@1',
  roots: { intel: [encodeHex(sha256(testIntel.root.der))] },
} as const

/** A statement, and the content where it is a hash envelope. */
export interface PooledStatement {
  readonly bytes: Uint8Array
  readonly content?: Uint8Array
}

export type Kind =
  | 'plain'
  | 'other'
  | 'provenance'
  | 'delegated'
  | 'delegatedByChain'
  | 'chain'
  | 'envelope'
  | 'envelope512'
  | 'envelopeOfProvenance'
  | 'delegation'
  | 'delegationByChain'
  | 'revocation'
  | 'revocationByChain'
  | 'teeCollateral'
  | 'teeCollateralEnvelope'
  | 'evidence'
  | 'evidenceByEntry'
  | 'evidenceByEnvelope'

interface Parts {
  readonly contentType: string
  readonly payload: Uint8Array
}

/** By a certificate that a protected digest names, with a chain that nobody signed. */
async function byChain(number: number, { contentType, payload }: Parts): Promise<PooledStatement> {
  const claims = new Map<CborValue, CborValue>([
    [1, X],
    [2, `x-${number}`],
  ])
  const protectedHeader = new Map<CborValue, CborValue>([
    [3, contentType],
    [15, claims],
    [34, [-16, sha256(leaf.der)]],
  ])
  const signed = await signSign1({ protectedHeader, payload, signer: keyX })
  const unprotectedBytes = encodeCbor(new Map([[33, leaf.chain]]))
  return { bytes: encodeSign1({ ...parseSign1(signed), unprotectedBytes }) }
}

const text = (number: number): Parts => ({
  contentType: 'text/plain',
  payload: encodeUtf8(`text ${number}`),
})

function delegation(number: number): Parts {
  const scope = { subjects: ['*'], predicateTypes: ['*'] }
  const payload = encodeDelegation({
    ...{ audience: delegate.publicKey, ...scope, notBefore: number },
    expires: TEST_NOW + 90 * 86_400,
  })
  return { contentType: DELEGATION_MEDIA_TYPE, payload }
}

async function revocation(number: number, delegated: Kind): Promise<Parts> {
  const { bytes } = await pooled(delegated, number)
  const { protectedBytes, payload, signature } = parseSign1(bytes)
  const entry = encodeSign1({ protectedBytes, payload, signature })
  const document = encodeDelegationRevocation(encodeHex(sha256(entry)))
  return { contentType: DELEGATION_REVOCATION_MEDIA_TYPE, payload: document }
}

const dcap = makeDcap({
  tee: 'tdx',
  reportData: concatBytes(keyThumbprint(keyA.publicKey), new Uint8Array(32)),
})
const collateral = encodeCollateral(dcap.collateral)

/** The same collateral with a part that nobody reads, so that each is another entry. */
function evidence(parts: { collateral?: Uint8Array; registered?: Uint8Array[] }): Parts {
  const container = { format: 'tdx-quote', evidence: dcap.quote, ...parts } as const
  const payload = encodeTeeEvidence({ ...container, binding: { type: 'key' } })
  return { contentType: TEE_EVIDENCE_MEDIA_TYPE, payload }
}

const by = { issuer: A, signer: keyA }
const signed = async (
  parts: Partial<Parameters<typeof signStatement>[0]> & Parts,
  subject: string,
): Promise<PooledStatement> => {
  const bytes = await signStatement({ ...by, subject, ...parts })
  return parts.hash === undefined ? { bytes } : { bytes, content: parts.payload }
}

const json = (number: number): Parts => ({
  contentType: 'application/json',
  payload: encodeUtf8(JSON.stringify({ number })),
})
const provenance = (number: number): Parts => ({
  contentType: 'application/vnd.in-toto+json',
  payload: provenanceOf([LIBRARY], [], String(number)),
})
const bundle = { contentType: COLLATERAL_MEDIA_TYPE, payload: collateral }

const KINDS: Readonly<Record<Kind, (number: number) => Promise<PooledStatement>>> = {
  plain: (n: number) => signed(text(n), `a-${n}`),
  other: (n: number) => signed({ ...json(n), issuer: B, signer: keyB }, `b-${n}`),
  provenance: (n: number) => signed(provenance(n), `p-${n}`),
  delegated: (n: number) => signed({ ...text(n), signer: delegate }, `d-${n}`),
  delegatedByChain: (n: number) => signed({ ...text(n), issuer: X, signer: delegate }, `dx-${n}`),
  chain: (n: number) => byChain(n, text(n)),
  envelope: (n: number) => signed({ ...json(n), hash: 'SHA-256' }, `e-${n}`),
  // Two of a number have the same content.
  envelope512: (n: number) => signed({ ...json(n), hash: 'SHA-512' }, `f-${n}`),
  envelopeOfProvenance: (n: number) => signed({ ...provenance(n), hash: 'SHA-256' }, `g-${n}`),
  delegation: (n: number) => signed(delegation(n), 'urn:attestry:delegation'),
  delegationByChain: (n: number) => byChain(n, delegation(n)),
  revocation: async (n: number) =>
    signed(await revocation(n, 'delegation'), 'urn:attestry:delegation'),
  revocationByChain: async (n: number) => byChain(n, await revocation(n, 'delegationByChain')),
  teeCollateral: (n: number) => signed(bundle, `c-${n}`),
  teeCollateralEnvelope: (n: number) => signed({ ...bundle, hash: 'SHA-256' }, `ce-${n}`),
  evidence: (n: number) => signed(evidence({ collateral }), `v-${n}`),
  evidenceByEntry: async (n: number) => evidenceBy('teeCollateral', n),
  evidenceByEnvelope: async (n: number) => evidenceBy('teeCollateralEnvelope', n),
}

async function evidenceBy(kind: Kind, number: number): Promise<PooledStatement> {
  const { bytes } = await pooled(kind, number)
  return signed(evidence({ registered: [sha256(bytes)] }), `v-${kind}-${number}`)
}

const pool = new Map<string, Promise<PooledStatement>>()

/** Number `number` of a kind: the same one in every log of this process. */
export function pooled(kind: Kind, number: number): Promise<PooledStatement> {
  const key = `${kind} ${number}`
  const found = pool.get(key) ?? KINDS[kind](number)
  pool.set(key, found)
  return found
}
