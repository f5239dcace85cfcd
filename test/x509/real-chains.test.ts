/** Chains of real statements: shared/vectors/scitt, at the clocks that its README names. */
import { describe, expect, it } from 'vitest'
import { CborTag, decodeCbor, type CborMap } from '../../src/cbor/decode.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { parseDidX509 } from '../../src/x509/did-x509.ts'
import { matchDidX509 } from '../../src/x509/match-did-x509.ts'
import { parseCertificateChain, validatePath } from '../../src/x509/path.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

interface RealStatement {
  readonly chain: readonly Uint8Array[]
  readonly issuer: string
}

function readStatement(path: string): RealStatement {
  const message = decodeCbor(readVector(path))
  if (!(message instanceof CborTag)) throw new Error('not tagged')
  const [protectedBytes] = message.value as readonly Uint8Array[]
  const header = decodeCbor(protectedBytes!) as CborMap
  // cts-hashv and manifest.spdx carry the issuer under the draft label 391.
  const claims = (header.get(15) ?? header.get(13)) as CborMap | undefined
  const issuer = (claims?.get(1) ?? header.get(391)) as string
  return { chain: header.get(33) as readonly Uint8Array[], issuer }
}

const CASES = [
  ['scitt/scitt-ccf-ledger/cts-hashv-cwtclaims-b64url.cose', '2026-01-01T00:00:00Z', 3],
  ['scitt/scitt-ccf-ledger/manifest.spdx.json.sha384.digest.cose', '2026-01-01T00:00:00Z', 3],
  ['scitt/scitt-for-phi/signed-statement.scitt', '2025-06-19T22:05:39Z', undefined],
  ['scitt/scitt-cose-v1/valid-ccf-vds2/statement.cose', '2026-06-27T00:00:00Z', undefined],
  ['scitt/scitt-ccf-ledger/css-attested-cosesign1-20250925.cose', '2025-08-01T00:00:00Z', 2],
] as const

describe.skipIf(!hasVectors)('the certificates of a real statement', () => {
  it.each(CASES)('%s lead to their root at %s', async (path, clock, length) => {
    const { chain: ders } = readStatement(path)
    const chain = parseCertificateChain(ders)
    if (length !== undefined) expect(chain).toHaveLength(length)
    const roots = [parseCertificate(ders[ders.length - 1]!)]
    const at = Date.parse(clock) / 1000
    const { validFrom, validUntil } = await validatePath({ chain, roots, at, verifier })
    expect(validFrom).toBeLessThanOrEqual(at)
    await expect(validatePath({ chain, roots, at: validUntil + 1, verifier })).rejects.toThrow(
      'expired',
    )
    // The same root by configuration only.
    const shorter = chain.slice(0, -1)
    const extended = await validatePath({ chain: shorter, roots, at, verifier })
    expect(extended.path.map(({ der }) => der)).toEqual(ders)
  })

  it.each(CASES.slice(0, 4))('%s satisfy their did:x509', async (path, clock) => {
    const { chain: ders, issuer } = readStatement(path)
    const chain = parseCertificateChain(ders)
    const did = parseDidX509(issuer)
    const at = Date.parse(clock) / 1000
    const request = { chain, rootFingerprint: did.fingerprint, at, verifier }
    const validated = await validatePath(request)
    matchDidX509(did, validated.path)
    expect(() => matchDidX509(did, validated.path.slice(1))).toThrow()
  })
})
