/** Checkpoints, cosignatures, proofs and witness messages (reference §2.2, §2.4, §2.5, §2.7). */
import { describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../src/bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { portableHasher, type LeafHash, type RootHash } from '../../src/merkle/hasher.ts'
import {
  encodeCheckpointText,
  parseCheckpoint,
  parseCheckpointText,
  signCheckpoint,
  treeHeadOf,
  verifyCheckpoint,
  withSignatures,
  type SignedCheckpoint,
} from '../../src/note/checkpoint.ts'
import {
  encodeCosignatureMessage,
  signCosignature,
  verifyCosignatures,
} from '../../src/note/cosignature.ts'
import { signBytes, signNoteText, verifierKeyOf } from '../../src/note/note-signer.ts'
import { encodeSignedNote, type NoteSignature } from '../../src/note/signed-note.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { encodeTlogProof, parseTlogProof, verifyTlogProof } from '../../src/note/tlog-proof.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { NaiveTree } from '../support/naive-tree.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'

const ROOT = encodeBase64(new Uint8Array(32).fill(7))
const origin = 'log.example'
const log = noteSigner(origin)
const [w1, w2] = [noteSigner('w1.example'), noteSigner('w2.example')]
const logKeys = [verifierKeyOf(log, 'ed25519')]
const [key1, key2] = [verifierKeyOf(w1, 'cosignature/v1'), verifierKeyOf(w2, 'cosignature/v1')]
const leaves = Array.from({ length: 8 }, (_, at) => portableHasher.leaf(Uint8Array.of(at)))
const tree = new NaiveTree(leaves)
const rootHash: RootHash = tree.root(8)
const head = { treeSize: treeSize(8), rootHash }
const checkpoint = await signCheckpoint({ origin, treeHead: head, signers: [log] })
const NOW = 1_800_000_000

const cosign = (timestamp = NOW, signer = w1, of = checkpoint): Promise<NoteSignature> =>
  signCosignature({ checkpoint: of, timestamp, signer })

/** A cosignature over a time that our signer would not sign. */
async function cosignAt(time: bigint): Promise<NoteSignature> {
  const stamp = new Uint8Array(8)
  new DataView(stamp.buffer).setBigUint64(0, time)
  const message = encodeUtf8(`cosignature/v1\ntime ${time}\n${checkpoint.note.text}`)
  const { name, keyId } = key1
  return { name, keyId, signature: concatBytes(stamp, await signBytes(w1, message)) }
}

describe('checkpoints', () => {
  const parse = (text: string): string => refusal(() => parseCheckpointText(text))

  it('are three lines and whatever follows', () => {
    const text = `an origin + that is no URL\n9223372036854775807\n${ROOT}\next 1\next 2\n`
    const parsed = parseCheckpointText(text)
    expect(parsed).toMatchObject({
      origin: 'an origin + that is no URL',
      treeSize: 2n ** 63n - 1n,
      extensionLines: ['ext 1', 'ext 2'],
    })
    expect(encodeCheckpointText(parsed)).toBe(text)
    expect(refusal(() => treeHeadOf(parsed))).toBe('ERR_MERKLE_RANGE')
    expect(treeHeadOf({ ...parsed, treeSize: 2n ** 53n - 1n }).treeSize).toBe(2 ** 53 - 1)
  })

  it.each([
    ['two lines', `a\n1\n`],
    ['no newline at the end', `a\n1\n${ROOT}`],
    ['an empty origin', `\n1\n${ROOT}\n`],
    ['an empty size', `a\n\n${ROOT}\n`],
    ['an empty extension line', `a\n1\n${ROOT}\n\n`],
    ['an empty line among extension lines', `a\n1\n${ROOT}\nx\n\ny\n`],
    ['a leading zero', `a\n01\n${ROOT}\n`],
    ['two zeros', `a\n00\n${ROOT}\n`],
    ['a sign', `a\n+1\n${ROOT}\n`],
    ['a negative size', `a\n-1\n${ROOT}\n`],
    ['a hexadecimal size', `a\n0x1\n${ROOT}\n`],
    ['an exponent', `a\n1e3\n${ROOT}\n`],
    ['a fraction', `a\n1.0\n${ROOT}\n`],
    ['a space after the size', `a\n1 \n${ROOT}\n`],
    ['digits that are not ASCII', `a\n١\n${ROOT}\n`],
    ['size 2^63', `a\n9223372036854775808\n${ROOT}\n`],
    ['a size of 20 digits', `a\n10000000000000000000\n${ROOT}\n`],
    ['a short root', `a\n1\n${encodeBase64(new Uint8Array(31))}\n`],
    ['a long root', `a\n1\n${encodeBase64(new Uint8Array(33))}\n`],
    ['an empty root line with spaces', `a\n1\n \n`],
    ['a root without padding', `a\n1\n${ROOT.slice(0, -1)}\n`],
    ['a root in hex', `a\n1\n${'00'.repeat(32)}\n`],
    ['a root in base64url', `a\n1\n${ROOT.replace(/^../, '_-')}\n`],
    ['a root with loose bits', `a\n1\n${ROOT.slice(0, -2)}d=\n`],
  ])('are refused with %s', (_, text) => {
    expect(parse(text)).toBe('ERR_NOTE_MALFORMED')
  })

  it.each([
    ['an origin with a newline', { origin: 'a\nb', treeSize: 1, rootHash }],
    ['an empty origin', { origin: '', treeSize: 1, rootHash }],
    ['a fractional size', { origin: 'a', treeSize: 1.5, rootHash }],
    ['an unsafe size', { origin: 'a', treeSize: 2 ** 53, rootHash }],
    ['a negative size', { origin: 'a', treeSize: -1n, rootHash }],
    ['a short root', { origin: 'a', treeSize: 1, rootHash: rootHash.slice(1) as RootHash }],
    ['an empty extension line', { origin: 'a', treeSize: 1, rootHash, extensionLines: [''] }],
  ])('are not written with %s', (_, parts) => {
    expect(refusal(() => encodeCheckpointText(parts))).toBe('ERR_NOTE_MALFORMED')
  })

  it('are signed without extension lines, under the origin, by several keys in rotation', async () => {
    const next = noteSigner(origin)
    const signed = await signCheckpoint({ origin, treeHead: head, signers: [log, next] })
    expect(signed.note.text).toBe(`${origin}\n8\n${encodeBase64(rootHash)}\n`)
    const newKeys = [verifierKeyOf(next, 'ed25519')]
    for (const keys of [logKeys, newKeys, [...logKeys, ...newKeys]]) {
      const by = await verifyCheckpoint({ checkpoint: signed, origin, keys, verifier })
      expect(by).toEqual(keys)
    }
    expect(await rejection(() => signCheckpoint({ origin, treeHead: head, signers: [w1] }))).toBe(
      'ERR_INVARIANT',
    )
    const spaced = noteSigner('a b')
    const sign = () => signCheckpoint({ origin: 'a b', treeHead: head, signers: [spaced] })
    expect(await rejection(sign)).toBe('ERR_NOTE_KEY')
  })

  it('are refused when they are of another log or by another key', async () => {
    const against = { checkpoint, origin, keys: logKeys, verifier }
    const other = noteSigner(origin)
    expect(await rejection(() => verifyCheckpoint({ ...against, origin: 'other' }))).toBe(
      'ERR_CHECKPOINT_ORIGIN',
    )
    const keys = [verifierKeyOf(other, 'ed25519')]
    expect(await rejection(() => verifyCheckpoint({ ...against, keys }))).toBe('ERR_NOTE_SIGNATURE')
    expect(await rejection(() => verifyCheckpoint({ ...against, keys: [key1] }))).toBe(
      'ERR_NOTE_KEY',
    )
  })
})

describe('cosignatures', () => {
  const verify = (signatures: NoteSignature[], notAfter?: number) =>
    verifyCosignatures({
      checkpoint: withSignatures(checkpoint, signatures),
      keys: [key1, key2],
      verifier,
      ...(notAfter === undefined ? {} : { notAfter }),
    })

  it('are made over header, time and text', () => {
    expect(encodeCosignatureMessage('a\n1\nr\n', 1679315147)).toEqual(
      encodeUtf8('cosignature/v1\ntime 1679315147\na\n1\nr\n'),
    )
  })

  it('are found among others, with their times', async () => {
    const found = await verify([await cosign(NOW), await cosign(NOW + 1, w2)])
    expect(found.map(({ key, timestamp }) => [key, timestamp])).toEqual([
      [key1, NOW],
      [key2, NOW + 1],
    ])
    expect(await verify([])).toEqual([])
  })

  it('cover extension lines', async () => {
    const text = `${checkpoint.note.text}ext\n`
    const signatures = [await signNoteText(text, log)]
    const extended = parseCheckpoint(encodeSignedNote({ text, signatures }))
    const moved = { ...extended, note: { text, signatures: [await cosign()] } }
    const keys = [key1]
    expect(await rejection(() => verifyCosignatures({ checkpoint: moved, keys, verifier }))).toBe(
      'ERR_NOTE_SIGNATURE',
    )
    const own = withSignatures(extended, [await cosign(NOW, w1, extended)])
    expect(await verifyCosignatures({ checkpoint: own, keys, verifier })).toHaveLength(1)
  })

  it('count once for each key, with the latest time', async () => {
    const signatures = [await cosign(NOW), await cosign(NOW + 5), await cosign(NOW + 2)]
    const note = { text: checkpoint.note.text, signatures }
    const found = await verifyCosignatures({
      checkpoint: { ...checkpoint, note },
      keys: [key1],
      verifier,
    })
    expect(found.map(({ timestamp }) => timestamp)).toEqual([NOW + 5])
  })

  it('of a known key must verify', async () => {
    const good = await cosign()
    const flip = (at: number) =>
      good.signature.map((byte, i) => (i === at ? (byte + 1) % 256 : byte))
    for (const signature of [
      flip(7),
      flip(8),
      flip(40),
      good.signature.slice(1),
      good.signature.slice(0, 7),
      concatBytes(good.signature, Uint8Array.of(0)),
    ]) {
      expect(await rejection(() => verify([{ ...good, signature }]))).toBe('ERR_NOTE_SIGNATURE')
    }
  })

  it('of type 0x01 do not count, even by the same key', async () => {
    const plain = await signNoteText(checkpoint.note.text, w1)
    expect(await verify([plain])).toEqual([])
    expect(await rejection(() => verify([{ ...plain, keyId: key1.keyId }]))).toBe(
      'ERR_NOTE_SIGNATURE',
    )
    const keys = logKeys
    expect(await rejection(() => verifyCosignatures({ checkpoint, keys, verifier }))).toBe(
      'ERR_NOTE_KEY',
    )
  })

  it('of the future do not verify, where the caller has a time', async () => {
    const late = [await cosign(NOW + 61)]
    expect(await verify(late, NOW + 61)).toHaveLength(1)
    expect(await rejection(() => verify(late, NOW + 60))).toBe('ERR_NOTE_SIGNATURE')
    for (const time of [2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const signature = await cosignAt(time)
      expect(await rejection(() => verify([signature]))).toBe('ERR_NOTE_SIGNATURE')
    }
  })

  it('are not made without a time', async () => {
    for (const timestamp of [0, -1, 1.5, 2 ** 53, Number.NaN]) {
      expect(await rejection(() => cosign(timestamp))).toBe('ERR_INVARIANT')
    }
  })

  it('replace earlier ones of the same key', async () => {
    const first = withSignatures(checkpoint, [await cosign(NOW)])
    const second = withSignatures(first, [await cosign(NOW + 1)])
    expect(second.note.signatures).toHaveLength(2)
    expect(second.note.text).toBe(checkpoint.note.text)
  })
})

describe('proof files', () => {
  const policy = parseTlogPolicy(
    encodeUtf8(
      `log ${encodeVerifierKey(logKeys[0]!)}\nwitness w ${encodeVerifierKey(key1)}\nquorum w\n`,
    ),
  )
  const inclusionPath = tree.path(5, 0, 8)
  const leafHash = leaves[5]!
  const witnessed = (): Promise<SignedCheckpoint> =>
    cosign().then((line) => withSignatures(checkpoint, [line]))
  const file = async (): Promise<string> =>
    Buffer.from(
      encodeTlogProof({ leafIndex: 5, inclusionPath, checkpoint: await witnessed() }),
    ).toString()

  it('are read and written as the same bytes, with and without extra data', async () => {
    for (const extra of [undefined, Uint8Array.of(0), new Uint8Array(65_536)]) {
      const parts = extra === undefined ? {} : { extra }
      const proof = { ...parts, leafIndex: 5n, inclusionPath, checkpoint: await witnessed() }
      const bytes = encodeTlogProof(proof)
      expect(parseTlogProof(bytes)).toEqual(proof)
      expect(encodeTlogProof(parseTlogProof(bytes))).toEqual(bytes)
    }
    const empty = encodeTlogProof({
      extra: new Uint8Array(),
      leafIndex: 0,
      inclusionPath: [],
      checkpoint,
    })
    expect(Buffer.from(empty).toString()).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex 0\n\nlog/)
  })

  it('verify log, quorum and inclusion', async () => {
    const proof = parseTlogProof(encodeUtf8(await file()))
    const shown = await verifyTlogProof({ proof, leafHash, policy, verifier })
    expect(shown).toMatchObject({ origin, treeSize: 8n, leafIndex: 5n, rootHash })
    expect(shown.cosignatures.map(({ timestamp }) => timestamp)).toEqual([NOW])
  })

  it('name what does not hold', async () => {
    const proof = parseTlogProof(encodeUtf8(await file()))
    const against = { proof, leafHash, policy, verifier }
    const outcome = (change: Partial<typeof against>) =>
      rejection(() => verifyTlogProof({ ...against, ...change }))
    const other: LeafHash = leaves[4]!
    expect(await outcome({ leafHash: other })).toBe('ERR_RECEIPT_PROOF')
    expect(await outcome({ proof: { ...proof, leafIndex: 4n } })).toBe('ERR_RECEIPT_PROOF')
    expect(await outcome({ proof: { ...proof, leafIndex: 8n } })).toBe('ERR_MERKLE_RANGE')
    expect(await outcome({ proof: { ...proof, inclusionPath: inclusionPath.slice(1) } })).toBe(
      'ERR_RECEIPT_PROOF',
    )
    expect(await outcome({ proof: { ...proof, checkpoint } })).toBe('ERR_QUORUM')
    expect(await outcome({ policy: { ...policy, logs: [] } })).toBe('ERR_CHECKPOINT_ORIGIN')
    const text = proof.checkpoint.note.text
    const unsigned = { ...proof.checkpoint, note: { text, signatures: [await cosign()] } }
    expect(await outcome({ proof: { ...proof, checkpoint: unsigned } })).toBe('ERR_NOTE_SIGNATURE')
  })

  it.each([
    ['another first line', (text: string) => text.replace('@v1', '@v2')],
    ['a space after the first line', (text: string) => text.replace('@v1', '@v1 ')],
    ['no index', (text: string) => text.replace('index 5\n', '')],
    ['an index with a leading zero', (text: string) => text.replace('index 5', 'index 05')],
    ['an index of 2^63', (text: string) => text.replace('index 5', 'index 9223372036854775808')],
    ['an index without number', (text: string) => text.replace('index 5', 'index ')],
    ['two indexes', (text: string) => text.replace('index 5\n', 'index 5\nindex 5\n')],
    ['empty extra data', (text: string) => text.replace('index', 'extra \nindex')],
    ['extra data twice', (text: string) => text.replace('index', 'extra AA==\nextra AA==\nindex')],
    ['extra data after the index', (text: string) => text.replace('5\n', '5\nextra AA==\n')],
    ['extra data that is not base64', (text: string) => text.replace('index', 'extra A\nindex')],
    [
      'too much extra data',
      (text: string) =>
        text.replace('index', `extra ${encodeBase64(new Uint8Array(65_537))}\nindex`),
    ],
    ['a short hash', (text: string) => text.replace('5\n', '5\nAAAA\n')],
    ['64 hashes', (text: string) => text.replace(/5\n[^]*?\n\n/, `5\n${`${ROOT}\n`.repeat(64)}\n`)],
    ['no blank line', (text: string) => text.replace('\n\n', '\n')],
    ['a carriage return', (text: string) => text.replace('\n', '\r\n')],
    ['a checkpoint cut short', (text: string) => text.slice(0, -1)],
    ['nothing', () => ''],
  ])('are refused with %s', async (_, change) => {
    const text = change(await file())
    expect(refusal(() => parseTlogProof(encodeUtf8(text)))).toBe('ERR_NOTE_MALFORMED')
  })

  it('are not written with too many or malformed hashes', () => {
    const write = (path: Uint8Array[]) =>
      refusal(() => encodeTlogProof({ leafIndex: 0, inclusionPath: path, checkpoint }))
    expect(write(Array<Uint8Array>(64).fill(rootHash))).toBe('ERR_NOTE_MALFORMED')
    expect(write([new Uint8Array(31)])).toBe('ERR_NOTE_MALFORMED')
  })
})
