/** A witness for other logs over HTTP: every row of tlog-witness's table (transparency-log.md §2.5). */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { signCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import type { NoteSignature } from '../../src/note/signed-note.ts'
import { encodeAddCheckpointRequest } from '../../src/note/witness-messages.ts'
import { readNote, verifiedLines } from '../support/c2sp-reader.ts'
import { noteSigner } from '../support/note-keys.ts'
import {
  append,
  ForeignLog,
  listen,
  post,
  WITNESS_TIME,
  witnessPorts,
  type ListeningWitness,
} from '../support/test-witness.ts'

const log = new ForeignLog(noteSigner('log.example/1'))
let witness: ListeningWitness
let ports: ReturnType<typeof witnessPorts>

beforeEach(async () => {
  ports = witnessPorts([log])
  witness = await listen(ports)
})
afterEach(async () => {
  await witness.close()
  expect(witness.failures).toEqual([])
})

const ask = async (body: Uint8Array | string): Promise<[number, string]> => {
  const response = await post(witness.url, body)
  return [response.status, await response.text()]
}
const statusOf = async (body: Uint8Array | string): Promise<number> => (await ask(body))[0]
const monitored = (origin: string): Promise<Response> =>
  fetch(`${witness.url}/${createHash('sha256').update(origin).digest('hex')}/checkpoint`)
const at = async (size: number): Promise<void> => {
  expect(await statusOf(await log.request(0, size))).toBe(200)
}

describe('200', () => {
  it('is cosignature lines that a reader of others verifies, with the time', async () => {
    const response = await post(witness.url, await log.request(0, 5))
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const note = append(await log.checkpoint(5), await response.text())
    expect(verifiedLines(note, witness.vkey)).toEqual([{ time: BigInt(WITNESS_TIME) }])
    expect(verifiedLines(note, log.vkey)).toHaveLength(1)
  })

  it('is given for every extension, from every size', async () => {
    for (let size = 1; size < 20; size++) {
      expect(await statusOf(await log.request(size - 1, size))).toBe(200)
    }
    expect(await statusOf(await log.request(19, 64))).toBe(200)
  })

  it('is given again for the same tree', async () => {
    await at(5)
    expect(await statusOf(await log.request(5, 5))).toBe(200)
  })

  it('is given for an empty tree, and for what extends it', async () => {
    expect(await statusOf(await log.request(0, 0))).toBe(200)
    expect(await statusOf(await log.request(0, 0))).toBe(200)
    expect(await statusOf(await log.request(0, 3))).toBe(200)
  })

  it('covers extension lines, and does not mind unknown signatures', async () => {
    const stranger = noteSigner('stranger.example')
    const text = [
      log.signer.name,
      '3',
      Buffer.from(log.tree.root(3)).toString('base64'),
      'more',
      '',
    ]
    const data = encodeUtf8(text.join('\n'))
    const { name, keyId } = verifierKeyOf(log.signer, 'ed25519')
    const line = async (by: typeof stranger, id: string): Promise<string> => {
      const bytes = Buffer.concat([Buffer.from(id, 'hex'), await by.sign(data)])
      return `\u2014 ${by.name} ${bytes.toString('base64')}\n`
    }
    const note =
      `${text.join('\n')}\n` + (await line(stranger, '01020304')) + (await line(log.signer, keyId))
    const [status, lines] = await ask(`old 0\n\n${note}`)
    expect(status).toBe(200)
    expect(verifiedLines(note + lines, witness.vkey)).toHaveLength(1)
    // What strangers appended is not published under our name.
    const published = await (await monitored(log.signer.name)).text()
    expect(readNote(published).lines.map(({ name: by }) => by)).toEqual([name, 'witness.example'])
  })
})

describe('404', () => {
  it('is an unknown origin, before anything else is looked at', async () => {
    const other = new ForeignLog(noteSigner('other.example'))
    expect(await statusOf(await other.request(0, 5))).toBe(404)
    // Wrong in every way; still the origin comes first.
    const checkpoint = await other.checkpoint(5)
    const wrong = { checkpoint, treeSize1: 9, consistencyPath: [log.tree.root(1)] }
    expect(await statusOf(encodeAddCheckpointRequest(wrong))).toBe(404)
  })
})

describe('403', () => {
  it('is no signature by a known key', async () => {
    const impostor = new ForeignLog(noteSigner(log.signer.name))
    expect(await statusOf(await impostor.request(0, 5))).toBe(403)
    expect(await statusOf(await impostor.request(0, 5, { treeSize1: 9 }))).toBe(403)
  })

  it("is a known key's signature that fails, also beside a good one", async () => {
    const checkpoint = await log.checkpoint(5)
    const [good] = checkpoint.note.signatures
    const signature = good!.signature.slice()
    signature[10]! ^= 1
    const bad = { ...good!, signature }
    const body = async (...signatures: NoteSignature[]): Promise<Uint8Array> =>
      log.request(0, 5, { checkpoint: { ...checkpoint, note: { ...checkpoint.note, signatures } } })
    expect(await statusOf(await body(bad))).toBe(403)
    expect(await statusOf(await body(good!, bad))).toBe(403)
  })

  it('is a signature over another checkpoint', async () => {
    const { note } = await log.checkpoint(4)
    const checkpoint = await log.checkpoint(5)
    const moved = { ...checkpoint, note: { ...checkpoint.note, signatures: note.signatures } }
    expect(await statusOf(await log.request(0, 5, { checkpoint: moved }))).toBe(403)
  })

  it('is a cosignature key where a log key is needed', async () => {
    const checkpoint = await log.checkpoint(5)
    const { keyId } = verifierKeyOf(log.signer, 'cosignature/v1')
    const [line] = checkpoint.note.signatures
    const note = { ...checkpoint.note, signatures: [{ ...line!, keyId }] }
    expect(await statusOf(await log.request(0, 5, { checkpoint: { ...checkpoint, note } }))).toBe(
      403,
    )
  })
})

describe('400', () => {
  it('is an old size that is larger than the checkpoint, whatever is recorded', async () => {
    expect(await statusOf(await log.request(6, 5))).toBe(400)
    await at(5)
    expect(await statusOf(await log.request(5, 4))).toBe(400)
    expect(await statusOf(await log.request(2 ** 53 - 1, 4))).toBe(400)
  })

  const hash = Buffer.alloc(32, 7).toString('base64')
  it.each<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['one newline', () => '\n'],
    ['a checkpoint alone', (text) => text.slice(text.indexOf('\n\n') + 2)],
    ['no old size', (text) => text.replace(/^old.*\n/, '')],
    ['another keyword', (text) => text.replace(/^old/, 'OLD')],
    ['two spaces', (text) => text.replace('old ', 'old  ')],
    ['no size', (text) => text.replace(/^old .*/, 'old ')],
    ['a leading zero', (text) => text.replace('old ', 'old 0')],
    ['a plus sign', (text) => text.replace('old ', 'old +')],
    ['a negative size', (text) => text.replace('old ', 'old -')],
    ['a hexadecimal size', (text) => text.replace('old ', 'old 0x')],
    ['size 2^63', (text) => text.replace(/^old .*/, 'old 9223372036854775808')],
    ['a size of a thousand digits', (text) => text.replace('old ', `old 1${'0'.repeat(1000)}`)],
    ['a hash of 31 bytes', (text) => text.replace(hash, Buffer.alloc(31).toString('base64'))],
    ['a hash of 33 bytes', (text) => text.replace(hash, Buffer.alloc(33).toString('base64'))],
    ['a hash without padding', (text) => text.replace(hash, hash.replace('=', ''))],
    [
      'a hash in base64url',
      (text) => text.replace(hash, Buffer.alloc(32, 0xff).toString('base64url')),
    ],
    ['a hash with a space', (text) => text.replace(hash, `${hash} `)],
    ['64 hashes', (text) => text.replace(`${hash}\n`, `${hash}\n`.repeat(64))],
    ['no blank line', (text) => text.replace('\n\n', '\n')],
    ['two blank lines', (text) => text.replace('\n\n', '\n\n\n')],
    ['carriage returns', (text) => text.replaceAll('\n', '\r\n')],
    ['no origin', (text) => text.replace('log.example/1\n', '')],
    ['an empty origin', (text) => text.replace('log.example/1\n', '\n')],
    ['a tree size with a leading zero', (text) => text.replace('\n5\n', '\n05\n')],
    ['a tree size that is no number', (text) => text.replace('\n5\n', '\nfive\n')],
    ['no root', (text) => text.replace(/\n5\n.*\n/, '\n5\n')],
    [
      'a root of 16 bytes',
      (text) => text.replace(/\n5\n.*\n/, `\n5\n${Buffer.alloc(16).toString('base64')}\n`),
    ],
    ['no signature', (text) => text.replace(/\u2014 [^]*/, '')],
    ['a hyphen for the dash', (text) => text.replace('\u2014', '-')],
    ['a signature that is not base64', (text) => text.replace(/(\u2014 \S+ ).*/, '$1!!!!')],
    ['a signature of four bytes', (text) => text.replace(/(\u2014 \S+ ).*/, '$1AAAAAA==')],
    ['no newline at the end', (text) => text.slice(0, -1)],
    ['something after the signatures', (text) => `${text}more\n`],
    ['a NUL', (text) => text.replace('log.example', 'log\u0000example')],
    ['a tab', (text) => text.replace('old ', 'old\t')],
  ])('is %s', async (_, change) => {
    await at(3)
    const right = new TextDecoder().decode(await log.request(3, 5))
    const text = right.replace('\n\n', `\n${hash}\n\n`)
    expect(await statusOf(text)).toBe(422)
    expect(change(text)).not.toBe(text)
    const [status, body] = await ask(change(text))
    expect(status).toBe(400)
    expect(JSON.parse(body)).toMatchObject({ status: 400, code: expect.any(String) as string })
    expect(await statusOf(right)).toBe(200)
  })

  it('is bytes that are not UTF-8', async () => {
    const body = await log.request(0, 5)
    body[body.indexOf(0x6c, 8)] = 0xff
    expect(await statusOf(body)).toBe(400)
  })
})

describe('409', () => {
  it('is another old size than the recorded one, with that size', async () => {
    const conflict = async (old: number, size: number): Promise<string | null> => {
      const response = await post(witness.url, await log.request(old, size))
      expect(response.status).toBe(409)
      expect(response.headers.get('content-type')).toBe('text/x.tlog.size')
      return response.text()
    }
    expect(await conflict(3, 5)).toBe('0\n')
    await at(5)
    expect(await conflict(0, 7)).toBe('5\n')
    expect(await conflict(4, 7)).toBe('5\n')
    expect(await conflict(6, 7)).toBe('5\n')
    // A rollback: a right proof, of trees that were cosigned long ago.
    expect(await conflict(2, 4)).toBe('5\n')
    expect(await conflict(0, 0)).toBe('5\n')
  })

  it('comes before the proof is looked at', async () => {
    await at(5)
    const body = await log.request(4, 7, { consistencyPath: [log.tree.root(2)] })
    expect(await statusOf(body)).toBe(409)
  })
})

describe('422', () => {
  it('is a proof that does not hold', async () => {
    await at(5)
    const right = log.tree.proof(5, 9)
    for (const consistencyPath of [
      [],
      right.slice(1),
      right.slice(0, -1),
      [...right, right[0]!],
      [right[1]!, right[0]!, ...right.slice(2)],
      log.tree.proof(4, 9),
      log.tree.proof(5, 10),
    ]) {
      expect(await statusOf(await log.request(5, 9, { consistencyPath }))).toBe(422)
    }
    expect(await statusOf(await log.request(5, 9))).toBe(200)
  })

  it('is another history', async () => {
    await at(5)
    const fork = new ForeignLog(log.signer, 'fork')
    expect(await statusOf(await fork.request(5, 9))).toBe(422)
  })

  it('is another root of the same size', async () => {
    await at(5)
    const fork = new ForeignLog(log.signer, 'fork')
    expect(await statusOf(await fork.request(5, 5))).toBe(422)
  })

  it('is a proof where none is needed', async () => {
    const consistencyPath = [log.tree.root(2)]
    expect(await statusOf(await log.request(0, 5, { consistencyPath }))).toBe(422)
    await at(5)
    expect(await statusOf(await log.request(5, 5, { consistencyPath }))).toBe(422)
  })

  it('is an empty tree with another root than the empty one', async () => {
    const treeHead = { treeSize: treeSize(0), rootHash: log.tree.root(5) }
    const origin = log.signer.name
    const checkpoint = await signCheckpoint({ origin, treeHead, signers: [log.signer] })
    expect(await statusOf(await log.request(0, 0, { checkpoint }))).toBe(422)
  })

  it('changes nothing', async () => {
    await at(5)
    await ask(await new ForeignLog(log.signer, 'fork').request(5, 9))
    expect((await ports.records.find(log.signer.name))?.treeSize).toBe(5n)
  })
})

describe('the body', () => {
  it('is at most 16 KiB', async () => {
    const stranger = noteSigner('stranger.example')
    const checkpoint = await log.checkpoint(5)
    const { name, keyId } = verifierKeyOf(stranger, 'ed25519')
    const padded = (bytes: number): Promise<Uint8Array> => {
      const line = { name, keyId, signature: new Uint8Array(bytes) }
      return log.request(0, 5, { checkpoint: withSignatures(checkpoint, [line]) })
    }
    const right = await padded(11_000)
    expect(right.length).toBeLessThan(16_384)
    expect(await statusOf(await padded(13_000))).toBe(413)
    expect(await statusOf(right)).toBe(200)
  })
})

describe('the monitoring endpoint', () => {
  it('is 404 until something was cosigned, and for other origins', async () => {
    expect((await monitored(log.signer.name)).status).toBe(404)
    await at(5)
    expect((await monitored('other.example')).status).toBe(404)
    expect((await fetch(`${witness.url}/abc/checkpoint`)).status).toBe(404)
  })

  it("is the latest checkpoint with the log's and the witness's signatures", async () => {
    await at(5)
    await ask(await log.request(5, 9))
    const response = await monitored(log.signer.name)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const note = await response.text()
    expect(note.startsWith(`${log.signer.name}\n9\n`)).toBe(true)
    expect(verifiedLines(note, log.vkey)).toHaveLength(1)
    expect(verifiedLines(note, witness.vkey)).toEqual([{ time: BigInt(WITNESS_TIME) }])
  })
})

describe('everything else', () => {
  it('is 404, or 405 with the methods that there are', async () => {
    expect((await fetch(`${witness.url}/nothing`)).status).toBe(404)
    const wrong = await fetch(`${witness.url}/add-checkpoint`)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  })

  it('says which key this is', async () => {
    const { vkey, origins } = (await (await fetch(witness.url)).json()) as Record<string, unknown>
    expect([vkey, origins]).toEqual([witness.vkey, [log.signer.name]])
  })

  it('keeps its own failures to itself', async () => {
    ports.records.advance = () => Promise.reject(new Error('disk /secret is full'))
    const [status, body] = await ask(await log.request(0, 5))
    expect(status).toBe(500)
    expect(body).not.toMatch(/secret/)
    expect(witness.failures.splice(0)).toHaveLength(1)
  })
})

it('answers for several keys of one log while they rotate', async () => {
  const next = noteSigner(log.signer.name)
  const keys = [log.signer, next].map((signer) => verifierKeyOf(signer, 'ed25519'))
  const rotating = await listen(witnessPorts([], { logs: new Map([[log.signer.name, keys]]) }))
  try {
    const both = await log.checkpoint(5, [log.signer, next])
    const body = await log.request(0, 5, { checkpoint: both })
    expect((await post(rotating.url, body)).status).toBe(200)
    const alone = await log.request(5, 6, { checkpoint: await log.checkpoint(6, [next]) })
    expect((await post(rotating.url, alone)).status).toBe(200)
  } finally {
    await rotating.close()
  }
})
