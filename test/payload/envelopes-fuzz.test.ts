/**
 * The readers of DSSE, bundles, JSON lines and files of them on damaged input: an answer, or their own
 * error; and quickly. `ATTESTRY_SLOW=1` raises 10^4 inputs a reader to 10^6.
 */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { InputError, PayloadError } from '../../src/errors.ts'
import { parseDsse } from '../../src/payload/dsse.ts'
import { findEnvelopes } from '../../src/payload/envelope-files.ts'
import { openEnvelope } from '../../src/payload/envelopes.ts'
import { parseSigstoreBundle } from '../../src/payload/sigstore-bundle.ts'
import { parseTrustedRoots } from '../../src/payload/trusted-root.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { hasVectors, readVector } from '../support/vectors.ts'
import { readSamples, trustedRoot } from '../sigstore/samples.ts'

const count = slow ? 1_000_000 : 2_000
const LINES = 'application/vnd.in-toto.bundle'

/** JSON that is short, so that a mutation often hits something that is read. */
const small = encodeUtf8(
  '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":' +
    '{"hint":"h"},"tlogEntries":[{"logIndex":"1","integratedTime":"2","inclusionPromise":{},' +
    '"inclusionProof":{"checkpoint":{"envelope":"x"}}}],"timestampVerificationData":null},' +
    '"dsseEnvelope":{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAAA","keyid":"k"}]}}',
)
const dsse = encodeUtf8(
  '{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAAA","keyid":"k"},{"sig":"-_8"}]}',
)
const feed = encodeUtf8('\n')
const list = concatBytes(
  encodeUtf8('{"attestations":[{"x":[1,"]"],"bundle":'),
  small,
  encodeUtf8('}]}'),
)
const real = hasVectors ? readSamples().map(({ bytes }) => bytes) : [small]
const realFile = hasVectors
  ? readVector('sigstore/npm-attestations-provenance-npm-test-cli-v1.json')
  : list
/** Real bundles are long, so a mutation seldom hits what is read, and costs much. */
const REAL_EVERY = 50

interface Reader {
  readonly name: string
  readonly inputs: readonly Uint8Array[]
  readonly real?: readonly Uint8Array[]
  /** Some payloads are no envelope, and that is an answer. */
  readonly refusesMost: boolean
  readonly read: (bytes: Uint8Array) => unknown
}

const READERS: readonly Reader[] = [
  { name: 'DSSE', inputs: [dsse], refusesMost: true, read: parseDsse },
  { name: 'bundles', inputs: [small], real, refusesMost: true, read: parseSigstoreBundle },
  {
    name: 'JSON lines',
    inputs: [concatBytes(small, feed, dsse)],
    refusesMost: true,
    read: (bytes) => openEnvelope(LINES, bytes),
  },
  {
    name: 'JSON of any kind',
    inputs: [small, dsse],
    real,
    refusesMost: false,
    read: (bytes) => openEnvelope('application/json', bytes),
  },
  {
    name: 'files',
    inputs: [list, concatBytes(dsse, feed, small)],
    real: [realFile],
    refusesMost: true,
    read: findEnvelopes,
  },
]

describe.each(READERS)(
  'the reader of $name',
  ({ inputs, real: long = inputs, refusesMost, read }) => {
    it(`takes or refuses ${count} damaged inputs`, { timeout: slow ? 3_600_000 : 60_000 }, () => {
      const random = randomFrom(seed)
      let refused = 0
      for (let at = 0; at < count; at++) {
        const from = at % REAL_EVERY === 0 ? long : inputs
        let bytes = from[random(from.length)]!
        for (let times = 1 + random(3); times > 0 && bytes.length > 0; times--) {
          bytes = mutate(bytes, random)
        }
        try {
          read(bytes)
        } catch (error) {
          if (!(error instanceof PayloadError))
            throw new Error(`seed ${seed}, ${at}`, { cause: error })
          refused += 1
        }
      }
      expect(refused).toBeGreaterThan(refusesMost ? count / 2 : 0)
    })
  },
)

describe('the reader of trusted roots', () => {
  it.skipIf(!hasVectors)('takes or refuses damaged inputs', { timeout: 600_000 }, () => {
    const random = randomFrom(seed)
    const root = trustedRoot()
    for (let at = 0; at < count / 100; at++) {
      try {
        parseTrustedRoots(mutate(root, random))
      } catch (error) {
        expect(error, `seed ${seed}, input ${at}`).toBeInstanceOf(InputError)
      }
    }
  })
})
