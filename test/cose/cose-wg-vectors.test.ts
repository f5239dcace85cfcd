/** The COSE WG's examples: every file gives the verdict of its row in the vectors' README. */
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import type { CborTag } from '../../src/cbor/decode.ts'
import { decodeCbor, type CborValue } from '../../src/cbor/decode.ts'
import { publicKeyFromJwk, type Jwk } from '../../src/cose/jwk.ts'
import { encodeSign1, sigStructure, verifySign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { hasVectors, listVectors, readVectorJson } from '../support/vectors.ts'

interface Example {
  readonly title: string
  readonly input: {
    readonly sign0?: { readonly key: Jwk & Record<string, string>; readonly external?: string }
  }
  readonly intermediates?: { readonly ToBeSign_hex?: string }
  readonly output: { readonly cbor: string }
}

function publicJwk(key: Jwk & Record<string, string>): Jwk {
  const { kty, crv, x, x_hex: hex, y } = key
  return { kty, crv, x: hex === undefined ? x : encodeBase64url(decodeHex(hex)), y }
}

async function verdict(example: Example, withAad = true): Promise<string> {
  try {
    const { sign0 } = example.input
    const message = parseSign1(decodeHex(example.output.cbor.toLowerCase()))
    if (sign0 === undefined) return 'not a sign0'
    const aad =
      withAad && sign0.external !== undefined ? { externalAad: decodeHex(sign0.external) } : {}
    const key = publicKeyFromJwk(publicJwk(sign0.key))
    await verifySign1({
      message,
      key,
      ...aad,
      verifier: webCryptoVerifier,
      failure: 'ERR_STATEMENT_SIGNATURE',
    })
    return 'verifies'
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}

/** Everything that is not listed is another COSE message type and must be refused by its tag. */
const EXPECTED: Readonly<Record<string, string>> = {
  'ecdsa-examples/ecdsa-sig-01': 'verifies',
  'ecdsa-examples/ecdsa-sig-02': 'verifies',
  'ecdsa-examples/ecdsa-sig-03': 'verifies',
  // Exception: the signature is good, but ES512 belongs to P-521 here (D12) and the key is on P-256.
  'ecdsa-examples/ecdsa-sig-04': 'ERR_COSE_ALGORITHM',
  'eddsa-examples/eddsa-sig-01': 'verifies',
  // Exception: Ed448 is not supported.
  'eddsa-examples/eddsa-sig-02': 'ERR_COSE_KEY',
  'rfc8152/Appendix_C_2_1': 'verifies',
  'sign1-tests/sign-fail-01': 'ERR_CBOR_FORBIDDEN', // tag 998
  'sign1-tests/sign-fail-02': 'ERR_STATEMENT_SIGNATURE',
  'sign1-tests/sign-fail-03': 'ERR_COSE_ALGORITHM',
  'sign1-tests/sign-fail-04': 'ERR_COSE_ALGORITHM',
  'sign1-tests/sign-fail-06': 'ERR_STATEMENT_SIGNATURE',
  'sign1-tests/sign-fail-07': 'ERR_STATEMENT_SIGNATURE',
  // Exception: alg is unprotected, which counts for nothing; the empty header is tested below.
  'sign1-tests/sign-pass-01': 'ERR_COSE_ALGORITHM',
  'sign1-tests/sign-pass-02': 'verifies',
  // Exception: untagged, and only the tagged form is a statement (RFC 9943 §6.1); verified below.
  'sign1-tests/sign-pass-03': 'ERR_COSE_STRUCTURE',
}

describe.skipIf(!hasVectors)('COSE WG examples', () => {
  const files = listVectors('cose', '.json')
  it('are all there', () => {
    expect(files).toHaveLength(38)
  })
  it.each(files)('%s', async (file) => {
    const name = file.replace('cose/', '').replace('.json', '')
    expect(await verdict(readVectorJson<Example>(file))).toBe(
      EXPECTED[name] ?? 'ERR_COSE_STRUCTURE',
    )
  })

  it('rebuild the signed bytes exactly', () => {
    let compared = 0
    for (const file of files) {
      const example = readVectorJson<Example>(file)
      const expected = example.intermediates?.ToBeSign_hex
      const sign0 = example.input.sign0
      const name = file.replace('cose/', '').replace('.json', '')
      if (expected === undefined || sign0 === undefined) continue
      // Files where the message was changed after signing, or is not a tagged Sign1.
      if (/sign-(fail-0[1-7]|pass-03)/.test(name)) continue
      const message = parseSign1(decodeHex(example.output.cbor.toLowerCase()))
      const aad = decodeHex(sign0.external ?? '')
      const rebuilt = sigStructure(message.protectedBytes, message.payload ?? new Uint8Array(), aad)
      expect(encodeHex(rebuilt), name).toBe(expected.toLowerCase())
      compared++
    }
    expect(compared).toBeGreaterThanOrEqual(9)
  })

  it('sign-pass-02 fails with an empty external_aad', async () => {
    const example = readVectorJson<Example>('cose/sign1-tests/sign-pass-02.json')
    expect(await verdict(example, false)).toBe('ERR_STATEMENT_SIGNATURE')
  })

  it('sign-pass-03 verifies once it is tagged', async () => {
    const example = readVectorJson<Example>('cose/sign1-tests/sign-pass-03.json')
    const cbor = `D2${example.output.cbor}`
    expect(await verdict({ ...example, output: { cbor } })).toBe('verifies')
  })

  it('sign-pass-01 signs the empty protected map as the zero-length string', () => {
    const example = readVectorJson<Example>('cose/sign1-tests/sign-pass-01.json')
    const tagged = decodeCbor(decodeHex(example.output.cbor.toLowerCase())) as CborTag
    const [, , payload, signature] = tagged.value as CborValue[]
    const message = parseSign1(
      encodeSign1({
        protectedBytes: Uint8Array.of(0xa0),
        payload: payload as Uint8Array,
        signature: signature as Uint8Array,
      }),
    )
    const rebuilt = sigStructure(message.protectedBytes, payload as Uint8Array)
    expect(encodeHex(rebuilt)).toBe(example.intermediates?.ToBeSign_hex?.toLowerCase())
  })
})
