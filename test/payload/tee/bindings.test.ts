/** Bindings are recomputed: a key, a payload, a moment, a build; each mismatch has its own reason. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../../src/bytes/hex.ts'
import { publicKeyFromCose } from '../../../src/cose/public-key.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { encodeCheckpoint, signCheckpoint } from '../../../src/note/checkpoint.ts'
import { verifierKeyOf, type NoteSigner } from '../../../src/note/note-signer.ts'
import { treeSize } from '../../../src/bytes/integers.ts'
import { parseHash } from '../../../src/merkle/hasher.ts'
import {
  buildBinding,
  checkpointBinding,
  keyBinding,
  payloadBinding,
  type BindingDeclaration,
  type BindingFields,
} from '../../../src/payload/tee/bindings.ts'
import { describeBinding } from '../../../src/payload/tee/describe-appraisal.ts'
import {
  verifyBinding,
  type BindingContext,
  type BoundCheckpoint,
  type VerifiedBinding,
} from '../../../src/payload/tee/verify-binding.ts'
import type { RootHash } from '../../../src/merkle/hasher.ts'
import { evidenceRejection } from '../../support/evidence-reason.ts'
import { noteSigner } from '../../support/note-keys.ts'
import { testSigner } from '../../support/test-signer.ts'

const ORIGIN = 'log.example/attestry'
const log = noteSigner(ORIGIN)
const otherLog = noteSigner('other.example')
const { publicKey: key } = testSigner('ES256')
const { publicKey: otherKey } = testSigner('ES256')
const payload = encodeUtf8('{"_type": "https://in-toto.io/Statement/v1"}\n')

async function checkpoint(signer: NoteSigner, size: number): Promise<BoundCheckpoint> {
  const rootHash = parseHash(sha256(Uint8Array.of(size))) as unknown as RootHash
  const treeHead = { treeSize: treeSize(size), rootHash }
  const signed = await signCheckpoint({ origin: signer.name, treeHead, signers: [signer] })
  return { note: encodeCheckpoint(signed), origin: ORIGIN, keys: [verifierKeyOf(log, 'ed25519')] }
}

const at5 = await checkpoint(log, 5)
const at6 = await checkpoint(log, 6)
const foreign = await checkpoint(otherLog, 5)
const impostor = await checkpoint(noteSigner(ORIGIN), 5)

const pad = (low: Uint8Array, high: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const data = new Uint8Array(64)
  data.set(low)
  data.set(high, 32)
  return data
}

interface Case {
  readonly declaration: BindingDeclaration
  readonly fields: BindingFields
  readonly context: BindingContext
}
const verify = (parts: Case): Promise<VerifiedBinding> =>
  verifyBinding({ ...parts, verifier: nodeVerifier })

const byKey: Case = {
  declaration: { type: 'key' },
  fields: { reportData: pad(keyBinding(key)) },
  context: { key },
}
const byPayload: Case = {
  declaration: { type: 'payload' },
  fields: { reportData: pad(payloadBinding(payload)) },
  context: { payload },
}
const byCheckpoint: Case = {
  declaration: { type: 'checkpoint' },
  fields: { reportData: pad(keyBinding(key), checkpointBinding(at5.note)) },
  context: { checkpoint: at5 },
}
const buildId = 'https://ci.example/runs/17'
const byBuild: Case = {
  declaration: { type: 'build' },
  fields: { reportData: buildBinding({ buildId, key, note: at5.note }) },
  context: { buildId, key, checkpoint: at5 },
}

describe('a binding that holds', () => {
  it('to a key', async () => {
    const binding = await verify(byKey)
    expect(binding).toEqual({ type: 'key', keyThumbprint: encodeHex(keyBinding(key)) })
    expect(describeBinding(binding)).toEqual([
      { name: 'binding', value: 'key' },
      { name: 'bound-key', value: encodeHex(keyBinding(key)) },
    ])
  })

  it('to the raw bytes of a payload', async () => {
    expect(await verify(byPayload)).toMatchObject({ payloadSha256: encodeHex(sha256(payload)) })
  })

  it('to a checkpoint: made after that head', async () => {
    const binding = await verify(byCheckpoint)
    expect(binding.after).toMatchObject({ origin: ORIGIN, treeSize: 5n })
    expect(describeBinding(binding)).toContainEqual({ name: 'binding', value: 'checkpoint:5' })
  })

  it('to a checkpoint with a line that names a later key of the log, for whoever knows that key, too', async () => {
    const next = noteSigner(ORIGIN)
    const text = new TextDecoder().decode(at5.note)
    const line = new TextDecoder()
      .decode((await checkpoint(next, 6)).note)
      .split('\n')
      .at(-2)!
    const note = encodeUtf8(`${text}${line}\n`)
    const fields = { reportData: pad(keyBinding(key), checkpointBinding(note)) }
    const keys = [next, log].map((one) => verifierKeyOf(one, 'ed25519'))
    for (const known of [keys.slice(1), keys, [...keys].reverse()]) {
      const context = { checkpoint: { ...at5, note, keys: known } }
      expect((await verify({ ...byCheckpoint, fields, context })).after?.treeSize).toBe(5n)
    }
    for (const known of [keys.slice(0, 1), []]) {
      const context = { checkpoint: { ...at5, note, keys: known } }
      const found = await evidenceRejection(() => verify({ ...byCheckpoint, fields, context }))
      expect(found).toBe('binding-origin')
    }
  })

  it('to a key and a checkpoint at once, side by side', async () => {
    await verify({ ...byKey, fields: byCheckpoint.fields })
  })

  it('to a build, its key and a checkpoint', async () => {
    expect(await verify(byBuild)).toMatchObject({ type: 'build', buildId, after: { treeSize: 5n } })
  })

  it.each<[string, BindingDeclaration, BindingFields]>([
    [
      'a Nitro nonce',
      { type: 'checkpoint', place: 'nonce' },
      { reportData: new Uint8Array(0), nonce: checkpointBinding(at5.note) },
    ],
    [
      '32 bytes of extra data of a TPM',
      { type: 'checkpoint' },
      { reportData: checkpointBinding(at5.note) },
    ],
    [
      'another offset',
      { type: 'checkpoint', offset: 0 },
      { reportData: pad(checkpointBinding(at5.note)) },
    ],
  ])('to a checkpoint in %s', async (_, declaration, fields) => {
    await verify({ declaration, fields, context: { checkpoint: at5 } })
  })

  it('has bytes that anybody can compute', () => {
    const x = decodeHex('65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d')
    const y = decodeHex('1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c')
    const known = publicKeyFromCose(new Map<number, number | Uint8Array>([[1, 2], [-1, 1], [-2, x], [-3, y]])) // prettier-ignore
    // RFC 9679 §6 gives this thumbprint.
    expect(encodeHex(keyBinding(known))).toBe(
      '496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
    )
    expect(encodeHex(checkpointBinding(encodeUtf8('note')))).toBe(
      encodeHex(sha256(encodeUtf8('note'))),
    )
    const bytes = buildBinding({ buildId: 'b', key: known, note: encodeUtf8('note') })
    const parts = concatBytes(
      decodeHex('84'),
      decodeHex('781b'),
      encodeUtf8('attestry.dev/report-data/v1'), // prettier-ignore
      decodeHex('6162'),
      decodeHex('5820'),
      keyBinding(known),
      decodeHex('5820'),
      sha256(encodeUtf8('note')), // prettier-ignore
    )
    return crypto.subtle.digest('SHA-512', parts.slice().buffer).then((expected) => {
      expect(encodeHex(bytes)).toBe(encodeHex(new Uint8Array(expected)))
    })
  })
})

describe('a binding that does not hold', () => {
  const compact = encodeUtf8(new TextDecoder().decode(payload).trimEnd())
  it.each<[string, string, Case]>([
    ['a swapped key', 'binding-key', { ...byKey, context: { key: otherKey } }],
    [
      'an old quote for a new payload',
      'binding-payload',
      { ...byPayload, context: { payload: encodeUtf8('new') } },
    ],
    ['a payload written again', 'binding-payload', { ...byPayload, context: { payload: compact } }],
    ['another checkpoint', 'binding-checkpoint', { ...byCheckpoint, context: { checkpoint: at6 } }],
    [
      'a checkpoint of another log',
      'binding-origin',
      {
        ...byCheckpoint,
        fields: { reportData: pad(new Uint8Array(0), checkpointBinding(foreign.note)) },
        context: { checkpoint: foreign },
      },
    ],
    [
      'a checkpoint that the log did not sign',
      'binding-origin',
      {
        ...byCheckpoint,
        fields: { reportData: pad(new Uint8Array(0), checkpointBinding(impostor.note)) },
        context: { checkpoint: impostor },
      },
    ],
    [
      'a checkpoint that is none',
      'binding-origin',
      {
        ...byCheckpoint,
        fields: { reportData: pad(new Uint8Array(0), checkpointBinding(payload)) },
        context: { checkpoint: { ...at5, note: payload } },
      },
    ],
    [
      'a checkpoint too old for the policy',
      'binding-stale',
      { ...byCheckpoint, context: { checkpoint: { ...at5, treeSizeMin: 6n } } },
    ],
    [
      'an old quote for a new build',
      'binding-build',
      { ...byBuild, context: { ...byBuild.context, buildId: 'other' } },
    ],
    [
      'a build with a swapped key',
      'binding-build',
      { ...byBuild, context: { ...byBuild.context, key: otherKey } },
    ],
    [
      'a build with another checkpoint',
      'binding-build',
      { ...byBuild, context: { ...byBuild.context, checkpoint: at6 } },
    ],
    [
      'a build with an old checkpoint',
      'binding-stale',
      { ...byBuild, context: { ...byBuild.context, checkpoint: { ...at5, treeSizeMin: 6n } } },
    ],
    [
      'a build without an id',
      'binding-type',
      { ...byBuild, context: { ...byBuild.context, buildId: '' } },
    ],
    ['no key to hold it against', 'binding-type', { ...byKey, context: {} }],
    ['no payload', 'binding-type', { ...byPayload, context: {} }],
    ['no checkpoint', 'binding-type', { ...byCheckpoint, context: {} }],
    [
      'a nonce that is not there',
      'binding-place',
      { ...byCheckpoint, declaration: { type: 'checkpoint', place: 'nonce' } },
    ],
    [
      'a field too short',
      'binding-place',
      { ...byKey, fields: { reportData: new Uint8Array(31) } },
    ],
    [
      'an offset behind the end',
      'binding-place',
      { ...byKey, declaration: { type: 'key', offset: 33 } },
    ],
    [
      'an offset before the start',
      'binding-place',
      { ...byKey, declaration: { type: 'key', offset: -1 } },
    ],
    [
      'an offset between bytes',
      'binding-place',
      { ...byKey, declaration: { type: 'key', offset: 0.5 } },
    ],
  ])('%s: %s', async (_, expected, parts) => {
    expect(await evidenceRejection(() => verify(parts))).toBe(expected)
  })
})
