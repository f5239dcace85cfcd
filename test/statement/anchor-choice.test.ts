/** Which of several anchors answers for a statement: the order they stand in decides nothing. */
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { digest } from '../../src/bytes/digest.ts'
import { publicKeyFromSpki, type PublicKey } from '../../src/cose/public-key.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { webCryptoVerifier as verifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { authenticateIssuer } from '../../src/statement/authenticate-issuer.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import {
  EKU_CODE_SIGNING,
  issueCertificate,
  makeCa,
  TEST_NOW,
  type TestCertificate,
} from '../support/test-pki.ts'
import { signerFor, testSigner } from '../support/test-signer.ts'

const issuers = ['*']
const root = makeCa({ name: 'Root' })
const middle = makeCa({ name: 'Middle', ca: root })
const leaf = issueCertificate({ ca: middle, eku: [EKU_CODE_SIGNING] })
const leafKey = publicKeyFromSpki(parseCertificate(leaf.der).spki.spki)
const signer = signerFor('ES256', leaf.privateKey, leafKey)

const pinned = ({ der }: TestCertificate): TrustAnchor => ({
  kind: 'x509-root',
  certificate: parseCertificate(der),
  issuers,
})
const keyAnchor = (key: PublicKey): TrustAnchor => ({ kind: 'cose-key', key, issuers })
const withoutKid = (name: string): TrustAnchor => {
  const { kid: _kid, ...key } = testSigner(name).publicKey
  return keyAnchor(key)
}

const sign = (by: Signer, options: { issuer?: string; x5chain?: readonly Uint8Array[] } = {}) =>
  signStatement({
    payload: encodeUtf8('{}'),
    issuer: 'https://issuer.example',
    subject: 's',
    contentType: 'text/plain',
    signer: by,
    ...options,
  })

async function outcome(bytes: Uint8Array, anchors: readonly TrustAnchor[]): Promise<string> {
  try {
    const statement = parseSignedStatement(bytes)
    return (await authenticateIssuer({ statement, anchors, at: TEST_NOW, verifier })).anchor.kind
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}

describe('among roots', () => {
  const value = digest('SHA-256', root.der)
  const did = `did:x509:0:sha256:${encodeBase64url(value)}::eku:${EKU_CODE_SIGNING}`
  const didRoot: TrustAnchor = {
    kind: 'did-x509-root',
    fingerprint: { hash: 'SHA-256', value },
    issuers,
  }

  it('one for did:x509 does not stand in the way of a plain issuer', async () => {
    const bytes = await sign(signer, { x5chain: [...leaf.chain, root.der] })
    expect(await outcome(bytes, [didRoot])).toBe('ERR_DID_X509_MISMATCH')
    expect(await outcome(bytes, [didRoot, pinned(root)])).toBe('x509-root')
    expect(await outcome(bytes, [pinned(root), didRoot])).toBe('x509-root')
  })

  it('the one whose path satisfies the did:x509 is found', async () => {
    const bytes = await sign(signer, { issuer: did, x5chain: leaf.chain })
    expect(await outcome(bytes, [pinned(middle)])).toBe('ERR_DID_X509_MISMATCH')
    expect(await outcome(bytes, [pinned(middle), pinned(root)])).toBe('x509-root')
    expect(await outcome(bytes, [pinned(root), pinned(middle)])).toBe('x509-root')
  })
})

describe('among keys', () => {
  it('the named one is tried before those without a kid, and its failure is the one reported', async () => {
    const by = testSigner()
    const strangers = Array.from({ length: 9 }, () => withoutKid('ES256'))
    const bytes = await sign(by)
    expect(await outcome(bytes, [...strangers, keyAnchor(by.publicKey)])).toBe('cose-key')
    const forged = bytes.slice()
    forged[forged.length - 1] = forged.at(-1)! ^ 1
    expect(await outcome(forged, [keyAnchor(by.publicKey), withoutKid('EdDSA')])).toBe(
      'ERR_STATEMENT_SIGNATURE',
    )
  })

  it('a protected certificate binds the key, also where no root is trusted (TS-2)', async () => {
    const stranger = testSigner()
    const x5chain = leaf.chain
    const bytes = await sign(stranger, { x5chain })
    expect(await outcome(bytes, [keyAnchor(stranger.publicKey)])).toBe('ERR_ISSUER_KEY')
    expect(await outcome(await sign(signer, { x5chain }), [keyAnchor(leafKey)])).toBe('cose-key')
  })
})
