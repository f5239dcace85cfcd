/** The follower: never above what is released, exactly where it ended, whatever an entry holds. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { Follower } from '../../src/index/follow-log.ts'
import type { FollowerOptions } from '../../src/index/follow-log.ts'
import { FollowLoop } from '../../src/index/follow-loop.ts'
import type { IndexRecord } from '../../src/log/index-store.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { formatPayloadName } from '../../src/statement/payload-name.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { overlay } from '../support/overlay.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createGate, TestRegistry } from '../support/test-registry.ts'
import { comparable } from '../contract/index-store.ts'
import { indexLog } from '../support/index-log.ts'
import { recordsFrom } from '../support/index-records.ts'

const directory = temporaryDirectory()
let registry: TestRegistry
let index: MemoryIndex
let preimages: Map<string, Uint8Array>
beforeEach(async () => {
  registry = await TestRegistry.create()
  index = new MemoryIndex()
  preimages = new Map()
})
afterEach(() => registry.close())

function options(parts: Partial<FollowerOptions> = {}): FollowerOptions {
  return {
    ...{ log: registry.store, index, sha256, verifier: nodeVerifier },
    readCheckpointKeys: async () => [],
    readPreimage: async (name) => preimages.get(formatPayloadName(name)),
    ...parts,
  }
}

async function register(count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at++) {
    await registry.registry.register(await registry.statement(at))
  }
}

const released = (): number => registry.log.currentHead().treeHead.treeSize
const indexed = async (): Promise<number> => (await index.readState()).treeSize
async function records(of: MemoryIndex = index): Promise<readonly IndexRecord[]> {
  return (await recordsFrom(of, 0, 10_000)).records
}

async function follow(parts: Partial<FollowerOptions> = {}, upTo = released()): Promise<Follower> {
  const follower = await Follower.open(options(parts))
  follower.release(upTo)
  await follower.run()
  return follower
}

describe('following a log', () => {
  it('records what a scan of the entries gives, governance included', async () => {
    await register(10)
    await follow({ entriesMax: 3 })
    const scan = new MemoryIndex()
    await indexLog(scan, registry)
    expect((await records()).map(comparable)).toEqual((await records(scan)).map(comparable))
    expect((await records()).map(({ description }) => description.kind).slice(0, 2)).toEqual([
      'policy',
      'trust-anchors',
    ])
  })

  it('indexes nothing at or above the released size, though it is stored', async () => {
    await register(2)
    const before = released()
    registry.hold.signing = createGate()
    const waiting = registry.registry.register(await registry.statement(99))
    const isStored = async (): Promise<boolean> =>
      (await registry.store.readState()).treeHead.treeSize > before
    while (!(await isStored())) await new Promise(setImmediate)
    expect(released()).toBe(before)
    const follower = await follow()
    expect(await indexed()).toBe(before)
    registry.hold.signing.open()
    await waiting
    await follower.run()
    expect(await indexed()).toBe(before)
    follower.release(released())
    await follower.run()
    expect(await indexed()).toBe(before + 1)
  })

  it('goes on where the tables end, after a transaction that failed', async () => {
    await register(9)
    let failures = 2
    const append = index.append.bind(index)
    index.append = async (more) => {
      if (more[0]!.leafIndex >= 4 && failures-- > 0) throw new Error('disk full')
      return append(more)
    }
    await expect(follow({ entriesMax: 4 })).rejects.toThrow('disk full')
    expect(await indexed()).toBe(4)
    await expect(follow({ entriesMax: 4 })).rejects.toThrow('disk full')
    await follow({ entriesMax: 4 })
    expect(await indexed()).toBe(released())
    expect((await records()).map(({ leafIndex: at }) => at)).toEqual(
      Array.from({ length: released() }, (_, at) => at),
    )
  })

  it('gives every entry the time of its batch', async () => {
    for (let at = 0; at < 6; at++) {
      registry.clock.time += 7
      await register(1, at)
    }
    await follow({ entriesMax: 4 })
    for (const { leafIndex: at, registrationTime } of await records()) {
      const head = await registry.log.firstHeadCovering(at)
      expect(registrationTime).toBe(head!.registrationTime)
    }
  })

  it('stops between transactions, and says how far it is after each', async () => {
    await register(8)
    const seen: number[] = []
    const follower = await Follower.open(
      options({
        entriesMax: 3,
        onProgress: (size) => {
          seen.push(size)
          if (size === 6) follower.stop()
        },
      }),
    )
    follower.release(released())
    await follower.run()
    expect(seen).toEqual([3, 6])
  })

  it('records an entry that cannot be read as one that says nothing', async () => {
    await register(1)
    const broken = encodeUtf8('no statement')
    const { store } = registry
    const log = overlay(store)
    log.readEntries = async (start, count) =>
      (await store.readEntries(start, count)).map((stored) =>
        stored.leafIndex === 1 ? { ...stored, entry: broken } : stored,
      )
    await follow({ log })
    const [, record] = await records()
    expect(record!.entryId).toEqual(sha256(broken))
    expect(record!.description).toMatchObject({ kind: 'opaque', type: '', digests: [] })
    expect(record!.description.findings.map(({ code }) => code)).toEqual(['unreadable'])
    expect(await indexed()).toBe(3)
  })
})

describe('content of hash envelopes', () => {
  const content = encodeUtf8(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'a', digest: { sha256: 'ab'.repeat(32) } }],
      predicateType: 'https://example.com/unknown/v1',
      predicate: {},
    }),
  )
  const name = `sha256:${encodeHex(sha256(content))}`
  const found = async (): Promise<number> => {
    const digest = { algorithm: 'sha256', value: 'ab'.repeat(32) }
    const query = { digest, order: 'ascending', limit: 10 } as const
    return (await index.query(query)).statements.length
  }
  const envelope = async (number: number): Promise<Uint8Array> =>
    registry.statement(number, {
      payload: content,
      contentType: 'application/vnd.in-toto+json',
      hash: 'SHA-256',
    })

  beforeEach(async () => {
    await registry.registry.register(await envelope(1))
    await registry.registry.register(await envelope(2))
  })

  it('is read where it is at hand', async () => {
    preimages.set(name, content)
    await follow()
    expect(await found()).toBe(2)
    expect((await records()).at(-1)!.envelope).toEqual({ digest: name, preimage: 'read' })
  })

  it('replaces what was indexed without it when it is stored later', async () => {
    const follower = await follow({ entriesMax: 1 })
    expect(await found()).toBe(0)
    expect((await records()).at(-1)!.envelope).toEqual({ digest: name, preimage: 'absent' })
    preimages.set(name, content)
    follower.payloadStored(name)
    await follower.run()
    expect(await found()).toBe(2)
    expect(await indexed()).toBe(released())
    expect(await index.listAbsentPreimages(10)).toEqual([])
  })

  it('replaces no more in one transaction than a bound of bytes', async () => {
    const large = new Uint8Array(4 * 1024 * 1024)
    const named = {
      payload: large,
      contentType: 'application/octet-stream',
      hash: 'SHA-256',
    } as const
    for (let at = 3; at < 8; at++) {
      await registry.registry.register(await registry.statement(at, named))
    }
    const follower = await follow()
    const digest = `sha256:${encodeHex(sha256(large))}`
    preimages.set(digest, large)
    const sizes: number[] = []
    const replace = index.replace.bind(index)
    index.replace = async (replaced) => {
      sizes.push(replaced.length)
      return replace(replaced)
    }
    follower.payloadStored(digest)
    await follower.run()
    expect(sizes).toEqual([2, 2, 1])
    expect(await index.listAbsentPreimages(10)).toEqual([name])
  })

  it('is looked for at a start: it may have been stored while nobody followed', async () => {
    await follow()
    preimages.set(name, content)
    const follower = await Follower.open(options())
    await follower.recheckPreimages()
    expect(await found()).toBe(2)
  })

  it('that is not at hand at a start is waited for', async () => {
    await follow()
    const follower = await Follower.open(options())
    await follower.recheckPreimages()
    expect(await index.listAbsentPreimages(10)).toEqual([name])
  })
})

describe('a follow loop', () => {
  it('works when something is released, tells what fails, and tries again', async () => {
    await register(3)
    let isBroken = true
    const append = index.append.bind(index)
    index.append = async (more) => {
      if (isBroken) throw new Error('disk full')
      return append(more)
    }
    const told: (string | undefined)[] = []
    let tell = (): void => undefined
    const toldAgain = (): Promise<void> => new Promise((resolve) => (tell = resolve))
    const onFailure = (message: string | undefined): void => {
      told.push(message)
      tell()
    }
    let failed = toldAgain()
    const loop = FollowLoop.start({ ...options(), onFailure })
    loop.release(released())
    await failed
    expect(told).toEqual(['disk full'])
    isBroken = false
    failed = toldAgain()
    await failed
    expect(told).toEqual(['disk full', undefined])
    expect(await indexed()).toBe(released())
    await register(2, 50)
    const arrived = new Promise<void>((resolve) =>
      index.follow((size) => {
        if (size === released()) resolve()
      }),
    )
    loop.release(released())
    await arrived
    await loop.stop()
  })

  it('stops at once while it waits after a failure', async () => {
    await register(1)
    index.append = async () => Promise.reject(new Error('no'))
    let fail = (): void => undefined
    const failed = new Promise<void>((resolve) => (fail = resolve))
    const loop = FollowLoop.start({ ...options(), onFailure: () => fail() })
    loop.release(released())
    await failed
    await loop.stop()
    expect(await indexed()).toBe(0)
  })
})

describe('texts that UTF-8 cannot hold', () => {
  it('are the same in the tables as in a description of the entry', async () => {
    const payload = encodeUtf8(
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/\\ud800",' +
        '"subject":[{"name":"pkg:npm/\\udc00","digest":{"x\\ud800":"y\\ud800"}}],"predicate":{}}',
    )
    const change = { payload, contentType: 'application/vnd.in-toto+json' }
    await registry.registry.register(await registry.statement(1, change))
    const { writer } = await openIndex(join(directory, 'index.sqlite'), { madeBy: '1' })
    const reader = SqliteIndex.open(join(directory, 'index.sqlite'))
    await follow({ index: writer })
    await follow()
    const stored = await recordsFrom(reader, 0, 10)
    expect(stored.records.map(comparable)).toEqual((await records()).map(comparable))
    expect(stored.records.at(-1)!.description.type).toBe('https://slsa.dev/\ufffd')
    await reader.close()
    await writer.close()
  })
})
