/** Receipts of inclusion and consistency: the golden vector, other services' receipts, and forgeries. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { verifyCcfReceipt } from '../../src/cose/ccf-receipt.ts'
import { parseCoseKeySet, publicKeyFromPem, type PublicKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { encodeConsistencyReceipt, encodeInclusionReceipt } from '../../src/cose/encode-receipt.ts'
import { verifyConsistencyReceipt, verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { encodeSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { webCryptoVerifier as verifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { parseHash, portableHasher, type RootHash } from '../../src/merkle/hasher.ts'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { golden } from '../support/golden-vector.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const [serviceKey] = parseCoseKeySet(golden.serviceKeySet) as [PublicKey]
const root = (hex: string): RootHash => parseHash(decodeHex(hex)) as unknown as RootHash

async function code(action: () => Promise<unknown>): Promise<string> {
  try {
    await action()
    return 'accepted'
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}
const verify = (bytes: Uint8Array, entry: Uint8Array = golden.entry1, key = serviceKey) =>
  verifyInclusionReceipt({ receipt: parseReceipt(bytes), entry, key, leafRule: 'entry', verifier })

/** The golden receipt with other contents of label 396. */
function withVdp(vdp: CborValue): Uint8Array {
  const { protectedBytes, signature } = parseSign1(golden.inclusionReceipt)
  const unprotectedBytes = encodeCbor(new Map([[396, vdp]]))
  return encodeSign1({ protectedBytes, unprotectedBytes, payload: null, signature })
}
const proof = (...items: CborValue[]): Uint8Array => encodeCbor(items)
const LEAF0 = decodeHex(golden.leaf0)

describe('golden vector', () => {
  it('hashes entries to its leaves', () => {
    expect(encodeHex(portableHasher.leaf(golden.entry0))).toBe(golden.leaf0)
    expect(encodeHex(portableHasher.leaf(golden.entry1))).toBe(golden.leaf1)
  })

  it('verifies its receipt of inclusion', async () => {
    const shown = await verify(golden.inclusionReceipt)
    expect(shown).toMatchObject({ treeSize: 2, leafIndex: 1 })
    expect(encodeHex(shown.rootHash)).toBe(golden.root2)
  })

  it('verifies its receipt of consistency', async () => {
    const shown = await verifyConsistencyReceipt({
      receipt: parseReceipt(golden.consistencyReceipt),
      rootHash1: root(golden.leaf0),
      treeSize1: 1,
      key: serviceKey,
      verifier,
    })
    expect(encodeHex(shown.rootHash)).toBe(golden.root2)
  })

  it('is assembled again byte by byte from the head', () => {
    const { protectedBytes, signature } = parseSign1(golden.inclusionReceipt)
    const head = { bytes: encodeSign1({ protectedBytes, payload: null, signature }) }
    expect(
      encodeInclusionReceipt(head, {
        treeSize: treeSize(2),
        leafIndex: leafIndex(1),
        inclusionPath: [parseHash(LEAF0)],
      }),
    ).toEqual(golden.inclusionReceipt)
    const old = parseSign1(golden.consistencyReceipt)
    const consistencyHead = { bytes: encodeSign1({ ...old, payload: null }) }
    expect(
      encodeConsistencyReceipt(consistencyHead, {
        treeSize1: treeSize(1),
        treeSize2: treeSize(2),
        consistencyPath: [parseHash(decodeHex(golden.leaf1))],
      }),
    ).toEqual(golden.consistencyReceipt)
  })
})

describe('a receipt is refused', () => {
  it.each<[string, CborValue, string]>([
    ['with no proof', new Map<CborValue, CborValue>([[-1, []]]), 'ERR_RECEIPT_MALFORMED'],
    [
      'with a bare proof instead of an array',
      new Map<CborValue, CborValue>([[-1, proof(2, 1, [LEAF0])]]),
      'ERR_RECEIPT_MALFORMED',
    ],
    [
      'with a proof that is not wrapped',
      new Map<CborValue, CborValue>([[-1, [[2, 1, [LEAF0]]]]]),
      'ERR_RECEIPT_MALFORMED',
    ],
    ['with vdp that is not a map', [], 'ERR_RECEIPT_MALFORMED'],
    [
      'with a hash of 31 bytes',
      new Map<CborValue, CborValue>([[-1, [proof(2, 1, [LEAF0.subarray(1)])]]]),
      'ERR_RECEIPT_MALFORMED',
    ],
    [
      'with an index at the size',
      new Map<CborValue, CborValue>([[-1, [proof(2, 2, [LEAF0])]]]),
      'ERR_MERKLE_RANGE',
    ],
    [
      'with a negative index',
      new Map<CborValue, CborValue>([[-1, [proof(2, -1, [LEAF0])]]]),
      'ERR_RECEIPT_MALFORMED',
    ],
    [
      'with an empty path at size 2',
      new Map<CborValue, CborValue>([[-1, [proof(2, 1, [])]]]),
      'ERR_RECEIPT_PROOF',
    ],
    [
      'with one hash too many',
      new Map<CborValue, CborValue>([[-1, [proof(2, 1, [LEAF0, LEAF0])]]]),
      'ERR_RECEIPT_PROOF',
    ],
    [
      'on the other side of the tree',
      new Map<CborValue, CborValue>([[-1, [proof(2, 0, [LEAF0])]]]),
      'ERR_RECEIPT_SIGNATURE',
    ],
    [
      'with a second proof to another root',
      new Map<CborValue, CborValue>([[-1, [proof(2, 1, [LEAF0]), proof(2, 0, [LEAF0])]]]),
      'ERR_RECEIPT_PROOF',
    ],
    [
      'when only consistency is shown',
      new Map<CborValue, CborValue>([[-2, [proof(1, 2, [LEAF0])]]]),
      'ERR_RECEIPT_MALFORMED',
    ],
  ])('%s', async (_what, vdp, expected) => {
    expect(await code(() => Promise.resolve().then(() => verify(withVdp(vdp))))).toBe(expected)
  })

  it('about another statement, by another key, and without our claim when it is demanded', async () => {
    expect(await code(() => verify(golden.inclusionReceipt, golden.entry0))).toBe(
      'ERR_RECEIPT_SIGNATURE',
    )
    const other = { ...serviceKey, spki: serviceKey.spki.slice() }
    other.spki.set([1], other.spki.length - 1)
    expect(await code(() => verify(golden.inclusionReceipt, golden.entry1, other))).toBe(
      'ERR_RECEIPT_SIGNATURE',
    )
    expect(
      await code(() =>
        verifyInclusionReceipt({
          receipt: parseReceipt(golden.inclusionReceipt),
          entry: golden.entry1,
          key: serviceKey,
          leafRule: 'entry',
          requireTreeSizeClaim: true,
          verifier,
        }),
      ),
    ).toBe('ERR_RECEIPT_CLAIMS')
  })

  it.each(['f93e00', 'f97e00', 'f97c00'])('with a tree size claim of float %s', async (float) => {
    const head = encodeCbor(new Map([[395, 1]]))
    const claims = decodeHex(`0fa13a00010000${float}`) // 15: {-65537: float}
    const protectedBytes = concatBytes(Uint8Array.of(0xa3, 1, 0x26), head.subarray(1), claims)
    const unprotectedBytes = encodeCbor(new Map([[396, new Map([[-1, [proof(1, 0, [])]]])]]))
    const signature = new Uint8Array(64)
    const bytes = encodeSign1({ protectedBytes, unprotectedBytes, payload: null, signature })
    expect(
      await code(() =>
        verifyInclusionReceipt({
          receipt: parseReceipt(bytes),
          entry: golden.entry1,
          key: serviceKey,
          leafRule: 'entry',
          requireTreeSizeClaim: true,
          verifier,
        }),
      ),
    ).toBe('ERR_RECEIPT_CLAIMS')
  })

  it('with an attached payload unless it is the recomputed root', async () => {
    const { protectedBytes, signature, unprotectedHeader } = parseSign1(golden.inclusionReceipt)
    const unprotectedBytes = encodeCbor(unprotectedHeader)
    const attach = (payload: Uint8Array) =>
      encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
    expect(await code(() => verify(attach(decodeHex(golden.root2))))).toBe('accepted')
    expect(await code(() => verify(attach(LEAF0)))).toBe('ERR_ROOT_MISMATCH')
  })

  it('with any byte flipped, or it shows the same thing', async () => {
    const original = await verify(golden.inclusionReceipt)
    const survivors: number[] = []
    for (let i = 0; i < golden.inclusionReceipt.length; i++) {
      const bytes = golden.inclusionReceipt.slice()
      bytes[i] = bytes[i]! ^ (1 + (i % 255))
      if ((await code(async () => expect(await verify(bytes)).toEqual(original))) === 'accepted')
        survivors.push(i)
    }
    expect(survivors).toEqual([])
  })

  it('untagged', () => {
    expect(() => parseReceipt(golden.inclusionReceipt.subarray(1))).toThrow(
      expect.objectContaining({ code: 'ERR_COSE_STRUCTURE' }),
    )
  })
})

describe.skipIf(!hasVectors)('receipts of other services', () => {
  const pem = (path: string) => publicKeyFromPem(new TextDecoder().decode(readVector(path)))
  const set = (name: string) => {
    const folder = `scitt/scitt-cose-v1/${name}`
    return {
      statement: parseSignedStatement(readVector(`${folder}/statement.cose`)),
      receipt: parseReceipt(readVector(`${folder}/receipt.cose`)),
      key: pem(`${folder}/log-key.pub`),
    }
  }

  it.each([
    ['valid-es256', 'accepted'],
    ['valid-eddsa', 'accepted'],
    ['fail-bad-statement-sig', 'accepted'], // the receipt is good; the statement is not
    ['fail-tampered-path', 'ERR_RECEIPT_SIGNATURE'],
    ['fail-unsupported-vds', 'ERR_RECEIPT_VDS'],
    ['valid-ccf-vds2', 'ERR_RECEIPT_VDS'],
  ])('%s under the digest leaf rule: %s', async (name, expected) => {
    const { statement, receipt, key } = set(name)
    expect(
      await code(() =>
        verifyInclusionReceipt({
          receipt,
          entry: statement.entry,
          key,
          leafRule: 'entry-digest',
          verifier,
        }),
      ),
    ).toBe(expected)
  })

  it('do not verify under the leaf rule that is not theirs', async () => {
    const { statement, receipt, key } = set('valid-es256')
    expect(
      await code(() =>
        verifyInclusionReceipt({
          receipt,
          entry: statement.entry,
          key,
          leafRule: 'entry',
          verifier,
        }),
      ),
    ).toBe('ERR_RECEIPT_SIGNATURE')
  })

  it('CCF: verifies with its key, and not about another statement', async () => {
    const { statement, receipt, key } = set('valid-ccf-vds2')
    const { rootHash } = await verifyCcfReceipt({ receipt, entry: statement.entry, key, verifier })
    expect(encodeHex(rootHash)).toBe(
      '1cb9bf8123a19c1ed2fcb1c2bfb8412e183634d806880ca4cef51ed399a3fb0f',
    )
    expect(
      await code(() => verifyCcfReceipt({ receipt, entry: golden.entry1, key, verifier })),
    ).toBe('ERR_RECEIPT_PROOF')
  })

  it('CCF: a vds 1 proof under vds 2 is refused before any signature', async () => {
    const { statement, receipt, key } = set('fail-unsupported-vds')
    expect(
      await code(() => verifyCcfReceipt({ receipt, entry: statement.entry, key, verifier })),
    ).toBe('ERR_RECEIPT_MALFORMED')
  })

  it('MMR (vds 3) parses and is left alone', () => {
    const { receipts } = parseSignedStatement(readVector('scitt/scitt-for-phi/2ts-statement.scitt'))
    expect(receipts.map((bytes) => parseReceiptVds(bytes))).toEqual([2, 3])
  })
})

function parseReceiptVds(bytes: Uint8Array): unknown {
  return parseSign1(bytes).protectedHeader.get(395)
}
