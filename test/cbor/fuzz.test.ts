/**
 * The scan and the decoder, and the statement reader above them, on damaged input: an answer, or their
 * own error; and quickly. `ATTESTRY_SLOW=1` raises 10^4 inputs a reader to 10^6.
 */
import { describe, expect, it } from 'vitest'
import { decodeCbor } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { scanCbor } from '../../src/cbor/scan.ts'
import { InputError } from '../../src/errors.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { testSigner } from '../support/test-signer.ts'

const count = slow ? 1_000_000 : 10_000
const document = encodeCbor(
  new Map<number | string, unknown>([
    [1, [0, -1, 2n ** 40n, 'text', new Uint8Array([1, 2, 3])]],
    ['nested', new Map([[2, [[[['deep']]]]]])],
    [3, null],
  ]) as never,
)
const statement = await signStatement({
  payload: new Uint8Array([1, 2, 3]),
  issuer: 'https://issuer.example',
  subject: 'urn:x',
  contentType: 'text/plain',
  signer: testSigner(),
})

describe('readers of damaged CBOR', () => {
  it.each([
    ['scanCbor', document, scanCbor],
    ['decodeCbor', document, decodeCbor],
    ['decodeCbor of a statement', statement, decodeCbor],
    ['parseSignedStatement', statement, parseSignedStatement],
  ] as const)('%s throws its own error only', (_, bytes, read) => {
    console.log(`seed ${seed} (repeat with ATTESTRY_SEED=${seed})`)
    const random = randomFrom(seed)
    let refused = 0
    for (let round = 0; round < count; round++) {
      const damaged = mutate(bytes, random)
      try {
        read(damaged)
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        refused += 1
      }
    }
    expect(refused).toBeGreaterThan(count / 100)
  })
})
