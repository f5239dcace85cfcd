/** How long the worst inputs of up to 1 MiB take to refuse: the bar is 50 ms each. */
import { concatBytes } from '../src/bytes/bytes.ts'
import { encodeByteString, encodeCbor, encodeHead } from '../src/cbor/encode.ts'
import type { CborValue } from '../src/cbor/decode.ts'
import { parseReceipt } from '../src/cose/receipt.ts'
import { encodeSign1 } from '../src/cose/sign1.ts'
import { AttestryError } from '../src/errors.ts'
import { nodeVerifier } from '../src/keys/node-verifier.ts'
import { authenticateIssuer } from '../src/statement/authenticate-issuer.ts'
import { assertRegistrable, parseSignedStatement } from '../src/statement/signed-statement.ts'
import { issuerFromPem, makeIssuerPem } from './statements.ts'

const MIB = 1024 * 1024
const fill = (byte: number, length = MIB): Uint8Array => new Uint8Array(length).fill(byte)
const header = (pairs: [CborValue, CborValue][]): Uint8Array => encodeCbor(new Map(pairs))
const statement = (
  protectedBytes: Uint8Array,
  unprotectedBytes: Uint8Array = Uint8Array.of(0xa0),
): Uint8Array =>
  encodeSign1({
    protectedBytes,
    unprotectedBytes,
    payload: Uint8Array.of(1),
    signature: fill(1, 64),
  })
const claims: [CborValue, CborValue] = [
  15,
  new Map<CborValue, CborValue>([
    [1, 'did:x509:0:sha256:x::eku:1'],
    [2, 's'],
  ]),
]

/** A map of so many different short keys. */
function manyKeys(count: number): Uint8Array {
  return Uint8Array.from(
    [
      encodeHead(5, count),
      ...Array.from({ length: count }, (_, i) => encodeCbor(i + 1000)),
    ].flatMap((bytes, i) => (i === 0 ? [...bytes] : [...bytes, 0xf6])),
  )
}

const INPUTS: Readonly<Record<string, () => Uint8Array>> = {
  zeros: () => fill(0),
  'nested arrays': () => fill(0x81),
  'nested tags': () => fill(0xd2),
  'nested maps': () => fill(0xa1),
  'one bignum': () => concatBytes(Uint8Array.of(0xc2), encodeByteString(fill(0xff, MIB - 8))),
  'one bad text': () =>
    concatBytes(encodeHead(3, MIB - 8), fill(0x61, MIB - 9), Uint8Array.of(0xff)),
  'array of a million zeros': () => concatBytes(encodeHead(4, MIB - 8), fill(0, MIB - 8)),
  'map of 180,000 keys': () => manyKeys(180_000),
  'unprotected map of 4,900 keys': () => statement(header([[1, -7], claims]), manyKeys(4_900)),
  'protected header of 1 MiB text': () =>
    statement(header([[1, -7], claims, [3, 'x'.repeat(MIB - 300)]])),
  'key of 1 MiB': () => statement(header([['k'.repeat(MIB - 300), 1]])),
  '9,000 receipts': () =>
    statement(
      header([[1, -7], claims]),
      encodeCbor(new Map([[394, Array.from({ length: 9_000 }, () => fill(0xd2, 100))]])),
    ),
  'chain of 9,000 garbage certificates': () =>
    statement(
      header([[1, -7], claims, [33, Array.from({ length: 9_000 }, () => fill(0x30, 100))]]),
    ),
  'certificate of nested sequences': () =>
    statement(header([[1, -7], claims, [33, [fill(0x30, 16_000)]]])),
  'certificate of indefinite sequences': () =>
    statement(
      header([
        [1, -7],
        claims,
        [33, concatBytes(...Array.from({ length: 8_000 }, () => Uint8Array.of(0x30, 0x80)))],
      ]),
    ),
  'payload of 1 MiB': () =>
    encodeSign1({
      protectedBytes: header([[1, -7], [4, Uint8Array.of(1)], claims]),
      payload: fill(7, MIB - 300),
      signature: fill(1, 64),
    }),
  'issuer with a million stars to match': () =>
    statement(
      header([
        [1, -7],
        [4, Uint8Array.of(1)],
        [
          15,
          new Map<CborValue, CborValue>([
            [1, '*a'.repeat(4_000)],
            [2, 's'],
          ]),
        ],
      ]),
    ),
}

async function refuse(bytes: Uint8Array): Promise<string> {
  try {
    const parsed = parseSignedStatement(bytes)
    assertRegistrable(parsed)
    const anchors = [
      { kind: 'cose-key' as const, key: signer.publicKey, issuers: [`${'*a'.repeat(500)}*`, '*'] },
    ]
    await authenticateIssuer({ statement: parsed, anchors, at: 0, verifier: nodeVerifier })
    return 'ACCEPTED'
  } catch (error) {
    if (!(error instanceof AttestryError)) throw error
    return error.code
  }
}
const signer = issuerFromPem(makeIssuerPem())

function refuseReceipt(bytes: Uint8Array): void {
  try {
    parseReceipt(bytes)
  } catch (error) {
    if (!(error instanceof AttestryError)) throw error
  }
}

/** One row an input: milliseconds to refuse it as a statement and as a receipt, worst of five. */
export async function hostileReport(): Promise<string[]> {
  const lines = [
    '## Hostile inputs of up to 1 MiB',
    '',
    '| input | bytes | refused with | worst ms |',
    '|---|---|---|---|',
  ]
  let worst = 0
  for (const [name, make] of Object.entries(INPUTS)) {
    const bytes = make()
    let milliseconds = 0
    let outcome = ''
    for (let i = 0; i < 5; i++) {
      const started = performance.now()
      outcome = await refuse(bytes)
      refuseReceipt(bytes)
      milliseconds = Math.max(milliseconds, performance.now() - started)
    }
    worst = Math.max(worst, milliseconds)
    lines.push(
      `| ${name} | ${bytes.length.toLocaleString('en-US')} | ${outcome} | ${milliseconds.toFixed(1)} |`,
    )
  }
  return [
    ...lines,
    '',
    `- slowest refusal: ${worst.toFixed(1)} ms (bar: ≤ 50 ms): ${worst <= 50 ? 'met' : 'MISSED'}`,
  ]
}
