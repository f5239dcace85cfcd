/**
 * Notes that other software signed: the example of the specification, the Go checksum database, a
 * CT log with its witnesses, Rekor. And ours, read by a reader that shares no code with us.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { portableHasher, type RootHash } from '../../src/merkle/hasher.ts'
import { encodeCheckpoint, parseCheckpoint } from '../../src/note/checkpoint.ts'
import { signCheckpoint, verifyCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import { signCosignature, verifyCosignatures } from '../../src/note/cosignature.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { encodeSignedNote, parseSignedNote } from '../../src/note/signed-note.ts'
import { encodeTlogProof } from '../../src/note/tlog-proof.ts'
import { encodeVerifierKey, parseVerifierKey } from '../../src/note/verifier-key.ts'
import { verifyNote } from '../../src/note/verify-note.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { readProof, verifiedLines } from '../support/c2sp-reader.ts'
import { rejection } from '../support/error-code.ts'
import { NaiveTree } from '../support/naive-tree.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'
import { hasVectors, readVectorJson } from '../support/vectors.ts'

const verifier = nodeSignatureVerifier

const EXAMPLE_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const EXAMPLE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`

const SUMDB_KEY = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
const SUMDB = `go.sum database tree
63096908
8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=

— sum.golang.org Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk=
`

const ARCHE = 'arche2025h1.staging.ct.transparency.dev'
const ARCHE_KEY = `${ARCHE}+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f`
const WITNESS_KEYS = [
  'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
  'witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO',
  'witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv',
  'transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM',
]
const WITNESSED = `${ARCHE}
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— ${ARCHE} zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— ${ARCHE} ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
`

describe('notes of others', () => {
  it('the example of the specification', async () => {
    const note = parseSignedNote(encodeUtf8(EXAMPLE))
    expect(note.text).toBe('This is an example message.\n')
    const key = parseVerifierKey(EXAMPLE_KEY)
    expect(encodeVerifierKey(key)).toBe(EXAMPLE_KEY)
    expect(await verifyNote({ note, keys: [key], verifier })).toEqual([key])
    expect(await verifyNote({ note, keys: [key], verifier: webCryptoVerifier })).toEqual([key])
    expect(encodeSignedNote(note)).toEqual(encodeUtf8(EXAMPLE))
  })

  it('the Go checksum database, whose key is not named after its origin', async () => {
    const checkpoint = parseCheckpoint(encodeUtf8(SUMDB))
    const keys = [parseVerifierKey(SUMDB_KEY)]
    const origin = 'go.sum database tree'
    expect(await verifyCheckpoint({ checkpoint, origin, keys, verifier })).toEqual(keys)
    expect(checkpoint).toMatchObject({ treeSize: 63096908n, extensionLines: [] })
  })

  it('a CT log with an RFC 6962 signature beside ours, and four witnesses', async () => {
    const checkpoint = parseCheckpoint(encodeUtf8(WITNESSED))
    const keys = [parseVerifierKey(ARCHE_KEY)]
    await verifyCheckpoint({ checkpoint, origin: ARCHE, keys, verifier })
    const witnesses = WITNESS_KEYS.map(parseVerifierKey)
    const cosignatures = await verifyCosignatures({ checkpoint, keys: witnesses, verifier })
    expect(cosignatures.map(({ key }) => key.name).sort()).toEqual(
      witnesses.map(({ name }) => name).sort(),
    )
    expect(cosignatures.map(({ timestamp }) => timestamp)).toEqual(Array(4).fill(0x6a122120))
    expect(encodeCheckpoint(checkpoint)).toEqual(encodeUtf8(WITNESSED))
  })

  it('no changed character of any line survives', async () => {
    const keys = [parseVerifierKey(ARCHE_KEY)]
    const witnesses = WITNESS_KEYS.map(parseVerifierKey)
    for (const [from, to] of [
      ['1432088532', '1432088531'],
      ['U7WM', 'U7WN'],
      ['ui8GwCF1', 'ui8GwCF2'],
      ['2net5wAAAABqEiEgPlfF', '2net5wAAAABqEiEgPlfG'],
      ['2net5wAAAABqEiEg', '2net5wAAAABqEiEh'],
    ] as const) {
      const checkpoint = parseCheckpoint(encodeUtf8(WITNESSED.replace(from, to)))
      const verified = rejection(async () => {
        await verifyCheckpoint({ checkpoint, origin: ARCHE, keys, verifier })
        await verifyCosignatures({ checkpoint, keys: witnesses, verifier })
      })
      expect(await verified, to).toBe('ERR_NOTE_SIGNATURE')
    }
  })

  it.skipIf(!hasVectors)('Rekor checkpoints of type 0x02 and with extension lines', () => {
    const files = [
      'sigstore/sigstore-js-2.1.0-bundle.json',
      'sigstore/bcr-rules_lint-v1.3.1.tar.gz.intoto.jsonl',
    ]
    const notes = files.flatMap((file) => {
      const text = JSON.stringify(readVectorJson(file))
      return [...text.matchAll(/"envelope":("[^"]*")/g)].map(
        ([, json]) => JSON.parse(json!) as string,
      )
    })
    expect(notes.length).toBeGreaterThan(0)
    for (const note of notes) {
      const checkpoint = parseCheckpoint(encodeUtf8(note))
      expect(checkpoint.origin).toMatch(/^rekor\.sigstore\.dev - \d+$/)
      expect(encodeCheckpoint(checkpoint)).toEqual(encodeUtf8(note))
    }
  })

  it('the empty root in base64', () => {
    const empty = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    const note = `a\n0\n${empty}\n\n— a AAAAAAE=\n`
    expect(parseCheckpoint(encodeUtf8(note)).rootHash).toEqual(portableHasher.emptyRoot)
  })
})

describe('what we sign', () => {
  const entries = Array.from({ length: 300 }, (_, at) => encodeUtf8(`entry ${at}`))
  const leaves = entries.map((entry) => portableHasher.leaf(entry))
  const tree = new NaiveTree(leaves)
  const origin = 'log.example/é'
  const log = noteSigner(origin)
  const witness = noteSigner('witness.example/w')

  it('is verified by a reader that is not ours, proof by proof', async () => {
    for (const size of [1, 2, 3, 7, 256, 257, 300]) {
      const treeHead = { treeSize: treeSize(size), rootHash: tree.root(size) }
      const signed = await signCheckpoint({ origin, treeHead, signers: [log] })
      const cosignature = await signCosignature({
        checkpoint: signed,
        timestamp: 1_700_000_000,
        signer: witness,
      })
      const checkpoint = withSignatures(signed, [cosignature])
      for (const leafIndex of new Set([0, Math.floor(size / 2), size - 1])) {
        const inclusionPath = tree.path(leafIndex, 0, size)
        const extra = leafIndex === 0 ? { extra: Uint8Array.of(1, 2) } : {}
        const file = encodeTlogProof({ ...extra, leafIndex, inclusionPath, checkpoint })
        const text = Buffer.from(file).toString()
        const note = readProof(text, entries[leafIndex]!)
        expect(verifiedLines(note, encodeVerifierKey(verifierKeyOf(log, 'ed25519')))).toEqual([{}])
        const witnessKey = encodeVerifierKey(verifierKeyOf(witness, 'cosignature/v1'))
        expect(verifiedLines(note, witnessKey)).toEqual([{ time: 1_700_000_000n }])
      }
    }
  })

  it('has key ids as the specification computes them', () => {
    for (const [kind, type] of [
      ['ed25519', 1],
      ['cosignature/v1', 4],
    ] as const) {
      const key = verifierKeyOf(log, kind)
      const hash = createHash('sha256').update(`${origin}\n`).update(Uint8Array.of(type))
      const keyId = hash.update(log.publicKey).digest('hex').slice(0, 8)
      expect(key.keyId).toBe(keyId)
      expect(parseVerifierKey(encodeVerifierKey(key))).toEqual(key)
    }
  })

  it('signs the root as it is for the empty tree', async () => {
    const rootHash: RootHash = portableHasher.emptyRoot
    const treeHead = { treeSize: treeSize(0), rootHash }
    const checkpoint = await signCheckpoint({ origin, treeHead, signers: [log] })
    const keys = [verifierKeyOf(log, 'ed25519')]
    await verifyCheckpoint({ checkpoint, origin, keys, verifier })
    const wrong = leaves[0]! as unknown as RootHash
    const bad = await signCheckpoint({
      origin,
      treeHead: { treeSize: treeSize(0), rootHash: wrong },
      signers: [log],
    })
    expect(
      await rejection(() => verifyCheckpoint({ checkpoint: bad, origin, keys, verifier })),
    ).toBe('ERR_ROOT_MISMATCH')
  })
})
