/** The messages of tlog-witness (reference §2.5). */
import { describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { portableHasher, type NodeHash } from '../../src/merkle/hasher.ts'
import { signCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import { signBytes, verifierKeyOf } from '../../src/note/note-signer.ts'
import type { NoteSignature } from '../../src/note/signed-note.ts'
import {
  ADD_CHECKPOINT_BYTES_MAX,
  encodeAddCheckpointRequest,
  encodeCosignatureLines,
  encodeTreeSizeConflict,
  parseAddCheckpointRequest,
  parseTreeSizeConflict,
  verifyWitnessAnswer,
} from '../../src/note/witness-messages.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'

const origin = 'log.example'
const treeHead = { treeSize: treeSize(9), rootHash: portableHasher.emptyRoot }
const checkpoint = await signCheckpoint({ origin, treeHead, signers: [noteSigner(origin)] })
const hash = portableHasher.emptyRoot as unknown as NodeHash
const NOW = 1_800_000_000

/** The example of the specification. */
const EXAMPLE = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`

describe('add-checkpoint', () => {
  it('reads and writes the example of the specification', () => {
    const request = parseAddCheckpointRequest(encodeUtf8(EXAMPLE))
    expect(request.treeSize1).toBe(20852014n)
    expect(request.consistencyPath).toHaveLength(4)
    expect(request.checkpoint.treeSize).toBe(20852163n)
    expect(encodeAddCheckpointRequest(request)).toEqual(encodeUtf8(EXAMPLE))
  })

  it('takes 0 to 63 hashes and leaves their truth to the witness', () => {
    for (const length of [0, 1, 63]) {
      const request = {
        treeSize1: 0n,
        consistencyPath: Array<NodeHash>(length).fill(hash),
        checkpoint,
      }
      expect(parseAddCheckpointRequest(encodeAddCheckpointRequest(request))).toEqual(request)
    }
    // Larger than the checkpoint: a 400, but only after 404 and 403.
    const late = encodeAddCheckpointRequest({ treeSize1: 10, consistencyPath: [], checkpoint })
    expect(parseAddCheckpointRequest(late).treeSize1).toBe(10n)
  })

  it.each([
    ['nothing', () => ''],
    ['no old size', (text: string) => text.replace(/^old.*\n/, '')],
    ['a size line of another name', (text: string) => text.replace(/^old/, 'Old')],
    ['two spaces', (text: string) => text.replace('old ', 'old  ')],
    ['a leading zero', (text: string) => text.replace('old ', 'old 0')],
    ['a negative size', (text: string) => text.replace('old ', 'old -')],
    ['size 2^63', (text: string) => text.replace(/^old .*/, 'old 9223372036854775808')],
    ['no size', (text: string) => text.replace(/^old .*/, 'old ')],
    ['no blank line', (text: string) => text.replace('\n\n', '\n')],
    ['two blank lines', (text: string) => text.replace('\n\n', '\n\n\n')],
    [
      'a hash of 31 bytes',
      (text: string) => text.replace(/PlRN.*/, encodeBase64(new Uint8Array(31))),
    ],
    ['a hash with a space', (text: string) => text.replace('PlRN', 'PlRN ')],
    [
      '64 hashes',
      (text: string) => text.replace(/\n[^]*?\n\n/, `\n${`${encodeBase64(hash)}\n`.repeat(64)}\n`),
    ],
    ['a carriage return', (text: string) => text.replace('\n', '\r\n')],
    ['no signature', (text: string) => text.replace(/— [^]*/, '')],
    ['no newline at the end', (text: string) => text.slice(0, -1)],
    [
      'too many bytes',
      (text: string) => text.replace('\n\n— ', `\n${'x'.repeat(ADD_CHECKPOINT_BYTES_MAX)}\n\n— `),
    ],
  ])('is refused with %s', (_, change: (text: string) => string) => {
    const text = change(EXAMPLE)
    expect(text).not.toBe(EXAMPLE)
    expect(refusal(() => parseAddCheckpointRequest(encodeUtf8(text)))).toBe('ERR_NOTE_MALFORMED')
  })
})

describe('the size in a 409 answer', () => {
  it('is one line', () => {
    for (const [size, text] of [
      [0n, '0\n'],
      [20852163n, '20852163\n'],
      [2n ** 63n - 1n, '9223372036854775807\n'],
    ] as const) {
      expect(encodeTreeSizeConflict(size)).toEqual(encodeUtf8(text))
      expect(parseTreeSizeConflict(encodeUtf8(text))).toBe(size)
    }
  })

  it.each(['', '\n', '1', '01\n', '1\n\n', ' 1\n', '1 \n', '1\r\n', '-1\n', '1\n2\n', 'x\n'])(
    'is not %j',
    (text) => {
      expect(refusal(() => parseTreeSizeConflict(encodeUtf8(text)))).toBe('ERR_NOTE_MALFORMED')
    },
  )
})

describe('the cosignatures in a 200 answer', async () => {
  const [witness, stranger] = [noteSigner('w.example'), noteSigner('w.example')]
  const keys = [verifierKeyOf(witness, 'cosignature/v1')]
  const cosign = (signer = witness, timestamp = NOW): Promise<NoteSignature> =>
    signCosignature({ checkpoint, timestamp, signer })
  const verify = (answer: Uint8Array, notAfter?: number, of = checkpoint) =>
    verifyWitnessAnswer({
      answer,
      checkpoint: of,
      keys,
      verifier,
      ...(notAfter === undefined ? {} : { notAfter }),
    })
  const good = await cosign()

  it('are those of the pinned keys', async () => {
    const answer = encodeCosignatureLines([await cosign(stranger), good])
    const [cosignature, ...more] = await verify(answer)
    expect(more).toEqual([])
    expect(cosignature).toMatchObject({ key: keys[0], timestamp: NOW, signature: good })
    expect(withSignatures(checkpoint, [cosignature!.signature]).note.signatures).toHaveLength(2)
  })

  it('are not those that the checkpoint already had', async () => {
    const answer = encodeCosignatureLines([await cosign(stranger)])
    const earlier = withSignatures(checkpoint, [good])
    expect(await rejection(() => verify(answer, undefined, earlier))).toBe('ERR_NOTE_SIGNATURE')
  })

  it('are refused without a time, and from the future', async () => {
    const message = encodeUtf8(`cosignature/v1\ntime 0\n${checkpoint.note.text}`)
    const signature = new Uint8Array(72)
    signature.set(await signBytes(witness, message), 8)
    const timeless = encodeCosignatureLines([{ ...good, signature }])
    expect(await rejection(() => verify(timeless))).toBe('ERR_NOTE_SIGNATURE')
    const answer = encodeCosignatureLines([good])
    expect(await rejection(() => verify(answer, NOW - 1))).toBe('ERR_NOTE_SIGNATURE')
  })

  it('are refused as anything but signature lines', async () => {
    const text = Buffer.from(encodeCosignatureLines([good])).toString()
    for (const body of ['', '\n', text.slice(0, -1), `${text}\n`, `\n${text}`, '<html></html>\n']) {
      expect(await rejection(() => verify(encodeUtf8(body))), body).toBe('ERR_NOTE_MALFORMED')
    }
    expect(refusal(() => encodeCosignatureLines([]))).toBe('ERR_NOTE_MALFORMED')
  })

  it('are refused for another checkpoint', async () => {
    const other = await signCheckpoint({
      origin,
      treeHead: { ...treeHead, treeSize: treeSize(10) },
      signers: [noteSigner(origin)],
    })
    const answer = encodeCosignatureLines([good])
    expect(await rejection(() => verify(answer, undefined, other))).toBe('ERR_NOTE_SIGNATURE')
  })
})
