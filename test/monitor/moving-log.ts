/**
 * A random log (`random-log.ts`) that is stored as an operator stores it: in a data directory with its guard
 * beside it, or in PostgreSQL, with API tokens, uploads, refusals, an index that lags behind, and keys that
 * are replaced. It can be opened in another place, and remembers what it told the world.
 */
import { mkdirSync } from 'node:fs'
import Database from 'better-sqlite3'
import { addApiToken, listApiTokens, revokeApiToken } from '../../src/app/api-tokens.ts'
import { dataPaths, localPaths } from '../../src/app/data-directory.ts'
import type { DataPaths } from '../../src/app/data-directory.ts'
import { isPostgresUrl } from '../../src/app/store-location.ts'
import { openGuard, openPayloadPruning, openPayloads, openPreimages, openRefusals, openStoreWriter } from '../../src/app/stores.ts' // prettier-ignore
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { rotateKey } from '../../src/log/rotate-key.ts'
import type { ExportedPayloads } from '../../src/log/payload-store.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { testSigner } from '../support/test-signer.ts'
import { readTables } from './log-tables.ts'
import type { LogTables } from './log-tables.ts'
import type { PrunablePayloads } from './pruned-store.ts'
import { RandomLog } from './random-log.ts'
import type { Random, RandomLogPlaces } from './random-log.ts'

export type Query = (sql: string, url: string) => Promise<readonly unknown[]>

/** Everything in the database of a log. */
export async function tablesOf(
  { store }: Pick<DataPaths, 'store'>,
  query: Query,
): Promise<LogTables> {
  if (isPostgresUrl(store)) return readTables((sql) => query(sql, store))
  const database = new Database(store, { readonly: true })
  try {
    return await readTables((sql) => database.prepare(sql).all())
  } finally {
    database.close()
  }
}

/** Payloads of a place, and what an operator does to them. */
async function openPrunable(paths: DataPaths): Promise<PrunablePayloads> {
  const payloads: ExportedPayloads = await openPayloads(paths)
  return {
    find: (name) => payloads.find(name),
    has: (name) => payloads.has(name),
    put: (payload) => payloads.put(payload),
    close: async () => payloads.close(),
    prune: async (content, entryId) => {
      const pruning = await openPayloadPruning(paths)
      await pruning.mark(sha256(content), entryId, 1)
      await pruning.deleteMarked(sha256(content))
      await pruning.close()
    },
  }
}

/** What is open of a place; store and guard are the log's to close. */
interface Opened {
  readonly places: RandomLogPlaces
  readonly index: { readonly writer: Awaited<ReturnType<typeof openIndex>>['writer'] }
  close(): Promise<void>
}

async function open(paths: DataPaths, mode: 'create' | 'existing'): Promise<Opened> {
  const store = await openStoreWriter(paths, mode)
  const guard = await openGuard(paths)
  const payloads = await openPrunable(paths)
  const refusals = await openRefusals(paths)
  const { writer } = await openIndex(paths.index, { madeBy: 'test' })
  const index = SqliteIndex.open(paths.index)
  return {
    places: { store, guard, payloads, refusals, index },
    index: { writer },
    close: async () => {
      await payloads.close()
      await refusals.close()
      await writer.close()
      await index.close()
    },
  }
}

export class MovingLog {
  readonly #random: Random
  readonly #log: RandomLog
  readonly #query: Query
  #paths: DataPaths
  #opened: Opened | undefined
  #uploads = 0
  /** SHA-256 of what was uploaded and may rest on nothing. */
  readonly #uploaded: Uint8Array[] = []
  readonly checkpoints: Uint8Array[] = []

  private constructor(
    random: Random,
    log: RandomLog,
    parts: { paths: DataPaths; opened: Opened; query: Query },
  ) {
    this.#random = random
    this.#log = log
    this.#paths = parts.paths
    this.#opened = parts.opened
    this.#query = parts.query
  }

  static async create(data: string, random: Random, query: Query): Promise<MovingLog> {
    const paths = localPaths(data)
    mkdirSync(paths.keys, { recursive: true })
    const opened = await open(paths, 'create')
    const log = await RandomLog.create(random, opened.places)
    return new MovingLog(random, log, { paths, opened, query })
  }

  get log(): RandomLog {
    return this.#log
  }

  get paths(): DataPaths {
    return this.#paths
  }

  get data(): string {
    return this.#paths.directory
  }

  tables(): Promise<LogTables> {
    return tablesOf(this.#paths, this.#query)
  }

  /** Registers, and does what operators and submitters do meanwhile. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const which = this.#random(10)
      if (which < 5) await this.#log.grow(this.#log.size + 1 + this.#random(12))
      else if (which === 5) await this.#token()
      else if (which < 8) await this.#upload()
      else if (which === 8) await this.deleteUpload()
      else await this.index(this.#random(4) === 0 ? this.#log.size : undefined)
    }
    this.checkpoints.push(await this.#log.service.registry.checkpoints.encode())
  }

  /** Lets the index come on, some way by default. */
  async index(size?: number): Promise<void> {
    const { writer } = this.#opened!.index
    const { treeSize: before } = await writer.readState()
    const upTo = size ?? before + this.#random(this.#log.size - before + 1)
    const preimages = await openPreimages(this.#paths)
    await this.#log.follow(writer, upTo, async (name) => preimages.read(name))
    await preimages.close()
  }

  async #token(): Promise<void> {
    const tokens = await listApiTokens(this.#place())
    const some = tokens[this.#random(tokens.length + 1)]
    if (some === undefined) {
      await addApiToken({ ...this.#place(), name: `ci ${tokens.length}`, scopes: ['register'] })
    } else await revokeApiToken(this.#place(), some.tokenId)
  }

  #place(): { readonly data: string; readonly store?: string } {
    const { directory: data, store } = this.#paths
    return isPostgresUrl(store) ? { data, store } : { data }
  }

  async #upload(): Promise<void> {
    const bytes = encodeUtf8(`upload ${this.#uploads++}`)
    const digest = sha256(bytes)
    const name = { algorithm: 'SHA-256' as const, digest }
    const storedAt = this.#log.service.clock.time
    await this.#opened!.places.payloads.put({ name, sha256: digest, bytes, storedAt })
    this.#uploaded.push(digest)
  }

  /** Content that nothing rests on is deleted at once. */
  async deleteUpload(): Promise<void> {
    const [digest] = this.#uploaded.splice(this.#random(this.#uploaded.length), 1)
    if (digest === undefined) return
    const pruning = await openPayloadPruning(this.#paths)
    await pruning.deleteUnpinned(digest)
    await pruning.close()
  }

  /** Stops: nobody has anything open. */
  async stop(): Promise<void> {
    await this.#log.close()
    await this.#opened?.close()
    this.#opened = undefined
  }

  /** Starts again, in another directory or where the directory says; perhaps with another receipt key. */
  async start(data = this.data, isRotated = false): Promise<void> {
    // A log that is restored elsewhere goes on with its guard.
    const isMoved = isPostgresUrl(dataPaths(data).store)
    this.#paths = isMoved ? dataPaths(data) : localPaths(data, this.#paths.guard)
    this.#opened = await open(this.#paths, 'existing')
    const { places } = this.#opened
    await this.#log.move({ ...places, ...(isRotated ? await this.#rotate(places) : {}) })
  }

  async #rotate({ store }: RandomLogPlaces): Promise<{ readonly serviceSigner: Signer }> {
    const serviceSigner = testSigner()
    const { publicKey } = serviceSigner
    const { clock } = this.#log.service.ports
    await rotateKey({ store, clock }, { purpose: 'receipt', publicKey })
    return { serviceSigner }
  }
}
