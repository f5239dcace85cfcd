/**
 * The log store of several nodes: a PostgreSQL database (design D8). Any node commits; a commit is one
 * statement that compares the head and moves it (`commit-statement.ts`). Commits have a connection of
 * their own, so that none waits behind reads.
 */
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant, StartError, UnavailableError } from '../../errors.ts'
import { logFrozen } from '../../log/answers.ts'
import { JoinedLookups } from '../../log/joined-lookups.ts'
import type {
  BatchCommit,
  BatchHead,
  EntryCollateral,
  Genesis,
  LogStore,
  ServiceKeyChange,
  StoredCollateral,
  StoredEntry,
  StoredHead,
  StoredServiceKey,
  StoredState,
  TileId,
  WakeUp,
} from '../../log/store.ts'
import type { RootHash } from '../../merkle/hasher.ts'
import type { GovernanceKind } from '../../payload/media-types.ts'
import { AbsentIds } from './absent-ids.ts'
import { CHANNEL, COMMIT, commitValues } from './commit-statement.ts'
import type { CommitRow } from './commit-statement.ts'
import { PostgresDatabase } from './database.ts'
import type { Run } from './database.ts'
import { migrate } from './migrate.ts'
import { inPlace, READ_BACK, ReadBack, readBackValues } from './read-back.ts'
import type { ReadBackRow } from './read-back.ts'
import {
  batchHead,
  entryCollateral,
  headValues,
  serviceKey,
  signedHead,
  storedCollateral,
  storedEntry,
  storedHeadValues,
  storedState,
} from './rows.ts'
import type {
  CollateralRow,
  EntryCollateralRow,
  EntryRow,
  HeadRow,
  LogRow,
  ServiceKeyRow,
  SignedHeadRow,
} from './rows.ts'
import { SQL } from './statements.ts'
import { turnAsked, WakeUps } from './wake-ups.ts'

export interface PostgresStoreOptions {
  /** `create` makes the tables in a database that exists; `existing` never does. */
  readonly mode: 'existing' | 'create'
  /** Every write throws, and an older schema is refused instead of brought up to date. */
  readonly readonly?: boolean
  /** Called when it was closed. */
  readonly onClosed?: () => void
}

interface Opened {
  readonly url: string
  readonly reads: PostgresDatabase
  readonly commits: PostgresDatabase | undefined
  readonly onClosed: (() => void) | undefined
}

const READ_CONNECTIONS_MAX = 8
/** Short of the time that a client waits for: nothing was stored then. */
const COMMIT_MS = 8000

/** The head before the first batch. */
const NOTHING: StoredHead = {
  treeHead: { treeSize: 0 as TreeSize, rootHash: new Uint8Array(32) as RootHash },
  registrationTime: 0,
  policyIndex: 0 as LeafIndex,
  epoch: 0,
}

export class PostgresLogStore implements LogStore {
  readonly shared = true
  readonly #reads: PostgresDatabase
  readonly #commits: PostgresDatabase | undefined
  readonly #wakeUps: WakeUps
  readonly #absent = new AbsentIds()
  readonly #lookups = new JoinedLookups((ids) => this.#lookUp(ids))
  #readBack: ReadBack | undefined
  readonly #onClosed: (() => void) | undefined
  #isClosed = false

  private constructor({ url, reads, commits, onClosed }: Opened) {
    this.#onClosed = onClosed
    this.#reads = reads
    this.#commits = commits
    this.#wakeUps = new WakeUps(url, CHANNEL)
  }

  /**
   * Opens the store in the database of a URL.
   * @throws StartError `ERR_LOG_MISSING` or `ERR_CONFIGURATION`; UnavailableError
   *   `ERR_STORE_UNREACHABLE`.
   */
  static async open(url: string, options: PostgresStoreOptions): Promise<PostgresLogStore> {
    const { mode, readonly = false, onClosed } = options
    const reads = await PostgresDatabase.open(url, { connectionsMax: READ_CONNECTIONS_MAX })
    try {
      const isThere = await migrate(
        reads,
        mode === 'create' ? 'all' : readonly ? 'none' : 'outstanding',
      )
      if (!isThere) throw logMissing(reads.name)
      const commits = readonly
        ? undefined
        : await PostgresDatabase.open(url, {
            connectionsMax: 1,
            statementMs: COMMIT_MS,
            pipeline: true,
          })
      return new PostgresLogStore({ url, reads, commits, onClosed })
    } catch (error) {
      await reads.close()
      throw error
    }
  }

  async create({ identity, batch, serviceKeys }: Genesis): Promise<void> {
    const { origin, issuer, receiptKeyId } = identity
    const head = [...storedHeadValues(NOTHING), NOTHING.epoch]
    const values = commitValues({ ...batch, expected: NOTHING, signedHeads: [] })
    await this.#writer().transaction(async (run) => {
      const inserted = await run(SQL.insertLog, [origin, issuer, receiptKeyId, ...head])
      if (inserted.length === 0) throw logExists(this.#reads.name)
      const [moved] = await run<CommitRow>(COMMIT, values)
      assertInvariant(moved?.stored === true, 'the first batch was not stored')
      for (const key of serviceKeys) await insertServiceKey(run, key)
    })
  }

  async readState(): Promise<StoredState> {
    const [row] = await this.#reads.query<LogRow>(SQL.readLog)
    if (row === undefined) throw logMissing(this.#reads.name)
    const state = storedState(row)
    this.#absent.saw(state.treeHead.treeSize)
    return state
  }

  async commit(batch: BatchCommit): Promise<void> {
    const { written, read } = await this.#writer().writeAndRead<CommitRow, ReadBackRow>(
      { statement: COMMIT, values: commitValues(batch, this.#wakeUps.own) },
      { statement: READ_BACK, values: readBackValues(batch) },
    )
    const [moved] = await written.catch((error: unknown) => {
      this.#absent.forget()
      throw error
    })
    if (moved?.stored === true) {
      this.#readBack = new ReadBack(batch, read)
      const ids = batch.entries.map(({ entryId }) => entryId)
      this.#absent.stored(ids, batch.expected.treeHead.treeSize)
      return
    }
    this.#absent.forget()
    if (moved?.frozen === true) throw logFrozen()
    throw new UnavailableError('ERR_HEAD_MOVED', "another node's batch came first")
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    await this.#writer().write(SQL.saveSignedHead, [...headValues(head), head.bytes])
  }

  async findLeafIndexes(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    const [only, ...more] = entryIds
    if (only === undefined) return []
    // A single one is asked for by somebody who wants to know what other nodes have stored by now.
    if (more.length === 0) return [await this.#lookups.find(only)]
    if (this.#absent.hasAll(entryIds)) return entryIds.map(() => undefined)
    return this.#lookUp(entryIds)
  }

  #lookUp(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    return this.#absent.lookUp(entryIds, (ids) => this.#findMany(ids))
  }

  async #findMany(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    const isWhole = entryIds.every(({ length }) => length === 32)
    assertInvariant(isWhole, 'an entry id is no SHA-256')
    const values = [Buffer.concat(entryIds), entryIds.length]
    const rows = await this.#reads.query<FoundRow>(SQL.findLeafIndexes, values)
    const found = new Map(rows.map(({ n, leaf_index: at }) => [n, at]))
    return entryIds.map((_, at) => found.get(at + 1))
  }

  async readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]> {
    const readBack = this.#readBack?.entries(start, count)
    if (readBack !== undefined) return readBack
    const rows = await this.#reads.query<EntryRow>(SQL.readEntries, [start, start + count])
    return rows.map(storedEntry)
  }

  async readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]> {
    const readBack = this.#readBack?.tiles(tiles)
    if (readBack !== undefined) return readBack
    const values = [tiles.map(({ level }) => level), tiles.map(({ index }) => index)]
    const rows = await this.#reads.query<TileRow>(SQL.readTiles, values)
    return inPlace(tiles, new Map(rows.map(({ n, hashes }) => [n, hashes])))
  }

  async listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]> {
    const rows = await this.#reads.query<IndexRow>(SQL.listGovernance, [kind, from])
    return rows.map(({ leaf_index: at }) => at)
  }

  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    const [row] = await this.#reads.query<IndexRow>(SQL.lastGovernance, [kind])
    return row?.leaf_index
  }

  async findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined> {
    const [row] = await this.#reads.query<CollateralRow>(SQL.findCollateral, [digest])
    return row && storedCollateral(row)
  }

  async listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]> {
    const values = [start, end]
    const rows = await this.#reads.query<EntryCollateralRow>(SQL.listEntryCollateral, values)
    return rows.map(entryCollateral)
  }

  async findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined> {
    const [row] = await this.#reads.query<HeadRow>(SQL.findBatch, [treeSize])
    return row && batchHead(row)
  }

  async listBatchHeads(after: number, limit: number): Promise<BatchHead[]> {
    return (await this.#reads.query<HeadRow>(SQL.listBatches, [after, limit])).map(batchHead)
  }

  async findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    const [row] = await this.#reads.query<SignedHeadRow>(SQL.findSignedHead, [treeSize])
    return row && signedHead(row)
  }

  async findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return (await this.listSignedHeads(leafIndex, 1))[0]
  }

  async listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]> {
    const rows = await this.#reads.query<SignedHeadRow>(SQL.listSignedHeads, [after, limit])
    return rows.map(signedHead)
  }

  async listServiceKeys(): Promise<StoredServiceKey[]> {
    return (await this.#reads.query<ServiceKeyRow>(SQL.listServiceKeys)).map(serviceKey)
  }

  async addServiceKey(key: StoredServiceKey): Promise<void> {
    await this.#writer().transaction((run) => insertServiceKey(run, key))
  }

  async changeServiceKeys({ purpose, added, retired, at }: ServiceKeyChange): Promise<void> {
    await this.#writer().transaction(async (run) => {
      // First: two changes wait for each other here, and no node signs with what it knew before.
      await run(SQL.raiseEpoch)
      for (const keyId of retired) {
        const changed = await run(SQL.retireServiceKey, [at, keyId, purpose])
        assertInvariant(changed.length === 1, 'a key to retire is not an active one')
      }
      if (added === undefined) return
      await insertServiceKey(run, { ...added, purpose })
      if (purpose === 'receipt') await run(SQL.setReceiptKey, [added.keyId])
    })
  }

  watch(listener: (told: WakeUp) => void): () => void {
    return this.#wakeUps.add(listener)
  }

  askTurn(losses: number): void {
    // Only a hint: when it fails the next look comes by itself.
    this.#reads.query(SQL.askTurn, [turnAsked(losses)]).catch(() => undefined)
  }

  async fence(): Promise<void> {
    const raised = await this.#writer().write(SQL.raiseEpoch, [])
    if (raised.length === 0) throw logMissing(this.#reads.name)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#wakeUps.close()
    await this.#commits?.close()
    await this.#reads.close()
    this.#onClosed?.()
  }

  #writer(): PostgresDatabase {
    assertInvariant(this.#commits !== undefined, 'the store is open for reading only')
    return this.#commits
  }
}

interface FoundRow {
  readonly n: number
  readonly leaf_index: LeafIndex
}

interface TileRow {
  readonly n: number
  readonly hashes: Uint8Array
}

interface IndexRow {
  readonly leaf_index: LeafIndex
}

async function insertServiceKey(run: Run, key: StoredServiceKey): Promise<void> {
  const { keyId, purpose, coseKey, addedAt, retiredAt = null } = key
  await run(SQL.insertServiceKey, [keyId, purpose, coseKey, addedAt, retiredAt])
}

function logMissing(name: string): StartError {
  return new StartError(
    'ERR_LOG_MISSING',
    `there is no log in the database ${name}: create one with \`attestry init\`, or name its database`,
  )
}

function logExists(name: string): StartError {
  return new StartError(
    'ERR_LOG_EXISTS',
    `there is a log in the database ${name} already: name an empty database. If \`attestry init\` ` +
      `was interrupted, drop its tables and run it again`,
  )
}
