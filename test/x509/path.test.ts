import { describe, expect, it } from 'vitest'
import { VerificationError } from '../../src/errors.ts'
import { parseCertificate, type Certificate } from '../../src/x509/certificate.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { parseCertificateChain, validatePath } from '../../src/x509/path.ts'
import { digest } from '../../src/bytes/digest.ts'
import {
  countingVerifier,
  nodeSignatureVerifier as verifier,
} from '../support/node-signature-verifier.ts'
import {
  generateTestKeys,
  issueCertificate,
  makeCa,
  signTbs,
  TEST_NOW,
  type CertificateOptions,
  type TestCertificate,
} from '../support/test-pki.ts'

interface Attempt {
  readonly chain: readonly Uint8Array[]
  readonly roots: readonly TestCertificate[]
  readonly at?: number
}

/** `ok`, or the message of the path error; any other error fails the test. */
async function outcome({ chain, roots, at }: Attempt): Promise<string> {
  try {
    await validatePath({
      chain: parseCertificateChain(chain),
      roots: roots.map(({ der }) => parseCertificate(der)),
      at: at ?? TEST_NOW,
      verifier,
    })
    return 'ok'
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    expect(error.code).toBe('ERR_X509_PATH')
    return error.message
  }
}

const root = makeCa({ name: 'Root', notAfter: new Date('2036-01-01T00:00:00Z') })
const issuing = makeCa({ name: 'Issuing', ca: root })
const leaf = issueCertificate({ ca: issuing })

/** A leaf under root and an intermediate, each with its own options. */
function threeTier(options: {
  root?: CertificateOptions
  issuing?: CertificateOptions
  leaf?: CertificateOptions
}): Attempt {
  const anchor = options.root ? makeCa({ name: 'Root', ...options.root }) : root
  const ca = makeCa({ name: 'Issuing', ca: anchor, ...options.issuing })
  const end = issueCertificate({ ca, ...options.leaf })
  return { chain: end.chain, roots: [anchor] }
}

describe('a chain that holds', () => {
  it('leads to a configured root, whether or not the root is in the chain', async () => {
    const anchors = { roots: [parseCertificate(root.der)], at: TEST_NOW, verifier }
    const without = await validatePath({ chain: parseCertificateChain(leaf.chain), ...anchors })
    const chain = parseCertificateChain([...leaf.chain, root.der])
    const included = await validatePath({ chain, ...anchors })
    expect(without.path.map(({ der }) => der)).toEqual([leaf.der, issuing.der, root.der])
    expect(included.path.map(({ der }) => der)).toEqual([leaf.der, issuing.der, root.der])
    expect(included.validFrom).toBe(Date.parse('2026-01-01T00:00:00Z') / 1000)
    expect(included.validUntil).toBe(Date.parse('2027-01-01T00:00:00Z') / 1000)
  })

  it('has the intersection of all validity windows', async () => {
    const late = makeCa({ ca: root, notBefore: new Date('2026-03-01T00:00:00Z') })
    const short = issueCertificate({ ca: late, notAfter: new Date('2026-07-01T12:34:56Z') })
    const { validFrom, validUntil } = await validatePath({
      chain: parseCertificateChain(short.chain),
      roots: [parseCertificate(root.der)],
      at: TEST_NOW,
      verifier,
    })
    expect(validFrom).toBe(Date.parse('2026-03-01T00:00:00Z') / 1000)
    expect(validUntil).toBe(Date.parse('2026-07-01T12:34:56Z') / 1000)
    const attempt = { chain: short.chain, roots: [root] }
    expect(await outcome({ ...attempt, at: validFrom })).toBe('ok')
    expect(await outcome({ ...attempt, at: validUntil })).toBe('ok')
    expect(await outcome({ ...attempt, at: validFrom - 1 })).toContain('not valid yet')
    expect(await outcome({ ...attempt, at: validUntil + 1 })).toContain('expired')
  })

  it.each([
    ['P-256', 'default'],
    ['P-256', 'sha384'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
    ['RSA-2048', 'default'],
    ['RSA-2048', 'sha384'],
    ['RSA-2048', 'sha512'],
    ['RSA-2048', 'pss'],
    ['Ed25519', 'default'],
  ] as const)('may be signed with %s (%s)', async (keyAlg, signature) => {
    const anchor = makeCa({ keyAlg, signature })
    const end = issueCertificate({ ca: anchor, signature })
    expect(await outcome({ chain: end.chain, roots: [anchor] })).toBe('ok')
  })

  it('asks the verifier for the curve of the issuer and never checks a root against itself', async () => {
    const counting = countingVerifier()
    const anchor = makeCa({ keyAlg: 'P-384', signature: 'sha384' })
    const end = issueCertificate({ ca: anchor, signature: 'sha384' })
    const chain = parseCertificateChain([...end.chain, anchor.der])
    const roots = [parseCertificate(anchor.der)]
    await validatePath({ chain, roots, at: TEST_NOW, verifier: counting })
    expect(counting.schemes).toEqual([{ kind: 'ecdsa', curve: 'P-384', hash: 'SHA-384' }])
  })

  it('may be a single pinned certificate', async () => {
    const own = issueCertificate({ name: 'Self' })
    expect(await outcome({ chain: [own.der], roots: [own] })).toBe('ok')
    expect(await outcome({ chain: [own.der], roots: [root] })).toContain('trusted root')
    const again = issueCertificate({ name: 'Self', keys: own })
    expect(await outcome({ chain: [again.der], roots: [own] })).not.toBe('ok')
  })

  it('may be pinned at an intermediate, and still holds whole', async () => {
    expect(await outcome({ chain: leaf.chain, roots: [issuing] })).toBe('ok')
    expect(await outcome({ chain: [...leaf.chain, root.der], roots: [issuing] })).toBe('ok')
    const other = makeCa({ name: 'Other' })
    expect(await outcome({ chain: [...leaf.chain, other.der], roots: [issuing] })).toContain(
      'order',
    )
  })

  it('finds the right one of two roots with the same name, and a renewed root by its key', async () => {
    const twin = makeCa({ name: 'Root' })
    expect(await outcome({ chain: leaf.chain, roots: [twin, root] })).toBe('ok')
    expect(await outcome({ chain: leaf.chain, roots: [twin] })).toContain('does not verify')
    const renewed = makeCa({ name: 'Root', keys: root })
    expect(await outcome({ chain: leaf.chain, roots: [renewed] })).toBe('ok')
    expect(await outcome({ chain: [...leaf.chain, root.der], roots: [renewed] })).toBe('ok')
  })

  it('may be pinned by the fingerprint of a CA in it, not of its leaf', async () => {
    const chain = parseCertificateChain([...leaf.chain, root.der])
    for (const [der, expected] of [
      [root.der, 'ok'],
      [issuing.der, 'ok'],
      [leaf.der, 'trusted root'],
    ] as const) {
      const rootFingerprint = { hash: 'SHA-384', value: digest('SHA-384', der) } as const
      const result = await validatePath({ chain, rootFingerprint, at: TEST_NOW, verifier }).then(
        () => 'ok',
        (error: unknown) => String(error),
      )
      expect(result).toContain(expected)
    }
  })
})

describe('a chain is refused', () => {
  const past = new Date('2026-05-31T00:00:00Z')
  const future = new Date('2026-06-02T00:00:00Z')

  it.each<[string, Attempt, string]>([
    ['with an expired leaf', threeTier({ leaf: { notAfter: past } }), '0 has expired'],
    [
      'with an expired intermediate (CVE-2026-24122)',
      threeTier({ issuing: { notAfter: past } }),
      '1 has expired',
    ],
    ['with an expired root', threeTier({ root: { notAfter: past } }), '2 has expired'],
    ['with a leaf of the future', threeTier({ leaf: { notBefore: future } }), '0 is not valid yet'],
    [
      'with an intermediate of the future',
      threeTier({ issuing: { notBefore: future } }),
      '1 is not valid yet',
    ],
    ['with a root of the future', threeTier({ root: { notBefore: future } }), '2 is not valid yet'],
    ['without any root', { chain: leaf.chain, roots: [] }, 'trusted root'],
    [
      'under another root',
      { chain: leaf.chain, roots: [makeCa({ name: 'Other' })] },
      'trusted root',
    ],
    ['without its intermediate', { chain: [leaf.der], roots: [root] }, 'trusted root'],
    ['in the wrong order', { chain: [issuing.der, leaf.der], roots: [root] }, ''],
    ['root first', { chain: [root.der, issuing.der, leaf.der], roots: [root] }, ''],
    [
      'with a stranger inside',
      { chain: [leaf.der, makeCa().der, issuing.der], roots: [root] },
      'order',
    ],
    [
      'with a stranger at its end',
      { chain: [...leaf.chain, makeCa().der], roots: [root] },
      'order',
    ],
    [
      'with an intermediate that is no CA',
      threeTier({ issuing: { isCa: false, keyUsage: ['keyCertSign'] } }),
      'not a CA',
    ],
    [
      'with an intermediate without basicConstraints',
      threeTier({ issuing: { basicConstraints: false } }),
      'not a CA',
    ],
    [
      'with a root that is no CA',
      threeTier({ root: { isCa: false, keyUsage: 'none' } }),
      'not a CA',
    ],
    [
      'with an intermediate without keyCertSign',
      threeTier({ issuing: { keyUsage: ['cRLSign', 'digitalSignature'] } }),
      'may not sign',
    ],
    [
      'with a leaf without digitalSignature',
      threeTier({ leaf: { keyUsage: ['keyAgreement', 'nonRepudiation'] } }),
      'digital signatures',
    ],
    [
      'with an intermediate under path length 0',
      threeTier({ root: { pathLength: 0 } }),
      'allows 0',
    ],
    ['signed with SHA-1', threeTier({ issuing: { signature: 'sha1' } }), 'not supported'],
    [
      'signed with SHA-1 and RSA',
      threeTier({ root: { keyAlg: 'RSA-2048' }, issuing: { signature: 'sha1' } }),
      'not supported',
    ],
  ])('%s', async (_, attempt, message) => {
    const result = await outcome(attempt)
    expect(result).not.toBe('ok')
    expect(result).toContain(message)
  })

  it('with a critical extension that is not known, at any place', async () => {
    const extensions = [{ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }]
    for (const place of ['root', 'issuing', 'leaf'] as const) {
      expect(await outcome(threeTier({ [place]: { extensions } }))).toContain('1.2.3.4')
    }
    const harmless = [{ oid: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) }]
    expect(await outcome(threeTier({ leaf: { extensions: harmless } }))).toBe('ok')
  })

  it('with critical policyConstraints, which are not processed', async () => {
    const value = encodeDer(0x30, Uint8Array.of(0x80, 1, 0))
    const extensions = [{ oid: '2.5.29.36', critical: true, value }]
    expect(await outcome(threeTier({ issuing: { extensions } }))).toContain('2.5.29.36')
  })

  it('deeper than a path length allows, where self-issued certificates do not count', async () => {
    const top = makeCa({ name: 'Top', pathLength: 1 })
    const one = makeCa({ name: 'One', ca: top })
    const two = makeCa({ name: 'Two', ca: one })
    const fine = issueCertificate({ ca: one })
    const deep = issueCertificate({ ca: two })
    expect(await outcome({ chain: fine.chain, roots: [top] })).toBe('ok')
    expect(await outcome({ chain: deep.chain, roots: [top] })).toContain('allows 1')
    const rollover = makeCa({ name: 'Top', ca: top })
    const below = issueCertificate({ ca: makeCa({ name: 'One', ca: rollover }) })
    expect(await outcome({ chain: below.chain, roots: [top] })).toBe('ok')
  })

  it('longer than five certificates or 32 KiB', async () => {
    let ca = root
    for (let i = 0; i < 4; i++) ca = makeCa({ name: `CA ${i}`, ca })
    const five = issueCertificate({ ca })
    expect(await outcome({ chain: five.chain, roots: [root] })).toBe('ok')
    const six = [...five.chain, root.der]
    expect(() => parseCertificateChain(six)).toThrow('1 to 5')
    const certificates = six.map(parseCertificate)
    const roots = [parseCertificate(root.der)]
    await expect(
      validatePath({ chain: certificates, roots, at: TEST_NOW, verifier }),
    ).rejects.toThrow('more than 5')
    await expect(validatePath({ chain: [], roots, at: TEST_NOW, verifier })).rejects.toThrow(
      'empty',
    )
    const value = encodeDer(4, new Uint8Array(12_000))
    const extensions = [{ oid: '1.2.3', value }]
    const large = makeCa({ ca: makeCa({ ca: makeCa({ extensions }), extensions }), extensions })
    expect(() => parseCertificateChain([...large.chain, large.root.der])).toThrow('32768 bytes')
  })

  it('when a byte of the signed part has changed', async () => {
    const changed = leaf.der.slice()
    const at = changed.indexOf(0x4c, 40) // the "L" of "Leaf"
    changed[at] = 0x6c
    expect(await outcome({ chain: [changed, issuing.der], roots: [root] })).toContain(
      'does not verify',
    )
  })

  it('when the key of the issuer does not fit the algorithm', async () => {
    const rsa = generateTestKeys('RSA-2048')
    const { tbs } = parseCertificate(leaf.der)
    const forged = signTbs(tbs, rsa.privateKey)
    expect(() => parseCertificate(forged)).toThrow('differ')
  })

  it('under an Ed25519 key of small order, whatever the verifier says', async () => {
    const ca = makeCa({ name: 'Ed', keyAlg: 'Ed25519' })
    const { chain } = issueCertificate({ ca })
    const key = parseCertificate(ca.der).spki as { x: Uint8Array }
    const identity = new Uint8Array(32)
    identity[0] = 1
    const at = ca.der.findIndex((_, i) => key.x.every((byte, j) => ca.der[i + j] === byte))
    const weak = { ...ca, der: ca.der.slice() }
    weak.der.set(identity, at)
    expect(await outcome({ chain, roots: [weak] })).toContain('no honest issuer')
  })

  it('before its names are held against constraints, unless its signatures hold', async () => {
    // Anybody can send a chain whose names and constraints take half a second to compare.
    const top = makeCa({ name: 'Root', excluded: { ip: ['11.0.0.1/32'] } })
    const end = issueCertificate({ ca: top, san: { ip: ['10.0.0.1'] } })
    let reads = 0
    const [subject, issuer] = parseCertificateChain([...end.chain, top.der])
    const watched = Object.defineProperty({ ...issuer! }, 'nameConstraints', {
      get: () => {
        reads += 1
        return issuer!.nameConstraints
      },
    })
    const chain = [subject!, watched]
    const at = TEST_NOW
    const attempt = (roots: Certificate[], by = verifier): Promise<unknown> =>
      validatePath({ chain, roots, at, verifier: by }).catch((error: unknown) => String(error))
    expect(await attempt([])).toContain('trusted root')
    expect(await attempt([issuer!], { verify: () => Promise.resolve(false) })).toContain(
      'does not verify',
    )
    expect(reads).toBe(0)
    expect(await attempt([issuer!])).toHaveProperty('path')
    expect(reads).toBe(1)
  })

  it('when an ECDSA signature is not strict DER', async () => {
    const parsed = parseCertificate(leaf.der)
    const padded = encodeDer(0x30, encodeDer(2, new Uint8Array(40)), encodeDer(2, Uint8Array.of(1)))
    const algorithm = Uint8Array.of(0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)
    for (const signature of [padded, encodeDer(0x30), Uint8Array.of(...parsed.signatureValue, 0)]) {
      const bits = encodeDer(3, Uint8Array.of(0), signature)
      const forged = encodeDer(0x30, parsed.tbs, algorithm, bits)
      expect(await outcome({ chain: [forged, issuing.der], roots: [root] })).toContain('not DER')
    }
  })
})
