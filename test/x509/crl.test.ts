/** Revocation lists: what is read, what may be believed, and everything that must not count as "not revoked". */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { InputError } from '../../src/errors.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { CRL_BYTES_MAX, parseRevocationList } from '../../src/x509/crl.ts'
import { checkRevocationList, isRevoked, RevocationListError } from '../../src/x509/check-crl.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { refusal } from '../support/error-code.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { makeRevocationList } from '../support/test-crl.ts'
import type { TestListOptions } from '../support/test-crl.ts'
import {
  issueCertificate,
  makeCa,
  TEST_NOT_AFTER,
  TEST_NOT_BEFORE,
  TEST_NOW,
} from '../support/test-pki.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const RUNS = slow ? 1_000_000 : 10_000
const ca = makeCa({ name: 'CA' })
const other = makeCa({ name: 'Other' })
const URI = 'http://crl.example/1'

/** SEQUENCE OF { [0] { [0] { [6] URI } } } */
const distributionPoints = (uri: string): Uint8Array =>
  encodeDer(
    0x30,
    encodeDer(0x30, encodeDer(0xa0, encodeDer(0xa0, encodeDer(0x86, encodeUtf8(uri))))),
  )
const good = issueCertificate({
  ca,
  extensions: [{ oid: '2.5.29.31', value: distributionPoints(URI) }],
})
const bad = issueCertificate({ ca })

const issuer = parseCertificate(ca.der)
const start = TEST_NOT_BEFORE.getTime() / 1000
const end = TEST_NOT_AFTER.getTime() / 1000

async function fault(
  options: Partial<TestListOptions>,
  at = TEST_NOW,
  by = issuer,
): Promise<string> {
  const list = parseRevocationList(makeRevocationList({ ca, ...options }))
  try {
    await checkRevocationList({ list, issuer: by, at, verifier })
    return 'holds'
  } catch (error) {
    if (error instanceof RevocationListError) return error.fault
    throw error
  }
}

/** What a list with an issuingDistributionPoint of these fields says about a certificate. */
function scoped(fields: readonly Uint8Array[], certificate = good): string {
  const value = encodeDer(0x30, ...fields)
  const extensions = [{ oid: '551d1c', critical: true, value }]
  const list = parseRevocationList(makeRevocationList({ ca, extensions }))
  try {
    return String(isRevoked(list, parseCertificate(certificate.der)))
  } catch (error) {
    if (error instanceof RevocationListError) return error.fault
    throw error
  }
}
const point = (uri: string): Uint8Array =>
  encodeDer(0xa0, encodeDer(0xa0, encodeDer(0x86, encodeUtf8(uri))))
const flag = (tag: number): Uint8Array => encodeDer(tag, Uint8Array.of(0xff))

describe('a list', () => {
  it('names what is revoked', () => {
    const list = parseRevocationList(makeRevocationList({ ca, revoked: [bad] }))
    expect(isRevoked(list, parseCertificate(bad.der))).toBe(true)
    expect(isRevoked(list, parseCertificate(good.der))).toBe(false)
    expect([list.thisUpdate, list.nextUpdate]).toEqual([start, end])
  })

  it('says nothing about certificates of another issuer, whatever their serial', () => {
    const list = parseRevocationList(makeRevocationList({ ca }))
    expect(() => isRevoked(list, parseCertificate(other.der))).toThrow(RevocationListError)
  })

  it('of the test authority is what OpenSSL reads, where there is one', () => {
    const args = ['crl', '-inform', 'der', '-noout', '-text']
    let text: string
    try {
      text = execFileSync('openssl', args, {
        input: makeRevocationList({ ca, revoked: [bad] }),
        encoding: 'utf8',
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      console.warn('SKIPPED: no openssl command')
      return
    }
    expect(text).toContain('Version 2')
    expect(text).toContain('Revoked Certificates:')
  })

  it('holds from its first to its last second', async () => {
    expect(await fault({}, start)).toBe('holds')
    expect(await fault({}, end)).toBe('holds')
    expect(await fault({}, start - 1)).toBe('not-yet-valid')
    expect(await fault({}, end + 1)).toBe('expired')
  })

  it('is refused under another name or key', async () => {
    expect(await fault({ issuer: other })).toBe('issuer')
    expect(await fault({}, TEST_NOW, parseCertificate(other.der))).toBe('issuer')
    expect(await fault({ ca: other, issuer: ca })).toBe('signature')
    expect(await fault({ signature: 'sha1' })).toBe('signature')
  })

  it('is refused from a certificate that may not sign lists', async () => {
    const mute = makeCa({ name: 'Mute', keyUsage: ['keyCertSign'] })
    expect(await fault({ ca: mute }, TEST_NOW, parseCertificate(mute.der))).toBe('issuer')
  })

  it('is refused with a critical extension that is not understood', async () => {
    const value = decodeHex('020101')
    // deltaCRLIndicator: only what changed since another list.
    expect(await fault({ extensions: [{ oid: '551d1b', critical: true, value }] })).toBe(
      'extension',
    )
    expect(await fault({ extensions: [{ oid: '2a0304', value }] })).toBe('holds')
    // certificateIssuer: the entry is about somebody else's certificate.
    const entryExtensions = [{ oid: '551d1d', critical: true, value }]
    expect(await fault({ revoked: [bad], entryExtensions })).toBe('extension')
  })

  it('takes every kind of key', async () => {
    for (const keyAlg of ['P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const) {
      const own = makeCa({ name: keyAlg, keyAlg })
      expect(await fault({ ca: own }, TEST_NOW, parseCertificate(own.der))).toBe('holds')
    }
  })
})

describe('a partitioned list', () => {
  it('covers certificates that name its place, and no others', () => {
    expect(scoped([point(URI)])).toBe('false')
    expect(scoped([point('http://crl.example/2')])).toBe('scope')
    expect(scoped([point(URI)], bad)).toBe('scope')
  })

  it('covers only users or only CAs when it says so', () => {
    expect(scoped([flag(0x81)])).toBe('false')
    expect(scoped([flag(0x82)])).toBe('scope')
    expect(scoped([flag(0x81), flag(0x82)])).toBe('scope')
  })

  it('covers nothing when it is indirect, of some reasons, or of attribute certificates', () => {
    expect(scoped([encodeDer(0x83, Uint8Array.of(0, 0xff))])).toBe('scope')
    expect(scoped([flag(0x84)])).toBe('scope')
    expect(scoped([flag(0x85)])).toBe('scope')
  })
})

describe('no list at all', () => {
  it.each([
    ['nothing', new Uint8Array(0)],
    ['garbage', encodeUtf8('garbage')],
    ['a certificate', ca.der],
    ['bytes behind it', concatBytes(makeRevocationList({ ca }), Uint8Array.of(0))],
    ['version 1', makeRevocationList({ ca, version: 1 })],
    ['no end', makeRevocationList({ ca, nextUpdate: null })],
    ['too long', new Uint8Array(CRL_BYTES_MAX + 1)],
    [
      'an extension twice',
      makeRevocationList({ ca, extensions: [{ oid: '551d14', value: decodeHex('020101') }] }),
    ],
  ])('%s', (_, bytes) => {
    expect(refusal(() => parseRevocationList(bytes))).toBe('ERR_X509_MALFORMED')
  })

  it('every truncation', () => {
    const whole = makeRevocationList({ ca, revoked: [bad] })
    for (let length = 0; length < whole.length; length++) {
      expect(refusal(() => parseRevocationList(whole.subarray(0, length)))).toBe(
        'ERR_X509_MALFORMED',
      )
    }
  })

  it(`${RUNS} mutations: a list or ERR_X509_MALFORMED`, () => {
    const random = randomFrom(seed)
    const originals = [makeRevocationList({ ca, revoked: [bad, good] })]
    if (hasVectors) originals.push(readVector('tee/intel/go-tdx-guest/pckcrl.der'))
    for (let run = 0; run < RUNS; run++) {
      try {
        parseRevocationList(mutate(originals[run % originals.length]!, random))
      } catch (error) {
        expect(error).toBeInstanceOf(InputError)
      }
    }
  }, 3_600_000)
})

describe.skipIf(!hasVectors)("Intel's lists", () => {
  it('read: 44 entries, and an empty one', () => {
    const pck = parseRevocationList(readVector('tee/intel/go-tdx-guest/pckcrl.der'))
    expect(pck.revoked.size).toBe(44)
    expect(pck.revoked.has('6fc34e5023e728923435d61aa4b83c618166ad35')).toBe(true)
    expect(pck.revoked.has('00efae6e9715fca13b87e333e8261ed6d990a926ad')).toBe(true)
    const root = parseRevocationList(readVector('tee/intel/go-tdx-guest/rootcrl.der'))
    expect(root.revoked.size).toBe(0)
    expect(new Date(root.nextUpdate * 1000).toISOString()).toBe('2024-04-02T10:22:51.000Z')
  })
})
