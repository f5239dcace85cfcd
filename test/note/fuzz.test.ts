/**
 * Every C2SP parser on arbitrary and on damaged input: the same bytes again, or a refusal of our own;
 * never another error. `ATTESTRY_SLOW=1` raises 10^4 inputs to 10^6.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { InputError } from '../../src/errors.ts'
import { parseHash, type NodeHash, type RootHash } from '../../src/merkle/hasher.ts'
import {
  encodeCheckpoint,
  encodeCheckpointText,
  parseCheckpoint,
  parseCheckpointText,
} from '../../src/note/checkpoint.ts'
import {
  encodeEntryBundle,
  parseEntryBundle,
  streamEntryBundle,
} from '../../src/note/entry-bundle.ts'
import { encodeSignedNote, parseKeyName, parseSignedNote } from '../../src/note/signed-note.ts'
import { encodeTilePath, parseTilePath, type TilePath } from '../../src/note/tile-path.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { encodeTlogPolicy } from '../../src/note/encode-tlog-policy.ts'
import { encodeTlogProof, parseTlogProof } from '../../src/note/tlog-proof.ts'
import {
  createVerifierKey,
  encodeVerifierKey,
  parseVerifierKey,
} from '../../src/note/verifier-key.ts'
import {
  encodeAddCheckpointRequest,
  encodeTreeSizeConflict,
  parseAddCheckpointRequest,
  parseTreeSizeConflict,
} from '../../src/note/witness-messages.ts'
import { noteSigner } from '../support/note-keys.ts'

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
const numRuns = isSlow ? 1_000_000 : 10_000
const seed = Number(process.env['ATTESTRY_SEED'] ?? Date.now() % 2 ** 31)
console.info(`note properties: seed ${seed}, ${numRuns} inputs for each fuzzer`)
const few = { seed, numRuns: numRuns / 20 }

const isKeyName = (text: string): boolean => {
  try {
    return parseKeyName(text) === text
  } catch {
    return false
  }
}
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength })
const hash = bytes(32).map(parseHash)
const wire = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const keyName = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter(isKeyName)
const signature = fc.record({
  name: keyName,
  keyId: bytes(4).map((id) => Buffer.from(id).toString('hex')),
  signature: bytes(1, 80),
})
const line = fc
  .string({ unit: 'binary', maxLength: 30 })
  .map((text) => text.replaceAll(/[\u0000-\u001f]/g, ''))
const text = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => `${lines.join('\n')}\n`)
const signatures = fc.array(signature, { minLength: 1, maxLength: 5 })
const note = fc.record({ text, signatures })
const fullLine = line.map((content) => `o${content}`)
const parts = fc.record({
  origin: fullLine,
  treeSize: wire,
  rootHash: hash.map((root) => root as unknown as RootHash),
  extensionLines: fc.array(fullLine, { maxLength: 3 }),
})
const checkpoint = fc
  .tuple(parts, signatures)
  .map(([fields, lines]) =>
    parseCheckpoint(encodeSignedNote({ text: encodeCheckpointText(fields), signatures: lines })),
  )
const path: fc.Arbitrary<NodeHash[]> = fc.array(hash, { maxLength: 63 })
const proof = fc.record(
  { extra: bytes(1, 40), leafIndex: wire, inclusionPath: path, checkpoint },
  { requiredKeys: ['leafIndex', 'inclusionPath', 'checkpoint'] },
)
const request = fc.record({ treeSize1: wire, consistencyPath: path, checkpoint })
const index = fc.oneof(fc.nat(2000), fc.maxSafeNat())
const width = fc.integer({ min: 1, max: 256 })
const tilePath = fc.oneof(
  fc.record({ kind: fc.constant('hashes' as const), level: fc.nat(63), index, width }),
  fc.record({ kind: fc.constant('entries' as const), index, width }),
)
const entries = fc.array(bytes(0, 300), { minLength: 1, maxLength: 20 })

const keys = Array.from({ length: 12 }, (_, at) => noteSigner(`key-${at}`).publicKey)
const policyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter(isKeyName)
const policy = fc
  .record({
    names: fc.uniqueArray(
      policyName.filter((name) => name !== 'none' && !name.includes('#')),
      { minLength: 4, maxLength: 9 },
    ),
    logs: fc.nat(3),
    url: fc.option(fc.webUrl(), { nil: undefined }),
    all: fc.boolean(),
  })
  .map(({ names, logs, url, all }) => {
    const [group, outer, ...witnesses] = names as [string, string, ...string[]]
    const inner = witnesses.slice(0, -1)
    return {
      logs: keys.slice(0, logs).map((publicKey, at) => ({
        key: createVerifierKey({ kind: 'ed25519', name: `log-${at}`, publicKey }),
        ...(url === undefined ? {} : { url }),
      })),
      witnesses: witnesses.map((name, at) => ({
        name,
        key: createVerifierKey({ kind: 'cosignature/v1', name, publicKey: keys[3 + at]! }),
      })),
      groups: [
        { name: group, threshold: all ? inner.length : 1, members: inner },
        { name: outer, threshold: 2, members: [group, witnesses.at(-1)!] },
      ],
      quorum: all ? outer : group,
    }
  })

describe('what is written is read as the same', () => {
  it('notes', () => {
    const property = fc.property(note, (value) => {
      expect(parseSignedNote(encodeSignedNote(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('checkpoint texts', () => {
    const property = fc.property(parts, (value) => {
      expect(parseCheckpointText(encodeCheckpointText(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('proof files', () => {
    const property = fc.property(proof, (value) => {
      expect(
        parseTlogProof(encodeTlogProof(value as typeof value & { extra: Uint8Array })),
      ).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('witness requests', () => {
    const property = fc.property(request, (value) => {
      expect(parseAddCheckpointRequest(encodeAddCheckpointRequest(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('tile paths', () => {
    const property = fc.property(tilePath, (value: TilePath) => {
      expect(parseTilePath(encodeTilePath(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('verifier keys', () => {
    const kind = fc.constantFrom('ed25519' as const, 'cosignature/v1' as const)
    const property = fc.property(kind, keyName, fc.constantFrom(...keys), (which, name, key) => {
      const value = createVerifierKey({ kind: which, name, publicKey: key })
      expect(parseVerifierKey(encodeVerifierKey(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('policies', () => {
    const property = fc.property(policy, (value) => {
      expect(parseTlogPolicy(encodeTlogPolicy(value))).toEqual(value)
    })
    fc.assert(property, few)
  })

  it('bundles, in any chunks', async () => {
    const property = fc.asyncProperty(entries, fc.array(fc.nat(400)), async (value, cuts) => {
      const bundle = encodeEntryBundle(value)
      expect(parseEntryBundle(bundle, value.length)).toEqual(value)
      const at = [0, ...cuts.filter((cut) => cut < bundle.length).sort((a, b) => a - b)]
      const chunks = at.map((start, i) => bundle.subarray(start, at[i + 1] ?? bundle.length))
      const read: Uint8Array[] = []
      for await (const entry of streamEntryBundle(chunks, value.length)) read.push(entry)
      expect(read).toEqual(value)
    })
    await fc.assert(property, few)
  })
})

interface Target {
  readonly name: string
  /** Parses and encodes again. */
  readonly again: (input: Uint8Array) => Uint8Array
  readonly valid: fc.Arbitrary<Uint8Array>
}

const asText = (input: Uint8Array): string => new TextDecoder().decode(input)

const targets: readonly Target[] = [
  {
    name: 'note',
    again: (input) => encodeSignedNote(parseSignedNote(input)),
    valid: note.map(encodeSignedNote),
  },
  {
    name: 'checkpoint',
    again: (input) => {
      const parsed = parseCheckpoint(input)
      expect(encodeCheckpointText(parsed)).toBe(parsed.note.text)
      return encodeCheckpoint(parsed)
    },
    valid: checkpoint.map(encodeCheckpoint),
  },
  {
    name: 'verifier key',
    again: (input) => {
      const key = asText(input)
      expect(encodeVerifierKey(parseVerifierKey(key))).toBe(key)
      return input
    },
    valid: fc
      .tuple(keyName, fc.constantFrom(...keys))
      .map(([name, publicKey]) =>
        encodeUtf8(encodeVerifierKey(createVerifierKey({ kind: 'ed25519', name, publicKey }))),
      ),
  },
  {
    name: 'tile path',
    again: (input) => {
      const tile = asText(input)
      expect(encodeTilePath(parseTilePath(tile))).toBe(tile)
      return input
    },
    valid: tilePath.map((value) => encodeUtf8(encodeTilePath(value))),
  },
  {
    name: 'bundle',
    again: (input) => encodeEntryBundle(parseEntryBundle(input, 3)),
    valid: fc.array(bytes(0, 40), { minLength: 3, maxLength: 3 }).map(encodeEntryBundle),
  },
  {
    name: 'add-checkpoint request',
    again: (input) => encodeAddCheckpointRequest(parseAddCheckpointRequest(input)),
    valid: request.map(encodeAddCheckpointRequest),
  },
  {
    name: 'size of a conflict',
    again: (input) => encodeTreeSizeConflict(parseTreeSizeConflict(input)),
    valid: wire.map(encodeTreeSizeConflict),
  },
  {
    name: 'proof file',
    again: (input) => encodeTlogProof(parseTlogProof(input)),
    valid: proof.map((value) => encodeTlogProof(value as typeof value & { extra: Uint8Array })),
  },
  {
    name: 'policy',
    // Comments and spacing are not kept: what is written once must be written the same ever after.
    again: (input) => {
      const parsed = parseTlogPolicy(input)
      if (input.includes(0x23)) return input
      const written = encodeTlogPolicy(parsed)
      if (!equalBytes(encodeTlogPolicy(parseTlogPolicy(written)), written)) {
        throw new Error('not the same bytes')
      }
      return input
    },
    valid: policy.map(encodeTlogPolicy),
  },
]

const pieces = [
  '\n',
  '\n\n',
  ' ',
  '\u2014 ',
  '0',
  '=',
  '+',
  '\0',
  '\u00a0',
  '.p/',
  'x001/',
  '# ',
].map(encodeUtf8)
const damage = fc.record({
  at: fc.nat(),
  remove: fc.oneof(fc.constant(0), fc.constant(1), fc.nat(50)),
  insert: fc.oneof(fc.constant(new Uint8Array()), bytes(1), fc.constantFrom(...pieces)),
})

/** Most inputs are valid ones with a few bytes removed, inserted or replaced. */
const damaged = (valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(valid, fc.array(damage, { minLength: 1, maxLength: 3 })).map(([input, steps]) =>
    steps.reduce((current, { at, remove, insert }) => {
      const start = at % (current.length + 1)
      return concatBytes(current.slice(0, start), insert, current.slice(start + remove))
    }, input),
  )

describe('what is read is written as the same, or refused', () => {
  it.each(targets)('$name', ({ again, valid }) => {
    let accepted = 0
    // Making a valid document costs more than parsing it.
    const pool = fc.constantFrom(...fc.sample(valid, { seed, numRuns: 300 }))
    const input = fc.oneof(
      { weight: 1, arbitrary: pool },
      { weight: 8, arbitrary: damaged(pool) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    )
    const property = fc.property(input, (bytesIn) => {
      try {
        if (!equalBytes(again(bytesIn), bytesIn)) throw new Error('not the same bytes')
        accepted += 1
      } catch (error) {
        if (!(error instanceof InputError)) throw error
      }
    })
    fc.assert(property, { seed, numRuns })
    expect(accepted).toBeGreaterThan(numRuns / 20)
  })
})
