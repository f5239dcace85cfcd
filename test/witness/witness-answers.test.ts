/** Answers of witnesses that do not follow the table, and cosignatures that do not count. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { signCheckpoint } from '../../src/note/checkpoint.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import {
  encodeCosignatureLines,
  parseAddCheckpointRequest,
} from '../../src/note/witness-messages.ts'
import { noteSigner } from '../support/note-keys.ts'
import { appendMany } from '../support/test-log.ts'
import {
  clientOf,
  conflict,
  events,
  failures,
  FakeWitness,
  fatal,
  log,
  logSigner,
  NOW,
  ok,
  ORIGIN,
  status,
  time,
} from './fixture.ts'
import type { Script } from './fixture.ts'

describe('what witnesses in the field do', () => {
  const impossible = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'))
  it.each<[string, string, Script]>([
    ['500 to everything', 'ERR_NETWORK', status(500)],
    ['500 with a page of HTML', 'ERR_NETWORK', status(500, '<html>'.repeat(100))],
    ['429', 'ERR_NETWORK', status(429)],
    ['403', 'ERR_RESPONSE', status(403)],
    ['404', 'ERR_RESPONSE', status(404)],
    ['409 without a body', 'ERR_RESPONSE', status(409)],
    ['409 with a size of another type', 'ERR_RESPONSE', status(409, '2\n')],
    ['409 with no size', 'ERR_NOTE_MALFORMED', () => Promise.resolve(conflict('two'))],
    [
      '409 with a size that overflows',
      'ERR_NOTE_MALFORMED',
      () => Promise.resolve(conflict('9'.repeat(19))),
    ],
    ['409 with the size that was asked from', 'ERR_RESPONSE', () => Promise.resolve(conflict(0n))],
    ['422', 'ERR_RESPONSE', status(422)],
    ['204', 'ERR_RESPONSE', status(204)],
    ['200 and nothing', 'ERR_NOTE_MALFORMED', status(200, '')],
    ['200 and HTML', 'ERR_NOTE_MALFORMED', status(200, '<html></html>\n')],
    ['200 and more than is read', 'ERR_RESPONSE', status(200, 'x'.repeat(70_000))],
    ['no answer', 'ERR_NETWORK', impossible],
    [
      'a connection that ends in the middle',
      'ERR_NETWORK',
      () =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              start(controller) {
                controller.enqueue(encodeUtf8('\u2014 wit'))
                controller.error(new TypeError('terminated'))
              },
            }),
          ),
        ),
    ],
  ])('survives %s', async (_, code, script) => {
    const [bad, good] = [new FakeWitness(logSigner), new FakeWitness(logSigner)]
    bad.script = script
    const client = clientOf([bad, good])
    await client.round()
    await expect.poll(failures).toEqual([code])
    expect(client.newestWitnessed()?.note.signatures).toHaveLength(2)
    expect(fatal).toEqual([])
    await appendMany(log, 'after', 1)
  })

  it('survives a witness that never answers', async () => {
    const bad = new FakeWitness(logSigner)
    bad.script = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error))
      })
    await clientOf([bad], { limits: { timeoutMs: 20 } }).round()
    expect(failures()).toEqual(['ERR_TIMEOUT'])
  })

  it('survives sizes that change with each answer', async () => {
    const bad = new FakeWitness(logSigner)
    await appendMany(log, 'a', 1)
    let answers = 0
    bad.script = () => Promise.resolve(conflict(answers++ % 2 === 0 ? 2n : 0n))
    await clientOf([bad]).round()
    expect(failures()).toEqual(['ERR_NETWORK'])
    expect(bad.requests).toHaveLength(3)
  })

  it('asks a failing witness more and more seldom, and reports it once', async () => {
    const bad = new FakeWitness(logSigner)
    bad.script = status(500)
    const client = clientOf([bad], { random: () => 1 })
    for (time.ms = 0; time.ms <= 600_000; time.ms += 1000) await client.round()
    // At 0, 1, 3, 7, 15, 31, 63 and 123 seconds, and then once a minute.
    expect(bad.requests).toHaveLength(15)
    expect(events).toHaveLength(1)
  })

  describe('takes only what verifies', () => {
    const cosigning =
      (
        change: (by: FakeWitness, checkpoint: SignedCheckpoint) => Promise<Uint8Array>,
      ): ((by: FakeWitness) => Script) =>
      (by) =>
      async (body) =>
        ok(await change(by, parseAddCheckpointRequest(body).checkpoint))
    const line = (
      signer: NoteSigner,
      checkpoint: SignedCheckpoint,
      timestamp = NOW,
    ): Promise<Uint8Array> =>
      signCosignature({ checkpoint, timestamp, signer }).then((one) =>
        encodeCosignatureLines([one]),
      )

    it('drops lines of unknown keys', async () => {
      const witness = new FakeWitness(logSigner)
      witness.script = cosigning(async (by, checkpoint) =>
        concatBytes(
          await line(noteSigner('witness.example'), checkpoint),
          await line(noteSigner('other.example'), checkpoint),
          await line(by.signer, checkpoint),
        ),
      )(witness)
      const client = clientOf([witness])
      await client.round()
      expect(client.newestWitnessed()?.note.signatures).toHaveLength(2)
      expect(client.cosignaturesFor(treeSize(2))).toHaveLength(1)
    })

    it.each<[string, (by: FakeWitness, checkpoint: SignedCheckpoint) => Promise<Uint8Array>]>([
      ['only unknown keys', (_, checkpoint) => line(noteSigner('witness.example'), checkpoint)],
      ['a cosignature of the future', (by, checkpoint) => line(by.signer, checkpoint, NOW + 301)],
      [
        'a cosignature of another tree',
        async (by, { rootHash }) =>
          line(
            by.signer,
            await signCheckpoint({
              origin: ORIGIN,
              treeHead: { treeSize: treeSize(9), rootHash },
              signers: [logSigner],
            }),
          ),
      ],
      [
        'a cosignature that is broken',
        async (by, checkpoint) => {
          const one = await signCosignature({ checkpoint, timestamp: NOW, signer: by.signer })
          const signature = one.signature.slice()
          signature[20]! ^= 1
          return encodeCosignatureLines([{ ...one, signature }])
        },
      ],
    ])('refuses %s', async (_, change) => {
      const witness = new FakeWitness(logSigner)
      witness.script = cosigning(change)(witness)
      const client = clientOf([witness])
      await client.round()
      expect(failures()).toEqual(['ERR_NOTE_SIGNATURE'])
      expect(client.newestWitnessed()).toBeUndefined()
    })
  })
})
